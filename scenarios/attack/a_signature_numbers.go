package attack

import (
	"context"
	"crypto/elliptic"
	"encoding/asn1"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// psychic sends ECDSA signatures whose numbers are none that a signer makes (RFC 7518
// section 3.4, FIPS 186-5 section 6.4.2 step 1), and a valid one in another encoding.
func psychic(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	curve := map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}[f.alg]
	if curve == nil {
		y.Unknown("its tokens are signed with %s: the order of that curve is not known here", f.alg)
		return nil
	}
	params := curve.Params()
	size := (params.BitSize + 7) / 8
	if len(f.sig) != 2*size {
		y.Unknown("its signatures have %d bytes, and those of %s %d", len(f.sig), f.alg, 2*size)
		return nil
	}
	one, n := big.NewInt(1), params.N
	numbers := map[string]*big.Int{
		"0": new(big.Int), "1": one, "2": big.NewInt(2), "n-1": new(big.Int).Sub(n, one), "n": n, "n+1": new(big.Int).Add(n, one),
		"p": params.P, "p-1": new(big.Int).Sub(params.P, one), "x of G": params.Gx,
		"the largest": new(big.Int).Sub(new(big.Int).Lsh(one, uint(8*size)), one),
		"the half":    new(big.Int).Rsh(n, 1),
		"the real r":  new(big.Int).SetBytes(f.sig[:size]), "the real s": new(big.Int).SetBytes(f.sig[size:]),
	}
	var all []variation
	for rName, r := range sorted(numbers) {
		for sName, s := range sorted(numbers) {
			if rName == "the real r" && sName == "the real s" || r.BitLen() > 8*size || s.BitLen() > 8*size {
				continue
			}
			sig := make([]byte, 2*size)
			r.FillBytes(sig[:size])
			s.FillBytes(sig[size:])
			all = append(all, variation{fmt.Sprintf("r is %s, s is %s", rName, sName), f.sealed(sig)})
		}
	}
	der := func(what string, r, s *big.Int) {
		if b, err := asn1.Marshal(struct{ R, S *big.Int }{r, s}); err == nil {
			all = append(all, variation{what, f.sealed(b)})
		}
	}
	r, s := numbers["the real r"], numbers["the real s"]
	der("the real signature in DER", r, s)
	der("zeros in DER", new(big.Int), new(big.Int))
	der("r and s less the order, in DER", new(big.Int).Sub(r, n), new(big.Int).Sub(s, n))
	der("r and s plus the order, in DER", new(big.Int).Add(r, n), new(big.Int).Add(s, n))
	wide := make([]byte, 2*(size+1))
	new(big.Int).Add(r, n).FillBytes(wide[:size+1])
	new(big.Int).Add(s, n).FillBytes(wide[size+1:])
	all = append(all,
		variation{"r plus n, s plus n, a byte longer each", f.sealed(wide)},
		variation{"s before r", f.sealed(slices.Concat(f.sig[size:], f.sig[:size]))},
		variation{"r alone", f.sealed(f.sig[:size])},
		variation{"nothing but zeros, two bytes", f.sealed(make([]byte, 2))})
	return f.refused(ctx, all)
}

