package report

import (
	"authbench/report/evidence"
)

// rejecting is how long revoked credentials went on.
type rejecting struct {
	Revoked []evidence.Revoked
	Reject  *chart
}

func rejectSection(v *view) any {
	if v.Held == nil {
		return nil
	}
	asked, _ := v.Held.Revocations()
	if len(asked) == 0 {
		return nil
	}
	return rejecting{asked, v.Held.rejectChart(asked)}
}
