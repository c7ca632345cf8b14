package results

// Histogram geometry, the same everywhere so that histograms merge by adding
// counts: 1 ns to 60 s, 3 significant digits.
const (
	HistogramMin    = 1
	HistogramMax    = 60_000_000_000
	HistogramDigits = 3
)

// Histogram is one encoded interval histogram: a line of a .hlog file.
type Histogram struct {
	Operation string  // "use", "login"
	Metric    string  // "latency" (done - intended) or "service" (done - sent)
	Outcome   Outcome // of the arrivals in it
	StartNS   int64   // since the phase began, by intended time
	LengthNS  int64
	Max       int64
	Count     int64
	Data      string // HdrHistogram V2, deflated, base64
}
