package claims

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"authbench/report/evidence"
)

// Status says how a claim stands.
type Status string

// The states.
const (
	Supported    Status = "supported"    // what was measured agrees, wherever it was measured
	Contradicted Status = "contradicted" // what was measured disagrees, wherever it was measured
	Depends      Status = "depends"      // it agrees here and disagrees there
	NotMeasured  Status = "not_measured" // no evidence that a verdict may be drawn from
)

// Words is the status as people read it.
func (s Status) Words() string {
	if s == NotMeasured {
		return "not measured"
	}
	return string(s)
}

// Statuses lists the states, what was measured first.
func Statuses() []Status { return []Status{Supported, Contradicted, Depends, NotMeasured} }

// Finding is a claim and how it stands.
type Finding struct {
	Claim  Claim
	Status Status
	Says   string // what was measured, with figures; of a claim not measured what comes nearest, or empty
	On     string // what it depends on
	Cites  []Cite // the trials that it stands on
	Why    string // why it was not measured
	Would  string // the command that would measure it; empty: authbench has none yet
}

// Cite names trial data.
type Cite struct {
	Run      string // ID
	Scenario string
	Arm      string
	Fault    string // and the settings that tell it from other cases; may be empty
	What     string // metric or check
	Blocks   []int  // of the run
}

// String is the citation in words: "steady, jwt-hs256: p50, blocks 1–12 of RUN".
func (c Cite) String() string {
	subject := c.Arm
	if c.Fault != "" {
		subject += " (" + c.Fault + ")"
	}
	noun := "blocks"
	if len(c.Blocks) == 1 {
		noun = "block"
	}
	return fmt.Sprintf("%s, %s: %s, %s %s of %s", c.Scenario, subject, c.What, noun, spans(c.Blocks), c.Run)
}

// spans prints sorted numbers: "1–3, 5".
func spans(list []int) string {
	var parts []string
	for i := 0; i < len(list); {
		j := i
		for j+1 < len(list) && list[j+1] == list[j]+1 {
			j++
		}
		switch text := strconv.Itoa(list[i]); {
		case j > i:
			parts = append(parts, text+"–"+strconv.Itoa(list[j]))
		default:
			parts = append(parts, text)
		}
		i = j + 1
	}
	return strings.Join(parts, ", ")
}

// judge says how one claim stands. It is a pure function of what the runs show.
type judge func(*evidence.Board) Finding

// Judge holds every claim against what the runs show, in the order of the catalogue.
func Judge(b *evidence.Board) ([]Finding, error) {
	list, err := Claims()
	if err != nil {
		return nil, err
	}
	table := judges()
	var out []Finding
	for _, c := range list {
		j := table[c.ID]
		if j == nil {
			return nil, fmt.Errorf("claim %s has no judge", c.ID)
		}
		f := j(b)
		if len(f.Cites) == 0 && f.Status != NotMeasured { // a verdict without trials is none
			f = missing("no trial can be cited for it", "")
		}
		f.Claim = c
		out = append(out, f)
	}
	return out, nil
}

// missing is a claim that was not measured: why, and the command that would.
func missing(why, would string) Finding {
	return Finding{Status: NotMeasured, Why: why, Would: would}
}

// near adds to a claim that was not measured what comes nearest to it.
func (f Finding) near(cites []Cite, format string, args ...any) Finding {
	f.Says, f.Cites = fmt.Sprintf(format, args...), cites
	return f
}

// found is a verdict.
func found(s Status, cites []Cite, says ...string) Finding {
	return Finding{Status: s, Says: strings.Join(nonEmpty(says), " "), Cites: cites}
}

// on names what it depends on.
func (f Finding) on(format string, args ...any) Finding {
	f.On = fmt.Sprintf(format, args...)
	return f
}

func nonEmpty(list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == "" })
}

// listing joins words: "a, b and c".
func listing(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

// Tally counts findings by status.
func Tally(list []Finding) map[Status]int {
	n := map[Status]int{}
	for _, f := range list {
		n[f.Status]++
	}
	return n
}

// Headline says how the claims stand, in a sentence.
func Headline(list []Finding) string {
	n := Tally(list)
	return fmt.Sprintf("Of %d claims %d are supported by these runs, %d contradicted, %d depend on something that is named, and %d were not measured.",
		len(list), n[Supported], n[Contradicted], n[Depends], n[NotMeasured])
}
