package scenarios

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"authbench/results"
	"authbench/scenarios/testbed"
	"authbench/targets/contract"
)

// storeBytes is what the arm's stores hold, in bytes, all users and other arms included:
// differences mean something.
func (t *Trial) storeBytes(ctx context.Context, c *contract.Contract) (int64, error) {
	var sum int64
	for _, kind := range storesOf(c) {
		n, err := t.ask(ctx, kind, storeSize)
		if err != nil {
			return 0, fmt.Errorf("size of %s: %w", kind, err)
		}
		sum += n
	}
	return sum, nil
}

// recordBytes is what the arm's records take, in bytes, for a small population: of Redis
// key by key, of MySQL in pages.
func (t *Trial) recordBytes(ctx context.Context, c *contract.Contract) (int64, error) {
	var sum int64
	for _, kind := range storesOf(c) {
		look := mysqlSize
		if kind == testbed.Redis {
			look = keysWeighed
		}
		n, err := t.ask(ctx, kind, look)
		if err != nil {
			return 0, fmt.Errorf("records in %s: %w", kind, err)
		}
		sum += n
	}
	return sum, nil
}

// ask looks at a store over a connection of its own.
func (t *Trial) ask(ctx context.Context, kind string, look func(context.Context, *testbed.Probe) (int64, error)) (n int64, err error) {
	store := t.Testbed.Store(kind)
	if store == nil {
		return 0, errors.New("there is none")
	}
	p, err := store.Probe(nil)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	return look(ctx, p)
}

func storeSize(ctx context.Context, p *testbed.Probe) (int64, error) {
	if p.MySQL() != nil {
		return mysqlSize(ctx, p)
	}
	return redisSize(ctx, p)
}

// redisSize is used_memory of INFO memory: what its allocator was asked for, keys,
// values and the tables that find them, without what CLIENT LIST says of the buffers of
// clients, which come and go. (INFO's own mem_clients_normal is up to a second old.)
func redisSize(ctx context.Context, p *testbed.Probe) (int64, error) {
	clients, err := p.Redis().ClientList(ctx).Result()
	if err != nil {
		return 0, err
	}
	info, err := p.Redis().Info(ctx, "memory").Result()
	if err != nil {
		return 0, err
	}
	used := numbersAfter(info, "used_memory:")
	if len(used) != 1 {
		return 0, errors.New("INFO memory has no used_memory")
	}
	buffers := int64(0)
	for _, n := range numbersAfter(clients, "tot-mem=") { // none before Redis 7
		buffers += n
	}
	return used[0] - buffers, nil
}

// numbersAfter lists the numbers that directly follow a word that begins a line or comes
// after a space.
func numbersAfter(text, word string) []int64 {
	var out []int64
	for field := range strings.FieldsSeq(text) {
		if digits, ok := strings.CutPrefix(field, word); ok {
			if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
				out = append(out, n)
			}
		}
	}
	return out
}

// mysqlSize is data_length + index_length of our tables: the pages that the primary key,
// which holds the rows, and the other indexes have. ANALYZE TABLE counts them anew: else
// they are as old as the last tenth of rows that changed. Not the size of the file, which
// grows by extents and never shrinks. A page has 16 KiB: of a few hundred rows the figure
// is coarse.
func mysqlSize(ctx context.Context, p *testbed.Probe) (int64, error) {
	db := p.MySQL()
	// MySQL 8 keeps the figures for a day unless told otherwise; MariaDB does not know it.
	_, _ = db.ExecContext(ctx, "SET SESSION information_schema_stats_expiry = 0")
	const ours = `table_schema = DATABASE() AND table_name LIKE 'authbench\_%'`
	rows, err := db.QueryContext(ctx, "SELECT table_name FROM information_schema.tables WHERE "+ours)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return 0, err
		}
		names = append(names, "`"+name+"`")
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(names) == 0 {
		return 0, err
	}
	if _, err := db.ExecContext(ctx, "ANALYZE TABLE "+strings.Join(names, ", ")); err != nil {
		return 0, err
	}
	var n int64
	err = db.QueryRowContext(ctx, "SELECT CAST(SUM(data_length + index_length) AS SIGNED) FROM information_schema.tables WHERE "+ours).Scan(&n)
	return n, err
}

// keysDrawn is how many keys of a Redis are weighed.
const keysDrawn = 200

// byKey is Redis's own opinion of what a session takes: the memory of keys drawn at
// random, times the keys that there are, by the number of sessions.
func (t *Trial) byKey(ctx context.Context, c *contract.Contract, sessions int) results.Cell {
	for _, kind := range storesOf(c) {
		if kind != testbed.Redis {
			continue
		}
		n, err := t.ask(ctx, kind, keysSize)
		if err != nil {
			return none(err.Error())
		}
		return figure(float64(n) / float64(sessions))
	}
	return none("it has no Redis")
}

// keysWeighed is what all keys of a Redis take, each by MEMORY USAGE: for some thousand
// of them, of whose memory the rest of the server would be the larger part.
func keysWeighed(ctx context.Context, p *testbed.Probe) (int64, error) {
	var sum int64
	keys := p.Redis().Scan(ctx, 0, testbed.KeyPrefix+"*", 1000).Iterator()
	for keys.Next(ctx) {
		n, err := p.Redis().MemoryUsage(ctx, keys.Val(), 0).Result()
		if err == nil { // else it has expired since
			sum += n
		}
	}
	return sum, keys.Err()
}

func keysSize(ctx context.Context, p *testbed.Probe) (int64, error) {
	r := p.Redis()
	keys, err := r.DBSize(ctx).Result()
	if err != nil || keys == 0 {
		return 0, err
	}
	var sum, weighed int64
	for range keysDrawn {
		key, err := r.RandomKey(ctx).Result()
		if err != nil {
			return 0, err
		}
		if !strings.HasPrefix(key, testbed.KeyPrefix) {
			return 0, errors.New("it holds keys that are not ours")
		}
		n, err := r.MemoryUsage(ctx, key, 0).Result() // 0: all members of a set
		if err != nil {
			continue // it has expired since
		}
		sum, weighed = sum+n, weighed+1
	}
	if weighed == 0 {
		return 0, errors.New("no key was there to be weighed")
	}
	return sum * keys / weighed, nil
}
