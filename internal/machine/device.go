package machine

import (
	"path/filepath"
	"strings"
)

// Disk is the block device that a directory lies on, or a partition of one. The
// zero one is not known.
type Disk struct {
	// Name is that of the device.
	Name string
	stat string
}

// What of /sys/dev/block/MAJOR:MINOR/stat is wanted, and its unit, which is the
// same for every device.
const (
	sectorsWritten = 6
	sectorBytes    = 512
)

// WrittenBytes is what was written to the device since the machine started,
// whoever did; false: it is not known.
func (d Disk) WrittenBytes() (int64, bool) {
	fields := strings.Fields(line(d.stat))
	if len(fields) <= sectorsWritten {
		return 0, false
	}
	return number(fields[sectorsWritten]) * sectorBytes, true
}

// diskAt is the device with the directory in /sys; the zero one where it does
// not tell what was written to it.
func diskAt(dir string) Disk {
	d := Disk{stat: filepath.Join(dir, "stat")}
	if _, known := d.WrittenBytes(); !known {
		return Disk{}
	}
	if path, err := filepath.EvalSymlinks(dir); err == nil {
		d.Name = filepath.Base(path)
	}
	return d
}
