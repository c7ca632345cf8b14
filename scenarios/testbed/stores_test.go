//go:build unix

package testbed

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/redis/go-redis/v9"
)

// dockerOptions are the images that AUTHBENCH_REDIS_IMAGE and
// AUTHBENCH_MYSQL_IMAGE name.
func dockerOptions(t *testing.T) Options {
	t.Helper()
	_, err := DockerVersion(t.Context())
	need(t, "docker", err == nil)
	return Options{
		Provider: "docker", RedisImage: os.Getenv("AUTHBENCH_REDIS_IMAGE"), MySQLImage: os.Getenv("AUTHBENCH_MYSQL_IMAGE"),
	}
}

func redisTo(t *testing.T, tb *Testbed) *redis.Client {
	t.Helper()
	opts, err := redis.ParseURL(tb.Store(Redis).URL())
	if err != nil {
		t.Fatal(err)
	}
	opts.MaxRetries = -1
	c := redis.NewClient(opts)
	t.Cleanup(func() { c.Close() })
	return c
}

func mysqlTo(t *testing.T, tb *Testbed) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", tb.Store(MySQL).URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func execAll(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// TestStores holds every provider to the same: the store names itself, counts
// what others do and nothing of ours, forgets on Reset, keeps its data over a
// kill, and its CPU is seen.
func TestStores(t *testing.T) {
	for _, tc := range []struct {
		name    string
		options func(t *testing.T) Options
		network string
	}{
		{"process", func(t *testing.T) Options {
			needServer(t, Redis, MySQL)
			return Options{Provider: "process"}
		}, "loopback"},
		{"docker", dockerOptions, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			opts := tc.options(t)
			opts.Needs = []string{Redis, MySQL}
			tb := newBed(t, opts)
			if m := tb.Missing(); len(m) > 0 {
				t.Fatalf("missing: %v", m)
			}
			t.Run("named", func(t *testing.T) { testNamed(t, tb, tc.name, tc.network) })
			t.Run("redis/ops", func(t *testing.T) { testRedisOps(t, tb) })
			t.Run("mysql/ops", func(t *testing.T) { testMySQLOps(t, tb) })
			t.Run("reset", func(t *testing.T) { testReset(t, tb) })
			t.Run("kill", func(t *testing.T) { testKill(t, tb) })
			t.Run("usage", func(t *testing.T) { testStoreUsage(t, tb) })
		})
	}
}

func testNamed(t *testing.T, tb *Testbed, provider, network string) {
	for _, s := range tb.Stores() {
		if s.Provider != provider || s.StandIn || s.Version == "" || network != "" && s.Network != network {
			t.Errorf("store %+v", s)
		}
		setting := map[string]string{Redis: "appendonly", MySQL: "innodb_flush_log_at_trx_commit"}[s.Kind]
		if s.Settings[setting] == "" {
			t.Errorf("%s does not say its %s: %v", s.Kind, setting, s.Settings)
		}
	}
}

func testRedisOps(t *testing.T, tb *Testbed) {
	c := redisTo(t, tb)
	before := opsNow(t, tb)
	const gets = 37
	for range gets {
		if err := c.Get(t.Context(), "authbench:nobody").Err(); !errors.Is(err, redis.Nil) {
			t.Fatal(err)
		}
	}
	opsNow(t, tb) // looking does not count
	if err := c.Set(t.Context(), "authbench:somebody", 1, 0).Err(); err != nil {
		t.Fatal(err)
	}
	diff := opsNow(t, tb).Sub(before)
	want := map[string]int64{"redis.get": gets, "redis.set": 1}
	if !diff.Known || !equalCounts(diff.ByName, want) {
		t.Errorf("counted %v, want %v", diff.ByName, want)
	}
}

