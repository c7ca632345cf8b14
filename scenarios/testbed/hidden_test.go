package testbed

import (
	"slices"
	"strings"
	"testing"
)

func TestMaskAddress(t *testing.T) {
	for address, want := range map[string]string{
		"redis://127.0.0.1:6379/0":                                         "redis://127.0.0.1:6379/0",
		"redis://:pa55@127.0.0.1:6379/0":                                   "redis://:***@127.0.0.1:6379/0",
		"rediss://user:p%40s@h:1/0?ca=x":                                   "rediss://user:***@h:1/0?ca=x",
		"redis+sentinel://:pw1@a:1,b:2/main/0?sentinel_password=other":     "redis+sentinel://:***@a:1,b:2/main/0?sentinel_password=***",
		"root:p:a@s/s@tcp(127.0.0.1:3306)/db?parseTime=true":               "root:***@tcp(127.0.0.1:3306)/db?parseTime=true",
		"root@tcp(127.0.0.1:3306)/db":                                      "root@tcp(127.0.0.1:3306)/db",
		"redis://:secret@127.0.0.1:6379/0:bad and what follows the secret": "redis://:***@127.0.0.1:6379/0:bad and what follows the ***",
	} {
		if got := MaskAddress(address); got != want {
			t.Errorf("%s becomes %s, want %s", address, got, want)
		}
	}
	if got := passwordsIn("redis://u:p%40s@h:1"); !slices.Equal(got, []string{"p%40s", "p@s"}) {
		t.Errorf("as it stands there, and decoded: %q", got)
	}
	if got := hide("abc abcd", []string{"", "abc", "abcd"}); got != "*** ***" {
		t.Errorf("the longest first: %q", got)
	}
	for _, bad := range []string{"redis://:planted@h:bad/0", "http://:planted@h", "redis://:plan/ted@h"} {
		if _, err := redisOptions(bad); err == nil || strings.Contains(err.Error(), "plan") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	for _, bad := range []string{"root:planted@127.0.0.1:1/db", "root:planted@tcp(h:1)", "planted"} {
		if _, err := mysqlConfig(bad); err == nil || strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
