package testbed

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// prepareMySQL makes a data directory with two accounts, one for nodes and one for
// us, which the server creates before it takes the first connection: at no time is
// there an account without a password.
func prepareMySQL(ctx context.Context, tb *Testbed, path, dir string, port int) (command, access, error) {
	password, admin := newPassword(), newPassword()
	cmd, err := tb.mysqlCommand(ctx, path, dir, port, mysqlInit(password, admin))
	return cmd, access{url: mysqlDSN("authbench", password, port), admin: mysqlDSN("authbench_admin", admin, port)}, err
}

// mysqlCommand makes a data directory below dir for a server that runs init at every
// start, with more options than all of ours have.
func (tb *Testbed) mysqlCommand(ctx context.Context, path, dir string, port int, init string, more ...string) (command, error) {
	common := []string{
		"--no-defaults",
		"--datadir=" + filepath.Join(dir, "data"),
		"--tmpdir=" + dir,
		"--loose-innodb-log-file-size=67108864",
	}
	if os.Geteuid() == 0 {
		common = append(common, "--user=root") // else it refuses to run as root
	}
	if err := tb.mysqlDataDir(ctx, path, dir, common); err != nil {
		return command{}, err
	}
	initFile := filepath.Join(dir, "init.sql")
	if err := os.WriteFile(initFile, []byte(init), 0o600); err != nil {
		return command{}, err
	}
	args := slices.Concat(common, mysqlArgs(loopback, port), more)
	args = append(args, "--init-file="+initFile,
		"--socket="+filepath.Join(dir, "s"), "--pid-file="+filepath.Join(dir, "pid"))
	return command{name: filepath.Base(path), path: path, args: args, dir: dir}, nil
}

// mysqlInit runs at every start, so it has to be repeatable. A statement a line.
// Nodes may do anything with tables and nothing with the server: whom read_only
// and max_connections do not bind, they would not show.
func mysqlInit(password, admin string) string {
	return fmt.Sprintf(`ALTER USER IF EXISTS 'root'@'localhost' IDENTIFIED BY '%[2]s';
CREATE DATABASE IF NOT EXISTS authbench CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS 'authbench'@'%%' IDENTIFIED BY '%[1]s';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, INDEX, ALTER, REFERENCES, LOCK TABLES, CREATE TEMPORARY TABLES ON *.* TO 'authbench'@'%%';
CREATE USER IF NOT EXISTS 'authbench_admin'@'%%' IDENTIFIED BY '%[2]s';
GRANT ALL PRIVILEGES ON *.* TO 'authbench_admin'@'%%' WITH GRANT OPTION;
`, password, admin)
}

// mysqlArgs is what a measured server runs with, wherever it runs. --loose-
// options are those that only one of MySQL and MariaDB has. Durability matches
// our Redis: a kill loses nothing acknowledged, a power cut about a second.
func mysqlArgs(bind string, port int) []string {
	return []string{
		"--bind-address=" + bind,
		fmt.Sprintf("--port=%d", port),
		"--skip-name-resolve",
		"--skip-log-bin",
		"--max-connections=500",
		"--character-set-server=utf8mb4",
		"--innodb-flush-log-at-trx-commit=2",
		"--innodb-buffer-pool-size=134217728",
		"--innodb-buffer-pool-dump-at-shutdown=OFF",
		"--innodb-buffer-pool-load-at-startup=OFF",
		"--performance-schema=OFF",
		"--loose-mysqlx=OFF",   // MySQL: a second port
		"--loose-feedback=OFF", // MariaDB: reports to its makers
	}
}

func mysqlDSN(user, password string, port int) string {
	return fmt.Sprintf("%s:%s@tcp(%s)/authbench", user, password, hostPort(port))
}

// mysqlDataDir creates the system tables. MySQL does so itself. MariaDB is fed
// them as mariadb-install-db would; that script needs a program of the client
// package, and makes accounts that we do not want.
func (tb *Testbed) mysqlDataDir(ctx context.Context, path, dir string, common []string) error {
	work := filepath.Join(dir, "install")
	if err := os.Mkdir(work, 0o700); err != nil {
		return err
	}
	c := command{name: filepath.Base(path), path: path, dir: work}
	if isMySQL(ctx, path) {
		c.args = slices.Concat(common, []string{"--initialize-insecure"})
		return tb.runToEnd(ctx, c, storeTimeout)
	}
	tables, err := systemTables(path)
	if err != nil {
		return err
	}
	c.in = filepath.Join(work, "bootstrap.sql")
	if err := os.WriteFile(c.in, tables, 0o600); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		return err
	}
	c.args = slices.Concat(common, []string{
		"--bootstrap", "--log-warnings=0", "--enforce-storage-engine=",
		"--max-allowed-packet=8M", "--net-buffer-length=16K",
	})
	return tb.runToEnd(ctx, c, storeTimeout)
}

// isMySQL tells Oracle's server from MariaDB's, which is also called mysqld.
func isMySQL(ctx context.Context, path string) bool {
	v, err := serverVersion(ctx, path)
	return err == nil && !strings.Contains(strings.ToLower(v), "mariadb")
}

// serverVersion is what "PATH --version" prints.
func serverVersion(ctx context.Context, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", path, err)
	}
	return string(bytes.TrimSpace(out)), nil
}

// systemTables is the SQL that MariaDB ships for its own tables, made ready for
// --bootstrap. It lies in the share folder beside the server's bin or sbin, with
// a name that begins with mysql_ up to 10.11 and with mariadb_ from 11.
func systemTables(path string) ([]byte, error) {
	shares := []string{"/usr/share"}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		shares = append([]string{filepath.Join(filepath.Dir(real), "..", "share")}, shares...)
	}
	for _, share := range shares {
		for _, sub := range []string{"mysql", "mariadb", "."} {
			found, _ := filepath.Glob(filepath.Join(share, sub, "m*_system_tables.sql")) // only a bad pattern is an error
			if len(found) == 0 {
				continue
			}
			tables, err := os.ReadFile(found[0])
			if err != nil {
				return nil, err
			}
			return append([]byte("CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\n"), tables...), nil
		}
	}
	return nil, fmt.Errorf("%s is here, but not the SQL of its system tables (looked below %s)", path, strings.Join(shares, ", "))
}