func testMySQLOps(t *testing.T, tb *Testbed) {
	db := mysqlTo(t, tb)
	execAll(t, db, "CREATE TABLE authbench_t (id INT PRIMARY KEY, v INT)")
	before := opsNow(t, tb)
	const selects = 23
	for i := range selects {
		var v int
		// With an argument the driver prepares, executes and closes: one SELECT.
		if err := db.QueryRowContext(t.Context(), "SELECT v FROM authbench_t WHERE id = ?", i).Scan(&v); !errors.Is(err, sql.ErrNoRows) {
			t.Fatal(err)
		}
	}
	opsNow(t, tb)
	execAll(t, db,
		"INSERT INTO authbench_t VALUES (1, 1), (2, 2)", "UPDATE authbench_t SET v = 3 WHERE id = 1",
		"REPLACE INTO authbench_t VALUES (2, 9)", "DELETE FROM authbench_t WHERE id = 1")
	diff := opsNow(t, tb).Sub(before)
	want := map[string]int64{"mysql.select": selects, "mysql.insert": 1, "mysql.update": 1, "mysql.replace": 1, "mysql.delete": 1}
	if !diff.Known || !equalCounts(diff.ByName, want) {
		t.Errorf("counted %v, want %v", diff.ByName, want)
	}
	if diff.Total() != selects+4 {
		t.Errorf("total %d", diff.Total())
	}
}

func testReset(t *testing.T, tb *Testbed) {
	c, db := redisTo(t, tb), mysqlTo(t, tb)
	if err := c.Set(t.Context(), "authbench:x", 1, 0).Err(); err != nil {
		t.Fatal(err)
	}
	execAll(t, db, "CREATE TABLE IF NOT EXISTS authbench_t (id INT PRIMARY KEY, v INT)", "REPLACE INTO authbench_t VALUES (7, 7)")
	if err := tb.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := c.DBSize(t.Context()).Result(); n != 0 || err != nil {
		t.Errorf("%d keys after Reset, %v", n, err)
	}
	if n := count(t, db, "authbench_t"); n != 0 {
		t.Errorf("%d rows after Reset", n)
	}
}

func testKill(t *testing.T, tb *Testbed) {
	c, db := redisTo(t, tb), mysqlTo(t, tb)
	if err := c.Set(t.Context(), "authbench:kept", "yes", 0).Err(); err != nil {
		t.Fatal(err)
	}
	execAll(t, db, "REPLACE INTO authbench_t VALUES (42, 1)")
	before, usage := opsNow(t, tb), tb.Usage().Store
	for _, kind := range []string{Redis, MySQL} {
		s := tb.Store(kind)
		url, pid := s.URL(), s.PID()
		if err := s.Kill(t.Context()); err != nil {
			t.Fatal(err)
		}
		if running(pid) {
			t.Errorf("%s: process %d is there after Kill", kind, pid)
		}
		if err := s.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s.URL() != url || s.PID() == pid {
			t.Errorf("%s came back at %s as %d, was at %s as %d", kind, s.URL(), s.PID(), url, pid)
		}
	}
	// The client's pooled connections are dead: the first command may say so.
	eventually(t, "redis has kept its data", func() bool { return c.Get(t.Context(), "authbench:kept").Val() == "yes" })
	eventually(t, "mysql answers", func() bool { return db.PingContext(t.Context()) == nil })
	if n := count(t, db, "authbench_t WHERE id = 42"); n != 1 {
		t.Errorf("mysql kept %d of 1 row", n)
	}
	diff := opsNow(t, tb).Sub(before)
	if diff.ByName["redis.get"] < 1 || diff.ByName["mysql.select"] != 1 {
		t.Errorf("after a restart the counters are %v", diff.ByName)
	}
	for name, n := range diff.ByName {
		if n < 0 {
			t.Errorf("%s went back by %d", name, -n)
		}
	}
	if now := tb.Usage().Store; now.CPU < usage.CPU {
		t.Errorf("store CPU went back from %v to %v", usage.CPU, now.CPU)
	}
}

