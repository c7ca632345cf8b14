package contract

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// mostOfAFile is the longest file that a contract may name: a million users and more.
const mostOfAFile = 64 << 20

// beside reads a file that a contract names. Its path counts from the contract's.
func (c *Contract) beside(name string) ([]byte, error) {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(c.file), name)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	switch info, err := f.Stat(); {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", path)
	case info.Size() > mostOfAFile:
		return nil, fmt.Errorf("%s has %d bytes, more than %d", path, info.Size(), mostOfAFile)
	}
	return io.ReadAll(f)
}

// readUsers reads the users' file: its columns, and a row a user. An error names lines,
// never what is in them.
func readUsers(data []byte) (columns []string, rows []Vars, err error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	r.TrimLeadingSpace = true
	for {
		fields, err := r.Read()
		var bad *csv.ParseError
		switch {
		case errors.Is(err, io.EOF) && columns == nil:
			return nil, nil, errors.New("it is empty: its first line names the columns")
		case errors.Is(err, io.EOF) && len(rows) == 0:
			return nil, nil, errors.New("it has no user: one stands on each line after the first")
		case errors.Is(err, io.EOF):
			return columns, rows, nil
		case errors.As(err, &bad):
			return nil, nil, fmt.Errorf("line %d: %w", bad.StartLine, bad.Err)
		case err != nil:
			return nil, nil, err
		case columns == nil:
			columns = slices.Clone(fields)
			continue
		}
		row := make(Vars, len(columns))
		for i, name := range columns {
			row[name] = fields[i]
		}
		rows = append(rows, row)
	}
}

// TLSConfig is how a client speaks TLS with the target at host.
func (c *Contract) TLSConfig(host string) *tls.Config {
	config := &tls.Config{ServerName: cmp.Or(c.TLS.ServerName, host), MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	if len(c.roots) > 0 {
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM(c.roots) // Parse has tried
	}
	return config
}

// RootsPEM are the authorities that sign the target's certificate; nil: the system's.
func (c *Contract) RootsPEM() []byte { return c.roots }

// SecretVars are the secrets by name, for the environment of the start command.
func (c *Contract) SecretVars() Vars { return c.secrets }
