package value_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stet-db/stet/replay/value"
)

var payload = []byte(`{"sku":"WIDGET-1","name":"Blue Widget","price":29.99,"quantity":2}`)

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(payload)))
	for range b.N {
		if _, err := value.Parse(payload); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParseSnapshot reads a state of a thousand items, as a snapshot has it.
func BenchmarkParseSnapshot(b *testing.B) {
	text := slices.Concat([]byte(`{"items":[`), bytes.Repeat(append(slices.Clone(payload), ','), 999), payload, []byte(`]}`))
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for range b.N {
		if _, err := value.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPrint(b *testing.B) {
	v := parse(b, string(payload))
	b.ReportAllocs()
	b.SetBytes(int64(len(payload)))
	var text []byte
	for range b.N {
		text = v.AppendJSON(text[:0])
	}
}

func BenchmarkAdd(b *testing.B) {
	for name, n := range map[string]string{"small": "10.50", "large": "12345678901234567890.50"} {
		x := parse(b, n)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if _, ok := value.Add(x, x); !ok {
					b.Fatal("not exact")
				}
			}
		})
	}
}
