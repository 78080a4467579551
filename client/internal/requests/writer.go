package requests

import (
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// writer fills a buffer from its end, so that the length of a part is known
// when it is written, in front of it. Fields are therefore written in the
// opposite of their order.
type writer struct {
	free []byte // what is not written yet: the buffer up to what is
	odd  bool   // there was no room, or a text is not valid UTF-8
}

// take is room for the next n bytes; empty when there is not so much.
func (w *writer) take(n int) []byte {
	at := len(w.free) - n
	if at < 0 {
		w.odd = true
		return nil
	}
	part := w.free[at:]
	w.free = w.free[:at]
	return part
}

func (w *writer) varint(v uint64) {
	if v < 0x80 {
		if at := len(w.free) - 1; at >= 0 {
			w.free[at] = byte(v)
			w.free = w.free[:at]
			return
		}
	}
	protowire.AppendVarint(w.take(protowire.SizeVarint(v))[:0], v)
}

func (w *writer) tag(field protowire.Number, kind protowire.Type) {
	w.varint(protowire.EncodeTag(field, kind))
}

// head goes in front of a part that was written since there were so many free
// bytes.
func (w *writer) head(field protowire.Number, end int) {
	w.varint(uint64(end - len(w.free)))
	w.tag(field, protowire.BytesType)
}

// element is a text that is written also when it is empty.
func (w *writer) element(field protowire.Number, s string) {
	w.odd = w.odd || !utf8.ValidString(s)
	copy(w.take(len(s)), s)
	w.varint(uint64(len(s)))
	w.tag(field, protowire.BytesType)
}

func (w *writer) text(field protowire.Number, s string) {
	if s != "" {
		w.element(field, s)
	}
}

func (w *writer) number(field protowire.Number, v uint64) {
	if v != 0 {
		w.varint(v)
		w.tag(field, protowire.VarintType)
	}
}

func (w *writer) flag(field protowire.Number, v bool) {
	if v {
		w.number(field, 1)
	}
}
