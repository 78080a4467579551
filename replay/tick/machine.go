package tick

import "github.com/stet-db/stet/replay/value"

// machine runs one program for one event.
type machine struct {
	event    *Input
	state    Value   // what @ means
	item     Value   // what % means
	names    []Value // what # means, by slot
	meter    value.Meter
	limits   Limits
	warnings []Warning
}

func newMachine(event *Input, limits *Limits) machine {
	l := limits.withDefaults()
	return machine{event: event, limits: l, meter: value.NewMeter(l.Steps)}
}

// run runs the operations one after another, each on what the one before has
// left. A fault skips its operation, but when the steps run out the operation
// of the outermost list is skipped in which that happens.
func (m *machine) run(b *block, root Value, outermost bool) (Value, *fault) {
	for i := range b.operations {
		op := &b.operations[i]
		if b.item {
			m.item = root
		} else {
			m.state = root
		}
		next, f := m.operate(op, root)
		if f == nil && !b.item && !next.IsObject() {
			f = typeFault("the state would be %s", next)
		}
		if f == nil {
			f = m.tooMuch(next)
		}
		switch {
		case f == nil:
			root = next
		case f == outOfSteps && !outermost:
			return Value{}, f
		case f != absent:
			m.warn(op, f)
		}
	}
	return root, nil
}

// tooMuch holds a value to what can be printed and read again.
func (m *machine) tooMuch(v Value) *fault {
	switch {
	case m.meter.Out():
		return outOfSteps
	case v.Size() > m.limits.StateBytes:
		return tooLarge
	case v.Depth() > value.MaxNesting:
		return tooDeep
	}
	return nil
}

// opcode says which function runs an operation.
type opcode uint8

const (
	opSet opcode = iota
	opMerge
	opAppend
	opRemove
	opRemoveWhere
	opCount
	opFilter
	opMap
	opUpdateWhere
	opUpsert
	opAppendUnique
	opConditional
	opLet
)

// operate gives the root as the operation leaves it.
func (m *machine) operate(op *operation, root Value) (Value, *fault) {
	if !m.meter.Take(1) {
		return Value{}, outOfSteps
	}
	switch op.run {
	case opSet:
		return m.runSet(op, root)
	case opMerge:
		return m.runMerge(op, root)
	case opAppend:
		return m.runAppend(op, root)
	case opRemove:
		return m.runRemove(op, root)
	case opRemoveWhere:
		return m.runFilter(op, root, false)
	case opCount:
		return m.runCount(op, root)
	case opFilter:
		return m.runFilter(op, root, true)
	case opMap, opUpdateWhere:
		return m.runItems(op, root)
	case opUpsert:
		return m.runUpsert(op, root)
	case opAppendUnique:
		return m.runAppendUnique(op, root)
	case opConditional:
		return m.runConditional(op, root)
	default:
		return m.runLet(op, root)
	}
}

// room is for a target with a computed key; a longer one takes memory.
type room [4]segment

// place is the operation's target, with the computed key if there is one.
func (m *machine) place(op *operation, r *room) ([]segment, *fault) {
	if op.key == nil {
		return op.target, nil
	}
	key, f := m.evaluate(op.key)
	if f != nil {
		return nil, f
	}
	s, ok := segmentOf(key)
	if !ok {
		return nil, typeFault("the key is %s", key)
	}
	return append(append(r[:0], op.target...), s), nil
}

// old is what is at the target, which may be nothing.
func (m *machine) old(root Value, path []segment) (Value, *fault) {
	v, _ := m.find(root, path)
	if m.meter.Out() {
		return Value{}, outOfSteps
	}
	return v, nil
}
