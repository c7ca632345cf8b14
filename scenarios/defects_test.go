package scenarios

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"authbench/scenarios/testbed/link"
	"authbench/targets/contract"
	"authbench/targets/server"
	"authbench/targets/store"
)

// TestMain lets the test binary stand in for authbench where a testbed starts it:
// as a node, with a defect planted if the environment names one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && slices.Contains([]string{"serve", "keys", link.Verb}, os.Args[1]) {
		if err := standIn(os.Args[1], os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// The environment of a node with a defect.
const (
	defectVar     = "AUTHBENCH_TEST_DEFECT"
	defectSeedVar = "AUTHBENCH_TEST_DEFECT_SEED"
)

// standIn is the verbs serve, keys and link.
func standIn(verb string, args []string) error {
	if verb == link.Verb {
		return serveLink(args)
	}
	set, tier := map[string]string{}, map[string]string{}
	fs := flag.NewFlagSet(verb, flag.ContinueOnError)
	arm := fs.String("arm", "", "")
	listen := fs.String("listen", "", "")
	keys := fs.String("keys", "", "")
	out := fs.String("out", "", "")
	fs.Func("set", "", func(kv string) error {
		k, v, _ := strings.Cut(kv, "=")
		set[k] = v
		return nil
	})
	fs.Func("tier", "", func(kv string) error {
		k, v, _ := strings.Cut(kv, "=")
		tier[k] = v
		return nil
	})
	if err := fs.Parse(args); err != nil {
		return err
	}
	c, err := contract.Arm(*arm, set)
	if err != nil {
		return err
	}
	settings, err := server.Decode(c.Settings)
	if err != nil {
		return err
	}
	if verb == "keys" {
		return settings.GenerateKeys(*out)
	}
	at, err := server.DecodeTier(tier)
	if err != nil {
		return err
	}
	opt := server.Options{
		Arm: *arm, Settings: settings, KeysDir: *keys, Tier: at, AdminSecret: os.Getenv("AUTHBENCH_ADMIN_SECRET"),
		RedisURL: os.Getenv("AUTHBENCH_REDIS_URL"), MySQLDSN: os.Getenv("AUTHBENCH_MYSQL_DSN"),
	}
	if d := planted(os.Getenv(defectVar)); d != nil {
		seed, _ := strconv.ParseUint(os.Getenv(defectSeedVar), 10, 64)
		d(&opt, seed)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ln, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	srv, err := server.New(ctx, opt)
	if err != nil {
		return err
	}
	says := map[string]string{"listen": ln.Addr().String()}
	var admin net.Listener
	if opt.AdminSecret != "" {
		if admin, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return err
		}
		says["admin"] = admin.Addr().String()
	}
	if err := json.NewEncoder(os.Stdout).Encode(says); err != nil {
		return err
	}
	return srv.Serve(ctx, ln.(*net.TCPListener), admin)
}

func serveLink(args []string) error {
	var cfg link.Config
	fs := flag.NewFlagSet(link.Verb, flag.ContinueOnError)
	fs.StringVar(&cfg.Listen, "listen", "", "")
	fs.StringVar(&cfg.Upstream, "upstream", "", "")
	fs.BoolVar(&cfg.Exact, "exact", false, "")
	if err := fs.Parse(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return link.Serve(ctx, cfg, os.Stdout)
}

// defect spoils a node that is about to be made. Which of its operations are hit
// is up to a counter that starts at a seeded place.
type defect func(o *server.Options, seed uint64)

func planted(name string) defect {
	if d := clockDefect(name); d != nil {
		return d
	}
	if d := keyDefect(name); d != nil {
		return d
	}
	if d := sizeDefect(name); d != nil {
		return d
	}
	if d := distanceDefect(name); d != nil {
		return d
	}
	if d := kneeDefect(name); d != nil {
		return d
	}
	if d := crossSiteDefect(name); d != nil {
		return d
	}
	return map[string]defect{
		"ignores one revocation in 100": ignoresRevocations,
		"a touch resurrects a session":  touchResurrects,
		"401 on store failure":          blamesCredentials,
		"leeway off by one second":      lenient,
		"bleeds a subject in 10,000":    bleeds,
		"denylist keyed by bytes":       remembersBytes,
		"acknowledges in spite of 503":  acknowledgesAll,
		"counts no reuse":               countsNoReuse,
		"believes longer":               believesLonger,
		"blames the user":               blamesUser,
		"trusts anybody":                trustsAnybody,

		"own keys":         ownKeys,
		"ends at once":     endsAtOnce,
		"hangs up":         hangsUp,
		"remembers grants": remembersGrants,
		"confuses roles":   confusesRoles,
	}[name]
}

// oneIn is true once in n calls.
func oneIn(n, seed uint64) func() bool {
	var count atomic.Uint64
	count.Store(seed % n)
	return func() bool { return count.Add(1)%n == 0 }
}

func ignoresRevocations(o *server.Options, seed uint64) {
	hit := oneIn(100, seed)
	o.WrapHandler = func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) {
			if string(ctx.Path()) == "/logout" && hit() {
				ctx.SetStatusCode(fasthttp.StatusNoContent)
				return
			}
			next(ctx)
		}
	}
}

// forgetful stores write a whole record back some time after it was deleted, as a
// touch does that reads, and writes what it read.
type forgetful struct {
	store.Store
	hit func() bool
}

func (f forgetful) Delete(ctx context.Context, key store.Key, subject string) error {
	rec, found, err := f.Get(ctx, key)
	if err := f.Store.Delete(ctx, key, subject); err != nil {
		return err
	}
	if err == nil && found && f.hit() {
		time.AfterFunc(50*time.Millisecond, func() {
			_ = f.Create(context.Background(), key, rec, time.Now().Add(time.Hour))
		})
	}
	return nil
}

func touchResurrects(o *server.Options, seed uint64) {
	hit := oneIn(20, seed)
	o.WrapStore = func(s store.Store) store.Store { return forgetful{s, hit} }
}

func blamesCredentials(o *server.Options, _ uint64) {
	o.WrapHandler = func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) {
			next(ctx)
			if ctx.Response.StatusCode() == fasthttp.StatusServiceUnavailable {
				ctx.SetStatusCode(fasthttp.StatusUnauthorized)
			}
		}
	}
}

func lenient(o *server.Options, _ uint64) { o.Settings.Leeway += time.Second }

func bleeds(o *server.Options, seed uint64) {
	hit := oneIn(10_000, seed)
	o.WrapHandler = func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) {
			next(ctx)
			if string(ctx.Path()) == "/me" && ctx.Response.StatusCode() == fasthttp.StatusOK && hit() {
				body := bytes.Replace(ctx.Response.Body(), []byte(`"user-`), []byte(`"user-9`), 1)
				ctx.SetBody(body)
			}
		}
	}
}

// remembersBytes refuses what was presented at a log-out, byte for byte, and lets
// the log-out itself go nowhere.
func remembersBytes(o *server.Options, _ uint64) {
	var dead sync.Map
	o.WrapHandler = func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) {
			token := string(ctx.Request.Header.Peek("Authorization"))
			switch _, denied := dead.Load(token); {
			case denied:
				ctx.Response.Header.Set("WWW-Authenticate", "Bearer")
				ctx.SetStatusCode(fasthttp.StatusUnauthorized)
			case string(ctx.Path()) == "/logout":
				dead.Store(token, true)
				ctx.SetStatusCode(fasthttp.StatusNoContent)
			default:
				next(ctx)
			}
		}
	}
}
