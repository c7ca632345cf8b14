package testbed

import (
	"context"
	"errors"
)

// startExternal takes a server that somebody else runs. It is never stopped, and
// only what is ours in it is ever removed. Its CPU cannot be read.
func startExternal(_ context.Context, tb *Testbed, kind string) (server, error) {
	url, flag := tb.opts.RedisURL, "--redis-url"
	if kind == MySQL {
		url, flag = tb.opts.MySQLDSN, "--mysql-dsn"
	}
	if url == "" {
		return nil, errors.New("no " + flag + " was given")
	}
	return externalServer{url}, nil
}

type externalServer struct{ url string }

func (s externalServer) access() access              { return access{url: s.url, network: "external"} }
func (externalServer) kill(context.Context) error    { return errNotOurs }
func (externalServer) restart(context.Context) error { return errNotOurs }
func (externalServer) pause(context.Context) error   { return errNotOurs }
func (externalServer) resume(context.Context) error  { return errNotOurs }
func (externalServer) dataDir() (string, error)      { return "", errNotOurs }
func (externalServer) close() error                  { return nil }
func (externalServer) pid() int                      { return 0 }
func (externalServer) sample() Sample                { return Sample{} }
func (externalServer) check() error                  { return nil }
