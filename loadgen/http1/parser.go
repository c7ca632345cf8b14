package http1

import (
	"bytes"
	"errors"
	"fmt"
	"net/textproto"
)

// Limits of one response, all in bytes. They keep a hostile target from
// filling the memory of the client.
const (
	MaxHead    = 64 << 10 // status lines and header lines, those of 1xx responses included
	MaxBody    = 8 << 20  // of a body that is kept; one that is not may have any size
	maxTrailer = 2 << 10
	// maxChunkLine bounds a chunk's size and extensions.
	maxChunkLine = 1 << 10
	// maxOverhead is the framing of a chunked body that is not paid for by data
	// (see Parser.chunkSize).
	maxOverhead = 16 << 10
)

// ErrMalformed is wrapped by every error that says that the bytes are not one
// acceptable HTTP/1.1 response.
var ErrMalformed = errors.New("malformed response")

// ErrTruncated says that the connection ended inside a response.
var ErrTruncated = errors.New("connection closed before the response was complete")

// Parser reads one response after the other from bytes as they arrive. The
// zero value is not ready: call Reset before each response.
type Parser struct {
	// Status is the final status code, 200 to 599.
	Status int
	// Close says that the connection cannot be used again.
	Close bool

	state     state
	noBody    bool // the request was HEAD
	keepBody  bool
	keepHead  bool
	line      []byte // an incomplete line, or a header line that may be continued
	folded    bool   // line is complete but for continuation lines
	headBytes int
	fields    []Field
	body      []byte
	remaining int64 // of the body or chunk
	overhead  int64
	trailer   int

	minor     byte // of HTTP/1.x
	length    int64
	hasLength bool
	chunked   bool
	badTrail  bool // the Trailer field announces framing fields
	keepAlive bool
	closing   bool
}

type state uint8

const (
	stateStatus    state = iota
	stateHeader          // header lines
	stateLength          // a body of known length
	stateEOF             // a body that ends with the connection
	stateChunkSize       // chunked (RFC 9112, 7.1)
	stateChunkData
	stateChunkEnd
	stateTrailer
	stateDone
	stateFailed
)

// Keep says what of a response is kept for Body and Header. What is not kept
// is counted and checked all the same, without any allocation.
type Keep uint8

// What to keep.
const (
	KeepBody Keep = 1 << iota
	KeepHeader
)

// Reset prepares for the response to a request. head: it was a HEAD request.
func (p *Parser) Reset(head bool, keep Keep) {
	line, body := p.line[:0], p.body[:0]
	if cap(body) > 1<<20 {
		body = nil // one large answer must not be paid for ever after
	}
	*p = Parser{
		noBody:   head,
		keepBody: keep&KeepBody != 0,
		keepHead: keep&KeepHeader != 0,
		line:     line,
		body:     body,
	}
}

// Body returns the body as far as it was read, if it is kept. It is valid until
// the next Reset.
func (p *Parser) Body() []byte { return p.body }

// Header returns the header lines of the final response in order of arrival, if
// they are kept. Trailers are not among them.
func (p *Parser) Header() []Field { return p.fields }

// Feed consumes b and returns how many bytes of it belong to the response and
// whether that is complete: bytes after a complete response are left over. After
// an error the connection is of no further use.
func (p *Parser) Feed(b []byte) (n int, done bool, err error) {
	for n < len(b) && p.state != stateDone {
		var used int
		switch p.state {
		case stateLength, stateEOF, stateChunkData:
			used, err = p.data(b[n:])
		case stateFailed:
			err = fmt.Errorf("%w: fed after an error", ErrMalformed)
		default:
			used, err = p.lineBytes(b[n:])
		}
		n += used
		if err != nil {
			p.state, p.Close = stateFailed, true
			return n, false, err
		}
	}
	return n, p.state == stateDone, nil
}

// EOF tells the parser that the connection has ended. It returns nil if that
// completes the response, ErrTruncated if not.
func (p *Parser) EOF() error {
	switch p.state {
	case stateDone:
		return nil
	case stateEOF:
		p.state = stateDone
		return nil
	}
	p.state, p.Close = stateFailed, true
	return ErrTruncated
}

