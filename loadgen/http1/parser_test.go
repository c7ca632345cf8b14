package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// outcome is what became of one input.
type outcome struct {
	err    error
	status int
	body   string
	used   int // bytes that belong to the response
	close  bool
	header []Field
}

// parse feeds in to a parser that keeps everything, cut at the given places, then
// the end.
func parse(p *Parser, in []byte, head bool, cuts ...int) outcome {
	return parseKeeping(p, in, head, KeepBody|KeepHeader, cuts...)
}

func parseKeeping(p *Parser, in []byte, head bool, keep Keep, cuts ...int) outcome {
	p.Reset(head, keep)
	used, from := 0, 0
	for _, cut := range append(slices.Clone(cuts), len(in)) {
		cut = min(cut, len(in))
		if cut <= from {
			continue
		}
		n, done, err := p.Feed(in[from:cut])
		used += n
		if err != nil {
			return outcome{err: err}
		}
		if done {
			return outcome{status: p.Status, body: string(p.Body()), used: used, close: p.Close, header: p.Header()}
		}
		from = cut
	}
	if err := p.EOF(); err != nil {
		return outcome{err: err}
	}
	return outcome{status: p.Status, body: string(p.Body()), used: used, close: p.Close, header: p.Header()}
}

var accepted = []struct {
	name   string
	in     string
	head   bool
	status int
	body   string
	left   string
	close  bool
}{
	{name: "length", in: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", status: 200, body: "hello"},
	{name: "no reason", in: "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", status: 200},
	{name: "empty reason", in: "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", status: 200},
	{name: "left over", in: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello", status: 200, body: "he", left: "llo"},
	{name: "two lengths that agree", in: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\ncontent-length: 2\r\n\r\nhi", status: 200, body: "hi"},
	{name: "to the end", in: "HTTP/1.1 200 OK\r\nA: b\r\n\r\nhello", status: 200, body: "hello", close: true},
	{name: "to the end, empty", in: "HTTP/1.1 200 OK\r\n\r\n", status: 200, close: true},
	{name: "close", in: "HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 0\r\n\r\n", status: 200, close: true},
	{name: "1.0", in: "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", status: 200, body: "x", close: true},
	{name: "1.0 keep-alive", in: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", status: 200, body: "x"},
	{name: "204", in: "HTTP/1.1 204 No Content\r\n\r\n", status: 204},
	{name: "204 with a length", in: "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc", status: 204, left: "abc"},
	{name: "304", in: "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", status: 304},
	{name: "HEAD", in: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", head: true, status: 200},
	{name: "HEAD chunked", in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", head: true, status: 200},
	{name: "HEAD nothing", in: "HTTP/1.1 200 OK\r\n\r\n", head: true, status: 200},
	{name: "interim", in: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", status: 200, body: "x"},
	{name: "chunked", in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\n", status: 200, body: "abc0123456789"},
	{name: "chunk extension", in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=\"b\"\r\nabc\r\n0;x\r\n\r\nz", status: 200, body: "abc", left: "z"},
	{name: "chunk padding", in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3  \r\nabc\r\n0\r\n\r\n", status: 200, body: "abc"},
	{name: "trailers", in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Sum\r\n\r\n1\r\nx\r\n0\r\nSum: 1\r\nB: c\r\n\r\n", status: 200, body: "x"},
	{name: "obs-fold", in: "HTTP/1.1 200 OK\r\nA: b\r\n  c\r\n\td\r\nContent-Length: 1\r\n\r\nx", status: 200, body: "x"},
	{name: "obs-text", in: "HTTP/1.1 200 \xe9\r\nA: \xff\r\nContent-Length: 0\r\n\r\n", status: 200},
}

func TestParserAccepts(t *testing.T) {
	var p Parser
	for _, c := range accepted {
		got := parse(&p, []byte(c.in), c.head)
		if got.err != nil || got.status != c.status || got.body != c.body || c.in[got.used:] != c.left || got.close != c.close {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

var refused = map[string]string{
	"empty":                     "",
	"garbage":                   "SSH-2.0-OpenSSH_9.2\r\n",
	"binary":                    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
	"HTTP/2":                    "HTTP/2 200 OK\r\n\r\n",
	"HTTP/1.2":                  "HTTP/1.2 200 OK\r\n\r\n",
	"http":                      "http/1.1 200 OK\r\n\r\n",
	"two digits":                "HTTP/1.1 20 OK\r\n\r\n",
	"four digits":               "HTTP/1.1 2000 OK\r\n\r\n",
	"signed":                    "HTTP/1.1 +20 OK\r\n\r\n",
	"099":                       "HTTP/1.1 099 OK\r\n\r\n",
	"600":                       "HTTP/1.1 600 OK\r\n\r\n",
	"101":                       "HTTP/1.1 101 Switching Protocols\r\n\r\n",
	"bare LF":                   "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
	"bare CR":                   "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
	"NUL":                       "HTTP/1.1 200 OK\r\nA: \x00\r\n\r\n",
	"no colon":                  "HTTP/1.1 200 OK\r\nA\r\n\r\n",
	"space before colon":        "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
	"no name":                   "HTTP/1.1 200 OK\r\n: b\r\n\r\n",
	"fold first":                "HTTP/1.1 200 OK\r\n A: b\r\n\r\n",
	"length sign":               "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx",
	"length negative":           "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx",
	"length list":               "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\nx",
	"length empty":              "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nx",
	"length overflow":           "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551617\r\n\r\nx",
	"two lengths":               "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
	"length and chunked":        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"gzip":                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
	"gzip, chunked":             "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
	"chunked twice":             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"chunked in 1.0":            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"truncated head":            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
	"truncated body":            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
	"truncated chunk":           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhell",
	"no last chunk":             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
	"no end of trailers":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n",
	"chunk size":                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
	"chunk size empty":          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
	"chunk size sign":           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\nx\r\n0\r\n\r\n",
	"chunk size 0x":             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n",
	"chunk size overflow":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000001\r\nx\r\n0\r\n\r\n",
	"chunk too long":            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
	"chunk bare LF":             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n",
	"framing fields as trailer": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n0\r\n\r\n",
	"bad trailer":               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA b\r\n\r\n",
	"bad interim":               "HTTP/1.1 100 Continue\r\nTransfer-Encoding: x\r\n\r\nHTTP/1.1 204 A\r\n\r\n",
	"only an interim":           "HTTP/1.1 100 Continue\r\n\r\n",
	"head without end":          "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", MaxHead),
	"many headers":              "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", MaxHead/6),
	"endless interims":          strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", MaxHead/25+1),
	"trailers without end":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("A: b\r\n", 1000),
	"chunk line without end":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("x", 5000),
	"chunks of framing only":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1;"+strings.Repeat("x", 900)+"\r\nx\r\n", 30) + "0\r\n\r\n",
	"body too long":             "HTTP/1.1 200 OK\r\nContent-Length: " + strconv.Itoa(MaxBody+1) + "\r\n\r\n",
	"chunk too large":           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strconv.FormatInt(MaxBody+1, 16) + "\r\n",
	"endless body":              "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", MaxBody+1),
}

func TestParserRefuses(t *testing.T) {
	var p Parser
	for name, in := range refused {
		if got := parse(&p, []byte(in), false); !errors.Is(got.err, ErrMalformed) && !errors.Is(got.err, ErrTruncated) {
			t.Errorf("%s: %v, status %d", name, got.err, got.status)
		}
		if !p.Close {
			t.Errorf("%s: the connection would be used again", name)
		}
		if _, done, err := p.Feed([]byte("HTTP/1.1 200 OK\r\n\r\n")); done || err == nil {
			t.Errorf("%s: goes on after an error", name)
		}
	}
}

func TestParserKeepsHeader(t *testing.T) {
	var p Parser
	got := parse(&p, []byte("HTTP/1.1 103 Early\r\nLink: no\r\n\r\nHTTP/1.1 200 OK\r\nset-COOKIE: a=b\r\nX-Fold: a\r\n b\r\nSet-Cookie: c=d\r\nContent-Length: 0\r\n\r\n"), false)
	want := []Field{{"Set-Cookie", "a=b"}, {"X-Fold", "a  b"}, {"Set-Cookie", "c=d"}, {"Content-Length", "0"}}
	if got.err != nil || !slices.Equal(got.header, want) {
		t.Errorf("%q, %v", got.header, got.err)
	}
}

// oracle reads what net/http makes of the same bytes, interim responses skipped.
func oracle(in []byte, head bool) (o outcome) {
	src := bytes.NewReader(in)
	br := bufio.NewReader(src)
	method := http.MethodGet
	if head {
		method = http.MethodHead
	}
	for {
		r, err := http.ReadResponse(br, &http.Request{Method: method})
		if err != nil {
			return outcome{err: err}
		}
		if r.StatusCode/100 == 1 {
			continue
		}
		body, err := io.ReadAll(r.Body)
		return outcome{err: err, status: r.StatusCode, body: string(body), used: len(in) - src.Len() - br.Buffered(), close: r.Close}
	}
}

// check holds the parser against net/http, and against itself at other cuts and
// when it keeps nothing.
func check(t *testing.T, p *Parser, in []byte, head bool, cuts ...int) {
	t.Helper()
	whole := parse(p, in, head)
	checkCut(t, p, in, head, whole, cuts...)
	if whole.err != nil {
		return
	}
	want := oracle(in, head)
	if want.err != nil {
		t.Fatalf("%.300q\naccepted as %.200v, but net/http: %v", in, whole, want.err)
	}
	if whole.status != want.status || whole.body != want.body || whole.used != want.used || want.close && !whole.close {
		t.Fatalf("%.300q\ngot  %.200v\nwant %.200v", in, whole, want)
	}
}

// checkCut holds the parser against what it made of the input in one piece.
func checkCut(t *testing.T, p *Parser, in []byte, head bool, whole outcome, cuts ...int) {
	t.Helper()
	split := parse(p, in, head, cuts...)
	if !whole.same(split) || whole.body != split.body || !slices.Equal(whole.header, split.header) {
		t.Fatalf("%.300q\nwhole: %.200v\ncut at %v: %.200v", in, whole, cuts, split)
	}
	if nothing := parseKeeping(p, in, head, 0, cuts...); !whole.same(nothing) || nothing.body != "" || nothing.header != nil {
		t.Fatalf("%.300q\nkept: %.200v\nnothing kept, cut at %v: %.200v", in, whole, cuts, nothing)
	}
}

// same compares what does not depend on what is kept.
func (o outcome) same(b outcome) bool {
	return (o.err == nil) == (b.err == nil) && o.status == b.status && o.used == b.used && o.close == b.close
}

func TestParserAtEveryCut(t *testing.T) {
	var p Parser
	for _, c := range accepted {
		if want := oracle([]byte(c.in), c.head); want.err != nil {
			t.Errorf("%s: net/http refuses: %v", c.name, want.err)
		}
		for i := range len(c.in) + 1 {
			check(t, &p, []byte(c.in), c.head, i)
			check(t, &p, []byte(c.in), c.head, i, i+1, i+2)
		}
		every := make([]int, len(c.in))
		for i := range every {
			every[i] = i
		}
		check(t, &p, []byte(c.in), c.head, every...)
	}
	for _, in := range refused {
		if len(in) < 1000 {
			for i := range len(in) {
				check(t, &p, []byte(in), false, i, i+1)
			}
		}
	}
}

func FuzzParser(f *testing.F) {
	for _, c := range accepted {
		f.Add([]byte(c.in), c.head, uint16(3), uint16(20))
	}
	for _, in := range refused {
		if len(in) < 1000 {
			f.Add([]byte(in), false, uint16(17), uint16(30))
		}
	}
	f.Fuzz(func(t *testing.T, in []byte, head bool, a, b uint16) {
		var p Parser
		check(t, &p, in, head, int(min(a, b))%(len(in)+1), int(max(a, b))%(len(in)+1))
		every := make([]int, len(in))
		for i := range every {
			every[i] = i
		}
		check(t, &p, in, head, every...)
		if len(in) <= 300 {
			whole := parse(&p, in, head)
			for i := range in {
				checkCut(t, &p, in, head, whole, i)
			}
		}
	})
}

// What is not kept may have any size, and costs nothing.
func TestParserLargeBodies(t *testing.T) {
	const size = 3 * MaxBody
	piece := bytes.Repeat([]byte("x"), 1<<20)
	chunk := slices.Concat([]byte("100000\r\n"), piece, []byte("\r\n"))
	for name, c := range map[string]struct {
		head, piece []byte
		tail        string
		eof         bool
	}{
		"length":        {head: []byte("HTTP/1.1 200 OK\r\nContent-Length: " + strconv.Itoa(size) + "\r\n\r\n"), piece: piece},
		"chunked":       {head: []byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), piece: chunk, tail: "0\r\n\r\n"},
		"one big chunk": {head: []byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strconv.FormatInt(size, 16) + "\r\n"), piece: piece, tail: "\r\n0\r\n\r\n"},
		"to the end":    {head: []byte("HTTP/1.1 200 OK\r\n\r\n"), piece: piece, eof: true},
	} {
		for _, keep := range []Keep{0, KeepHeader, KeepBody} {
			var p Parser
			p.Reset(false, keep)
			_, done, err := p.Feed(c.head)
			for i := 0; i < size>>20 && err == nil; i++ {
				_, done, err = p.Feed(c.piece)
			}
			if err == nil && c.tail != "" {
				_, done, err = p.Feed([]byte(c.tail))
			}
			if err == nil && c.eof {
				err, done = p.EOF(), true
			}
			if keep == KeepBody {
				if !errors.Is(err, ErrMalformed) || cap(p.body) > 2*MaxBody {
					t.Errorf("%s, kept: %v, %d bytes of memory", name, err, cap(p.body))
				}
			} else if !done || err != nil || cap(p.body) != 0 {
				t.Errorf("%s: %v, %v, %d bytes of memory", name, done, err, cap(p.body))
			}
		}
	}
}

func TestValueBytes(t *testing.T) {
	for length := range 20 {
		for at := range length {
			for c := range 256 {
				b := bytes.Repeat([]byte{'\t'}, length)
				b[at] = byte(c)
				if got, want := valueBytes(b), c == '\t' || c >= ' ' && c != 0x7f; got != want {
					t.Fatalf("%q: %v", b, got)
				}
			}
		}
	}
}

func TestTokenByte(t *testing.T) {
	for c := range 256 {
		b := byte(c)
		want := 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b != 0 && strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0
		if tokenByte(b) != want {
			t.Errorf("%q: %v", b, !want)
		}
	}
}

func TestParserDoesNotAllocate(t *testing.T) {
	var p Parser
	chunked := []byte("HTTP/1.1 200 OK\r\nServer: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
	length := []byte("HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 13\r\n\r\n{\"sub\":\"u12\"}")
	for name, keep := range map[string]Keep{"nothing kept": 0, "body kept": KeepBody} {
		if n := testing.AllocsPerRun(100, func() {
			for _, in := range [][]byte{chunked, length} {
				p.Reset(false, keep)
				if _, done, err := p.Feed(in[:20]); done || err != nil {
					t.Fatal(done, err)
				}
				if _, done, err := p.Feed(in[20:]); !done || err != nil {
					t.Fatal(done, err)
				}
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// The answer of a small API, 198 bytes, that arrives in one piece.
func BenchmarkParser(b *testing.B) {
	in := []byte("HTTP/1.1 200 OK\r\nServer: authbench\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: 42\r\n\r\n{\"sub\":\"u12\",\"role\":\"admin\",\"exp\":3600000}")
	for name, keep := range map[string]Keep{"nothing-kept": 0, "body-kept": KeepBody} {
		b.Run(name, func(b *testing.B) {
			var p Parser
			b.ReportAllocs()
			b.SetBytes(int64(len(in)))
			for range b.N {
				p.Reset(false, keep)
				if _, done, err := p.Feed(in); !done || err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
