package disktest

import "errors"

// Kind names the kind of a file system.
type Kind string

// The kinds.
const (
	Ext4  Kind = "ext4"
	XFS   Kind = "xfs"
	Tmpfs Kind = "tmpfs" // in memory: without power it cannot be mounted again
)

// errNoPower is what a file system in memory says of a cut.
var errNoPower = errors.New("a file system in memory does not outlive a cut")

// smallest is the least size in MiB that the programs take.
func (k Kind) smallest() int {
	if k == XFS {
		return 300
	}
	return 8
}
