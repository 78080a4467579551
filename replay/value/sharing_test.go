package value_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/stet-db/stet/replay/value"
)

// version is a value and what it must say, kept apart: a plain slice of texts.
type version struct {
	value value.Value
	model []string
}

// TestNoChangeToAnArrayShowsInAnother grows a family of arrays, each made from
// any older one, and looks at all of them after each step.
func TestNoChangeToAnArrayShowsInAnother(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.SampledFrom([]int{0, 1, 31, 32, 33, 63, 64, 65, 1023, 1024, 1056, 1057}).Draw(t, "items")
		first := version{value: value.Array()}
		for i := range start {
			first.value = first.value.Append(value.Int(int64(i)))
			first.model = append(first.model, fmt.Sprint(i))
		}
		family := []version{first}
		next := start
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			from := family[rapid.IntRange(0, len(family)-1).Draw(t, "from")]
			next++
			family = append(family, changeArray(t, from, next))
		}
		for i, v := range family {
			want := "[" + strings.Join(v.model, ",") + "]"
			if got := v.value.String(); got != want || v.value.Size() != len(want) || v.value.Depth() != depthOf(want) {
				t.Fatalf("array %d says %s, size %d, depth %d, want %s", i, got, v.value.Size(), v.value.Depth(), want)
			}
			for k := 0; k < len(v.model); k += 1 + len(v.model)/20 {
				if v.value.At(k).String() != v.model[k] {
					t.Fatalf("item %d of array %d is %s, want %s", k, i, v.value.At(k), v.model[k])
				}
			}
			again, err := value.Parse([]byte(want))
			if err != nil || !value.Equal(again, v.value) {
				t.Fatalf("array %d is not what it prints: %v", i, err)
			}
		}
	})
}

func changeArray(t *rapid.T, from version, next int) version {
	item := value.Int(int64(next))
	if rapid.IntRange(0, 4).Draw(t, "nested") == 0 {
		item = value.Array(value.Array(item), value.String("x"))
	}
	count := len(from.model)
	do := rapid.SampledFrom([]string{"append", "append", "append", "replace", "replace many", "without"}).Draw(t, "do")
	if count == 0 {
		do = "append"
	}
	model := slices.Clone(from.model)
	switch do {
	case "append":
		return version{from.value.Append(item), append(model, item.String())}
	case "replace":
		i := rapid.IntRange(0, count-1).Draw(t, "i")
		model[i] = item.String()
		return version{from.value.Replace(value.Replaced{Index: i, Item: item}), model}
	case "replace many":
		var many []value.Replaced
		for i := rapid.IntRange(0, count-1).Draw(t, "i"); i < count; i += rapid.IntRange(1, count).Draw(t, "step") {
			model[i] = item.String()
			many = append(many, value.Replaced{Index: i, Item: item})
		}
		return version{from.value.Replace(many...), model}
	default:
		i := rapid.IntRange(0, count-1).Draw(t, "i")
		return version{from.value.WithoutItem(i), slices.Delete(model, i, i+1)}
	}
}

// depthOf counts brackets; no string of these tests holds one.
func depthOf(text string) int {
	depth, deepest := 0, 0
	for _, b := range text {
		switch b {
		case '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ']', '}':
			depth--
		}
	}
	return deepest
}

// TestNoChangeToAnObjectShowsInAnother is the same for objects of few and many
// members. The order of the keys is that of their coming.
func TestNoChangeToAnObjectShowsInAnother(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.SampledFrom([]int{0, 1, 5, 31, 32, 33, 34, 40, 200}).Draw(t, "members")
		first := version{value: value.Object()}
		for i := range start {
			key := fmt.Sprint("k", (i*37)%start)
			first.value = first.value.With(key, value.Int(int64(i)))
			first.model = append(first.model, fmt.Sprintf("%q:%d", key, i))
		}
		family := []version{first}
		for step := range rapid.IntRange(1, 40).Draw(t, "steps") {
			from := family[rapid.IntRange(0, len(family)-1).Draw(t, "from")]
			other := family[rapid.IntRange(0, len(family)-1).Draw(t, "other")]
			family = append(family, changeObject(t, from, other, start, step))
		}
		for i, v := range family {
			want := "{" + strings.Join(v.model, ",") + "}"
			if got := v.value.String(); got != want || v.value.Size() != len(want) || v.value.Depth() != depthOf(want) || v.value.Len() != len(v.model) {
				t.Fatalf("object %d says %s, size %d, depth %d, want %s", i, got, v.value.Size(), v.value.Depth(), want)
			}
			for _, m := range v.model {
				key, text, _ := strings.Cut(m, ":")
				if got := v.value.Field(strings.Trim(key, `"`)); got.String() != text {
					t.Fatalf("%s of object %d is %s, want %s", key, i, got, text)
				}
			}
			again, err := value.Parse([]byte(want))
			if err != nil || !value.Equal(again, v.value) || !value.Equal(v.value, again) {
				t.Fatalf("object %d is not what it prints: %v", i, err)
			}
		}
	})
}

