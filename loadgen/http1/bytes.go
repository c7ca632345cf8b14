package http1

import "encoding/binary"

// The bytes that a token may have (RFC 9110, 5.6.2), a bit each: below 64, and
// from 64 on.
const (
	letters  = 1<<26 - 1
	tokensLo = 1<<'!' | 1<<'#' | 1<<'$' | 1<<'%' | 1<<'&' | 1<<'\'' | 1<<'*' | 1<<'+' | 1<<'-' | 1<<'.' | (1<<10-1)<<'0'
	tokensHi = letters<<('A'-64) | 1<<('^'-64) | 1<<('_'-64) | 1<<('`'-64) | letters<<('a'-64) | 1<<('|'-64) | 1<<('~'-64)
)

func tokenByte(c byte) bool {
	if (c|0x20)-'a' < 26 { // most are
		return true
	}
	if c < 64 {
		return uint64(tokensLo)>>c&1 != 0
	}
	return uint64(tokensHi)>>(c-64)&1 != 0 // a shift by 64 and more leaves nothing
}

// valueByte says whether c may be in a field value (RFC 9110, 5.5): anything but
// control characters, of which the tab is allowed.
func valueByte(c byte) bool { return c >= ' ' && c != 0x7f || c == '\t' }

// valueBytes says whether valueByte holds of all of b.
//
// Subtle: it looks at eight bytes at a time. x - 0x20... borrows into the high
// bit of every byte below 0x20, and DEL is found as the zero byte of x ^ 0x7f...
// (Warren, Hacker's Delight, 6-1). Both may also flag an innocent byte above a
// guilty one, never the other way round: what is flagged is looked at byte by byte.
func valueBytes(b []byte) bool {
	if len(b) < 8 {
		return slowValueBytes(b)
	}
	for i := 0; i+8 < len(b); i += 8 {
		if suspicious(binary.LittleEndian.Uint64(b[i:])) && !slowValueBytes(b[i:i+8]) {
			return false
		}
	}
	last := b[len(b)-8:] // which overlaps the word before it
	return !suspicious(binary.LittleEndian.Uint64(last)) || slowValueBytes(last)
}

func suspicious(x uint64) bool {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	del := x ^ 0x7f*ones
	return ((x-0x20*ones)&^x|(del-ones)&^del)&highs != 0
}

func slowValueBytes(b []byte) bool {
	for _, c := range b {
		if !valueByte(c) {
			return false
		}
	}
	return true
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func hex(c byte) (int64, bool) {
	switch {
	case '0' <= c && c <= '9':
		return int64(c - '0'), true
	case 'a' <= c && c <= 'f':
		return int64(c-'a') + 10, true
	case 'A' <= c && c <= 'F':
		return int64(c-'A') + 10, true
	}
	return 0, false
}

// trim removes spaces and tabs from both ends (OWS).
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// is compares with a lower-case word, ignoring case.
func is(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
