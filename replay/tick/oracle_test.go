package tick_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// oracle runs handlers a second way, from docs/handlers.md: it interprets the
// JSON each time, on maps and slices, and copies deeply whatever it stores. It
// knows no limits. What the package makes must say the same.
type oracle struct {
	event   map[string]any
	reasons map[string]int
}

// view is what the roots mean.
type view struct {
	state, item any
	names       map[string]any
	inItem      bool
}

var (
	errAbsent  = errors.New("absent")
	errMissing = errors.New("missing_value")
	errType    = errors.New("wrong_type")
)

func deepCopy(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, m := range v {
			out[k] = deepCopy(m)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = deepCopy(v[i])
		}
		return out
	}
	return v
}

// only gives the one member of an object.
func only(v any) (string, any) {
	if m, ok := v.(map[string]any); ok && len(m) == 1 {
		for k, inner := range m {
			return k, inner
		}
	}
	return "", nil
}

func lookUp(v any, path []string) (any, bool) {
	for _, part := range path {
		switch c := v.(type) {
		case map[string]any:
			next, there := c[part]
			if !there {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(part)
			if i < 0 {
				i += len(c)
			}
			if err != nil || i < 0 || i >= len(c) {
				return nil, false
			}
			v = c[i]
		default:
			return nil, false
		}
	}
	return v, true
}

func split(path string) []string {
	if path == "" {
		return nil
	}
	return strings.Split(path, ".")
}

func (o *oracle) path(s string, w view) (any, error) {
	s, isOptional := strings.CutSuffix(s, "?")
	parts := split(strings.TrimPrefix(s[1:], "."))
	var root any
	there := true
	switch s[0] {
	case '$':
		root = o.event
	case '@':
		root = w.state
	case '%':
		root = w.item
	case '#':
		root, there = w.names[parts[0]]
		parts = parts[1:]
	}
	if there {
		root, there = lookUp(root, parts)
	}
	switch {
	case there:
		return deepCopy(root), nil
	case isOptional:
		return nil, errAbsent
	}
	return nil, errMissing
}

func isPath(s string) bool {
	return s == "@" || s == "%" || len(s) > 1 && s[1] == '.' && strings.ContainsRune("$@%#", rune(s[0]))
}

func (o *oracle) value(t any, w view) (any, error) {
	switch t := t.(type) {
	case string:
		if isPath(t) {
			return o.path(t, w)
		}
	case []any:
		out := []any{}
		for _, item := range t {
			v, err := o.value(item, w)
			if err != nil && err != errAbsent {
				return nil, err
			}
			if err == nil {
				out = append(out, v)
			}
		}
		return out, nil
	case map[string]any:
		if name, inner := only(t); strings.HasPrefix(name, "$") {
			return o.form(name, inner, w)
		}
		out := map[string]any{}
		for _, k := range sortedKeys(t) {
			v, err := o.value(t[k], w)
			if err != nil && err != errAbsent {
				return nil, err
			}
			if err == nil {
				out[k] = v
			}
		}
		return out, nil
	}
	return t, nil
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (o *oracle) form(name string, inner any, w view) (any, error) {
	parts, _ := inner.([]any)
	switch name {
	case "$":
		return o.path(inner.(string), w)
	case "$literal":
		return deepCopy(inner), nil
	case "$len":
		v, err := o.value(inner, w)
		if err != nil {
			return nil, err
		}
		return length(v)
	case "$default":
		var err error
		for _, p := range parts {
			var v any
			if v, err = o.value(p, w); err == nil || err != errMissing && err != errAbsent {
				return v, err
			}
		}
		return nil, err
	case "$if":
		if o.holds(parts[0], w) {
			return o.value(parts[1], w)
		}
		return o.value(parts[2], w)
	case "$merge":
		return o.merge(parts, w)
	case "$concat":
		return o.concat(parts, w)
	}
	a, err := o.value(parts[0], w)
	if err != nil {
		return nil, err
	}
	b, err := o.value(parts[1], w)
	if err != nil {
		return nil, err
	}
	if name == "$at" {
		return at(a, b)
	}
	return arithmetic(name, a, b)
}

func length(v any) (any, error) {
	n := 0
	switch v := v.(type) {
	case []any:
		n = len(v)
	case map[string]any:
		n = len(v)
	case string:
		n = utf8.RuneCountInString(v)
	default:
		return nil, errType
	}
	return json.Number(strconv.Itoa(n)), nil
}

func (o *oracle) merge(parts []any, w view) (any, error) {
	out := map[string]any{}
	for _, p := range parts {
		v, err := o.value(p, w)
		if err == errAbsent {
			continue
		}
		if err != nil {
			return nil, err
		}
		m, ok := v.(map[string]any)
		if !ok {
			return nil, errType
		}
		for k, member := range m {
			out[k] = member
		}
	}
	return out, nil
}

func (o *oracle) concat(parts []any, w view) (any, error) {
	out := ""
	for _, p := range parts {
		v, err := o.value(p, w)
		if err == errAbsent {
			continue
		}
		if err != nil {
			return nil, err
		}
		switch v := v.(type) {
		case string:
			out += v
		case json.Number:
			out += string(v)
		default:
			return nil, errType
		}
	}
	return out, nil
}

func keyText(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case json.Number:
		if r, _ := new(big.Rat).SetString(string(v)); r.IsInt() {
			return r.Num().String(), nil
		}
	}
	return "", errType
}

func at(from, key any) (any, error) {
	k, err := keyText(key)
	if err != nil {
		return nil, err
	}
	switch from.(type) {
	case map[string]any, []any:
		if v, there := lookUp(from, []string{k}); there {
			return v, nil
		}
		return nil, errMissing
	}
	return nil, errType
}

func arithmetic(name string, a, b any) (any, error) {
	x, okX := a.(json.Number)
	y, okY := b.(json.Number)
	if !okX || !okY {
		return nil, errType
	}
	l, _ := new(big.Rat).SetString(string(x))
	r, _ := new(big.Rat).SetString(string(y))
	scale := func(n json.Number) int { _, after, _ := strings.Cut(string(n), "."); return len(after) }
	places := max(scale(x), scale(y))
	out := new(big.Rat)
	switch name {
	case "$add":
		out.Add(l, r)
	case "$sub":
		out.Sub(l, r)
	default:
		out.Mul(l, r)
		places = scale(x) + scale(y)
	}
	text := out.FloatString(places)
	if digits := strings.TrimLeft(strings.NewReplacer("-", "", ".", "").Replace(text), "0"); len(digits) > 34 {
		return nil, errors.New("rounded")
	}
	return json.Number(text), nil
}

func same(a, b any) bool {
	switch x := a.(type) {
	case json.Number:
		y, ok := b.(json.Number)
		if !ok {
			return false
		}
		l, _ := new(big.Rat).SetString(string(x))
		r, _ := new(big.Rat).SetString(string(y))
		return l.Cmp(r) == 0
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, same)
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for k := range x {
			if other, there := y[k]; !there || !same(x[k], other) {
				return false
			}
		}
		return true
	case string, bool, nil:
		switch b.(type) {
		case string, bool, nil:
			return a == b
		}
	}
	return false
}

