package jwt

import (
	"errors"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// TestUnambiguous holds every library to what none of them sees to by itself: one name has
// one meaning.
func TestUnambiguous(t *testing.T) {
	for _, library := range Verifiers() {
		ring := mustRing(t, "HS256")
		key := ring.active()
		cfg := config(&frozen{epoch})
		cfg.Verifier = library
		_, v := pair(t, ring, cfg)
		head, body := header("HS256", "at+jwt", key.ID), payload(nil)
		open := func(s string) string { return strings.TrimSuffix(s, "}") }
		for _, c := range []struct {
			what, head, body string
			want             error
		}{
			{"valid", head, body, nil},
			{"white space", " {\n\t" + head[1:], "{ " + body[1:], nil},
			{"an unknown claim", head, open(body) + `,"x":1}`, nil},
			{"an unknown claim twice", head, open(body) + `,"x":1,"x":2}`, nil},
			{"a known name further down", head, open(body) + `,"x":{"sub":"a","SUB":"b","exp":1}}`, nil},
			{"a known name as a value", head, open(body) + `,"x":["sub","exp"],"y":"sub"}`, nil},
			{"a name in a string", head, open(body) + `,"x":"\"SUB\":1,{"}`, nil},
			{"sub twice", head, open(body) + `,"sub":"user-8"}`, ErrMalformed},
			{"sub twice, once with an escape", head, open(body) + `,"\u0073ub":"user-8"}`, ErrMalformed},
			{"exp twice", head, open(body) + `,"exp":4102444800}`, ErrMalformed},
			{"SUB beside sub", head, open(body) + `,"SUB":"user-8"}`, ErrMalformed},
			{"a long s", head, open(body) + `,"ſub":"user-8"}`, ErrMalformed},
			{"EXP for exp", head, strings.Replace(body, `"exp"`, `"EXP"`, 1), ErrMalformed},
			{"EXP with an escape", head, strings.Replace(body, `"exp"`, `"\u0045xp"`, 1), ErrMalformed},
			{"an exp of two spellings that is right", head, strings.Replace(body, `"exp"`, `"\u0065xp"`, 1), nil},
			{"claims not in UTF-8", head, open(body) + ",\"x\":\"\xff\"}", ErrMalformed},
			{"header not in UTF-8", open(head) + ",\"x\":\"\xff\"}", body, ErrMalformed},
			{"alg twice", open(head) + `,"alg":"HS256"}`, body, ErrMalformed},
			{"kid twice", `{"kid":"` + key.ID + `",` + head[1:], body, ErrMalformed},
			{"KID beside kid", open(head) + `,"KID":"x"}`, body, ErrMalformed},
		} {
			_, err := v.Access(forge(t, jwt.SigningMethodHS256, key.private, c.head, c.body))
			// Of two kids one library goes by the first, and does not find its key.
			if (err == nil) != (c.want == nil) || !errors.Is(err, c.want) && !errors.Is(err, ErrKey) {
				t.Errorf("%s, %s: %v, want %v", library, c.what, err, c.want)
			}
		}
	}
}

// TestExactNamesOfRubbish: what a lenient library lets pass does not take us down.
func TestExactNamesOfRubbish(t *testing.T) {
	for _, s := range []string{"", "{", `{"`, `{"a`, `{"a\`, `{"a\"`, `{"sub":"`, `}}}}"sub":`, `"`, "\x00", `{"\u00`, `{"\x":1}`} {
		_ = exactNames([]byte(s), claimNames[:])
	}
}

func FuzzExactNames(f *testing.F) {
	f.Add([]byte(`{"sub":"a","\u0073ub":1}`))
	f.Fuzz(func(_ *testing.T, b []byte) { _ = exactNames(b, claimNames[:]) })
}

func BenchmarkUnambiguous(b *testing.B) {
	i, _ := pair(b, mustRing(b, "HS256"), config(&frozen{epoch}))
	token := issue(b, i).Access
	b.ReportAllocs()
	for b.Loop() {
		if err := unambiguous(token); err != nil {
			b.Fatal(err)
		}
	}
}
