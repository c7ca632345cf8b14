package attack

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"authbench/results"
	"authbench/targets/contract"
)

// classOf is a class of cases for tests of what runs them.
func classOf(cases ...Case) []Class { return []Class{{"T", "test", cases}} }

// TestRun: how a case ends. No data is never a pass.
func TestRun(t *testing.T) {
	no := func(*Target) string { return "because" }
	try := func(f func(ctx context.Context, t *Target, y *Tally) error) Case {
		return Case{Title: "a case", Try: f}
	}
	for _, tt := range []struct {
		name   string
		c      Case
		status string
		reason string // part of it
	}{
		{"does not apply", Case{Applies: no, Needs: no}, results.NotApplicable, "because"},
		{"material is missing", Case{Needs: no}, results.Unknown, "because"},
		{"nothing tried", try(func(context.Context, *Target, *Tally) error { return nil }), results.Unknown, "nothing was tried"},
		{"an error", try(func(context.Context, *Target, *Tally) error { return errors.New("no such thing") }), results.Unknown, "no such thing"},
		{"all right", try(func(_ context.Context, _ *Target, y *Tally) error {
			y.Note("this", "401", "refused", true)
			y.Say("nothing was found in %d", 1)
			return nil
		}), results.Pass, "nothing was found in 1"},
		{"one wrong", try(func(_ context.Context, _ *Target, y *Tally) error {
			y.Note("this", "401", "refused", true)
			y.Note("that", "200", "refused", false)
			y.Note("those", "500", "refused", false)
			return errors.New("and an error")
		}), results.Fail, "2 of 3 were answered wrongly; also those got 500"},
		{"right, and an error", try(func(_ context.Context, _ *Target, y *Tally) error {
			y.Note("this", "401", "refused", true)
			return errors.New("an error")
		}), results.Unknown, "an error"},
		{"a control that is refused", try(func(ctx context.Context, target *Target, y *Tally) error {
			u := target.Next()
			a, err := target.With(ctx, u, "nothing")
			if err == nil && y.Control("nothing", a) {
				t.Error("nothing is accepted")
			}
			y.Check("nothing", a, Refused())
			return err
		}), results.Unknown, "the control was not accepted"},
		{"takes too long", try(func(ctx context.Context, _ *Target, y *Tally) error {
			<-ctx.Done()
			return context.Cause(ctx)
		}), results.Unknown, "was not done within"},
		{"hurts the canary", try(func(ctx context.Context, target *Target, y *Tally) error {
			y.Note("this", "401", "refused", true)
			other := &User{canary, target.Contract.User(canary)}
			if err := target.Again(ctx, other); err != nil {
				return err
			}
			_, err := target.Do(ctx, 0, target.Contract.RevokeAll, other.Vars)
			return err
		}), results.Fail, "does not touch was good before it and got 401 after it"},
		{"moves the clock past the canary's end", try(func(ctx context.Context, target *Target, y *Tally) error {
			y.Note("this", "401", "refused", true)
			return target.Material.Clock(ctx, 24*time.Hour)
		}), results.Pass, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			target := soundTarget(t, "", "")
			limit := 5 * time.Second
			if strings.Contains(tt.name, "too long") {
				limit = 50 * time.Millisecond
			}
			report, err := Run(t.Context(), target, Options{Classes: classOf(tt.c), CaseTime: limit})
			if err != nil || len(report.Cases) != 1 {
				t.Fatalf("%+v, %v", report, err)
			}
			if r := report.Cases[0]; r.Status != tt.status || !strings.Contains(r.Reason, tt.reason) {
				t.Errorf("%s: %s, want %s with %q", r.Status, r.Reason, tt.status, tt.reason)
			}
		})
	}
}

