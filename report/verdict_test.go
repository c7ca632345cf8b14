package report

import (
	"testing"
	"time"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

// A credential that nobody saw refused did not go on until its last use.
func TestLoggedOut(t *testing.T) {
	tried := func(arm string, through int64, last, reject *int64) *evidence.Tried {
		return &evidence.Tried{Arm: arm, Trials: []*results.Trial{{Chaos: &results.Chaos{
			Settings: map[string]string{"how": "logout"},
			Revocation: &results.Revocation{
				Revocations: 10, Uses: 100, LetThrough: through, Bound: "until exp (12h after it was issued)",
				TimeToReject: results.Quantiles{Count: 10, Max: reject}, LastAccept: results.Quantiles{Count: 10, Max: last},
			},
		}}}}
	}
	ns := func(d time.Duration) *int64 { return new(int64(d)) }
	p := &evidence.Promises{Tried: []*evidence.Tried{
		tried("session-redis", 0, ns(0), ns(time.Millisecond)),
		tried("jwt-es256", 60, ns(2*time.Second), ns(3*time.Second)),
		tried("session-sealed", 100, ns(5*time.Second), nil),
	}}
	want := "A logged-out credential is refused at once by session-redis; goes on with jwt-es256 until " + number.Lasted(2e9) + " (declared: exp (12h))" +
		" and session-sealed for as long as anybody looked, " + number.Lasted(5e9) + " (declared: exp (12h))."
	if got := loggedOut(p); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
