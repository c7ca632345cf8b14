package results

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// HistogramsFile is the name of the histogram log within a run's directory: the
// HdrHistogram log format, version 1.3, one line an interval, readable by the
// HdrHistogram tools. Values are nanoseconds, Interval_Max is milliseconds.
const HistogramsFile = "histograms.hlog"

const maxLogLine = 4 << 20 // a full histogram of our geometry encodes to less than 300 KB

// Series maps tags to merged histograms. It is what Histograms returns.
type Series map[Tag]*hdrhistogram.Histogram

// Histogram returns the histogram under t, or nil.
func (s Series) Histogram(t Tag) *hdrhistogram.Histogram { return s[t] }

// PerBlock keeps every series, a histogram a trial: the intervals are merged.
func PerBlock(t Tag) (Tag, bool) { return t, true }

// AllBlocks merges the blocks of every series as well.
func AllBlocks(t Tag) (Tag, bool) { t.Block = 0; return t, true }

// Histograms reads the histogram log of the run in dir and merges its
// intervals by adding counts: nothing is lost and no percentile is averaged.
// key says under which tag a line is merged, or false to leave it out.
//
// The error is a *LogError for the first line that cannot be read; the series
// then holds all lines before it.
func Histograms(dir string, key func(Tag) (Tag, bool)) (Series, error) {
	path := filepath.Join(dir, HistogramsFile)
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readLog(f, path, key)
}

// LogError is a line of a histogram log that cannot be read.
type LogError struct {
	Path   string
	Line   int // from 1
	Intact int // interval lines read before it
	Err    error
}

func (e *LogError) Error() string {
	return fmt.Sprintf("%s:%d: %v (%d intact histograms before it)", e.Path, e.Line, e.Err, e.Intact)
}

func (e *LogError) Unwrap() error { return e.Err }

func readLog(r io.Reader, path string, key func(Tag) (Tag, bool)) (Series, error) {
	out := Series{}
	var failed error
	keep := func(t Tag) bool { _, ok := key(t); return ok }
	intervals(r, path, keep, func(i *Interval, err error) bool {
		if err == nil {
			err = out.add(i, key)
		}
		failed = err
		return err == nil
	})
	return out, failed
}

// readLine returns the next line without its end; io.EOF only when there is
// nothing left. A last line without its end was cut off while it was written.
func readLine(br *bufio.Reader) (string, error) {
	var b strings.Builder
	for {
		part, err := br.ReadSlice('\n')
		b.Write(part)
		switch {
		case b.Len() > maxLogLine:
			return "", fmt.Errorf("line longer than %d bytes", maxLogLine)
		case err == nil:
			return strings.TrimRight(b.String(), "\r\n"), nil
		case err == io.EOF && b.Len() == 0:
			return "", io.EOF
		case err == io.EOF:
			return "", errors.New("the last line is cut off")
		case !errors.Is(err, bufio.ErrBufferFull):
			return "", err
		}
	}
}

// add merges one interval.
func (s Series) add(i *Interval, key func(Tag) (Tag, bool)) error {
	tag, _ := key(i.Tag)
	into := s[tag]
	if into == nil {
		into = hdrhistogram.New(HistogramMin, HistogramMax, HistogramDigits)
		s[tag] = into
	}
	for _, b := range i.Buckets {
		// Any value of a bucket is counted in that bucket: nothing moves.
		if err := into.RecordValues(b.From, b.N); err != nil {
			return fmt.Errorf("%s: %w", i.Tag, err)
		}
	}
	return nil
}

// isComment says that a line holds no histogram: a comment, the legend.
func isComment(line string) bool { return line == "" || line[0] == '#' || line[0] == '"' }

type logLine struct {
	tag                Tag
	start, length, max float64 // seconds since BaseTime, seconds, milliseconds
	data               string
}

// parseLogLine reads "Tag=T,start,interval,max,base64".
func parseLogLine(line string) (l logLine, err error) {
	fields := strings.Split(line, ",")
	if len(fields) != 5 {
		return l, fmt.Errorf("%d fields instead of Tag,start,interval,max,histogram", len(fields))
	}
	tag, ok := strings.CutPrefix(fields[0], "Tag=")
	if !ok {
		return l, fmt.Errorf("no tag: %q", abbreviate(fields[0]))
	}
	if l.tag, err = ParseTag(tag); err != nil {
		return l, err
	}
	for i, dst := range []*float64{&l.start, &l.length, &l.max} {
		v, err := strconv.ParseFloat(fields[i+1], 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return l, fmt.Errorf("%s: %q is not a number", l.tag, abbreviate(fields[i+1]))
		}
		*dst = v
	}
	l.data = fields[4]
	return l, nil
}

// decodeHistogram accepts our geometry only: merging any other would move
// values between buckets.
func decodeHistogram(data string) (*hdrhistogram.Histogram, error) {
	h, err := hdrhistogram.Decode([]byte(data))
	if err != nil {
		return nil, fmt.Errorf("damaged histogram: %w", err)
	}
	if h.LowestTrackableValue() != HistogramMin || h.HighestTrackableValue() != HistogramMax || h.SignificantFigures() != HistogramDigits {
		return nil, fmt.Errorf("histogram of %d..%d with %d digits, expected %d..%d with %d: merging would not be lossless",
			h.LowestTrackableValue(), h.HighestTrackableValue(), h.SignificantFigures(), HistogramMin, int64(HistogramMax), HistogramDigits)
	}
	return h, nil
}

func logHeader(start time.Time) string {
	sec := float64(start.UnixMilli()) / 1000
	return fmt.Sprintf("#[Histogram log format version %s]\n#[StartTime: %.3f (seconds since epoch), %s]\n#[BaseTime: %.3f (seconds since epoch)]\n",
		hdrhistogram.HISTOGRAM_LOG_FORMAT_VERSION, sec, start.UTC().Format(time.RFC3339), sec) +
		`"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"` + "\n"
}

// formatLogLine renders h, whose phase began phaseStart after the base time.
// It decodes the histogram to be sure that it can be read back and holds as
// many values as it says.
func formatLogLine(tag Tag, phaseStart time.Duration, h Histogram) (string, error) {
	if err := tag.check(); err != nil {
		return "", err
	}
	dec, err := decodeHistogram(h.Data)
	if err != nil {
		return "", fmt.Errorf("%s: %w", tag, err)
	}
	if dec.TotalCount() != h.Count {
		return "", fmt.Errorf("%s: histogram holds %d values, %d were recorded", tag, dec.TotalCount(), h.Count)
	}
	start := phaseStart + time.Duration(h.StartNS)
	if start < 0 || h.LengthNS < 0 {
		return "", fmt.Errorf("%s: interval starts %v after the run began and lasts %v", tag, start, time.Duration(h.LengthNS))
	}
	return fmt.Sprintf("Tag=%s,%.6f,%.6f,%.6f,%s\n", tag, start.Seconds(), time.Duration(h.LengthNS).Seconds(),
		float64(h.Max)/hdrhistogram.MsToNsRatio, h.Data), nil
}

// WriteLog writes the histograms of one phase, which began at started, as a log
// of its own, tagged as block 1 of arm.
func WriteLog(w io.Writer, arm string, started time.Time, histograms []Histogram) error {
	if _, err := io.WriteString(w, logHeader(started)); err != nil {
		return err
	}
	for _, h := range histograms {
		line, err := formatLogLine(Tag{arm, h.Operation, h.Outcome, h.Metric, 1}, 0, h)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, line); err != nil {
			return err
		}
	}
	return nil
}

func abbreviate(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}
