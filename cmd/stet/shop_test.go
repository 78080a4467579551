package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/stet-db/stet/client"
)

// shopArgs are the mapping of the shop's README: a type for each kind of row.
var shopArgs = []string{
	"--stream", "invoice-{{.InvoiceNo}}",
	"--type", `{{if hasPrefix .InvoiceNo "A"}}DebtAdjusted{{else if hasPrefix .InvoiceNo "C"}}LineCancelled` +
		`{{else if and (numEq .UnitPrice 0) (numGt .Quantity 0)}}LineGiven{{else if numLt .Quantity 0}}StockAdjusted{{else}}LineSold{{end}}`,
	"--tag", "customer:{{.CustomerID}}", "--tag", "stock:{{.StockCode}}",
	"--time", "{{.InvoiceDate}}", "--time-zone", "Europe/London",
	"--number", "Quantity,UnitPrice", "--meta", "actor_type=importer",
}

// shopData is the folder of the shop's invoices, which are not part of the
// project; without them the test is skipped with a line that can be counted.
func shopData(t *testing.T) string {
	t.Helper()
	shared := os.Getenv("STET_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	dir, err := filepath.Abs(filepath.Join(shared, "data", "online-retail"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("SKIP (counted): the shop's data is not there: %v", err)
	}
	return dir
}

// tally is what a reader finds in the log.
type tally struct {
	types    map[string]int
	net      apd.Decimal
	customer apd.Decimal // of 17850
	rows     int         // of 17850
}

// read folds the whole log with exact decimals.
func (s *tally) read(t *testing.T, addr string) {
	t.Helper()
	api, err := client.Dial(addr, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := api.Close(); err != nil {
			t.Error(err)
		}
	}()
	s.types = map[string]int{}
	exact := apd.BaseContext.WithPrecision(40)
	exact.Traps |= apd.Inexact
	add := func(sum, value *apd.Decimal) {
		if _, err := exact.Add(sum, sum, value); err != nil {
			t.Fatal(err)
		}
	}
	for e, err := range api.ReadAll(context.Background(), client.LogRead{}) {
		if err != nil {
			t.Fatal(err)
		}
		s.types[e.GetType()]++
		var row struct{ Quantity, UnitPrice json.Number }
		if err := json.Unmarshal([]byte(e.GetJson()), &row); err != nil {
			t.Fatal(err)
		}
		quantity, _, err := apd.NewFromString(row.Quantity.String())
		if err != nil {
			t.Fatal(err)
		}
		price, _, err := apd.NewFromString(row.UnitPrice.String())
		if err != nil {
			t.Fatal(err)
		}
		var value apd.Decimal
		if _, err := exact.Mul(&value, quantity, price); err != nil {
			t.Fatal(err)
		}
		add(&s.net, &value)
		if strings.Contains(strings.Join(e.GetTags(), " "), "customer:17850.0") {
			s.rows++
			add(&s.customer, &value)
		}
	}
}

// shipped makes "stet" the program as it is shipped, without the race detector
// that this test may run under: it would take ten times as long.
func shipped(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "stet"), ".").CombinedOutput(); err != nil {
		t.Fatalf("build stet: %v: %s", err, out)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// S2 of the issue: a year of a real shop's invoices reads back to the cent.
func TestTheShopsYearReadsBackToTheCent(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIP (counted): a year of invoices takes a while")
	}
	source := filepath.Join(shopData(t), "online-retail.csv.gz")
	shipped(t)
	dir := t.TempDir()
	d, env := startServer(t, dir)
	began := time.Now()
	args := append([]string{"import", source, "--progress", "side"}, shopArgs...)
	out, err := stet(t, dir, env, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("in %v: %s", time.Since(began), out)
	var got tally
	got.read(t, d.addr)
	for name, want := range map[string]int{"LineSold": 530_103, "LineCancelled": 9_288, "StockAdjusted": 1_336, "LineGiven": 1_179, "DebtAdjusted": 3} {
		if got.types[name] != want {
			t.Errorf("%d events of type %s; want %d", got.types[name], name, want)
		}
	}
	if got.net.String() != "9747747.934" || got.customer.String() != "5288.63" && got.customer.String() != "5288.630" || got.rows != 312 {
		t.Errorf("net value %v, customer 17850 %v in %d rows", &got.net, &got.customer, got.rows)
	}
	streams, err := stet(t, dir, env, "streams")
	if err != nil || strings.Count(streams, "\n") != 25_900 {
		t.Errorf("%d streams, %v", strings.Count(streams, "\n"), err)
	}
}

// The first day, twice, by the mapping of the command's own help.
func TestTheShopsFirstDay(t *testing.T) {
	source := filepath.Join(shopData(t), "2010-12-01.csv")
	dir := t.TempDir()
	_, env := startServer(t, dir)
	args := append([]string{"import", source, "--progress", "side"}, shopArgs...)
	for _, want := range []string{": 3,108 events added, 0 known before, 0 lines left out", ": 0 events added, 3,108 known before"} {
		if out, err := stet(t, dir, env, args...); err != nil || !strings.Contains(out, want) {
			t.Errorf("%s %v; want %s", out, err, want)
		}
	}
}
