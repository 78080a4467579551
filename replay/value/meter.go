package value

// TextPerStep is how many bytes of a text cost a step more.
const TextPerStep = 256

// Meter counts steps down. A value that is visited costs one. What runs out
// stays out. A nil Meter has no end.
type Meter struct{ left int }

// NewMeter has this many steps.
func NewMeter(steps int) Meter { return Meter{steps} }

// Take is false when the steps have run out.
func (m *Meter) Take(n int) bool {
	if m == nil {
		return true
	}
	if n > m.left {
		m.left = -1
		return false
	}
	m.left -= n
	return true
}

// Out tells that the steps have run out.
func (m *Meter) Out() bool { return m.left < 0 }
