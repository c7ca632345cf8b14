package testbed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"

	"github.com/go-sql-driver/mysql"

	"authbench/scenarios/testbed/link"
)

// LinkSetting is what a link does to its connections; LinkState what it says of
// itself.
type (
	LinkSetting = link.Setting
	LinkState   = link.State
)

// Link is the TCP path between a node and a store, as a process of its own.
type Link struct {
	tb    *Testbed
	kind  string
	exact bool
	p     *process
	line  link.Line

	once sync.Once
	err  error
}

// NewLink starts a link to the store of that kind. It knows every LinkSetting but
// an exact delay. Links belong to a trial: Reset and Close close them.
func (tb *Testbed) NewLink(ctx context.Context, kind string) (*Link, error) {
	return tb.newLink(ctx, kind, false)
}

// NewDelayLink starts a link that does nothing but delay, in steps of
// link.Step: an event loop of our own (Linux).
func (tb *Testbed) NewDelayLink(ctx context.Context, kind string) (*Link, error) {
	return tb.newLink(ctx, kind, true)
}

func (tb *Testbed) newLink(ctx context.Context, kind string, exact bool) (*Link, error) {
	s := tb.Store(kind)
	if s == nil {
		return nil, fmt.Errorf("link to %s: %s", kind, tb.missing[kind])
	}
	upstream, err := addrOf(kind, s.url)
	if err != nil {
		return nil, fmt.Errorf("link to %s: %w", kind, err)
	}
	return tb.linkTo(ctx, kind, upstream, exact)
}

// linkTo starts a link to a server of that kind, host:port.
func (tb *Testbed) linkTo(ctx context.Context, kind, upstream string, exact bool) (*Link, error) {
	l := &Link{tb: tb, kind: kind, exact: exact}
	var err error
	for range portAttempts {
		if err = l.start(ctx, upstream); err == nil {
			tb.mu.Lock()
			tb.links[l] = struct{}{}
			tb.mu.Unlock()
			return l, nil
		}
	}
	return nil, fmt.Errorf("link to %s: %w", kind, err)
}

func (l *Link) start(ctx context.Context, upstream string) error {
	dir, err := l.tb.root.sub("link")
	if err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	args := []string{link.Verb, "--listen", hostPort(port), "--upstream", upstream}
	if l.exact {
		args = append(args, "--exact")
	}
	l.p, err = l.tb.spawn(command{name: link.Verb, path: l.tb.opts.Self, args: args, dir: dir})
	if err != nil {
		return err
	}
	if err := l.p.until(ctx, readyTimeout, func(context.Context) error { return l.p.announced(&l.line) }); err != nil {
		return errors.Join(err, l.p.kill())
	}
	return nil
}

// Kind is the kind of store that it leads to.
func (l *Link) Kind() string { return l.kind }

// Exact says that it is a delay link.
func (l *Link) Exact() bool { return l.exact }

// Addr is where a node reaches the store through it: host:port.
func (l *Link) Addr() string { return l.line.Listen }

// PID is its process.
func (l *Link) PID() int { return l.p.pid() }

// Set replaces what the link does. The zero setting lets everything through. When
// it returns, open connections feel it, too.
func (l *Link) Set(ctx context.Context, s LinkSetting) error {
	if err := link.Put(ctx, l.line, s); err != nil {
		return l.failed(err)
	}
	return nil
}

// State asks the link what it does.
func (l *Link) State(ctx context.Context) (LinkState, error) {
	s, err := link.Get(ctx, l.line)
	if err != nil {
		return s, l.failed(err)
	}
	return s, nil
}

// failed says what is wrong. Of the link's output only stderr may be told: its
// stdout has the secret.
func (l *Link) failed(err error) error {
	select {
	case <-l.p.exited:
		return fmt.Errorf("link to %s: %w: %v %s", l.kind, errEnded, l.p.cmd.ProcessState, l.p.tail())
	default:
		return fmt.Errorf("link to %s: %w", l.kind, err)
	}
}

// Exited is closed when the link's process has ended.
func (l *Link) Exited() <-chan struct{} { return l.p.exited }

// Close ends the link and with it all connections through it. Closing again does
// nothing.
func (l *Link) Close() error {
	l.once.Do(func() {
		l.err = l.p.kill() // it has nothing to put in order
		l.tb.mu.Lock()
		delete(l.tb.links, l)
		l.tb.pastLinks += l.p.sample().CPU
		l.tb.mu.Unlock()
	})
	return l.err
}

// closeLinks ends the trial's links.
func (tb *Testbed) closeLinks() error {
	tb.mu.Lock()
	var open []*Link
	for l := range tb.links {
		open = append(open, l)
	}
	tb.mu.Unlock()
	var errs []error
	for _, l := range open {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// addrOf is the host and port in a redis:// URL or a MySQL DSN.
func addrOf(kind, at string) (string, error) {
	if kind == MySQL {
		cfg, err := mysqlOverTCP(at)
		if err != nil {
			return "", err
		}
		return cfg.Addr, nil
	}
	u, err := redisOverTCP(at)
	if err != nil {
		return "", err
	}
	if u.Port() == "" {
		return net.JoinHostPort(u.Hostname(), "6379"), nil
	}
	return u.Host, nil
}

// via is that URL or DSN with another host and port.
func via(kind, at, addr string) (string, error) {
	if kind == MySQL {
		cfg, err := mysqlOverTCP(at)
		if err != nil {
			return "", err
		}
		cfg.Addr = addr
		return cfg.FormatDSN(), nil
	}
	u, err := redisOverTCP(at)
	if err != nil {
		return "", err
	}
	u.Host = addr
	return u.String(), nil
}

func mysqlOverTCP(dsn string) (*mysql.Config, error) {
	cfg, err := mysqlConfig(dsn)
	if err != nil {
		return nil, err
	}
	if cfg.Net != "tcp" {
		return nil, fmt.Errorf("MySQL DSN: a link needs tcp(host:port), not %s(...)", cfg.Net)
	}
	return cfg, nil
}

func redisOverTCP(at string) (*url.URL, error) {
	u, err := url.Parse(at)
	if err != nil {
		return nil, errors.New("redis URL: not a URL") // the cause would print the password
	}
	if u.Scheme != "redis" {
		return nil, fmt.Errorf("redis URL: a link needs redis://host:port, not %s://", u.Scheme)
	}
	return u, nil
}
