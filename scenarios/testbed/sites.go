package testbed

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// Sites are hosts with made-up names, by https and by http, on this machine. Only a
// browser that is told of them finds them: see NewBrowser.
type Sites struct {
	pin             string // of the key of their certificate
	secure, plain   net.Listener
	overTLS, inText *http.Server
	ended           chan struct{}
}

// NewSites serves the hosts of these names, as the browser sees them at ports 443 and 80.
func NewSites(handler http.Handler, names ...string) (*Sites, error) {
	s := &Sites{ended: make(chan struct{}, 2)}
	cert, err := s.certificate(names)
	if err != nil {
		return nil, fmt.Errorf("made-up sites: %w", err)
	}
	if s.secure, err = net.Listen("tcp", loopback+":0"); err != nil {
		return nil, fmt.Errorf("made-up sites: %w", err)
	}
	if s.plain, err = net.Listen("tcp", loopback+":0"); err != nil {
		return nil, errors.Join(fmt.Errorf("made-up sites: %w", err), s.secure.Close())
	}
	server := func() *http.Server {
		// A browser that breaks a connection off is nobody's news.
		return &http.Server{Handler: handler, ReadHeaderTimeout: readyTimeout, ErrorLog: log.New(io.Discard, "", 0)}
	}
	s.overTLS, s.inText = server(), server()
	go s.serve(s.inText, s.plain)
	// Without "h2" among the protocols: HTTP/1.1 is what the node behind it speaks.
	go s.serve(s.overTLS, tls.NewListener(s.secure, &tls.Config{
		Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
	}))
	return s, nil
}

func (s *Sites) serve(srv *http.Server, ln net.Listener) {
	_ = srv.Serve(ln) // until Close
	s.ended <- struct{}{}
}

// certificate is one that is signed with its own key: the browser is told the key.
func (s *Sites) certificate(names []string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	t := template("authbench sites")
	t.DNSNames, t.KeyUsage = names, x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return tls.Certificate{}, err
	}
	sum := sha256.Sum256(spki)
	s.pin = base64.StdEncoding.EncodeToString(sum[:])
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// flags tell a Chromium of them. Every name there is leads here, so that it reaches
// nothing else.
func (s *Sites) flags() []string {
	return []string{
		fmt.Sprintf("--host-resolver-rules=MAP *:443 %s, MAP *:80 %s, MAP * %s", s.secure.Addr(), s.plain.Addr(), s.plain.Addr()),
		"--ignore-certificate-errors-spki-list=" + s.pin,
	}
}

// Close ends them at once.
func (s *Sites) Close() error {
	err := errors.Join(s.overTLS.Close(), s.inText.Close())
	for range 2 {
		select {
		case <-s.ended:
		case <-time.After(stopGrace):
			return errors.Join(err, errors.New("the made-up sites do not end"))
		}
	}
	return err
}
