package results

import (
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// published is the reference run, of 12 blocks.
func published(t testing.TB) string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join("published", "*-bench"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no published run: %v", err)
	}
	return dirs[0]
}

// early are the series of the first two blocks: enough to compare, in good time.
func early(t Tag) (Tag, bool) { return t, t.Block <= 2 }

// merged reads the early series of a log with nothing but the library.
func merged(t *testing.T, dir string) Series {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, HistogramsFile))
	if err != nil {
		t.Fatal(err)
	}
	out := Series{}
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, "Tag=") {
			continue
		}
		l, err := parseLogLine(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := early(l.tag); !ok {
			continue
		}
		h, err := decodeHistogram(l.data)
		if err != nil {
			t.Fatal(err)
		}
		if out[l.tag] == nil {
			out[l.tag] = h
		} else if dropped := out[l.tag].Merge(h); dropped != 0 {
			t.Fatalf("%s: %d dropped", l.tag, dropped)
		}
	}
	return out
}

// TestIntervalsAddUp: interval by interval and merged, the log holds what the library
// finds in it.
func TestIntervalsAddUp(t *testing.T) {
	want := merged(t, published(t))
	whole, err := Histograms(published(t), early)
	if err != nil {
		t.Fatal(err)
	}
	got := Series{}
	largest := map[Tag]int64{}
	starts := map[Tag][]time.Duration{}
	for i, err := range Intervals(published(t), func(t Tag) bool { return t.Block <= 2 }) {
		if err != nil {
			t.Fatal(err)
		}
		if got[i.Tag] == nil {
			got[i.Tag] = hdrhistogram.New(HistogramMin, HistogramMax, HistogramDigits)
		}
		n := int64(0)
		for _, b := range i.Buckets {
			if b.N <= 0 || b.From > b.To {
				t.Fatalf("%s: bucket %+v", i.Tag, b)
			}
			if err := got[i.Tag].RecordValues(b.From, b.N); err != nil {
				t.Fatal(err)
			}
			n += b.N
		}
		if n != i.Count {
			t.Fatalf("%s: %d values in the buckets, %d counted", i.Tag, n, i.Count)
		}
		if last := i.Buckets[len(i.Buckets)-1]; i.Max < last.From || i.Max > last.To {
			t.Fatalf("%s: the maximum %d is not in the last bucket %+v", i.Tag, i.Max, last)
		}
		largest[i.Tag] = max(largest[i.Tag], i.Max)
		if i.Length != time.Second {
			t.Fatalf("%s: an interval of %v", i.Tag, i.Length)
		}
		starts[i.Tag] = append(starts[i.Tag], i.Start)
	}
	if len(got) != len(want) {
		t.Fatalf("%d series, want %d", len(got), len(want))
	}
	for tag, h := range want {
		if !got[tag].Equals(h) || !whole[tag].Equals(h) {
			t.Errorf("%s differs", tag)
		}
		s := starts[tag]
		if !slices.IsSorted(s) || s[len(s)-1]-s[0] != time.Duration(len(s)-1)*time.Second {
			t.Errorf("%s: intervals start at %v", tag, s)
		}
	}
}

func TestIntervalsDecodeWhatIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), HistogramsFile)
	data, err := os.ReadFile(filepath.Join(published(t), HistogramsFile))
	if err != nil {
		t.Fatal(err)
	}
	// The histograms of everything else are rubbish.
	lines := strings.Split(string(data), "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "Tag=") && !strings.Contains(l, "=control.use.ok.latency.b03,") {
			lines[i] = l[:strings.LastIndexByte(l, ',')+1] + "rubbish"
		}
	}
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	n := 0
	for i, err := range Intervals(filepath.Dir(path), func(t Tag) bool {
		return t.Arm == "control" && t.Operation == "use" && t.Metric == "latency" && t.Block == 3
	}) {
		if err != nil {
			t.Fatal(err)
		}
		if i.Arm != "control" || i.Outcome != OK {
			t.Errorf("got %s", i.Tag)
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d intervals, want 3", n)
	}
}

