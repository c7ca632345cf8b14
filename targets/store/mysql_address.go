package store

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/go-sql-driver/mysql"
)

// mysqlAddress is what a DSN says, in the form of go-sql-driver, with two
// parameters of our own:
//
//	ca=FILE            certificates to trust, PEM; the connection is then TLS
//	replica=host:port  where reads may go
type mysqlAddress struct {
	*mysql.Config
	replica string
}

func parseMySQLDSN(dsn string) (*mysqlAddress, error) {
	my, err := mysql.ParseDSN(dsn)
	if err != nil {
		// What the parser says may have the password in it.
		return nil, errors.New("store: MySQL DSN: want user:password@tcp(host:port)/database")
	}
	if my.DBName == "" {
		return nil, errors.New("store: MySQL DSN names no database: want ...)/authbench")
	}
	own := func(key string) string { // the driver takes it for a variable of the session
		v := my.Params[key]
		delete(my.Params, key)
		return v
	}
	a := &mysqlAddress{my, own("replica")}
	if ca := own("ca"); ca != "" {
		pool, err := certificates(ca)
		if err != nil {
			return nil, fmt.Errorf("store: MySQL DSN: ca: %w", err)
		}
		host, _, err := net.SplitHostPort(my.Addr)
		if err != nil {
			return nil, fmt.Errorf("store: MySQL DSN: TLS to %s(...): want tcp(host:port)", my.Net)
		}
		my.TLS = &tls.Config{RootCAs: pool, ServerName: host, MinVersion: tls.VersionTLS12}
	}
	return a, nil
}

// reader is the address of the replica.
func (a *mysqlAddress) reader() (*mysqlAddress, error) {
	if a.replica == "" {
		return nil, errors.New("store: MySQL DSN: reads are to go to a replica, and it names none: want ?replica=host:port")
	}
	my := a.Clone()
	my.Addr = a.replica
	if host, _, err := net.SplitHostPort(a.replica); err == nil && my.TLS != nil {
		my.TLS.ServerName = host
	}
	return &mysqlAddress{Config: my}, nil
}
