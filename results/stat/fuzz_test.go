package stat

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func FuzzLocation(f *testing.F) {
	seed := func(x ...float64) {
		var data []byte
		for _, v := range x {
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
		}
		f.Add(data, 0.95)
	}
	seed(darwin...)
	seed(0, 0, 0, 0, 0, 0, 0)
	seed(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
	seed(math.MaxFloat64, -math.MaxFloat64, math.MaxFloat64, 1, 2, 3)
	seed(5e-324, 1e-323, -5e-324, 5e-324, 1.5e-323, 2e-323, 3e-323)
	seed(1, math.NaN(), math.Inf(1))
	f.Fuzz(func(t *testing.T, data []byte, level float64) {
		var x []float64
		for ; len(data) >= 8 && len(x) < 60; data = data[8:] {
			x = append(x, math.Float64frombits(binary.LittleEndian.Uint64(data)))
		}
		before := slices.Clone(x)
		e, err := Location(x, level)
		if err != nil {
			return
		}
		if !slices.Equal(x, before) {
			t.Fatal("the input was changed")
		}
		if !(e.Lo <= e.Value && e.Value <= e.Hi) || !(e.P > 0 && e.P <= 1) || !(e.Achieved >= level-1e-15 && e.Achieved <= 1) {
			t.Fatalf("%v: %+v", x, e)
		}
		if e.Bounded == (math.IsInf(e.Lo, 0) || math.IsInf(e.Hi, 0)) {
			t.Fatalf("%v: %+v", x, e)
		}
	})
}

func FuzzTheilSen(f *testing.F) {
	f.Add(make([]byte, 64), 0.95)
	f.Add([]byte("sixteen bytes or more of whatever it may be, and then a few more"), 0.5)
	f.Fuzz(func(t *testing.T, data []byte, level float64) {
		var x, y []float64
		for ; len(data) >= 8 && len(y) < 30; data = data[8:] {
			x = append(x, float64(len(x)))
			y = append(y, math.Float64frombits(binary.LittleEndian.Uint64(data)))
		}
		r, err := TheilSen(x, y, level)
		if err != nil {
			return
		}
		if !(r.Lo <= r.Slope && r.Slope <= r.Hi) || !(r.P > 0 && r.P <= 1) || !(r.Achieved >= level-1e-15) {
			t.Fatalf("%v: %+v", y, r)
		}
	})
}

func BenchmarkLocation(b *testing.B) {
	rng := rand.New(rand.NewPCG(15, 16))
	for _, n := range []int{12, 60, 240, MaxN} {
		x := lumpy(rng, n, 3*n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				mustLocation(b, x, 0.95)
			}
		})
	}
}
