package testbed

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"authbench/targets/contract"
)

const readyTimeout = 10 * time.Second // unless the contract says otherwise

// Node is one running target process, or a target that somebody else runs.
type Node struct {
	tb     *Testbed
	addr   string
	admin  string // its admin plane: host:port; "" without one
	host   string // what requests name, where it is not the address
	secure bool   // TLS
	tls    *tls.Config
	p      *process // nil: not ours

	once sync.Once
	err  error
}

// StartNode runs one node of the target that c describes and waits until it takes
// requests. A target that is reached by URL is only waited for. The error carries
// the end of what the node wrote to stderr.
func (tb *Testbed) StartNode(ctx context.Context, c *contract.Contract) (*Node, error) {
	return tb.StartNodeWith(ctx, c, NodeOptions{})
}

// NodeOptions is how a node differs from one that is plainly started.
type NodeOptions struct {
	// Links lead to stores, by their kind. Without one the node reaches it directly.
	Links map[string]*Link
	// Stores are the URLs of stores that are not the testbed's own, by their kind.
	Stores map[string]string
	// Listen is where it listens, host:port: that of a node that has ended, say. Empty
	// is a free port.
	Listen string
	// Keys names the keys that it has. Nodes of one name share them; "" is what the
	// nodes of a trial share.
	Keys string
	// Admin asks for an admin plane: see Node.Admin.
	Admin bool
}

// StartNodeWith is StartNode with the options.
func (tb *Testbed) StartNodeWith(ctx context.Context, c *contract.Contract, o NodeOptions) (*Node, error) {
	timeout := c.Ready.Timeout.D()
	if timeout == 0 {
		timeout = readyTimeout
	}
	n := &Node{tb: tb}
	tb.mu.Lock()
	tb.nodes[n] = struct{}{}
	tb.mu.Unlock()
	if err := tb.launch(ctx, c, o, n, timeout); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, errors.Join(err, n.Stop()))
	}
	return n, nil
}

func (tb *Testbed) launch(ctx context.Context, c *contract.Contract, o NodeOptions, n *Node, timeout time.Duration) error {
	if c.Start == nil {
		if o.Admin {
			return Unsupported("it runs elsewhere, and has no admin plane that we know of")
		}
		if len(o.Links) > 0 {
			return Unsupported("it runs elsewhere, where no link of ours can be put before its store")
		}
		u, err := url.Parse(c.URL)
		if err != nil {
			return err
		}
		n.addr, n.host, n.secure = withPort(u), u.Host, u.Scheme == "https"
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		if n.secure {
			n.tls = c.TLSConfig(u.Hostname())
		}
		return poll(ctx, func(ctx context.Context) error { return n.answers(ctx, u.Path, c.Ready.Path) })
	}
	if n.addr = o.Listen; n.addr == "" {
		port, err := freePort()
		if err != nil {
			return err
		}
		n.addr = hostPort(port)
	}
	fill, err := tb.placeholders(ctx, c, o)
	if err != nil {
		return err
	}
	fill["listen"] = n.addr
	cmd, err := tb.command(c, c.Name, c.Start.Command, fill)
	if err != nil {
		return err
	}
	if o.Admin {
		if !c.Start.Admin {
			return Unsupported("its contract has no admin plane (start.admin)")
		}
		cmd.env = append(cmd.env, adminEnv+"="+tb.adminSecret)
		cmd.secret = append(cmd.secret, tb.adminSecret)
	}
	p, err := tb.spawn(cmd)
	if err != nil {
		return err
	}
	tb.mu.Lock()
	n.p = p
	tb.mu.Unlock()
	return p.until(ctx, timeout, func(ctx context.Context) error {
		if c.Start.Announces {
			var says struct {
				Listen string `json:"listen"`
				Admin  string `json:"admin"`
			}
			if err := p.announced(&says); err != nil {
				return err
			}
			if n.addr, n.admin = says.Listen, says.Admin; o.Admin && n.admin == "" {
				return errors.New(`it was to have an admin plane, and does not announce "admin"`)
			}
		}
		return n.answers(ctx, "", c.Ready.Path)
	})
}

// announced decodes the one JSON line that a process prints when it is ready.
func (p *process) announced(into any) error {
	b, err := os.ReadFile(filepath.Join(p.dir, "stdout"))
	if err != nil {
		return err
	}
	line, _, complete := bytes.Cut(b, []byte("\n"))
	if !complete {
		return errors.New("it has not announced itself on stdout")
	}
	if err := json.Unmarshal(line, into); err != nil {
		return fmt.Errorf("its first line on stdout should be JSON, but is %q: %w", hide(string(line), p.secret), err)
	}
	return nil
}

// withPort is the host and port of a URL.
func withPort(u *url.URL) string {
	if port := u.Port(); port != "" {
		return u.Host
	}
	return net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
}

// answers is what the function of that name says of this node.
func (n *Node) answers(ctx context.Context, prefix, path string) error {
	scheme := "http"
	if n.secure {
		scheme = "https"
	}
	return answers(ctx, scheme, n.addr, prefix, path, n.tls)
}

// answers is nil when GET path is answered with 2xx, or, without a path, when a
// connection is accepted.
func answers(ctx context.Context, scheme, addr, prefix, path string, secure *tls.Config) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if path == "" {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+addr+strings.TrimSuffix(prefix, "/")+path, nil)
	if err != nil {
		return err
	}
	// A transport of its own: no proxy, and no connection that stays in the target.
	resp, err := (&http.Transport{DisableKeepAlives: true, TLSClientConfig: secure}).RoundTrip(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("GET %s answered %s", path, resp.Status)
	}
	return nil
}

