package main

import "testing"

func TestALayerThatRunsAloneHasNoOtherBesideIt(t *testing.T) {
	var m machine
	release := m.take(false)
	if m.lock.TryLock() {
		t.Fatal("a layer that runs alone can begin beside another")
	}
	if !m.lock.TryRLock() {
		t.Fatal("two layers cannot run at once")
	}
	m.lock.RUnlock()
	release()

	release = m.take(true)
	if m.lock.TryRLock() {
		t.Fatal("a layer can begin beside one that runs alone")
	}
	release()
	if !m.lock.TryLock() {
		t.Fatal("the machine is not free when all have ended")
	}
	m.lock.Unlock()
}