func changeObject(t *rapid.T, from, other version, start, step int) version {
	key := fmt.Sprint("k", rapid.IntRange(0, start+5).Draw(t, "key"))
	member := value.Int(int64(1000 + step))
	if rapid.IntRange(0, 4).Draw(t, "nested") == 0 {
		member = value.Array(value.Object().With("x", member))
	}
	model := slices.Clone(from.model)
	at := indexOf(model, key)
	switch do := rapid.SampledFrom([]string{"set", "without", "without", "merge"}).Draw(t, "do"); {
	case do == "without" && at >= 0:
		return version{from.value.WithoutMember(value.KeyOf(key)), slices.Delete(model, at, at+1)}
	case do == "merge":
		for _, m := range other.model {
			name, _, _ := strings.Cut(m, ":")
			if i := indexOf(model, strings.Trim(name, `"`)); i >= 0 {
				model[i] = m
			} else {
				model = append(model, m)
			}
		}
		return version{from.value.Merge(other.value), model}
	case at >= 0:
		model[at] = fmt.Sprintf("%q:%s", key, member)
	default:
		model = append(model, fmt.Sprintf("%q:%s", key, member))
	}
	return version{from.value.With(key, member), model}
}

func indexOf(model []string, key string) int {
	return slices.IndexFunc(model, func(m string) bool { return strings.HasPrefix(m, fmt.Sprintf("%q:", key)) })
}

func TestOneArrayIsGrownByManyGoroutines(t *testing.T) {
	base := value.Array()
	for i := range 37 {
		base = base.Append(value.Int(int64(i)))
	}
	grown := make([]value.Value, 8)
	var all sync.WaitGroup
	for g := range grown {
		all.Go(func() {
			v := base
			for i := range 200 {
				v = v.Append(value.Int(int64(1000*g + i)))
			}
			grown[g] = v
		})
	}
	all.Wait()
	for g, v := range grown {
		for i := range 200 {
			if n, _ := v.At(37 + i).Int64(); n != int64(1000*g+i) {
				t.Fatalf("item %d of array %d is %d", i, g, n)
			}
		}
	}
	if base.Len() != 37 || value.Equal(grown[0], grown[1]) {
		t.Error("the base has grown, or two are the same")
	}
}

func TestALargeObjectIsBalancedHoweverItGrew(t *testing.T) {
	const members = 30_000
	for name, key := range map[string]func(int) int{
		"ascending": func(i int) int { return i }, "descending": func(i int) int { return members - i },
		"scattered": func(i int) int { return i * 7919 % members },
	} {
		v := value.Object()
		for i := range members {
			v = v.With(fmt.Sprintf("%08d", key(i)), value.Int(int64(i)))
		}
		for i := range members - 1 { // a list instead of a tree would take minutes
			v = v.WithoutMember(value.KeyOf(fmt.Sprintf("%08d", key(i))))
		}
		if want := fmt.Sprintf(`{"%08d":%d}`, key(members-1), members-1); v.String() != want {
			t.Errorf("%s: %s is left, not %s", name, v, want)
		}
	}
}

func TestWhatIsEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{`1`, `1.0`, true},
		{`1`, `10e-1`, true},
		{`-0`, `0.00`, true},
		{`100000000000000000000`, `1e20`, true},
		{`1e-100`, `1e100`, false},
		{`1`, `1.0000000000000000000001`, false},
		{`1`, `"1"`, false},
		{`true`, `true`, true},
		{`true`, `false`, false},
		{`null`, `null`, true},
		{`null`, `{}`, false},
		{`"a"`, `"\u0061"`, true},
		{`"A"`, `"a"`, false},
		{`[]`, `{}`, false},
		{`[1,2]`, `[1.0,2e0]`, true},
		{`[1,2]`, `[2,1]`, false},
		{`[1]`, `[1,1]`, false},
		{`{"a":1,"b":[{}]}`, `{"b":[{}],"a":1.0}`, true},
		{`{"a":1}`, `{"b":1}`, false},
		{`{"a":1}`, `{"a":1,"b":1}`, false},
		{`{"a":null}`, `{"b":null}`, false},
	} {
		a, b := parse(t, c.a), parse(t, c.b)
		if value.Equal(a, b) != c.want || value.Equal(b, a) != c.want {
			t.Errorf("%s equals %s: %v", c.a, c.b, !c.want)
		}
	}
	none := value.Value{}
	if value.Equal(none, value.Null()) || !value.Equal(none, value.Value{}) {
		t.Error("nothing is null, or differs from nothing")
	}
}

// TestSharingSavesNoStep: what a comparison costs must not tell how its values
// came to be (I14).
func TestSharingSavesNoStep(t *testing.T) {
	const text = `{"a":[1,2,{"b":"` + "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" + `"}],"c":null}`
	shared := parse(t, text)
	apart := parse(t, text)
	const needed = 7 // the objects, the array and the scalars
	for _, steps := range []int{needed - 1, needed, needed + 1} {
		for _, other := range []value.Value{shared, apart} {
			m := value.NewMeter(steps)
			equal := value.EqualWithin(shared, other, &m)
			if m.Out() != (steps < needed) || equal != (steps >= needed) {
				t.Errorf("with %d steps: equal %v, out %v", steps, equal, m.Out())
			}
		}
	}
}
