// Package requests encodes appends, several times faster than the general
// encoder: that walks metadata by reflection, once for the size and once for the
// bytes, with an allocation for each key.
//
// What stays true: the bytes are those of the general encoder when it is
// deterministic, or the message is left to it. Messages are read and never
// written, also not their cached sizes, so that one may be sent again, or from
// several goroutines.
package requests
