package evidence

import (
	"strconv"
	"strings"
	"time"
)

// Objective reads the bound on a latency of an objective such as "p99<5ms,
// errors<0.1%": the quantile and its bound in nanoseconds. It is not ok where the
// objective has none.
func Objective(text string) (q, ns float64, ok bool) {
	for term := range strings.SplitSeq(text, ",") {
		name, bound, found := strings.Cut(strings.TrimSpace(term), "<")
		digits, isQuantile := strings.CutPrefix(strings.TrimSpace(name), "p")
		if !found || !isQuantile {
			continue
		}
		p, err := strconv.ParseFloat(digits, 64)
		d, err2 := time.ParseDuration(strings.TrimLeft(bound, "= "))
		if err == nil && err2 == nil && p > 0 && p < 100 && d > 0 {
			return p / 100, float64(d), true
		}
	}
	return 0, 0, false
}
