package machine

import "testing"

func TestAFileSystemInMemoryIsTold(t *testing.T) {
	if InMemory("/proc") || InMemory("/nowhere") {
		t.Error("what is no tmpfs is taken for one")
	}
	if !InMemory("/dev/shm") {
		t.Skip("/dev/shm is not in memory on this machine")
	}
}
