package attack

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"authbench/targets/contract"
)

// hostileIDs sends what parsers, stores and languages of queries give a meaning to. None
// is an id: each is refused, nothing breaks, and nobody is logged out.
func hostileIDs(ctx context.Context, t *Target, y *Tally) error {
	u, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	guard := "" // of the session that a pattern must not match
	if names := guards(t.Contract, t.Contract.Revoke); len(names) > 0 {
		guard = names[0]
	}
	live := u.Credential()
	for _, id := range hostile(live) {
		if plain, err := url.PathUnescape(id.text); err == nil && plain == unescaped(live) {
			continue // the same id to who decodes cookies
		}
		a, err := t.With(ctx, u, id.text)
		if err != nil {
			return err
		}
		y.Check(id.name, a, Refused(400, 403, 413, 414, 431).OrClosed())
		if strings.ContainsAny(id.text, "\r\n") || len(id.text) > 4096 || t.Contract.Revoke == nil {
			continue
		}
		// A log-out asks the store to delete what the id is the name of.
		req, err := t.Forge(t.Contract.Revoke, &User{u.N, u.Vars.With(contract.Vars{guard: u.Vars[guard]})}, id.text)
		if err != nil {
			return err
		}
		if a, err = t.Send(ctx, 0, t.Contract.Revoke, req, u.Vars); err != nil {
			return err
		}
		y.Check("a log-out with "+id.name, a, orDone(Refused(400, 403, 413, 414, 431).OrClosed()))
	}
	a, err := t.Use(ctx, u)
	if err == nil {
		y.Check("the live id afterwards", a, Accepted())
	}
	return err
}

func unescaped(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

// hostile are texts to send in the place of a live id.
func hostile(live string) []text {
	half := len(live) / 2
	out := []text{
		{"nothing", ""},
		{"*", "*"},
		{"?", "?"},
		{"a pattern of its length", strings.Repeat("?", len(live))},
		{"its beginning and *", live[:half] + "*"},
		{"[a-z]*", "[a-z]*"},
		{"its end behind ?", "?" + live[1:]},
		{"a hash tag", "{" + live + "}"},
		{"a hash tag in it", live[:half] + "{}" + live[half:]},
		{"a prefix", "session:" + live},
		{"a prefix and *", "session:*"},
		{"a path", "../../../../etc/passwd"},
		{"a path to it", "./" + live},
		{"an SQL quote", "' OR '1'='1"},
		{"an SQL quote behind it", live + "' -- "},
		{"an SQL comment", live + "/**/"},
		{"a double quote", `" OR ""="`},
		{"an SQL wildcard", "%"},
		{"its beginning and an SQL wildcard", live[:half] + "%"},
		{"_ for each character", strings.Repeat("_", len(live))},
		{"a backslash", live + `\`},
		{"a backslash and 0", `\0`},
		{"a JSON operator", `{"$ne":null}`},
		{"a template", "{{7*7}}${7*7}"},
		{"a format", "%s%n%x"},
		{"an encoded line break and header", live + "%0d%0aSet-Cookie:%20planted=1"},
		{"an encoded NUL behind it", live + "%00"},
		{"an encoded NUL in it", live[:half] + "%00" + live[half:]},
		{"a NUL behind it", live + "\x00"},
		{"a NUL in it", live[:half] + "\x00" + live[half:]},
		{"a CR in it", live[:half] + "\r" + live[half:]},
		{"a line feed in it", live[:half] + "\n" + live[half:]},
		{"a line break in it", live[:half] + "\r\n " + live[half:]},
		{"a RESP command", "x\r\nDEL y"},
		{"a tab in it", live[:half] + "\t" + live[half:]},
		{"a byte that is no UTF-8 behind it", live + "\xff"},
		{"a combining character behind it", live + "\u0301"},
		{"a zero-width character in it", live[:half] + "\u200b" + live[half:]},
		{"itself twice", live + live},
		{"cut by one character", live[:len(live)-1]},
		{"one character more", live + "A"},
		{"one character more in front", "A" + live},
		{"in upper case", strings.ToUpper(live)},
		{"in lower case", strings.ToLower(live)},
		{"in other case", otherCase(live)},
		{"reversed", reversed(live)},
		{"null", "null"},
		{"undefined", "undefined"},
		{"true", "true"},
		{"0", "0"},
		{"-1", "-1"},
		{"NaN", "NaN"},
		{"[object Object]", "[object Object]"},
		{"5,000 characters", strings.Repeat("a", 5000)},
		{"64 KB", strings.Repeat("a", 64<<10)},
		{"itself and 64 KB", live + strings.Repeat("a", 64<<10)},
	}
	for i, s := range sameBytes(live) {
		out = append(out, text{fmt.Sprintf("other unused bits %d", i+1), s})
	}
	for i := range live {
		bit := byte(1) << (i % 7)
		if b := []byte(live); b[i]^bit > ' ' && b[i]^bit < 0x7f && !strings.ContainsRune(`;,"%`, rune(b[i]^bit)) && b[i] != '%' {
			b[i] ^= bit
			out = append(out, text{fmt.Sprintf("one bit of character %d is another", i+1), string(b)})
		}
	}
	return out
}

func reversed(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}
