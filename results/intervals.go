package results

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Interval is one line of a histogram log: the values of one series whose intended
// times lie in one interval of a phase.
type Interval struct {
	Tag
	Start   time.Duration // of the interval, since the run started; to the microsecond
	Length  time.Duration
	Max     int64 // ns, the largest value itself
	Count   int64 // values
	Buckets []Bucket
}

// Bucket is N values from From to To nanoseconds, both inclusive.
type Bucket struct{ From, To, N int64 }

// Intervals reads the histogram log of the run in dir line by line, in the order of
// the file. keep says which series are wanted (nil: all); the others are not decoded.
//
// Lines are decoded on all processors straight into their non-empty buckets, a
// hundred times smaller than the histograms. An interval belongs to the caller.
//
// The last pair may hold an error: a *LogError for the first line that cannot be
// read, after all intervals before it.
func Intervals(dir string, keep func(Tag) bool) iter.Seq2[*Interval, error] {
	return func(yield func(*Interval, error) bool) {
		path := filepath.Join(dir, HistogramsFile)
		f, err := os.Open(path)
		if err != nil {
			yield(nil, err)
			return
		}
		defer f.Close()
		intervals(f, path, keep, yield)
	}
}

// batchLines is how many lines are decoded at once: the hand-over costs little beside
// the decoding of so many.
const batchLines = 32

// batch is some lines of the log, and what has become of them.
type batch struct {
	lines []numbered
	out   []*Interval
	bad   int // line of err
	err   error
	done  chan struct{}
}

type numbered struct {
	n    int // from 1
	text string
}

// intervals reads ahead by a bounded number of batches, has them decoded, and
// yields them in order.
func intervals(r io.Reader, path string, keep func(Tag) bool, yield func(*Interval, error) bool) {
	workers := runtime.GOMAXPROCS(0)
	todo, ordered := make(chan *batch), make(chan *batch, 4*workers)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(stop)
	wg.Go(func() {
		defer close(ordered)
		defer close(todo)
		br := bufio.NewReaderSize(r, 1<<16)
		for n := 1; ; {
			b := &batch{done: make(chan struct{})}
			var last bool
			n, last = b.fill(br, n)
			for _, to := range []chan *batch{ordered, todo} {
				select {
				case to <- b:
				case <-stop:
					return
				}
			}
			if last {
				return
			}
		}
	})
	for range workers {
		wg.Go(func() {
			var d decoder
			for b := range todo {
				b.decode(&d, keep)
				close(b.done)
			}
		})
	}
	intact := 0
	for b := range ordered {
		<-b.done
		for _, i := range b.out {
			intact++
			if !yield(i, nil) {
				return
			}
		}
		if b.err != nil {
			yield(nil, &LogError{path, b.bad, intact, b.err})
			return
		}
	}
}

// fill reads lines from number n on; last says that there are no more.
func (b *batch) fill(br *bufio.Reader, n int) (next int, last bool) {
	for len(b.lines) < batchLines {
		line, err := readLine(br)
		if err == io.EOF {
			return n, true
		}
		if err != nil {
			b.bad, b.err = n, err
			return n, true
		}
		if !isComment(line) {
			b.lines = append(b.lines, numbered{n, line})
		}
		n++
	}
	return n, false
}

// decode turns lines into intervals, up to the first that cannot be read.
func (b *batch) decode(d *decoder, keep func(Tag) bool) {
	for _, line := range b.lines {
		i, err := d.line(line.text, keep)
		if err != nil {
			b.bad, b.err = line.n, err
			return
		}
		if i != nil {
			b.out = append(b.out, i)
		}
	}
}

// line decodes one line; nil if it is not wanted.
func (d *decoder) line(text string, keep func(Tag) bool) (*Interval, error) {
	l, err := parseLogLine(text)
	if err != nil {
		return nil, err
	}
	if keep != nil && !keep(l.tag) {
		return nil, nil
	}
	i := &Interval{Tag: l.tag, Start: seconds(l.start), Length: seconds(l.length), Max: int64(math.Round(l.max * hdrhistogram.MsToNsRatio))}
	counts, err := d.decode(l.data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.tag, err)
	}
	if d.buckets, i.Count, err = appendBuckets(d.buckets[:0], counts); err != nil {
		return nil, fmt.Errorf("%s: %w", l.tag, err)
	}
	i.Buckets = slices.Clone(d.buckets)
	return i, nil
}

func seconds(s float64) time.Duration { return time.Duration(math.Round(s * 1e9)) }

// decoder reads encoded histograms of our geometry and keeps its buffers between
// them. The zero value is ready; it is not for concurrent use.
type decoder struct {
	compressed []byte
	source     bytes.Reader
	inflate    io.ReadCloser
	plain      bytes.Buffer
	buckets    []Bucket
}

