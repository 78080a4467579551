package main

import "sync"

// machine is what layers share that run at once.
type machine struct{ lock sync.RWMutex }

// take waits until a layer may run, beside others or alone, and returns what
// ends that.
func (m *machine) take(alone bool) (release func()) {
	if alone {
		m.lock.Lock()
		return m.lock.Unlock
	}
	m.lock.RLock()
	return m.lock.RUnlock
}