// TestIntervalsStopAtDamage: all before it, then where it is; and a reader who has
// seen enough leaves nothing running.
func TestIntervalsStopAtDamage(t *testing.T) {
	dir := t.TempDir()
	data, err := os.ReadFile(filepath.Join(published(t), HistogramsFile))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	const bad = 300
	for name, broken := range map[string]string{
		"garbage":     "garbage\n",
		"base64":      lines[bad][:strings.LastIndexByte(lines[bad], ',')+1] + "!!!!\n",
		"short":       lines[bad][:strings.LastIndexByte(lines[bad], ',')+1] + "AAAA\n",
		"cut within":  lines[bad][:len(lines[bad])-9] + "\n",
		"cut off":     lines[bad][:200],
		"wrong tag":   "Tag=x.y" + lines[bad][strings.IndexByte(lines[bad], ','):],
		"not a float": strings.Replace(lines[bad], ",1.000000,", ",NaN,", 1),
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Join(lines[:bad], "") + broken
			if broken[len(broken)-1] == '\n' {
				text += strings.Join(lines[bad+1:], "")
			}
			if err := os.WriteFile(filepath.Join(dir, HistogramsFile), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			n := 0
			var got *LogError
			for _, err := range Intervals(dir, nil) {
				if err != nil {
					if !errors.As(err, &got) {
						t.Fatal(err)
					}
					continue
				}
				n++
			}
			if got == nil || got.Line != bad+1 || got.Intact != n || n == 0 {
				t.Errorf("%d intervals, then %v; line %d is damaged", n, got, bad+1)
			}
		})
	}
	for range Intervals(published(t), nil) {
		break
	}
	for _, err := range Intervals(filepath.Join(dir, "nowhere"), nil) {
		if !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	}
}

// encodeSome makes a histogram of n values over the whole range.
func encodeSome(t testing.TB, seed uint64, n int) (string, *hdrhistogram.Histogram) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	h := hdrhistogram.New(HistogramMin, HistogramMax, HistogramDigits)
	for range n {
		v := int64(math.Exp(rng.Float64() * math.Log(HistogramMax)))
		if err := h.RecordValues(min(v, HistogramMax), 1+rng.Int64N(1<<40)); err != nil {
			t.Fatal(err)
		}
	}
	data, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		t.Fatal(err)
	}
	return string(data), h
}

// FuzzDecodeLikeTheLibrary: what our decoder accepts, the library reads likewise, and
// the other way round.
func FuzzDecodeLikeTheLibrary(f *testing.F) {
	for seed := range uint64(8) {
		data, _ := encodeSome(f, seed, int(seed*seed*20))
		f.Add(data)
	}
	small, err := hdrhistogram.New(1, 1000, 2).Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(small))
	f.Fuzz(func(t *testing.T, data string) {
		want, werr := decodeHistogram(data)
		var d decoder
		var got []Bucket
		counts, err := d.decode(data)
		total := int64(0)
		if err == nil {
			got, total, err = appendBuckets(nil, counts)
		}
		if (err == nil) != (werr == nil) {
			t.Fatalf("ours: %v, the library: %v", err, werr)
		}
		if err != nil {
			return
		}
		if total != want.TotalCount() {
			t.Fatalf("%d values, want %d", total, want.TotalCount())
		}
		var bars []Bucket
		for _, b := range want.Distribution() {
			if b.Count > 0 {
				bars = append(bars, Bucket{b.From, b.To, b.Count})
			}
		}
		if !slices.Equal(got, bars) {
			t.Fatalf("buckets %v, want %v", got, bars)
		}
	})
}

func BenchmarkIntervals(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range Intervals(published(b), nil) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkHistograms(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Histograms(published(b), PerBlock); err != nil {
			b.Fatal(err)
		}
	}
}