// placeholders are the values that a start command may refer to. The keys of the
// trial are made on first use.
func (tb *Testbed) placeholders(ctx context.Context, c *contract.Contract, o NodeOptions) (map[string]string, error) {
	fill := map[string]string{}
	for name, value := range c.Settings {
		fill[name] = value
	}
	maps.Copy(fill, c.SecretVars())
	fill["self"], fill["dir"] = tb.opts.Self, c.Dir()
	for _, kind := range c.Start.Needs {
		name := "redis_url"
		if kind == MySQL {
			name = "mysql_dsn"
		}
		if url, ok := o.Stores[kind]; ok {
			fill[name] = url
			continue
		}
		s := tb.Store(kind)
		if s == nil {
			return nil, fmt.Errorf("it needs %s: %s", kind, tb.missing[kind])
		}
		fill[name] = s.URL()
		if l := o.Links[kind]; l != nil {
			var err error
			if fill[name], err = via(kind, s.URL(), l.Addr()); err != nil {
				return nil, err
			}
		}
	}
	dir, err := tb.keysDir(ctx, c, o.Keys, fill)
	if err != nil {
		return nil, err
	}
	fill["keys_dir"] = dir
	return fill, nil
}

// keysDir is the private directory that the nodes of c in this trial share, those that
// ask for keys of the same name. The contract's Prepare fills it, once.
func (tb *Testbed) keysDir(ctx context.Context, c *contract.Contract, keys string, fill map[string]string) (string, error) {
	name := c.Name + "/" + keys
	tb.mu.Lock()
	dir, ok := tb.keys[name]
	tb.mu.Unlock()
	if ok {
		return dir, nil
	}
	dir, err := tb.root.sub("keys")
	if err != nil {
		return "", err
	}
	if len(c.Start.Prepare) > 0 {
		fill["keys_dir"] = dir
		cmd, err := tb.command(c, "prepare "+c.Name, c.Start.Prepare, fill)
		if err != nil {
			return "", err
		}
		if err := tb.runToEnd(ctx, cmd, storeTimeout); err != nil {
			return "", err
		}
	}
	tb.mu.Lock()
	tb.keys[name] = dir
	tb.mu.Unlock()
	return dir, nil
}

// dropKeys ends the trial's keys.
func (tb *Testbed) dropKeys() error {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	for name, dir := range tb.keys {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		delete(tb.keys, name)
	}
	return nil
}

// command fills a contract's command in. It runs in the harness's own working
// directory, as a reader's relative paths expect.
func (tb *Testbed) command(c *contract.Contract, name string, argv []string, fill map[string]string) (command, error) {
	if len(argv) == 0 {
		return command{}, errors.New("the contract's command is empty")
	}
	var pairs []string
	for k, v := range fill {
		pairs = append(pairs, "{"+k+"}", v)
	}
	filled := strings.NewReplacer(pairs...)
	dir, err := tb.root.sub("node")
	if err != nil {
		return command{}, err
	}
	cmd := command{name: name, path: filled.Replace(argv[0]), dir: dir, inherit: true}
	for _, a := range argv[1:] {
		cmd.args = append(cmd.args, filled.Replace(a))
	}
	for k, v := range c.Start.Env {
		cmd.env = append(cmd.env, k+"="+filled.Replace(v))
	}
	cmd.secret = slices.Collect(maps.Values(c.SecretVars()))
	for _, name := range []string{"redis_url", "mysql_dsn"} {
		cmd.secret = append(cmd.secret, passwordsIn(fill[name])...)
	}
	slices.Sort(cmd.env)
	return cmd, nil
}

// Addr is where the node is reached: host:port.
func (n *Node) Addr() string { return n.addr }

// Host is what requests to the node name as their host: the address, or what the
// target's URL says.
func (n *Node) Host() string {
	if n.host != "" {
		return n.host
	}
	return n.addr
}

// Secure says that the node speaks TLS.
func (n *Node) Secure() bool { return n.secure }

// PID is the node's process, 0 when it is not ours.
func (n *Node) PID() int {
	if n.p == nil {
		return 0
	}
	return n.p.pid()
}

// Exited is closed when the node's process has ended. For a target that is not
// ours it is nil: it never is.
func (n *Node) Exited() <-chan struct{} {
	if n.p == nil {
		return nil
	}
	return n.p.exited
}

// Output is the end of what the node wrote to stderr, for messages.
func (n *Node) Output() string {
	if n.p == nil {
		return ""
	}
	return n.p.tail()
}

// Kill ends the node as kill -9 does.
func (n *Node) Kill() error {
	if n.p == nil {
		return errNotOurs
	}
	return n.p.kill()
}

// Stop asks the node to drain and end (SIGTERM), and kills it when it does not.
// Stopping again does nothing. A target that is not ours stays.
func (n *Node) Stop() error {
	n.once.Do(func() {
		if n.p != nil {
			n.err = n.p.stop()
		}
		n.tb.mu.Lock()
		delete(n.tb.nodes, n)
		n.tb.past += n.sample().CPU
		n.tb.mu.Unlock()
		if n.p != nil {
			n.err = errors.Join(n.err, os.RemoveAll(n.p.dir))
		}
	})
	return n.err
}

// Sample is what this node alone has spent so far.
func (n *Node) Sample() Sample {
	n.tb.mu.Lock()
	defer n.tb.mu.Unlock()
	return n.sample()
}

// sample is called with the testbed's lock held.
func (n *Node) sample() Sample {
	if n.p == nil {
		return Sample{}
	}
	return n.p.sample()
}
