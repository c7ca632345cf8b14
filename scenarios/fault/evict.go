package fault

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

func evictLRU() Fault {
	return evict("evict-lru", "allkeys-lru",
		"Redis is short of memory and forgets what was used least lately, whatever it is (allkeys-lru)")
}

func evictVolatile() Fault {
	return evict("evict-volatile", "volatile-lru",
		"Redis is short of memory and forgets what would expire anyway (volatile-lru)")
}

func evict(name, policy, summary string) Fault {
	return Fault{
		Name: name, Summary: summary,
		Class: OfStore, Stores: redisOnly(), DataLoss: true,
		Params: []Param{{"share", "0.5", "of the memory that holds data, how much is missing"}},
		New: func(p Params) (Injector, error) {
			share, err := p.share("share")
			return &evicted{policy: policy, share: share}, err
		},
	}
}

type evicted struct {
	redisConfig
	policy string
	share  float64
	before int64 // evicted_keys
}

func (e *evicted) Inject(ctx context.Context, p *Place) error {
	if err := e.open(ctx, p.Store); err != nil {
		return err
	}
	used, err := e.info(ctx, "memory", "used_memory", "used_memory_dataset", "mem_not_counted_for_evict")
	if err != nil {
		return err
	}
	stats, err := e.info(ctx, "stats", "evicted_keys")
	if err != nil {
		return err
	}
	e.before = stats[0]
	limit := max(1, used[0]-used[2]-int64(e.share*float64(used[1])))
	// One after the other: the policy that is there must not act on the limit.
	if err := e.change(ctx, map[string]string{"maxmemory": "0", "maxmemory-policy": e.policy}); err != nil {
		return err
	}
	return e.set(ctx, map[string]string{"maxmemory": strconv.FormatInt(limit, 10)})
}

func (e *evicted) Active(ctx context.Context, _ *Place) error {
	stats, err := e.info(ctx, "stats", "evicted_keys")
	if err == nil && stats[0] <= e.before {
		err = fmt.Errorf("nothing has been evicted: there is no key that %s may take", e.policy)
	}
	return err
}

func (e *evicted) Recovered(ctx context.Context, p *Place) error { return e.isBack(ctx, p) }

// info reads numbers of one section of INFO.
func (e *evicted) info(ctx context.Context, section string, names ...string) ([]int64, error) {
	text, err := e.admin.Info(ctx, section).Result()
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	numbers := make([]int64, len(names))
	for i, name := range names {
		if numbers[i], err = strconv.ParseInt(fields[name], 10, 64); err != nil {
			return nil, fmt.Errorf("INFO %s: %s: %w", section, name, err)
		}
	}
	return numbers, nil
}
