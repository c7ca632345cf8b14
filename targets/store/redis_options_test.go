package store

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// TestRedisOptions: the settings without which a dead store hangs a request, or
// a command runs twice, also where the URL asks for something else.
func TestRedisOptions(t *testing.T) {
	opt, err := redis.ParseURL("redis://127.0.0.1:6379/3?max_retries=5&dial_timeout=9s&read_timeout=9s&pool_timeout=9s&pool_size=1000")
	if err != nil {
		t.Fatal(err)
	}
	redisOptions(opt, Config{}.withDefaults())
	const most = 300 * time.Millisecond
	for name, d := range map[string]time.Duration{
		"dial": opt.DialTimeout, "read": opt.ReadTimeout, "write": opt.WriteTimeout, "pool": opt.PoolTimeout,
	} {
		if d <= 0 || d > most {
			t.Errorf("%s timeout %v, want at most %v", name, d, most)
		}
	}
	if opt.MaxRetries != -1 || opt.DialerRetries != 1 || !opt.ContextTimeoutEnabled || opt.PoolSize != 32 || opt.PipelinePoolSize != -1 {
		t.Errorf("retries %d, dialer retries %d, context timeout %t, pool %d, pipeline pool %d",
			opt.MaxRetries, opt.DialerRetries, opt.ContextTimeoutEnabled, opt.PoolSize, opt.PipelinePoolSize)
	}
	if !opt.DisableIdentity || opt.MaintNotificationsConfig.Mode != maintnotifications.ModeDisabled || opt.DB != 3 {
		t.Errorf("identity disabled %t, notifications %v, DB %d", opt.DisableIdentity, opt.MaintNotificationsConfig.Mode, opt.DB)
	}
	if limit := (Config{}).withDefaults().Timeouts.callLimit(); limit >= 500*time.Millisecond {
		t.Errorf("a call may take %v, promised is less than 0.5 s", limit)
	}
}

func TestDeadlineIsTheEarlier(t *testing.T) {
	now := time.Now()
	early, cancel := context.WithDeadline(t.Context(), now.Add(time.Minute))
	defer cancel()
	for want, d := range map[time.Time]deadline{
		now.Add(time.Minute): {early, now.Add(time.Hour)},
		now.Add(time.Second): {early, now.Add(time.Second)},
		now:                  {context.Background(), now},
	} {
		if got, ok := d.Deadline(); !ok || !got.Equal(want) {
			t.Errorf("Deadline = %v, %v, want %v", got, ok, want)
		}
	}
}
