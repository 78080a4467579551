package record

// few is a list that costs no memory up to roomOfFew elements: they lie in the
// list itself. (A slice of an array beside it would make both escape to the
// heap, for a store through a pointer counts as an escape.) The zero value is
// empty.
type few[T any] struct {
	room [roomOfFew]T
	n    int
	// more holds all elements once there are too many for the room.
	more []T
}

// roomOfFew is above what nearly all events have of tags and of metadata.
const roomOfFew = 16

func (l *few[T]) add(v T) {
	if l.n < roomOfFew {
		l.room[l.n] = v
	} else {
		if l.n == roomOfFew {
			l.more = append(make([]T, 0, 4*roomOfFew), l.room[:]...)
		}
		l.more = append(l.more, v)
	}
	l.n++
}

// all are the elements in order. They lie in the list.
func (l *few[T]) all() []T {
	if l.n > roomOfFew {
		return l.more
	}
	return l.room[:l.n]
}
