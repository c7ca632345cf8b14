package storetest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// initMySQL fills an empty data directory: root without a password, which is
// fine for a server that only this test can find and that dies with it. tmp is
// ours alone because a starting server clears its tmpdir of what looks like
// forgotten tables: in /tmp that would be those of other tests' servers.
func initMySQL(t testing.TB, server, tmp, data string) {
	t.Helper()
	argv := []string{server, "--no-defaults", "--initialize-insecure", "--datadir=" + data}
	var input []byte
	if strings.Contains(filepath.Base(server), "mariadb") {
		if err := os.Mkdir(data, 0o700); err != nil {
			t.Fatal(err)
		}
		if input = systemTables(server); input != nil {
			argv = []string{server, "--no-defaults", "--bootstrap", "--datadir=" + data}
		} else {
			argv = []string{
				need(t, "mysql", "mariadb-install-db"), "--no-defaults", "--datadir=" + data,
				"--auth-root-authentication-method=normal", "--skip-test-db",
			}
		}
	}
	cmd := exec.Command(argv[0], append(argv[1:], asRoot()...)...)
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp) // servers and mariadb-install-db alike take it for --tmpdir
	cmd.Stdin = bytes.NewReader(input)
	cmd.SysProcAttr = sysProcAttr()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("storetest: %s: %v\n%s", argv[0], err, out)
	}
}

// systemTables is what mariadb-install-db feeds to a bootstrapping server, less
// the help texts; nil where the files are not next to the server. The script
// itself wants my_print_defaults, which Debian ships with the client: a machine
// with mariadb-server-core alone cannot run it.
func systemTables(server string) []byte {
	if real, err := filepath.EvalSymlinks(server); err == nil {
		server = real
	}
	prefix := filepath.Dir(filepath.Dir(server))
	for _, share := range []string{"share/mysql", "share/mariadb"} {
		// No socket authentication: root has an empty password.
		sql := []byte("CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n")
		for _, name := range []string{"mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql"} {
			text, err := os.ReadFile(filepath.Join(prefix, share, name))
			if err != nil {
				// Newer releases renamed the files.
				text, err = os.ReadFile(filepath.Join(prefix, share, strings.Replace(name, "mysql_", "mariadb_", 1)))
			}
			if err != nil {
				sql = nil
				break
			}
			sql = append(sql, text...)
		}
		if sql != nil {
			return sql
		}
	}
	return nil
}
