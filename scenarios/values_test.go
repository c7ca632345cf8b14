package scenarios

import (
	"strings"
	"testing"
	"time"
)

func TestValues(t *testing.T) {
	params := []Param{
		{Key: "how", Default: "logout", Words: []string{"logout", "everywhere"}},
		{Key: "over", Default: "4s"},
		{Key: "nodes", Default: "4"},
		{Key: "store", Default: ""},
	}
	v, rest, err := values(params, map[string]string{"over": "250ms", "lifetime": "5s"})
	if err != nil {
		t.Fatal(err)
	}
	if v["how"] != "logout" || v.duration("over") != 250*time.Millisecond || v.number("nodes") != 4 || len(rest) != 1 || rest["lifetime"] != "5s" {
		t.Errorf("%v, rest %v", v, rest)
	}
	for set, says := range map[string]string{
		"how=sideways": "one of logout, everywhere", "over=5": "a duration", "over=-1s": "a duration", "nodes=many": "a whole number", "nodes=-1": "a whole number",
	} {
		key, value, _ := strings.Cut(set, "=")
		if _, _, err := values(params, map[string]string{key: value}); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), set) {
			t.Errorf("%s: %v", set, err)
		}
	}
}
