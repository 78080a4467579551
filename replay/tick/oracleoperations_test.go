package tick_test

import (
	"encoding/json"
	"slices"
	"strconv"
)

// run gives the root after the operations.
func (o *oracle) run(block, root any, w view) any {
	operations, ok := block.([]any)
	if !ok {
		operations = []any{block}
	}
	for _, op := range operations {
		if w.inItem {
			w.item = root
		} else {
			w.state = root
		}
		name, parameters := only(op)
		next, err := o.operate(name, parameters.(map[string]any), deepCopy(root), w)
		if _, isObject := next.(map[string]any); err == "" && !w.inItem && !isObject {
			err = wrong
		}
		switch err {
		case "":
			root = next
		case isAbsent:
		default:
			o.reasons[string(err)]++
		}
	}
	return root
}

// put changes the root, which is a copy.
func put(root any, path []string, leaf any) (any, failure) {
	if len(path) == 0 {
		return leaf, ""
	}
	switch c := root.(type) {
	case map[string]any:
		child, there := c[path[0]]
		if !there && len(path) > 1 {
			child = map[string]any{}
		}
		next, err := put(child, path[1:], leaf)
		if err != "" {
			return nil, err
		}
		c[path[0]] = next
		return c, ""
	case []any:
		child, there := lookUp(c, path[:1])
		if !there {
			return nil, missing
		}
		next, err := put(child, path[1:], leaf)
		if err != "" {
			return nil, err
		}
		c[place(c, path[0])] = next
		return c, ""
	}
	return nil, wrong
}

func place(c []any, part string) int {
	i, _ := strconv.Atoi(part)
	if i < 0 {
		i += len(c)
	}
	return i
}

func cut(root any, path []string) (any, failure) {
	parent, there := lookUp(root, path[:len(path)-1])
	last := path[len(path)-1]
	if _, leaf := lookUp(parent, []string{last}); !there || !leaf {
		return nil, missing
	}
	switch c := parent.(type) {
	case map[string]any:
		delete(c, last)
		return root, ""
	default:
		list := c.([]any)
		i := place(list, last)
		return put(root, path[:len(path)-1], slices.Delete(slices.Clone(list), i, i+1))
	}
}

func (o *oracle) operate(name string, p map[string]any, root any, w view) (any, failure) {
	switch name {
	case "conditional":
		block, there := p["else"]
		if o.holds(p["if"], w) {
			block, there = p["then"], true
		}
		if !there {
			return root, ""
		}
		return o.run(block, root, w), ""
	case "let":
		return o.let(p, root, w)
	}
	var v any
	var err failure
	if t, there := p["value"]; there {
		v, err = o.value(t, w)
	} else if name == "increment" || name == "decrement" || name == "increment_at" {
		v = json.Number("1")
		if by, there := p["by"]; there {
			v, err = o.value(by, w)
		}
	}
	if err != "" {
		return nil, err
	}
	path := split(p["target"].(string))
	if t, computed := p["key"]; computed && name != "append_unique" {
		key, err := o.value(t, w)
		if err != "" {
			return nil, err
		}
		text, err := keyText(key)
		if err != "" {
			return nil, err
		}
		path = append(path, text)
	}
	old, there := lookUp(root, path)
	if _, where := p["where"]; name == "remove" && !where || name == "remove_at" {
		return cut(root, path)
	}
	next, err := o.change(name, p, old, there, v, w)
	if err != "" {
		return nil, err
	}
	return put(root, path, next)
}

func (o *oracle) let(p map[string]any, root any, w view) (any, failure) {
	bound := map[string]any{}
	for k, v := range w.names {
		bound[k] = v
	}
	bind := p["bind"].(map[string]any)
	for _, k := range sortedKeys(bind) {
		v, err := o.value(bind[k], w)
		switch err {
		case "":
			bound[k] = v
		case isAbsent:
			delete(bound, k)
		default:
			return nil, err
		}
	}
	w.names = bound
	return o.run(p["do"], root, w), ""
}

// change is what stands at the target afterwards.
func (o *oracle) change(name string, p map[string]any, old any, there bool, v any, w view) (any, failure) {
	switch name {
	case "set", "set_at":
		return v, ""
	case "merge", "merge_at":
		if !there {
			old = map[string]any{}
		}
		return merged(old, v)
	case "increment", "decrement", "increment_at":
		if !there {
			old = json.Number("0")
		}
		return arithmetic(map[bool]string{true: "$sub", false: "$add"}[name == "decrement"], old, v)
	}
	makes := name == "append" || name == "append_unique" || name == "upsert"
	if !there && makes {
		old = []any{}
	} else if !there {
		return nil, missing
	}
	list, ok := old.([]any)
	if !ok {
		return nil, wrong
	}
	return o.changeList(name, p, list, v, w)
}

func merged(old, v any) (any, failure) {
	to, ok := old.(map[string]any)
	from, ok2 := v.(map[string]any)
	if !ok || !ok2 {
		return nil, wrong
	}
	for k, m := range from {
		to[k] = m
	}
	return to, ""
}

func (o *oracle) changeList(name string, p map[string]any, list []any, v any, w view) (any, failure) {
	matches := func(predicate string, item any) bool {
		inside := w
		inside.item = item
		return o.holds(p[predicate], inside)
	}
	switch name {
	case "append":
		return append(list, v), ""
	case "append_unique":
		return appendUnique(p, list, v)
	case "filter":
		return slices.DeleteFunc(list, func(item any) bool { return !matches("where", item) }), ""
	case "remove":
		return slices.DeleteFunc(list, func(item any) bool { return matches("where", item) }), ""
	case "upsert":
		for i := range list {
			if matches("match", list[i]) {
				var err failure
				list[i], err = merged(list[i], v)
				return list, err
			}
		}
		if _, ok := v.(map[string]any); !ok {
			return nil, wrong
		}
		return append(list, v), ""
	}
	for i, item := range list { // map and update_where
		if name == "update_where" && !matches("where", item) {
			continue
		}
		next, err := o.changeItem(p, item, w)
		if err != "" && err != isAbsent {
			return nil, err
		}
		if err == "" {
			list[i] = next
		}
	}
	return list, ""
}

func (o *oracle) changeItem(p map[string]any, item any, w view) (any, failure) {
	w.item, w.inItem = item, true
	if apply, there := p["apply"]; there {
		return o.run(apply, deepCopy(item), w), ""
	}
	if t, there := p["set"]; there {
		return o.value(t, w)
	}
	v, err := o.value(p["merge"], w)
	if err != "" {
		return nil, err
	}
	return merged(deepCopy(item), v)
}

func appendUnique(p map[string]any, list []any, v any) (any, failure) {
	var path []string
	if key, there := p["key"]; there {
		path = split(key.(string))
	}
	mine, there := lookUp(v, path)
	if !there {
		return nil, missing
	}
	for _, item := range list {
		if other, there := lookUp(item, path); there && same(mine, other) {
			return list, ""
		}
	}
	return append(list, v), ""
}
