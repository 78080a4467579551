package strictjson

import (
	"strconv"
	"strings"
)

// PathTo is the path of the value in which a byte of the text lies, as in
// items[3].price; empty for the whole. The text before the byte must be well
// formed, as it is before the offset of an [*Error]; what is not may give any
// path. In a key the path is that of its object.
func PathTo(text []byte, offset int) string {
	var outside level
	var open []level
	c := checker{text: text[:max(0, min(offset, len(text)))]}
walk:
	for c.at < len(c.text) {
		top := &outside
		if len(open) > 0 {
			top = &open[len(open)-1]
		}
		switch b := c.text[c.at]; b {
		case '{', '[':
			open = append(open, level{array: b == '[', named: b == '['})
		case '}', ']':
			open = open[:max(0, len(open)-1)]
		case ',':
			top.index++
			top.named = top.array
		case '"':
			s, err := c.string()
			if err != nil {
				break walk // it ends behind the offset
			}
			if !top.named {
				top.key = s
			}
			continue
		case ':':
			top.named = true
		}
		c.at++
	}
	path := ""
	for _, l := range open {
		switch {
		case l.array:
			path = Element(path, l.index)
		case l.named:
			path = Child(path, string(l.key.unescaped(text)))
		}
	}
	return path
}

// level is an array or object that is open, and the place in it.
type level struct {
	array bool
	named bool // the place has a name: always in an array, in an object behind the key
	index int
	key   span
}

// Child is the path of a member: path.key, or path["a key"] when the key would
// not be clear otherwise.
func Child(path, key string) string {
	if !clearKey(key) {
		return path + "[" + strconv.Quote(key) + "]"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// Element is the path of an item: path[index].
func Element(path string, index int) string {
	return path + "[" + strconv.Itoa(index) + "]"
}

func clearKey(key string) bool {
	return key != "" && !strings.ContainsFunc(key, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune(`.[]"`, r)
	})
}
