package report

import (
	"fmt"
	"slices"
	"strings"

	"authbench/report/evidence"
	"authbench/report/number"
	"authbench/results"
)

// words fills in the sentences of a chaos summary.
func (s *chaosSummary) words() {
	s.lead()
	s.alarms()
	s.denying()
	s.losing()
}

// Question is what every run of this kind asks.
func (s *chaosSummary) Question() string {
	return "How long does a revoked credential go on, and what does a failing store do to users?"
}

// Asked is what was put to the test.
func (s *chaosSummary) Asked() string {
	faults := map[string]bool{}
	for _, g := range s.Tried {
		if g.Fault != "" {
			faults[g.Fault] = true
		}
	}
	asked := number.Count(len(s.Arms), "arm") + ", " + number.Count(len(s.Scenarios), "scenario")
	if len(faults) > 0 {
		asked += ", " + number.Count(len(faults), "kind") + " of fault"
	}
	return asked + ", " + number.Count(len(s.Run.Trials), "trial") + "."
}

// lead is the first line. What is not known is never good news.
func (s *chaosSummary) lead() {
	n, missing := s.Counts, len(s.Run.NotMeasured)
	of := number.Count(n.Judged(), "check")
	s.Word, s.Exit = n.Worst(), 0
	switch {
	case n.Fail > 0:
		s.Exit = 1
		s.Lead = fmt.Sprintf("A promise is broken: %s of %s failed.", number.Integer(int64(n.Fail)), of)
	case n.Invalid > 0:
		s.Exit = 3
		s.Lead = fmt.Sprintf("The evidence for %s of %s is not to be trusted.", number.Integer(int64(n.Invalid)), of)
	case n.Unknown > 0:
		s.Exit = 4
		s.Lead = fmt.Sprintf("For %s of %s there is no evidence. Nothing else was found broken.", number.Integer(int64(n.Unknown)), of)
	case missing > 0:
		s.Word, s.Exit = results.Unknown, 4
		s.Lead = fmt.Sprintf("Not everything is known: %s could not be measured. All of the %s that were made passed.", number.Count(missing, "arm"), of)
	case n.Pass > 0:
		s.Lead = fmt.Sprintf("Every promise was kept: all of %s passed.", of)
	default:
		s.Word, s.Exit = results.Unknown, 4
		s.Lead = "No check was made, so nothing was shown."
	}
	unfinished := s.Run.Partial || slices.ContainsFunc(s.Run.Trials, func(t results.Trial) bool { return t.Error != "" })
	if unfinished && s.Exit == 0 {
		s.Word, s.Exit = results.Unknown, 1
		s.Lead = fmt.Sprintf("The run was not finished. All of the %s that were made passed.", of)
	}
}

// Tally is the line of counts.
func (s *chaosSummary) Tally() string {
	n := s.Counts
	return fmt.Sprintf("%s: %d pass, %d fail, %d unknown, %d invalid, %d not applicable", number.Count(n.All(), "check"), n.Pass, n.Fail, n.Unknown, n.Invalid, n.NotApplicable)
}

// exitMeaning says what --strict makes of the run.
func (s *chaosSummary) exitMeaning() string {
	switch s.Exit {
	case 0:
		return "0: every promise that was tested was kept"
	case 1:
		if s.Counts.Fail == 0 {
			return "1: the work was not finished"
		}
		return "1: a promise is broken"
	case 3:
		return "3: evidence that is not to be trusted"
	}
	return "4: something is unknown or was not measured"
}

// exitCodes is the whole table, in a line.
const exitCodes = "0 kept, 1 broken or not finished, 3 not to be trusted, 4 unknown or not measured"

func (s *chaosSummary) alarms() {
	red := func(format string, args ...any) {
		s.Alarms = append(s.Alarms, alarm{true, fmt.Sprintf(format, args...)})
	}
	if s.Run.Partial {
		red("Partial run: %s. Only the trials that finished are here.", strings.TrimSuffix(orElse(s.Run.PartialReason, "it was interrupted"), "."))
	}
	for _, st := range s.Run.Environment.Stores {
		if st.StandIn {
			red("A stand-in store: %s %s answered in place of a real %s. What depends on it says nothing about the product and no verdict is drawn from it.", st.Product, st.Version, st.Kind)
		}
	}
	for _, m := range s.Run.NotMeasured {
		red("Not measured: %s. %s", m.Arm, m.Reason)
	}
	for _, t := range s.Run.Trials {
		if t.Error != "" && !s.Explained(t) {
			red("%s of %s, block %d: the trial could not be completed: %s", t.Scenario, t.Arm, t.Block, t.Error)
		}
		if t.Validity.Status == results.ValidityInvalid {
			red("%s of %s, block %d: invalid: %s", t.Scenario, t.Arm, t.Block, orElse(strings.Join(t.Validity.Reasons, "; "), "no reason given"))
		}
	}
	for _, w := range s.Run.Warnings {
		s.Alarms = append(s.Alarms, alarm{false, w})
	}
}

