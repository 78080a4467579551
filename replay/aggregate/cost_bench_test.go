package aggregate_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// invoiceRows is a raw append of n rows of an invoice, as an import makes it.
func invoiceRows(tb testing.TB, stream string, n int) *storage.Append {
	tb.Helper()
	entry := storage.Entry{Stream: stream, Expectation: storage.ExpectAny()}
	for i := range n {
		e := storage.Event{
			Type: "LineSold", Kind: storage.PayloadJSON, ID: storage.EventID{9, 14: byte(i >> 8), 15: byte(i)},
			Metadata: map[string]string{"actor_type": "importer", "actor_id": "till-1"},
			Tags:     []string{"customer:17850.0", "stock:85123A"},
			Payload:  fmt.Appendf(nil, `{"InvoiceNo":"536365","StockCode":"85123A","Description":"WHITE HANGING HEART T-LIGHT HOLDER","Quantity":%d,"InvoiceDate":"2010-12-01 08:26:00","UnitPrice":2.55,"CustomerID":"17850.0","Country":"United Kingdom"}`, 1+i%9),
		}
		stored, violations := record.NewEventOf(&e, storage.Limits{})
		if violations != nil {
			tb.Fatal(violations)
		}
		entry.Events = append(entry.Events, stored)
	}
	return &storage.Append{Entries: []storage.Entry{entry}, Time: 1}
}

// BenchmarkRawAppendOf100 appends rows of invoices to the model, with their
// specification and without: the difference is what holding them to it costs.
func BenchmarkRawAppendOf100(b *testing.B) {
	invoices, err := os.ReadFile(filepath.Join("..", "..", "examples", "invoices", "spec.json"))
	if err != nil {
		b.Fatal(err)
	}
	const rows = 100
	for _, c := range []struct{ name, specification string }{{"free", benchBank}, {"validated", string(invoices)}} {
		b.Run(c.name, func(b *testing.B) {
			k := newKit(b, newModel(b), c.specification)
			a := invoiceRows(b, "invoice-536365", rows)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.Append(context.Background(), a, ""); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkCheckOf100 only judges what [BenchmarkRawAppendOf100] appends.
func BenchmarkCheckOf100(b *testing.B) {
	invoices, err := os.ReadFile(filepath.Join("..", "..", "examples", "invoices", "spec.json"))
	if err != nil {
		b.Fatal(err)
	}
	k := newKit(b, newModel(b), string(invoices))
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		a := invoiceRows(b, "invoice-536365", 100)
		b.StartTimer()
		if err := k.CheckAppend(a, ""); err != nil {
			b.Fatal(err)
		}
	}
}