// Started says whether any byte of the response was consumed.
func (p *Parser) Started() bool { return p.headBytes > 0 }

// lineBytes collects a line and hands it on when it is complete.
func (p *Parser) lineBytes(b []byte) (int, error) {
	if p.folded {
		// Only the first byte of the next line tells whether the header line in
		// p.line goes on (obs-fold, RFC 9112, 5.2: to be replaced by a space).
		if b[0] == ' ' || b[0] == '\t' {
			p.line = append(p.line, ' ')
		} else {
			line := p.line
			p.line = p.line[:0]
			if err := p.field(line); err != nil {
				return 0, err
			}
		}
		p.folded = false
	}
	end := bytes.IndexByte(b, '\n')
	n := end + 1
	if end < 0 {
		n = len(b)
	}
	if err := p.budget(n); err != nil {
		return n, err
	}
	line := b[:n]
	whole := len(p.line) == 0 // the common case: it is read where it lies
	if end < 0 || !whole {
		p.line = append(p.line, line...)
		line = p.line
	}
	if end < 0 {
		return n, nil
	}
	// A CR elsewhere in the line is found as the control character that it is.
	if len(line) < 2 || line[len(line)-2] != '\r' {
		return n, fmt.Errorf("%w: CR and LF not as a pair", ErrMalformed)
	}
	line = line[:len(line)-2]
	if len(line) > 0 && p.state == stateHeader {
		if whole && n < len(b) && b[n] != ' ' && b[n] != '\t' {
			return n, p.field(line)
		}
		if whole {
			line = append(p.line, line...)
		}
		p.line, p.folded = line, true
		return n, nil
	}
	p.line = p.line[:0]
	return n, p.endLine(line)
}

// budget accounts for n bytes that are not body.
func (p *Parser) budget(n int) error {
	switch p.state {
	case stateStatus, stateHeader:
		if p.headBytes += n; p.headBytes > MaxHead {
			return fmt.Errorf("%w: head larger than %d bytes", ErrMalformed, MaxHead)
		}
	case stateTrailer:
		if p.trailer += n; p.trailer > maxTrailer {
			return fmt.Errorf("%w: trailers larger than %d bytes", ErrMalformed, maxTrailer)
		}
	default:
		if len(p.line)+n > maxChunkLine {
			return fmt.Errorf("%w: chunk line larger than %d bytes", ErrMalformed, maxChunkLine)
		}
	}
	return nil
}

func (p *Parser) endLine(line []byte) error {
	switch p.state {
	case stateStatus:
		return p.statusLine(line)
	case stateHeader: // the empty line
		return p.endHead()
	case stateChunkSize:
		return p.chunkSize(line)
	case stateChunkEnd:
		if len(line) > 0 {
			return fmt.Errorf("%w: chunk longer than its size", ErrMalformed)
		}
		p.state = stateChunkSize
		return nil
	default: // stateTrailer
		if len(line) == 0 {
			p.state = stateDone
			return nil
		}
		// No folding here: nothing that is alive sends it, and a trailer is only
		// checked, never kept.
		_, _, err := cutField(line)
		return err
	}
}

// statusLine reads "HTTP/1.x SP 3DIGIT SP [reason]" (RFC 9112, 4). The last
// space is forgiven where there is no reason, as everywhere.
func (p *Parser) statusLine(l []byte) error {
	if len(l) < len("HTTP/1.1 200") || string(l[:7]) != "HTTP/1." || l[7] < '0' || l[7] > '1' || l[8] != ' ' ||
		!digit(l[9]) || !digit(l[10]) || !digit(l[11]) || len(l) > 12 && l[12] != ' ' {
		return fmt.Errorf("%w: status line %.40q", ErrMalformed, l)
	}
	if !valueBytes(l[12:]) {
		return fmt.Errorf("%w: control character in the reason phrase", ErrMalformed)
	}
	p.minor = l[7] - '0'
	p.Status = int(l[9]-'0')*100 + int(l[10]-'0')*10 + int(l[11]-'0')
	if p.Status < 100 || p.Status > 599 || p.Status == 101 {
		return fmt.Errorf("%w: status %d was not asked for", ErrMalformed, p.Status)
	}
	p.state = stateHeader
	return nil
}

