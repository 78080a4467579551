package tick_test

import (
	"encoding/json"
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

// failure is why there is no value; empty when there is one.
type failure string

const (
	isAbsent failure = "absent"
	missing  failure = "missing_value"
	wrong    failure = "wrong_type"
	rounded  failure = "rounded"
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
	return "", ""
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

func (o *oracle) path(s string, w view) (any, failure) {
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
		return deepCopy(root), ""
	case isOptional:
		return nil, isAbsent
	}
	return nil, missing
}

func isPath(s string) bool {
	return s == "@" || s == "%" || len(s) > 1 && s[1] == '.' && strings.ContainsRune("$@%#", rune(s[0]))
}

func (o *oracle) value(t any, w view) (any, failure) {
	switch t := t.(type) {
	case string:
		if isPath(t) {
			return o.path(t, w)
		}
	case []any:
		out := []any{}
		for _, item := range t {
			v, err := o.value(item, w)
			if err != "" && err != isAbsent {
				return nil, err
			}
			if err == "" {
				out = append(out, v)
			}
		}
		return out, ""
	case map[string]any:
		if name, inner := only(t); strings.HasPrefix(name, "$") {
			return o.form(name, inner, w)
		}
		out := map[string]any{}
		for _, k := range sortedKeys(t) {
			v, err := o.value(t[k], w)
			if err != "" && err != isAbsent {
				return nil, err
			}
			if err == "" {
				out[k] = v
			}
		}
		return out, ""
	}
	return t, ""
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (o *oracle) form(name string, inner any, w view) (any, failure) {
	parts, _ := inner.([]any)
	switch name {
	case "$":
		return o.path(inner.(string), w)
	case "$literal":
		return deepCopy(inner), ""
	case "$len":
		v, err := o.value(inner, w)
		if err != "" {
			return nil, err
		}
		return length(v)
	case "$default":
		var err failure
		for _, p := range parts {
			var v any
			if v, err = o.value(p, w); err == "" || err != missing && err != isAbsent {
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
	if err != "" {
		return nil, err
	}
	b, err := o.value(parts[1], w)
	if err != "" {
		return nil, err
	}
	if name == "$at" {
		return at(a, b)
	}
	return arithmetic(name, a, b)
}

func length(v any) (any, failure) {
	var n int
	switch v := v.(type) {
	case []any:
		n = len(v)
	case map[string]any:
		n = len(v)
	case string:
		n = utf8.RuneCountInString(v)
	default:
		return nil, wrong
	}
	return json.Number(strconv.Itoa(n)), ""
}

func (o *oracle) merge(parts []any, w view) (any, failure) {
	out := map[string]any{}
	for _, p := range parts {
		v, err := o.value(p, w)
		if err == isAbsent {
			continue
		}
		if err != "" {
			return nil, err
		}
		m, ok := v.(map[string]any)
		if !ok {
			return nil, wrong
		}
		for k, member := range m {
			out[k] = member
		}
	}
	return out, ""
}

func (o *oracle) concat(parts []any, w view) (any, failure) {
	out := ""
	for _, p := range parts {
		v, err := o.value(p, w)
		if err == isAbsent {
			continue
		}
		if err != "" {
			return nil, err
		}
		switch v := v.(type) {
		case string:
			out += v
		case json.Number:
			out += string(v)
		default:
			return nil, wrong
		}
	}
	return out, ""
}

func keyText(v any) (string, failure) {
	switch v := v.(type) {
	case string:
		return v, ""
	case json.Number:
		if r, _ := new(big.Rat).SetString(string(v)); r.IsInt() {
			return r.Num().String(), ""
		}
	}
	return "", wrong
}

func at(from, key any) (any, failure) {
	k, err := keyText(key)
	if err != "" {
		return nil, err
	}
	switch from.(type) {
	case map[string]any, []any:
		if v, there := lookUp(from, []string{k}); there {
			return v, ""
		}
		return nil, missing
	}
	return nil, wrong
}

func arithmetic(name string, a, b any) (any, failure) {
	x, okX := a.(json.Number)
	y, okY := b.(json.Number)
	if !okX || !okY {
		return nil, wrong
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
		return nil, rounded
	}
	return json.Number(text), ""
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
		return err == ""
	case "equals", "not_equals", "gt", "gte", "lt", "lte", "in", "not_in":
		a, errA := o.value(parts[0], w)
		b, errB := o.value(parts[1], w)
		if errA != "" || errB != "" {
			return strings.HasPrefix(name, "not_")
		}
		return compareAs(name, a, b)
	}
	for k, t := range p.(map[string]any) {
		a, there := lookUp(w.item, split(k))
		b, err := o.value(t, w)
		if !there || err != "" || !same(a, b) {
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
	var order int
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