func (o *oracle) holds(p any, w view) bool {
	name, inner := only(p)
	parts, _ := inner.([]any)
	switch name {
	case "and":
		return !slices.ContainsFunc(parts, func(p any) bool { return !o.holds(p, w) })
	case "or":
		return slices.ContainsFunc(parts, func(p any) bool { return o.holds(p, w) })
	case "not":
		return !o.holds(inner, w)
	case "exists":
		_, err := o.value(inner, w)
		return err == nil
	case "equals", "not_equals", "gt", "gte", "lt", "lte", "in", "not_in":
		a, errA := o.value(parts[0], w)
		b, errB := o.value(parts[1], w)
		if errA != nil || errB != nil {
			return strings.HasPrefix(name, "not_")
		}
		return compareAs(name, a, b)
	}
	for k, t := range p.(map[string]any) {
		a, there := lookUp(w.item, split(k))
		b, err := o.value(t, w)
		if !there || err != nil || !same(a, b) {
			return false
		}
	}
	return true
}

func compareAs(name string, a, b any) bool {
	list, isList := b.([]any)
	within := isList && slices.ContainsFunc(list, func(x any) bool { return same(a, x) })
	switch name {
	case "equals":
		return same(a, b)
	case "not_equals":
		return !same(a, b)
	case "in":
		return within
	case "not_in":
		return !within
	}
	order := 0
	switch x := a.(type) {
	case json.Number:
		y, ok := b.(json.Number)
		if !ok {
			return false
		}
		l, _ := new(big.Rat).SetString(string(x))
		r, _ := new(big.Rat).SetString(string(y))
		order = l.Cmp(r)
	case string:
		y, ok := b.(string)
		if !ok {
			return false
		}
		order = strings.Compare(x, y)
	default:
		return false
	}
	return map[string]bool{"gt": order > 0, "gte": order >= 0, "lt": order < 0, "lte": order <= 0}[name]
}
