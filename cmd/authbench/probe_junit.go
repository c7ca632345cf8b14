package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"authbench/results"
	"authbench/scenarios/attack"
)

// probeJUnit writes a probe as JUnit XML: a suite a class, and one for the walk. A case
// that does not apply or is unknown is skipped, with the reason.
func probeJUnit(w io.Writer, r *attack.Report) error {
	all := junit.Testsuites{Name: "authbench probe " + r.Contract}
	add := func(name string, cases []junit.Testcase, took time.Duration) {
		suite := junit.Testsuite{ID: len(all.Suites), Name: name, Time: fmt.Sprintf("%.3f", took.Seconds())}
		suite.AddProperty("contract", r.Contract)
		suite.AddProperty("target", r.Target)
		for _, c := range cases {
			suite.AddTestcase(c)
		}
		all.AddSuite(suite)
	}
	if r.Walk != nil {
		var cases []junit.Testcase
		for _, c := range r.Walk.Checks {
			what := fmt.Sprintf("sent: %s\ngot:  %d %s\nwant: %s\n", c.Sent, c.Status, c.Outcome, c.Expected)
			cases = append(cases, probeTestcase("walk", c.Name, c.Verdict, c.Detail, what))
		}
		add("walk", cases, 0)
	}
	var cases []junit.Testcase
	from := 0
	for _, class := range r.Classes() {
		for _, c := range r.Cases[from : from+class.Cases] {
			what := fmt.Sprintf("sent: %s\ngot:  %s\nwant: %s\n%s\n", c.Sent, c.Got, c.Want, c.Reference)
			tc := probeTestcase(class.Name, c.ID+" "+c.Title, c.Status, c.Reason, what)
			tc.Time = fmt.Sprintf("%.3f", time.Duration(c.TookNS).Seconds())
			cases = append(cases, tc)
		}
		from += class.Cases
		add(class.Name, cases, class.Took)
		cases = nil
	}
	if len(all.Suites) == 0 {
		add("probe", []junit.Testcase{{Classname: "probe", Name: "something was tried", Error: &junit.Result{Message: "nothing was tried", Type: "not finished"}}}, 0)
	}
	return all.WriteXML(w)
}

func probeTestcase(class, name, status, reason, what string) junit.Testcase {
	c := junit.Testcase{Classname: class, Name: name, Time: "0.000"}
	reason = printable(reason)
	switch status {
	case results.Pass:
	case results.Fail:
		c.Failure = &junit.Result{Message: reason, Type: "attack", Data: printable(what + reason)}
	case results.NotApplicable:
		c.Skipped = &junit.Result{Message: "not applicable: " + reason}
	default:
		c.Skipped = &junit.Result{Message: "unknown: " + reason}
	}
	return c
}

// printable replaces what XML 1.0 cannot hold, not even escaped: attacks are made of it.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, s)
}
