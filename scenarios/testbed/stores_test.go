package testbed

import "testing"

func TestX(t *testing.T) {
	tb := newBed(t, Options{Needs: []string{Redis, MySQL}, Provider: "process"})
	t.Log(tb.Missing())
	t.Logf("%+v", tb.Stores())
}
