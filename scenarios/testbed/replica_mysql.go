package testbed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"
)

// mysqlServer is one of two servers.
type mysqlServer struct {
	*process
	port int
	db   *sql.DB // with every right, directly
}

// startMySQLPair has the replica hold back what it has received (MASTER_DELAY).
func (r *Replicated) startMySQLPair(ctx context.Context, path string) error {
	if isMySQL(ctx, path) {
		return Unsupported("replication is set up in the words of MariaDB, and this is MySQL")
	}
	password, admin := newPassword(), newPassword()
	pair := make([]*mysqlServer, 2)
	errs := make(chan error, len(pair))
	for i := range pair {
		go func() {
			var err error
			pair[i], err = r.startMySQL(ctx, path, password, admin, func(*mysql.Config) {}, fmt.Sprintf("--server-id=%d", i+1), "--log-bin=binlog")
			errs <- err
		}()
	}
	if err := errors.Join(<-errs, <-errs); err != nil {
		return err
	}
	primary, replica := pair[0], pair[1]
	file, pos, err := primary.position(ctx)
	if err != nil {
		return err
	}
	err = replica.exec(
		ctx, fmt.Sprintf(`CHANGE MASTER TO MASTER_HOST='%s', MASTER_PORT=%d, MASTER_USER='authbench_admin', MASTER_PASSWORD='%s',
			MASTER_LOG_FILE='%s', MASTER_LOG_POS=%d, MASTER_CONNECT_RETRY=1`, loopback, primary.port, admin, file, pos),
		"START SLAVE", "SET GLOBAL read_only = 1")
	if err != nil {
		return err
	}
	r.url = mysqlDSN("authbench", password, primary.port) + "?replica=" + hostPort(replica.port)
	r.lag = func(ctx context.Context, d time.Duration) error {
		if d%time.Second != 0 {
			return fmt.Errorf("a MySQL replica is late by whole seconds, not by %v", d)
		}
		return replica.exec(ctx, "STOP SLAVE", fmt.Sprintf("CHANGE MASTER TO MASTER_DELAY=%d", d/time.Second), "START SLAVE")
	}
	r.stop = func(ctx context.Context) error { return replica.exec(ctx, "STOP SLAVE SQL_THREAD") }
	r.settle = func(ctx context.Context) error { return replica.reach(ctx, primary) }
	return r.settle(ctx)
}

// startMySQL starts a server of a group; reach changes how we reach it ourselves.
func (s *servers) startMySQL(ctx context.Context, path, password, admin string, reach func(*mysql.Config), more ...string) (*mysqlServer, error) {
	dir, err := s.tb.root.sub("mysql")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	cmd, err := s.tb.mysqlCommand(ctx, path, dir, port, mysqlInit(password, admin), more...)
	if err != nil {
		return nil, err
	}
	cfg, err := mysql.ParseDSN(mysqlDSN("authbench_admin", admin, port))
	if err != nil {
		return nil, err
	}
	cfg.Timeout, cfg.Logger = time.Second, &mysql.NopLogger{}
	reach(cfg)
	conn, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	m := &mysqlServer{port: port, db: sql.OpenDB(conn)}
	m.db.SetMaxOpenConns(1)
	if m.process, err = s.spawn(cmd); err != nil {
		return nil, errors.Join(err, m.db.Close())
	}
	s.mu.Lock()
	s.clients = append(s.clients, m.db)
	s.mu.Unlock()
	return m, m.until(ctx, storeTimeout, func(ctx context.Context) error { return m.exec(ctx, "DO 1") })
}

func (m *mysqlServer) exec(ctx context.Context, statements ...string) error {
	for _, s := range statements {
		if _, err := m.db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%.20s: %w", s, err) // the rest may be a password
		}
	}
	return nil
}

// position is how much the server has written to its log.
func (m *mysqlServer) position(ctx context.Context) (file string, pos int64, err error) {
	var do, ignore string
	if err := m.db.QueryRowContext(ctx, "SHOW MASTER STATUS").Scan(&file, &pos, &do, &ignore); err != nil {
		return "", 0, fmt.Errorf("where its log stands: %w", err)
	}
	return file, pos, nil
}

// reach waits until the replica has done all that the primary has written so far.
func (m *mysqlServer) reach(ctx context.Context, primary *mysqlServer) error {
	file, pos, err := primary.position(ctx)
	if err != nil {
		return err
	}
	var events sql.NullInt64
	err = m.db.QueryRowContext(ctx, "SELECT MASTER_POS_WAIT(?, ?, ?)", file, pos, settlePatience.Seconds()).Scan(&events)
	switch {
	case err != nil:
		return fmt.Errorf("wait for the replica: %w", err)
	case !events.Valid:
		return errors.New("the replica does not replicate")
	case events.Int64 < 0:
		return fmt.Errorf("the replica does not have what was written, after %v", settlePatience)
	}
	return nil
}