// subject is what a verdict is about: the arm, the fault it was under, what else
// tells the trial from others, the check.
func (s *chaosSummary) subject(v results.Verdict) string { return s.who(v) + ": " + v.Check }

func (s *chaosSummary) who(v results.Verdict) string {
	parts := []string{v.Arm, v.Fault}
	if i := slices.IndexFunc(s.Tried, func(g *evidence.Tried) bool { return g.Judges(v) }); i >= 0 && v.Block > 0 {
		parts = append(parts, s.Tried[i].Variant)
	}
	return strings.Join(nonEmpty(parts), ", ")
}

// sentence says what is wrong: the first violation, or else the reason.
func (s *chaosSummary) sentence(v results.Verdict) string {
	if st := s.Stories(v); len(st) > 0 && st[0].Summary != "" {
		return st[0].Summary
	}
	return orElse(v.Reason, "no reason given")
}

// isSession and isDenylist tell the two apart whose failures mirror each other.
// Sessions in the node's own memory have no store to fail.
func (s *chaosSummary) isSession(arm string) bool {
	a := s.Arm(arm)
	return a != nil && a.Mechanism == "session" && len(a.Needs) > 0
}

func isDenylist(arm string) bool { return strings.Contains(arm, "+denylist") }

// denying finds the faults under which sessions can be ended and tokens cannot
// be denied: a full Redis executes DEL and refuses SET.
func (s *chaosSummary) denying() {
	for _, f := range s.faulted() {
		var sessions, denylists []string
		for _, o := range f.Outages {
			n, in := o.LogoutsDuring, o.LoginsDuring
			switch {
			case s.isSession(o.Arm) && n.OK > 0 && n.Failed == 0:
				said := o.Arm + " logged out " + tries(n)
				if in.Failed > 0 {
					said += " and logged in " + tries(in)
				}
				sessions = append(sessions, said)
			case isDenylist(o.Arm) && n.OK == 0 && n.Failed > 0:
				denylists = append(denylists, o.Arm+" denied "+tries(n))
			}
		}
		if len(sessions) > 0 && len(denylists) > 0 {
			s.say("Under %s log-out works and denying does not: %s; %s.", f.Fault, strings.Join(sessions, ", "), strings.Join(denylists, ", "))
		}
	}
}

// losing tells which way each fails when the store has lost its data: sessions
// that were live are refused, tokens that were revoked are accepted. Data that is
// old again brings revoked sessions back, too.
func (s *chaosSummary) losing() {
	for _, f := range s.faulted() {
		var closed, opened, back []string
		for _, o := range f.Outages {
			again := o.Arm + " accepted " + number.Of(o.Resurrected, o.RevokedAsked) + " that were revoked"
			switch {
			case !o.LostData() || o.Before.WronglyIn > 0: // a log-out that never did anything
			case isDenylist(o.Arm) && o.Resurrected > 0:
				opened = append(opened, again)
			case o.Resurrected > 0:
				back = append(back, again)
			case s.isSession(o.Arm) && o.Lost > 0:
				closed = append(closed, fmt.Sprintf("%s refused %s that were live and accepted %s that were revoked", o.Arm, number.Of(o.Lost, o.LiveAsked), number.Of(o.Resurrected, o.RevokedAsked)))
			}
		}
		for _, told := range []struct {
			words string
			who   []string
		}{{"sessions fail closed", closed}, {"a denylist fails open", opened}, {"what was revoked lives again", back}} {
			if len(told.who) > 0 {
				s.say("After %s %s: %s.", f.Fault, told.words, strings.Join(told.who, ", "))
			}
		}
	}
}

func (s *chaosSummary) say(format string, args ...any) {
	s.Short = append(s.Short, fmt.Sprintf(format, args...))
}

// tries prints how many of those that were tried went through.
func tries(t results.Tries) string { return number.Of(t.OK, t.OK+t.Failed) }