// TestRunEnds: what is not done in time is unknown; an interrupted probe is an error with
// what was done until then.
func TestRunEnds(t *testing.T) {
	target := soundTarget(t, "", "")
	calls := 0
	good := Case{ID: "T1", Try: func(_ context.Context, _ *Target, y *Tally) error {
		calls++
		y.Note("this", "401", "refused", true)
		return nil
	}}
	report, err := Run(t.Context(), target, Options{Classes: classOf(good, good), Until: time.Now().Add(-time.Second)})
	if err != nil || calls != 0 || report.Count(results.Unknown) != 2 {
		t.Errorf("%+v after %d calls, %v", report, calls, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stops := Case{ID: "T2", Try: func(_ context.Context, _ *Target, y *Tally) error {
		cancel()
		y.Note("this", "401", "refused", true)
		return nil
	}}
	report, err = Run(ctx, target, Options{Classes: classOf(good, stops, good)})
	if !errors.Is(err, context.Canceled) || len(report.Cases) != 1 || len(report.Sent) == 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestNobodyThere: nothing can be told of a target that does not answer.
func TestNobodyThere(t *testing.T) {
	target := soundTarget(t, "", "")
	target.Nodes[0].Host = "127.0.0.1:1"
	classes, err := Select([]string{"D"})
	if err != nil {
		t.Fatal(err)
	}
	report, err := Run(t.Context(), target, Options{Classes: classes})
	if err != nil || report.Count(results.Unknown)+report.Count(results.NotApplicable) != len(report.Cases) {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestSelect(t *testing.T) {
	all, err := Select(nil)
	if err != nil || len(all) != 9 {
		t.Fatalf("%d classes, %v", len(all), err)
	}
	seen := map[string]bool{}
	for _, class := range all {
		for _, c := range class.Cases {
			if seen[c.ID] || !strings.HasPrefix(c.ID, class.Letter) || c.Title == "" || c.Reference == "" || c.Try == nil {
				t.Errorf("%s of %s: %q (%q), twice: %t", c.ID, class.Title, c.Title, c.Reference, seen[c.ID])
			}
			seen[c.ID] = true
		}
	}
	// What the catalogue lists has at least one case.
	for _, id := range strings.Fields("A1 A3 A4 A6 A8 A10 A11 A12 A14 A16 A18 A20 A22 A24 A25 A27 B1 B3 B5 B7 B8 B9 B11 B13 C1 C2 C4 C5 C6 C8 C9 C10 C11 " +
		"D1 D2 D4 D6 D8 E1 E3 E5 E7 F1 F3 F5 F6 F7 F9 F10 F11 G1 G2 G3 G5 G7 G9 G10 G11 H1 H2 H3 H4 H5 H6 I1 I2") {
		if !seen[id] {
			t.Errorf("there is no case %s", id)
		}
	}
	some, err := Select([]string{"d4", "A"})
	if err != nil || len(some) != 2 || len(some[1].Cases) != 1 || len(some[0].Cases) != len(all[0].Cases) {
		t.Errorf("%+v, %v", some, err)
	}
	if _, err := Select([]string{"A", "Z9"}); err == nil || !strings.Contains(err.Error(), "A (A1") {
		t.Errorf("Z9: %v", err)
	}
}

// TestUsers: nobody is given out twice while there are others, never the canary, and a
// changed password stays known.
func TestUsers(t *testing.T) {
	target := soundTarget(t, "", "")
	target.Contract.Users.Count = 4
	var got []int
	for range 5 {
		got = append(got, target.Next().N)
	}
	if want := []int{2, 3, 4, 2, 3}; !slices.Equal(got, want) {
		t.Errorf("users %v, want %v", got, want)
	}
	u, err := target.LogIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a, err := target.Do(t.Context(), 0, target.Contract.Password, u.Vars.With(contract.Vars{"new_password": "another-one"}))
	if err != nil || a.Outcome != results.OK {
		t.Fatalf("%+v, %v", a, err)
	}
	if err := target.Again(t.Context(), u); err != nil {
		t.Errorf("after a change of password: %v", err)
	}
}

// TestSent: what was sent is counted, without credentials.
func TestSent(t *testing.T) {
	target := soundTarget(t, "", "")
	u, err := target.LogIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	req, err := target.Contract.Render(&target.Contract.Use, target.Nodes[0].Host, u.Vars)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/me?token=" + u.Credential(), "/me/" + u.Credential()} {
		req.Path = path
		if _, err := target.Send(t.Context(), 0, &target.Contract.Use, req, u.Vars); err != nil {
			t.Fatal(err)
		}
	}
	want := []Sent{{"GET /me", 1}, {"GET /me/{credential}", 1}, {"POST /login", 1}}
	if got := target.Sent(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for i := range 2 * kinds {
		req.Path = "/" + strings.Repeat("x", i)
		target.count(req, nil)
	}
	if got := target.Sent(); len(got) > kinds+1 {
		t.Errorf("%d kinds of request", len(got))
	}
}
