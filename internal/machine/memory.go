package machine

// Files that say how much memory a container may use, of both versions of
// control groups. Outside a container they are missing, or say "max" or a
// number beyond every machine.
const (
	groupLimit2 = "/sys/fs/cgroup/memory.max"
	groupLimit1 = "/sys/fs/cgroup/memory/memory.limit_in_bytes"
)

// Memory is how many bytes this process may use: what the machine has, or its
// container when that is less; 0: it is not known.
func Memory() int64 {
	return leastKnown(Look().MemoryBytes, number(line(groupLimit2)), number(line(groupLimit1)))
}

// leastKnown is the least of the numbers above 0, and 0 when there is none.
func leastKnown(numbers ...int64) int64 {
	least := int64(0)
	for _, n := range numbers {
		if n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	return least
}