// malleable sends Ed25519 signatures (R, S) whose S is not below the order of the group,
// which has to be refused (RFC 8032 section 5.1.7), or whose R is another point.
func malleable(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	const half = 32
	if len(f.sig) != 2*half {
		y.Unknown("its signatures have %d bytes, and those of Ed25519 %d", len(f.sig), 2*half)
		return nil
	}
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10) // 2^252 + ...
	s := new(big.Int).SetBytes(backwards(f.sig[half:]))                                                                    // little-endian
	var all []variation
	with := func(what string, r []byte, s *big.Int) {
		if s.Sign() < 0 || s.BitLen() > 8*half {
			return
		}
		sig := slices.Concat(r, backwards(s.FillBytes(make([]byte, half))))
		all = append(all, variation{what, f.sealed(sig)})
	}
	r := f.sig[:half]
	for k := int64(1); k < 16; k++ {
		with(fmt.Sprintf("S plus %d times the order", k), r, new(big.Int).Add(s, new(big.Int).Mul(order, big.NewInt(k))))
	}
	with("S of zero", r, new(big.Int))
	with("S is the order", r, order)
	with("minus S", r, new(big.Int).Sub(order, s))
	with("the largest S", r, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1)))
	sign := slices.Clone(r)
	sign[half-1] ^= 0x80
	with("R with the other sign", sign, s)
	// Points of small order, and the identity in another spelling.
	for what, text := range sorted(map[string]string{
		"the identity":               "\x01" + strings.Repeat("\x00", 31),
		"zero":                       strings.Repeat("\x00", 32),
		"the order-2 point":          "\xec" + strings.Repeat("\xff", 30) + "\x7f",
		"the identity, not reduced":  "\xee" + strings.Repeat("\xff", 30) + "\x7f",
		"the identity, with a sign":  "\x01" + strings.Repeat("\x00", 30) + "\x80",
		"zero, not reduced":          "\xed" + strings.Repeat("\xff", 30) + "\x7f",
		"larger than the field's p":  strings.Repeat("\xff", 32),
		"no point of the curve at 2": "\x02" + strings.Repeat("\x00", 31),
	}) {
		with("R is "+what+", S of zero", []byte(text), new(big.Int))
		with("R is "+what, []byte(text), s)
	}
	all = append(all, variation{"S before R", f.sealed(slices.Concat(f.sig[half:], f.sig[:half]))})
	return f.refused(ctx, all)
}

// latticed sends ML-DSA signatures (FIPS 204) that are not of the key's parameter set.
func latticed(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	lengths := map[string]int{"ML-DSA-44": 2420, "ML-DSA-65": 3309, "ML-DSA-87": 4627}
	var all []variation
	for name, n := range sorted(lengths) {
		header := f.header.with("alg", name).bytes()
		sig := slices.Concat(f.sig, make([]byte, lengths["ML-DSA-87"]))[:n]
		if name != f.alg {
			all = append(all,
				variation{"says " + name + ", as signed", compact(header, f.body, f.sig)},
				variation{"says " + name + ", of its length", compact(header, f.body, sig)},
				variation{"of the length of " + name, f.sealed(sig)})
		}
		all = append(all,
			variation{"zeros of the length of " + name, f.sealed(make([]byte, n))},
			variation{"zeros of the length of " + name + ", which it says", compact(header, f.body, make([]byte, n))},
			variation{"ones of the length of " + name, f.sealed([]byte(strings.Repeat("\xff", n)))})
	}
	n := len(f.sig)
	for _, off := range []int{1, 2, 3, 32} {
		all = append(all,
			variation{fmt.Sprintf("%d bytes less", off), f.sealed(f.sig[:n-off])},
			variation{fmt.Sprintf("%d bytes less in front", off), f.sealed(f.sig[off:])},
			variation{fmt.Sprintf("%d bytes more", off), f.sealed(slices.Concat(f.sig, make([]byte, off)))})
	}
	// The hint at the end: positions that are not sorted, or counts out of range.
	for i := 1; i <= 90 && i <= n; i++ {
		sig := slices.Clone(f.sig)
		sig[n-i]++
		all = append(all, variation{fmt.Sprintf("byte %d from the end plus one", i), f.sealed(sig)})
	}
	if err := f.asLongAsThereIsTime(ctx, all); err != nil || t.Material.Sign == nil {
		return err
	}
	var signed []minting
	for name := range sorted(lengths) {
		if name != f.alg {
			signed = append(signed, minting{what: "says " + name + ", signed with " + f.alg, header: f.header.with("alg", name).bytes(), payload: f.body})
		}
	}
	return f.minted(ctx, signed, Refused())
}
