package decide

import (
	"fmt"
	"slices"
	"strings"

	"authbench/report/number"
	"authbench/results"
)

// The status of an arm under one requirement, or under all.
const (
	Meets    = "meets"
	Excluded = "excluded"
	NotShown = "not shown" // no evidence: not a pass
)

// By what a requirement was judged.
const (
	Measured = "measured"
	Declared = "declared"
)

// Check is one requirement, held against one arm.
type Check struct {
	Requirement string `json:"requirement"` // key of the file; "promises" for what is always asked
	Asked       string `json:"asked"`
	Status      string `json:"status"`
	By          string `json:"by,omitempty"`
	Reason      string `json:"reason"`
	Cites       []Cite `json:"cites,omitempty"`
	Remedy      string `json:"remedy,omitempty"` // the command that would show it
}

func meets(by, format string, args ...any) Check {
	return Check{Status: Meets, By: by, Reason: fmt.Sprintf(format, args...)}
}

func excluded(by, format string, args ...any) Check {
	return Check{Status: Excluded, By: by, Reason: fmt.Sprintf(format, args...)}
}

func notShown(remedy, format string, args ...any) Check {
	return Check{Status: NotShown, Remedy: remedy, Reason: fmt.Sprintf(format, args...)}
}

func (c Check) citing(cites ...Cite) Check {
	c.Cites = append(c.Cites, cites...)
	return c
}

// constraint is a hard requirement. asked says it in words, "" where it is not
// asked.
type constraint struct {
	key   string
	asked func(*Requirements) string
	judge func(*candidate, *Requirements) Check
}

// constraints lists them all.
func constraints() []constraint {
	when := func(is func(*Requirements) bool, words string) func(*Requirements) string {
		return func(r *Requirements) string {
			if is(r) {
				return words
			}
			return ""
		}
	}
	return []constraint{
		{"promises", func(*Requirements) string { return "it keeps what it promises" }, judgePromises},
		{"revocation.window", func(r *Requirements) string {
			if r.Window.Any {
				return ""
			}
			if r.Window.D == 0 {
				return "a logged-out credential is refused from the acknowledgement on"
			}
			return fmt.Sprintf("a logged-out credential is accepted for at most %s", r.Window)
		}, judgeWindow},
		{"revocation.log_out_everywhere", when(func(r *Requirements) bool { return r.LogOutAll }, "all credentials of a user can be ended at once"), judgeLogOutAll},
		{"revocation.end_one_device", when(func(r *Requirements) bool { return r.EndOne }, "one credential can be ended while the user's others go on"), judgeEndOne},
		{"revocation.list_devices", when(func(r *Requirements) bool { return r.ListDevices }, "the server keeps a record of every log-in"), judgeList},
		{"store_dies.users_may_stay_in", func(r *Requirements) string {
			if r.StayIn.Any {
				return ""
			}
			if r.StayIn.D == 0 {
				return "while the store is away, no credential is accepted unchecked"
			}
			return fmt.Sprintf("while the store is away, credentials are accepted unchecked for at most %s", r.StayIn)
		}, judgeStayIn},
		{"store_dies.users_may_be_thrown_out", when(func(r *Requirements) bool { return !r.ThrownOut }, "nobody is logged out by a loss of the store's data"), judgeThrownOut},
		{"store_dies.logged_out_may_return", func(r *Requirements) string {
			return map[Return]string{
				Never:        "a logged-out credential is never accepted again, whatever became of the store's data",
				AfterRestore: "a logged-out credential is not accepted again when the store has lost its data",
			}[r.Return]
		}, judgeReturn},
		{"store_dies.keep_answering", func(r *Requirements) string {
			if !r.KeepAnswering.Any && r.KeepAnswering.D == 0 {
				return ""
			}
			until := "for " + r.KeepAnswering.String()
			if r.KeepAnswering.Any {
				until = "however long that is"
			}
			return fmt.Sprintf("while the store is away, live credentials are answered %s, all but %s of the uses", until, percentWord(r.UnavailableMost))
		}, judgeAnswers},
		{"clients", func(r *Requirements) string {
			if slices.Contains(r.Clients, "third_party") || slices.Contains(r.Clients, "cross_domain") {
				return "it reaches the clients: " + strings.ReplaceAll(strings.Join(r.Clients, ", "), "_", "-")
			}
			return ""
		}, judgeClients},
		{"deployment.nodes", func(r *Requirements) string {
			if r.Nodes < 2 && r.Regions < 2 {
				return ""
			}
			return fmt.Sprintf("a log-in is known on all nodes (%s, %s)", number.Count(r.Nodes, "node"), number.Count(r.Regions, "region"))
		}, judgeNodes},
		{"load.request_bytes", func(r *Requirements) string {
			if r.RequestBytes == 0 {
				return ""
			}
			return fmt.Sprintf("a request has at most %s bytes", number.Integer(int64(r.RequestBytes)))
		}, judgeBytes},
		{"load.p99", func(r *Requirements) string {
			if r.P99 == 0 {
				return ""
			}
			return fmt.Sprintf("99 %% of the answers take at most %s, with %s to the store and back", duration(r.P99), duration(r.RoundTrip))
		}, judgeP99},
		{"keys.shared_secret_allowed", when(func(r *Requirements) bool { return !r.SharedSecret }, "no secret is shared by those who verify"), judgeSecret},
		{"keys.third_parties_verify", when(func(r *Requirements) bool { return r.ThirdsVerify }, "others check credentials by themselves and cannot mint them"), judgeThirds},
	}
}

// percentWord prints a share: "0 %", "1.5 %".
func percentWord(share float64) string { return number.Percent(share) }

// judgePromises looks for any promise that was seen to be broken. No trial at all
// is not held against an arm here: what is asked of it is asked by name.
func judgePromises(c *candidate, _ *Requirements) Check {
	var broken []Cite
	runs := map[*results.Run]bool{}
	for _, p := range c.proofs {
		if runs[p.run] {
			continue
		}
		runs[p.run] = true
		for _, v := range p.run.Verdicts {
			if v.Arm == c.name && v.Status == results.Fail && v.Scenario != "steady" && v.Scenario != "" {
				broken = append(broken, Cite{p.run.ID, v.Scenario, v.Fault, v.Block, v.Check + ": " + v.Reason})
			}
		}
	}
	switch {
	case c.run == nil:
		return notShown("", "it was not measured: %s", c.none)
	case len(broken) > 0:
		return excluded(Measured, "it broke %s", number.Count(len(broken), "promise")).citing(broken...)
	case len(c.proofs) == 0:
		return meets(Declared, "no promise of it was put to the test")
	}
	return meets(Measured, "none of its promises was broken in %s under revocations and faults", number.Count(len(c.proofs), "trial"))
}
