package testbed

import (
	"context"
	"fmt"
	"strconv"
)

// Figures are what the server says of its own state, under the names that its usual
// Prometheus exporter (redis_exporter, mysqld_exporter) gives them: who runs one has
// the same series.
func (s *Store) Figures(ctx context.Context) (map[string]float64, error) {
	figures, err := s.client.figures(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask %s how it is: %w", s.about.Kind, err)
	}
	return figures, nil
}

// figures reads INFO; a stand-in has none of it.
func (c *redisClient) figures(ctx context.Context) (map[string]float64, error) {
	if c.access.standIn {
		return nil, nil
	}
	out := map[string]float64{}
	for section, fields := range map[string]map[string]string{
		"clients": {"connected_clients": "redis_connected_clients"},
		"memory":  {"used_memory": "redis_memory_used_bytes", "maxmemory": "redis_memory_max_bytes"},
		"stats": {
			"evicted_keys": "redis_evicted_keys_total", "rejected_connections": "redis_rejected_connections_total",
			"keyspace_misses": "redis_keyspace_misses_total",
		},
	} {
		info, err := c.info(ctx, section)
		if err != nil {
			return nil, err
		}
		if err := rename(out, info, fields); err != nil {
			return nil, fmt.Errorf("INFO %s: %w", section, err)
		}
	}
	return out, nil
}

func (c *mysqlClient) figures(ctx context.Context) (map[string]float64, error) {
	status, err := c.pairs(ctx, `SHOW GLOBAL STATUS WHERE Variable_name IN ('Threads_connected', 'Threads_running', 'Innodb_row_lock_waits')`)
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	err = rename(out, status, map[string]string{
		"threads_connected": "mysql_global_status_threads_connected", "threads_running": "mysql_global_status_threads_running",
		"innodb_row_lock_waits": "mysql_global_status_innodb_row_lock_waits",
	})
	return out, err
}

// rename puts the fields that are asked for into out, as numbers.
func rename(out map[string]float64, from, names map[string]string) error {
	for field, name := range names {
		v, err := strconv.ParseFloat(from[field], 64)
		if err != nil {
			return fmt.Errorf("%s is %q", field, from[field])
		}
		out[name] = v
	}
	return nil
}
