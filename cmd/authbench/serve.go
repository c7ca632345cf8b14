package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"authbench/targets/contract"
	"authbench/targets/server"
)

func newServeCmd(a *app) *cobra.Command {
	var (
		f      armFlags
		listen string
		opt    server.Options
		events bool
		tier   []string
	)
	cmd := &cobra.Command{
		Use:   "serve --arm NAME",
		Short: "Run one arm's server by hand",
		Long: `Run one arm's server. When it is ready, one line of JSON on stdout says where it
listens, its process id and a user that can log in. It logs to stderr, and on
SIGTERM or Ctrl-C finishes what is under way and exits.

With AUTHBENCH_ADMIN_SECRET set there is an admin plane (clock, keys, users) on a
second loopback port; its requests carry the secret as a bearer token.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := f.settings()
			if err != nil {
				return err
			}
			opt.Arm, opt.Settings = f.arm, settings
			if opt.Tier, err = tierOf(tier); err != nil {
				return usageError("--tier: %w", err)
			}
			if opt.Handicap < 0 || opt.Handicap > time.Second {
				return usageError("--handicap %v: 0 to 1s", opt.Handicap)
			}
			if opt.RedisURL == "" {
				opt.RedisURL = a.getenv("AUTHBENCH_REDIS_URL")
			}
			if opt.MySQLDSN == "" {
				opt.MySQLDSN = a.getenv("AUTHBENCH_MYSQL_DSN")
			}
			opt.AdminSecret = a.getenv("AUTHBENCH_ADMIN_SECRET")
			log := slog.New(slog.NewJSONHandler(a.stderr, nil))
			opt.Log = log.With("log", "server")
			if events {
				opt.Events = log.With("log", "auth")
			}
			return serve(cmd.Context(), a, listen, opt)
		},
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&listen, "listen", "127.0.0.1:0", "address to listen on; port 0 takes a free one")
	flags.StringVar(&opt.RedisURL, "redis-url", "", "Redis of a session-redis arm: redis://[user:password@]host:port/db (or AUTHBENCH_REDIS_URL, which no process list shows)")
	flags.StringVar(&opt.MySQLDSN, "mysql-dsn", "", "MySQL or MariaDB of a session-mysql arm: user:password@tcp(host:port)/database (or AUTHBENCH_MYSQL_DSN)")
	flags.StringVar(&opt.KeysDir, "keys", "", "`DIR` of key files that nodes share, made by the verb keys; without it this node makes its own")
	flags.StringArrayVar(&tier, "tier", nil, "where the node stands behind or before others: `key=value`, several times; role=edge or role=service, shape=each, introspect, phantom or edge, and what these need")
	flags.DurationVar(&opt.Handicap, "handicap", 0, "spin that long before every use: a planted slowdown, to test that one of its size is found")
	flags.BoolVar(&events, "log-events", false, "log authentication events to stderr (costs CPU: leave it off when measuring)")
	return cmd
}

// ready is the line that says that the server takes requests.
type ready struct {
	Arm      string            `json:"arm"`
	Listen   string            `json:"listen"`
	Admin    string            `json:"admin,omitempty"`
	PID      int               `json:"pid"`
	User     string            `json:"example_user"`
	Password string            `json:"example_password"`
	Settings map[string]string `json:"settings"`
	Handicap string            `json:"handicap,omitempty"` // a slowdown planted on purpose
	Tier     map[string]string `json:"tier,omitempty"`     // nil: the node stands alone
}

// tierOf reads the settings of a tier.
func tierOf(pairs []string) (server.Tier, error) {
	values := map[string]string{}
	for _, kv := range pairs {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || k == "" {
			return server.Tier{}, fmt.Errorf("%s: want key=value", kv)
		}
		values[k] = v
	}
	return server.DecodeTier(values)
}

func serve(ctx context.Context, a *app, listen string, opt server.Options) error {
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		return usageError("--listen %s: %w", listen, err)
	}
	defer ln.Close() // a second close is harmless
	srv, err := server.New(ctx, opt)
	switch {
	case errors.Is(err, server.ErrNoRedisURL):
		return usageError("arm %s: %w: give --redis-url or AUTHBENCH_REDIS_URL", opt.Arm, err)
	case errors.Is(err, server.ErrNoMySQLDSN):
		return usageError("arm %s: %w: give --mysql-dsn or AUTHBENCH_MYSQL_DSN", opt.Arm, err)
	case err != nil:
		return fmt.Errorf("arm %s: %w", opt.Arm, err)
	}
	line := ready{Arm: opt.Arm, Listen: ln.Addr().String(), PID: os.Getpid(), Settings: opt.Settings.Map(), Tier: opt.Tier.Map()}
	line.User, line.Password = srv.Example()
	if opt.Handicap > 0 {
		line.Handicap = opt.Handicap.String()
	}
	var admin net.Listener
	if opt.AdminSecret != "" {
		if admin, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return errors.Join(fmt.Errorf("admin plane: %w", err), srv.Close())
		}
		line.Admin = admin.Addr().String()
	}
	if err := json.NewEncoder(a.stdout).Encode(line); err != nil {
		return errors.Join(fmt.Errorf("say where the server is: %w", err), srv.Close())
	}
	return srv.Serve(ctx, ln.(*net.TCPListener), admin)
}

// armFlags choose an arm and change its settings.
type armFlags struct {
	arm string
	set []string
}

func (f *armFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.arm, "arm", "", "which arm: "+strings.Join(contract.Arms(), ", "))
	cmd.Flags().StringArrayVar(&f.set, "set", nil, "change a setting of the arm: `key=value`; may be given several times")
	_ = cmd.RegisterFlagCompletionFunc("arm", cobra.FixedCompletions(contract.Arms(), cobra.ShellCompDirectiveNoFileComp))
}

// settings are those of the arm's file with the changes, and nothing else. Every
// error is one of usage.
func (f *armFlags) settings() (server.Settings, error) {
	if f.arm == "" {
		return server.Settings{}, usageError("--arm is missing: want one of %s", strings.Join(contract.Arms(), ", "))
	}
	changes := map[string]string{}
	for _, kv := range f.set {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || k == "" {
			return server.Settings{}, usageError("--set %s: want key=value", kv)
		}
		changes[k] = v
	}
	c, err := contract.Arm(f.arm, changes)
	if err != nil {
		return server.Settings{}, usageError("%w", err)
	}
	s, err := server.Decode(c.Settings)
	if err != nil {
		return server.Settings{}, usageError("arm %s: %w", f.arm, err)
	}
	return s, nil
}
