package alloctest

import "testing"

// Path is something hot: one operation as users cause it.
type Path struct {
	Name string
	// Ceiling is how many allocations one run may make, on average over many.
	Ceiling float64
	Run     func()
}

// Check fails when a path allocates more than its ceiling. Raise a ceiling only
// with the reason in the commit; lower it when a path gets better.
func Check(t *testing.T, paths ...Path) {
	t.Helper()
	if raceDetector {
		t.Skip("the race detector allocates, too: make test runs this once more without it")
	}
	for _, p := range paths {
		t.Run(p.Name, func(t *testing.T) {
			p.Run() // pools and caches are filled
			n := testing.AllocsPerRun(200, p.Run)
			if n > p.Ceiling {
				t.Errorf("%.0f allocations, the ceiling is %.0f", n, p.Ceiling)
			}
			t.Logf("%.0f allocations of %.0f", n, p.Ceiling)
		})
	}
}

// Benchmark runs each path as a benchmark.
func Benchmark(b *testing.B, paths ...Path) {
	b.Helper()
	for _, p := range paths {
		b.Run(p.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Run()
			}
		})
	}
}
