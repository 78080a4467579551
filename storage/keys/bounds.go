package keys

import "bytes"

// Bounds of key ranges: lower is included, upper is not. All are new slices.

// EventBounds encloses the events of all positions.
func EventBounds() (lower, upper []byte) { return space(prefixEvent) }

// IndexBounds encloses the versions of all streams.
func IndexBounds() (lower, upper []byte) { return space(prefixIndex) }

// StreamBounds encloses the versions of one stream.
func StreamBounds(stream uint64) (lower, upper []byte) {
	return below(appendNumber([]byte{prefixIndex}, stream))
}

// NameBounds encloses all names of streams.
func NameBounds() (lower, upper []byte) { return space(prefixName) }

// NamePrefixBounds encloses the names that begin with the prefix.
func NamePrefixBounds(prefix string) (lower, upper []byte) {
	return below(AppendName(nil, prefix))
}

// RequestBounds encloses all request ids.
func RequestBounds() (lower, upper []byte) { return space(prefixRequest) }

// ExpiryBounds encloses all times of expiry.
func ExpiryBounds() (lower, upper []byte) { return space(prefixExpiry) }

// SnapshotBounds encloses the snapshots of all streams.
func SnapshotBounds() (lower, upper []byte) { return space(prefixSnapshot) }

// StreamSnapshotBounds encloses the snapshots of one stream.
func StreamSnapshotBounds(stream uint64) (lower, upper []byte) {
	return below(appendNumber([]byte{prefixSnapshot}, stream))
}

// MetaBounds encloses all facts about the store.
func MetaBounds() (lower, upper []byte) { return space(prefixMeta) }

func space(prefix byte) (lower, upper []byte) { return below([]byte{prefix}) }

// below encloses the keys that begin with lower: upper is the next key of its
// length, or of a shorter one where it ends in all ones. There is one, for no
// space has the prefix ff.
func below(lower []byte) (_, upper []byte) {
	n := len(lower)
	for lower[n-1] == 0xff {
		n--
	}
	upper = bytes.Clone(lower[:n])
	upper[n-1]++
	return lower, upper
}
