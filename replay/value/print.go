package value

// AppendJSON appends the value as JSON text without white space. Numbers stand
// as they came, members in the order of their keys' coming. No value is null.
func (v Value) AppendJSON(dst []byte) []byte {
	switch {
	case v.dict != nil:
		return v.dict.appendJSON(dst)
	case v.list != nil:
		dst = append(dst, '[')
		for i := range v.list.count {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = v.list.at(i).AppendJSON(dst)
		}
		return append(dst, ']')
	case v.text == "":
		return append(dst, "null"...)
	}
	return append(dst, v.text...)
}

func (d *dict) appendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	for i, m := range d.ordered() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = append(dst, m.Key.text...)
		dst = append(dst, '"', ':')
		dst = m.Value.AppendJSON(dst)
	}
	return append(dst, '}')
}

// MarshalJSON gives the value's JSON text to encoding/json.
func (v Value) MarshalJSON() ([]byte, error) {
	return v.AppendJSON(make([]byte, 0, v.Size())), nil
}

// String is the value's JSON text.
func (v Value) String() string { return string(v.AppendJSON(make([]byte, 0, v.Size()))) }
