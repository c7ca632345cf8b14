package number

import (
	"math"
	"testing"
)

func TestLasted(t *testing.T) {
	for ns, want := range map[int64]string{
		0: "0", 950: "0.95" + NBSP + "µs", 12_300_000: "12.3" + NBSP + "ms", 9_980_000_000: "9.98" + NBSP + "s", -1000: "−1.00" + NBSP + "µs",
		math.MinInt64: "−9,223,372,037" + NBSP + "s",
	} {
		if got := Lasted(ns); got != want {
			t.Errorf("Lasted(%d) = %q, want %q", ns, got, want)
		}
	}
}
