package http1

import "fmt"

// data consumes bytes of a body.
func (p *Parser) data(b []byte) (int, error) {
	n := len(b)
	if p.state != stateEOF && int64(n) > p.remaining {
		n = int(p.remaining)
	}
	if p.keepBody {
		if len(p.body)+n > MaxBody {
			return n, fmt.Errorf("%w: body larger than the %d bytes that are kept", ErrMalformed, MaxBody)
		}
		p.body = append(p.body, b[:n]...)
	}
	if p.state == stateEOF {
		return n, nil
	}
	if p.remaining -= int64(n); p.remaining == 0 {
		if p.state == stateChunkData {
			p.state = stateChunkEnd
		} else {
			p.state = stateDone
		}
	}
	return n, nil
}

// chunkSize reads the line in front of a chunk. Extensions are skipped.
//
// A chunk may carry 16 bytes of framing plus twice its data; what exceeds that
// adds up to at most maxOverhead. It is the rule of net/http: without it, a
// small body could cost any amount of traffic.
func (p *Parser) chunkSize(line []byte) error {
	i := 0
	var n int64
	for ; i < len(line); i++ {
		d, ok := hex(line[i])
		if !ok {
			break
		}
		if i == 15 {
			return fmt.Errorf("%w: chunk size %.40q", ErrMalformed, line)
		}
		n = n<<4 | d
	}
	rest := line[i:]
	for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
		rest = rest[1:]
	}
	padded := len(rest) < len(line)-i
	if i == 0 || len(rest) > 0 && (rest[0] != ';' || padded) {
		return fmt.Errorf("%w: chunk size %.40q", ErrMalformed, line)
	}
	if !valueBytes(rest) {
		return fmt.Errorf("%w: control character in a chunk extension", ErrMalformed)
	}
	if p.keepBody && n > MaxBody {
		return fmt.Errorf("%w: chunk of %d bytes, at most %d are kept", ErrMalformed, n, MaxBody)
	}
	p.overhead = max(0, p.overhead+int64(len(line))+2-16-2*n)
	if p.overhead > maxOverhead {
		return fmt.Errorf("%w: chunked encoding with too little data", ErrMalformed)
	}
	if p.remaining = n; n == 0 {
		p.state = stateTrailer
	} else {
		p.state = stateChunkData
	}
	return nil
}