// field takes a whole header line, unfolded.
func (p *Parser) field(line []byte) error {
	name, value, err := cutField(line)
	if err != nil {
		return err
	}
	if p.keepHead && p.Status >= 200 {
		p.fields = append(p.fields, Field{textproto.CanonicalMIMEHeaderKey(string(name)), string(value)})
	}
	switch len(name) {
	case len("Content-Length"):
		if is(name, "content-length") {
			return p.contentLength(value)
		}
	case len("Transfer-Encoding"):
		if is(name, "transfer-encoding") {
			// "chunked, chunked", gzip, two lines: there is no second reading.
			if p.chunked || !is(value, "chunked") {
				return fmt.Errorf("%w: transfer encoding %.40q", ErrMalformed, value)
			}
			p.chunked = true
		}
	case len("Connection"):
		if is(name, "connection") {
			for e := range bytes.SplitSeq(value, []byte(",")) {
				e = trim(e)
				p.closing = p.closing || is(e, "close")
				p.keepAlive = p.keepAlive || is(e, "keep-alive")
			}
		}
	case len("Trailer"):
		if is(name, "trailer") {
			for e := range bytes.SplitSeq(value, []byte(",")) {
				e = trim(e)
				p.badTrail = p.badTrail || is(e, "transfer-encoding") || is(e, "content-length") || is(e, "trailer")
			}
		}
	}
	return nil
}

// cutField splits a header line and checks both halves (RFC 9112, 5).
func cutField(line []byte) (name, value []byte, err error) {
	colon := 0
	for colon < len(line) && tokenByte(line[colon]) {
		colon++
	}
	if colon == 0 || colon == len(line) || line[colon] != ':' {
		return nil, nil, fmt.Errorf("%w: header line %.40q", ErrMalformed, line)
	}
	name, value = line[:colon], trim(line[colon+1:])
	if !valueBytes(value) {
		return nil, nil, fmt.Errorf("%w: control character in the value of %.40s", ErrMalformed, name)
	}
	return name, value, nil
}

// contentLength takes 1*DIGIT. Repeated fields have to agree.
func (p *Parser) contentLength(v []byte) error {
	var n int64
	for _, c := range v {
		if !digit(c) || n > (1<<62)/10 {
			return fmt.Errorf("%w: content length %.40q", ErrMalformed, v)
		}
		n = n*10 + int64(c-'0')
	}
	if len(v) == 0 || p.hasLength && n != p.length {
		return fmt.Errorf("%w: content length %.40q", ErrMalformed, v)
	}
	p.length, p.hasLength = n, true
	return nil
}

// endHead decides how the body is delimited (RFC 9112, 6.3).
func (p *Parser) endHead() error {
	switch {
	case p.chunked && p.hasLength:
		return fmt.Errorf("%w: both a content length and a transfer encoding", ErrMalformed)
	case p.chunked && p.minor == 0:
		return fmt.Errorf("%w: transfer encoding in HTTP/1.0", ErrMalformed)
	case p.chunked && p.badTrail:
		return fmt.Errorf("%w: framing fields announced as trailers", ErrMalformed)
	}
	if p.Status < 200 { // interim: the final response follows
		p.state = stateStatus
		p.length, p.hasLength, p.chunked, p.badTrail, p.closing, p.keepAlive = 0, false, false, false, false, false
		return nil
	}
	p.Close = p.closing || p.minor == 0 && !p.keepAlive
	switch {
	case p.noBody || p.Status == 204 || p.Status == 304:
		p.state = stateDone
	case p.chunked:
		p.state = stateChunkSize
	case p.hasLength && p.length == 0:
		p.state = stateDone
	case p.hasLength:
		p.remaining, p.state = p.length, stateLength
		if p.keepBody && p.length > MaxBody {
			return fmt.Errorf("%w: body of %d bytes, at most %d are kept", ErrMalformed, p.length, MaxBody)
		}
	default:
		p.Close, p.state = true, stateEOF
	}
	return nil
}