func testStoreUsage(t *testing.T, tb *Testbed) {
	if !sampleWorks {
		return
	}
	c := redisTo(t, tb)
	before := tb.Usage().Store
	for range 200 {
		if err := c.Ping(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
	after := tb.Usage().Store
	if !after.Known || after.CPU <= before.CPU || after.RSS < 1<<20 {
		t.Errorf("usage %+v after %+v", after, before)
	}
}

func count(t *testing.T, db *sql.DB, from string) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+from).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func opsNow(t *testing.T, tb *Testbed) Ops {
	t.Helper()
	o, err := tb.StoreOps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func equalCounts(a, b map[string]int64) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

// Of a server that is not ours only our keys and our tables go, and it is never
// stopped.
func TestExternalKeepsToItself(t *testing.T) {
	needServer(t, Redis, MySQL)
	theirs := newBed(t, Options{Provider: "process", Needs: []string{Redis, MySQL}})
	c, db := redisTo(t, theirs), mysqlTo(t, theirs)
	if err := errors.Join(
		c.Set(t.Context(), "orders:1", 1, 0).Err(), c.Set(t.Context(), "authbenchmark", 1, 0).Err(),
		c.Set(t.Context(), "authbench:s:1", 1, 0).Err(),
	); err != nil {
		t.Fatal(err)
	}
	execAll(t, db,
		"CREATE TABLE orders (id INT)", "INSERT INTO orders VALUES (1)",
		"CREATE TABLE authbenchXt (id INT)", "INSERT INTO authbenchXt VALUES (1)",
		"CREATE TABLE authbench_sessions (id INT)", "INSERT INTO authbench_sessions VALUES (1)",
		"CREATE DATABASE other", "CREATE TABLE other.authbench_sessions (id INT)", "INSERT INTO other.authbench_sessions VALUES (1)")

	tb := newBed(t, Options{
		Needs: []string{Redis, MySQL}, RedisURL: theirs.Store(Redis).URL(), MySQLDSN: theirs.Store(MySQL).URL(),
	})
	for _, s := range tb.Stores() {
		if s.Provider != "external" {
			t.Errorf("auto took %s for %s, although its address was given", s.Provider, s.Kind)
		}
	}
	before := opsNow(t, tb)
	if err := tb.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := opsNow(t, tb).Sub(before); diff.Total() != 0 {
		t.Errorf("our own Reset is counted: %v", diff.ByName)
	}
	keys, err := c.Keys(t.Context(), "*").Result()
	slices.Sort(keys)
	if err != nil || !slices.Equal(keys, []string{"authbenchmark", "orders:1"}) {
		t.Errorf("keys after Reset: %v, %v", keys, err)
	}
	for table, want := range map[string]int{"orders": 1, "authbenchXt": 1, "other.authbench_sessions": 1, "authbench_sessions": 0} {
		if n := count(t, db, table); n != want {
			t.Errorf("%s has %d rows after Reset, want %d", table, n, want)
		}
	}
	if u := tb.Usage(); u.Store.Known {
		t.Error("the usage of a server elsewhere is said to be known")
	}
	if tb.Store(Redis).Kill(t.Context()) == nil || tb.Store(MySQL).Restart(t.Context()) == nil {
		t.Error("somebody else's server was stopped or restarted")
	}
	if err := tb.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Ping(t.Context()).Err(); err != nil {
		t.Errorf("their server after our Close: %v", err)
	}
}

func TestEmbedded(t *testing.T) {
	tb := newBed(t, Options{Provider: "embedded", Needs: []string{Redis, MySQL}})
	s := tb.Stores()
	if len(s) != 1 || !s[0].StandIn || s[0].Product != "miniredis" || s[0].Version == "" {
		t.Fatalf("stores %+v", s)
	}
	if reason := tb.Missing()[MySQL]; !strings.Contains(reason, "stand-in") {
		t.Errorf("mysql is missing because %q", reason)
	}
	c := redisTo(t, tb)
	if err := c.Set(t.Context(), "authbench:short", 1, 20_000_000).Err(); err != nil { // 20 ms
		t.Fatal(err)
	}
	eventually(t, "keys expire by themselves", func() bool { return c.Exists(t.Context(), "authbench:short").Val() == 0 })
	if err := c.Set(t.Context(), "authbench:x", 1, 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := tb.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := c.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%d keys after Reset", n)
	}
	if opsNow(t, tb).Known {
		t.Error("a stand-in does not count, but its counts are said to be known")
	}
}

// A kind that cannot be had does not stop the other.
func TestOneKindIsMissing(t *testing.T) {
	needServer(t, Redis)
	tb := newBed(t, Options{Provider: "process", Needs: []string{Redis, "papyrus"}})
	if tb.Store(Redis) == nil || !strings.Contains(tb.Missing()["papyrus"], "papyrus") {
		t.Errorf("stores %v, missing %v", tb.Stores(), tb.Missing())
	}
}

func TestExternalErrors(t *testing.T) {
	for name, opts := range map[string]Options{
		"no address":      {},
		"no such scheme":  {RedisURL: "mongodb://localhost", MySQLDSN: "localhost"},
		"nobody listens":  {RedisURL: "redis://127.0.0.1:1/0", MySQLDSN: "u:p@tcp(127.0.0.1:1)/d"},
		"without a name ": {RedisURL: "redis://127.0.0.1:1/0", MySQLDSN: "u:p@tcp(127.0.0.1:1)/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts.Provider, opts.Needs, opts.Self = "external", []string{Redis, MySQL}, os.Args[0]
			tb, err := New(t.Context(), opts)
			if err != nil {
				t.Fatal(err)
			}
			defer tb.Close()
			if m := tb.Missing(); m[Redis] == "" || m[MySQL] == "" {
				t.Errorf("missing: %v", m)
			}
		})
	}
}

func TestUnknownProvider(t *testing.T) {
	if _, err := New(t.Context(), Options{Provider: "cloud"}); err == nil || !strings.Contains(err.Error(), "embedded") {
		t.Errorf("got %v, want the list of providers", err)
	}
}

// A server port must not come from the range of outgoing connections, where any
// client can take it while the server is dead.
func TestFreePort(t *testing.T) {
	for range 50 {
		port, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		if port < 1024 || port >= 32768 {
			t.Fatalf("port %d", port)
		}
		l, err := net.Listen("tcp", hostPort(port))
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
}

// The password of a private server is in no argument list.
func TestPasswordsAreNotInArguments(t *testing.T) {
	if !CanPin() {
		t.Skip("needs /proc")
	}
	needServer(t, Redis, MySQL)
	tb := newBed(t, Options{Provider: "process", Needs: []string{Redis, MySQL}})
	ru, err := redis.ParseURL(tb.Store(Redis).URL())
	if err != nil {
		t.Fatal(err)
	}
	mc, err := mysql.ParseDSN(tb.Store(MySQL).URL())
	if err != nil {
		t.Fatal(err)
	}
	for kind, password := range map[string]string{Redis: ru.Password, MySQL: mc.Passwd} {
		args, err := os.ReadFile("/proc/" + itoa(tb.Store(kind).PID()) + "/cmdline")
		if err != nil || password == "" || strings.Contains(string(args), password) {
			t.Errorf("%s: password %q in arguments %q, %v", kind, password, args, err)
		}
	}
	anonymous := redis.NewClient(&redis.Options{Addr: ru.Addr, MaxRetries: -1})
	defer anonymous.Close()
	if err := anonymous.Get(t.Context(), "x").Err(); err == nil || errors.Is(err, redis.Nil) {
		t.Error("redis lets anybody in")
	}
	for _, user := range []string{"root", "authbench", ""} {
		db, err := sql.Open("mysql", fmt.Sprintf("%s@tcp(%s)/", cmp.Or(user, "anonymous"), mc.Addr))
		if err != nil {
			t.Fatal(err)
		}
		if err := db.PingContext(t.Context()); err == nil {
			t.Errorf("mysql lets %q in without a password", user)
		}
		db.Close()
	}
}
