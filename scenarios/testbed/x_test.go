package testbed

import (
	"log/slog"
	"os"
	"testing"
	"time"
)

func TestY(t *testing.T) {
	t0 := time.Now()
	tb := newBed(t, Options{Needs: []string{Redis, MySQL}, Provider: "docker", RedisImage: "authbench-test-stores", MySQLImage: "authbench-test-stores", TargetCores: []int{1}, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	t.Log(time.Since(t0))
	t.Log(tb.Missing())
	t.Logf("%+v", tb.Stores())
	t.Logf("%+v", tb.Usage())
}
