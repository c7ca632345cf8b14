package attack

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// spare is how much of a case's time is left for what comes after a long list.
const spare = 3 * time.Second

// asLongAsThereIsTime is refused, of as many as can be sent: in an order that visits all
// parts of the list early, so that what is left out is spread over it.
func (f *forge) asLongAsThereIsTime(ctx context.Context, all []variation) error {
	end, bounded := ctx.Deadline()
	const strides = 16
	sent := 0
	for start := range strides {
		for i := start; i < len(all); i += strides {
			if bounded && time.Until(end) < spare {
				f.y.Say("%d of %d were tried: there was no time for more", sent, len(all))
				return nil
			}
			if err := f.refused(ctx, all[i:i+1]); err != nil {
				return err
			}
			sent++
		}
	}
	return nil
}

// flipped changes every byte of the signature: each of its bits where it is short. None
// of these is the twin (r, n-s) that ECDSA has for every signature and that is valid: it
// differs in more than a bit.
func flipped(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	masks := []byte{1, 2, 4, 8, 16, 32, 64, 128}
	if len(f.sig) > 96 {
		masks = []byte{1}
	}
	var all []variation
	for i := range f.sig {
		for _, mask := range masks {
			sig := slices.Clone(f.sig)
			sig[i] ^= mask
			all = append(all, variation{fmt.Sprintf("byte %d of the signature with %#02x", i, mask), f.sealed(sig)})
		}
	}
	return f.asLongAsThereIsTime(ctx, all)
}

// resized cuts and extends the signature.
func resized(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	n := len(f.sig)
	var all []variation
	for cut := 0; cut < n; cut += max(1, n/256) {
		all = append(all, variation{fmt.Sprintf("the first %d of %d bytes", cut, n), f.sealed(f.sig[:cut])})
	}
	for _, cut := range []int{1, 2, n / 2, n - 1} {
		all = append(all, variation{fmt.Sprintf("less the first %d bytes", cut), f.sealed(f.sig[cut:])})
	}
	for _, add := range []int{1, 2, 3, 16, n} {
		more := make([]byte, add)
		all = append(all,
			variation{fmt.Sprintf("%d zero bytes behind it", add), f.sealed(slices.Concat(f.sig, more))},
			variation{fmt.Sprintf("%d zero bytes before it", add), f.sealed(slices.Concat(more, f.sig))})
	}
	all = append(all,
		variation{"twice", f.sealed(slices.Concat(f.sig, f.sig))},
		variation{"all zero", f.sealed(make([]byte, n))},
		variation{"all ones", f.sealed([]byte(strings.Repeat("\xff", n)))},
		variation{"backwards", f.sealed(backwards(f.sig))},
		variation{"one byte of its text cut off", f.u.Credential()[:len(f.u.Credential())-1]})
	return f.asLongAsThereIsTime(ctx, all)
}

func backwards(b []byte) []byte {
	out := slices.Clone(b)
	slices.Reverse(out)
	return out
}

// transplanted puts header, payload and signature of different tokens together: of two
// users, and of two log-ins of one. What is then a token that was handed out is left out.
func transplanted(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	mine := *f.u
	if err := t.Again(ctx, &mine); err != nil {
		return err
	}
	other, err := t.LogIn(ctx)
	if err != nil {
		return err
	}
	var all []variation
	given := []string{f.u.Credential(), mine.Credential(), other.Credential()}
	for what, token := range sorted(map[string]string{"another log-in of the same user": mine.Credential(), "another user": other.Credential()}) {
		j, err := parseJWS(token)
		if err != nil {
			return err
		}
		for which := range 1 << 3 {
			parts := f.parts
			var from []string
			for i, name := range []string{"header", "payload", "signature"} {
				if which>>i&1 == 1 {
					parts[i] = j.parts[i]
					from = append(from, name)
				}
			}
			made := strings.Join(parts[:], ".")
			if !slices.Contains(given, made) {
				all = append(all, variation{fmt.Sprintf("%s of %s", strings.Join(from, " and "), what), made})
			}
		}
	}
	for name, value := range sorted(f.u.Vars) {
		if j, err := parseJWS(value); err == nil && name != "credential" {
			all = append(all,
				variation{"the signature of " + name, f.parts[0] + "." + f.parts[1] + "." + j.parts[2]},
				variation{"the header and signature of " + name, j.parts[0] + "." + f.parts[1] + "." + j.parts[2]})
		}
	}
	return f.refused(ctx, all)
}

// respelt changes every character of header and payload for another of the alphabet.
func respelt(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	var all []variation
	input := f.input()
	for i := range len(input) {
		if input[i] == '.' {
			continue
		}
		at := strings.IndexByte(base64url, input[i])
		made := input[:i] + string(base64url[(at+1)%len(base64url)]) + input[i+1:] + "." + f.parts[2]
		all = append(all, variation{fmt.Sprintf("character %d of %d", i, len(input)), made})
	}
	return f.asLongAsThereIsTime(ctx, all)
}
