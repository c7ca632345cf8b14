package jwt

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The names that we look at, in a header and among claims.
var (
	headerNames = [...]string{"alg", "typ", "kid", "crit"}
	claimNames  = [...]string{"iss", "aud", "sub", "iat", "nbf", "exp", "jti", "roles", "auth_time", "sid", "gen", "profile"}
)

// unambiguous looks at what JSON libraries differ in, where a token could mean one thing
// to us and another to somebody else: header and claims have to be UTF-8 (RFC 7519 section
// 7.2), no name that we look at may be there twice (RFC 7515 section 4, RFC 7519 section
// 4), and a name in other letters is another name (RFC 7519 section 10.1.1), which
// encoding/json takes for the same. token is one that a library could read.
func unambiguous(token string) error {
	header, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	if err := exactPart(header, headerNames[:]); err != nil {
		return fmt.Errorf("%w: header: %w", ErrMalformed, err)
	}
	if err := exactPart(payload, claimNames[:]); err != nil {
		return fmt.Errorf("%w: claims: %w", ErrMalformed, err)
	}
	return nil
}

// exactPart looks at the names of an object in base64url.
func exactPart(part string, names []string) error {
	var scratch [2 * usualPart]byte // what is no larger stays on the stack
	text := append(scratch[:0:usualPart], part...)
	object, err := base64.RawURLEncoding.AppendDecode(scratch[usualPart:usualPart], text)
	if err != nil {
		return err
	}
	return exactNames(object, names)
}

// usualPart is what header or payload of our own tokens have room in, in bytes.
const usualPart = 512

var (
	errNotUTF8   = errors.New("not UTF-8")
	errCutShort  = errors.New("a string without an end")
	errNameTwice = errors.New("a name is there twice")
	errNameCase  = errors.New("a name in other letters than it has")
)

// exactNames looks at the names of a JSON object.
func exactNames(object []byte, names []string) error {
	if !utf8.Valid(object) {
		return errNotUTF8
	}
	depth, seen := 0, 0
	for i := 0; i < len(object); i++ {
		switch object[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			end := endOfString(object, i)
			if end < 0 {
				return errCutShort
			}
			if depth == 1 && isName(object[end+1:]) {
				var err error
				if seen, err = exactName(object[i:end+1], names, seen); err != nil {
					return err
				}
			}
			i = end
		}
	}
	return nil
}

// endOfString is where the string ends that begins at start, or -1.
func endOfString(object []byte, start int) int {
	for at := start + 1; ; {
		quote := bytes.IndexByte(object[at:], '"')
		if quote < 0 {
			return -1
		}
		escape := bytes.IndexByte(object[at:at+quote], '\\')
		if escape < 0 {
			return at + quote
		}
		if at += escape + 2; at > len(object) {
			return -1
		}
	}
}

// isName says that what comes after a string makes it the name of a member.
func isName(after []byte) bool {
	after = bytes.TrimLeft(after, " \t\r\n")
	return len(after) > 0 && after[0] == ':'
}

// exactName looks at one name, in its quotes. seen is a bit for each of names.
func exactName(quoted []byte, names []string, seen int) (int, error) {
	name := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		var text string
		if err := json.Unmarshal(bytes.Clone(quoted), &text); err != nil {
			return seen, err
		}
		name = []byte(text)
	}
	for i, known := range names {
		if string(name) == known {
			if seen>>i&1 == 1 {
				return seen, errNameTwice
			}
			return seen | 1<<i, nil
		}
	}
	for _, known := range names {
		if strings.EqualFold(string(name), known) {
			return seen, errNameCase
		}
	}
	return seen, nil
}
