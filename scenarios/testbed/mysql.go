package testbed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// mysqlClient is the testbed's own connection to a MySQL or MariaDB.
type mysqlClient struct {
	*sql.DB
	private bool
}

func newMySQLClient(a access) (storeClient, error) {
	cfg, err := mysqlConfig(a.adminURL())
	if err != nil {
		return nil, err
	}
	if cfg.DBName == "" {
		return nil, errors.New("MySQL DSN: it has to name a database: user:password@tcp(host:port)/database")
	}
	cfg.Timeout = time.Second
	cfg.Logger = log.New(io.Discard, "", 0) // a server that is not up yet is expected
	conn, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("MySQL DSN: %w", err)
	}
	db := sql.OpenDB(conn)
	db.SetMaxOpenConns(1)
	return &mysqlClient{db, a.private}, nil
}

// ready uses DO, which unlike SELECT is not counted among the operations.
func (c *mysqlClient) ready(ctx context.Context) error {
	_, err := c.ExecContext(ctx, "DO 1")
	return err
}

func (c *mysqlClient) close() error { return c.Close() }

// about is SELECT VERSION() and the variables that decide what a commit costs
// and promises.
func (c *mysqlClient) about(ctx context.Context) (product, version string, settings map[string]string, err error) {
	var comment string
	err = c.QueryRowContext(ctx, "SELECT VERSION(), @@version_comment").Scan(&version, &comment)
	if err != nil {
		return "", "", nil, err
	}
	product = "MySQL"
	if strings.Contains(strings.ToLower(version+comment), "mariadb") {
		product = "MariaDB"
	}
	settings, err = c.pairs(ctx, `SHOW GLOBAL VARIABLES WHERE Variable_name IN ('innodb_flush_log_at_trx_commit',
		'sync_binlog', 'log_bin', 'innodb_flush_method', 'innodb_buffer_pool_size', 'transaction_isolation',
		'tx_isolation', 'max_connections', 'query_cache_type', 'performance_schema', 'thread_handling')`)
	return product, version, settings, err
}

// pairs runs a query that answers names and values.
func (c *mysqlClient) pairs(ctx context.Context, query string) (map[string]string, error) {
	rows, err := c.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		out[strings.ToLower(name)] = value
	}
	return out, rows.Err()
}

// reset empties our tables in the database that the DSN names, and no other.
func (c *mysqlClient) reset(ctx context.Context) error {
	// In a LIKE pattern "_" stands for any character.
	pattern := strings.ReplaceAll(TablePrefix, "_", `\_`) + "%"
	rows, err := c.QueryContext(ctx, "SHOW TABLES LIKE '"+pattern+"'")
	if err != nil {
		return err
	}
	defer rows.Close()
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		tables = append(tables, name)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, name := range tables {
		if _, err := c.ExecContext(ctx, "TRUNCATE TABLE `"+name+"`"); err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
	}
	return nil
}

// ops reads the Com_ counters of statements that touch data. Executing a prepared
// statement counts under the statement it is, so Com_stmt_execute would count twice.
func (c *mysqlClient) ops(ctx context.Context) (Ops, error) {
	status, err := c.pairs(ctx, `SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_select', 'Com_insert',
		'Com_insert_select', 'Com_replace', 'Com_replace_select', 'Com_update', 'Com_update_multi',
		'Com_delete', 'Com_delete_multi', 'Com_begin', 'Com_commit', 'Com_rollback', 'Com_call_procedure')`)
	if err != nil {
		return Ops{}, err
	}
	o := Ops{Known: true, ByName: map[string]int64{}}
	for name, value := range status {
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return Ops{}, fmt.Errorf("SHOW GLOBAL STATUS: %s: %w", name, err)
		}
		o.ByName["mysql."+strings.TrimPrefix(name, "com_")] = n
	}
	return o, nil
}