// The encoding: base64 of a cookie, the length and a zlib stream, which holds a header
// and the counts as zigzag LEB128 integers; a negative one is a run of so many zeros.
// It is "V2" of https://github.com/HdrHistogram/HdrHistogram.
const (
	compressedCookie = 0x1c849304
	plainCookie      = 0x1c849303
	cookieMask       = ^uint32(0xf0)
	headerSize       = 40
	// countsLength is the number of buckets of our geometry, maxPayload what their
	// counts can take.
	countsLength = 27 * subBuckets
	maxPayload   = 9 * countsLength
	subBuckets   = 1024 // new ones in every power of two
)

var errDamaged = errors.New("damaged histogram")

// decode returns the payload of an encoded histogram, valid until the next call.
func (d *decoder) decode(data string) ([]byte, error) {
	var err error
	if d.compressed, err = base64.StdEncoding.AppendDecode(d.compressed[:0], []byte(data)); err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if len(d.compressed) < 8 {
		return nil, fmt.Errorf("%w: %d bytes", errDamaged, len(d.compressed))
	}
	if c := binary.BigEndian.Uint32(d.compressed); c&cookieMask != compressedCookie&cookieMask {
		return nil, fmt.Errorf("%w: cookie %#x", errDamaged, c)
	}
	body := d.compressed[8:]
	if n := binary.BigEndian.Uint32(d.compressed[4:]); int64(n) > int64(len(body)) {
		return nil, fmt.Errorf("%w: %d of %d bytes", errDamaged, len(body), n)
	} else {
		body = body[:n]
	}
	d.source.Reset(body)
	if d.inflate == nil {
		d.inflate, err = zlib.NewReader(&d.source)
	} else {
		err = d.inflate.(zlib.Resetter).Reset(&d.source, nil)
	}
	if err != nil {
		d.inflate = nil
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	d.plain.Reset()
	// One byte more than there can be: what is longer is not ours.
	if _, err := d.plain.ReadFrom(io.LimitReader(d.inflate, headerSize+maxPayload+1)); err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return payload(d.plain.Bytes())
}

// payload checks the header: any other geometry would put values elsewhere.
func payload(b []byte) ([]byte, error) {
	if len(b) < headerSize {
		return nil, fmt.Errorf("%w: a header of %d bytes", errDamaged, len(b))
	}
	if c := binary.BigEndian.Uint32(b); c&cookieMask != plainCookie&cookieMask {
		return nil, fmt.Errorf("%w: cookie %#x inside", errDamaged, c)
	}
	length, digits := binary.BigEndian.Uint32(b[4:]), int32(binary.BigEndian.Uint32(b[12:]))
	lowest, highest := int64(binary.BigEndian.Uint64(b[16:])), int64(binary.BigEndian.Uint64(b[24:]))
	if lowest != HistogramMin || highest != HistogramMax || digits != HistogramDigits {
		return nil, fmt.Errorf("histogram of %d..%d with %d digits, expected %d..%d with %d: merging would not be lossless",
			lowest, highest, digits, HistogramMin, int64(HistogramMax), HistogramDigits)
	}
	if int64(length) != int64(len(b)-headerSize) {
		return nil, fmt.Errorf("%w: %d bytes of counts, %d announced", errDamaged, len(b)-headerSize, length)
	}
	return b[headerSize:], nil
}

// appendBuckets reads counts and appends those that are not zero.
func appendBuckets(to []Bucket, counts []byte) (_ []Bucket, total int64, err error) {
	index := int64(0)
	for len(counts) > 0 {
		v, n := zigzag(counts)
		if n == 0 {
			return to, total, fmt.Errorf("%w: it ends within a count", errDamaged)
		}
		counts = counts[n:]
		room := countsLength - index
		switch {
		case v < -room: // also the smallest integer, which has no opposite
			return to, total, fmt.Errorf("%w: %d empty buckets from %d on", errDamaged, uint64(-v), index)
		case v < 0:
			index -= v
			continue
		case room == 0 || v > math.MaxInt64-total:
			return to, total, fmt.Errorf("%w: too many buckets or values", errDamaged)
		case v > 0:
			first, last := bucketAt(index)
			to = append(to, Bucket{first, last, v})
			total += v
		}
		index++
	}
	return to, total, nil
}

// bucketAt returns the values of a bucket: the first two powers of subBuckets have a
// bucket a nanosecond, each further power of two has subBuckets of twice the width.
func bucketAt(index int64) (from, to int64) {
	if index < 2*subBuckets {
		return index, index
	}
	shift := index/subBuckets - 1
	from = (index%subBuckets + subBuckets) << shift
	return from, from + 1<<shift - 1
}

// zigzag reads one integer in at most nine bytes, of which the ninth has eight bits;
// n is 0 if b ends before it.
func zigzag(b []byte) (v int64, n int) {
	var u uint64
	for i := range min(len(b), 9) {
		if i == 8 {
			u |= uint64(b[i]) << 56
			return int64(u>>1) ^ -int64(u&1), 9
		}
		u |= uint64(b[i]&0x7f) << (7 * i)
		if b[i] < 0x80 {
			return int64(u>>1) ^ -int64(u&1), i + 1
		}
	}
	return 0, 0
}
