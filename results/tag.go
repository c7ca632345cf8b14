package results

import (
	"fmt"
	"strconv"
	"strings"
)

// Tag names one series of histograms: in the log it is
// "arm.operation.outcome.metric.bNN". Arm names may contain dots; the other
// parts do not.
type Tag struct {
	Arm       string
	Operation string // "use", "login", "saturate"
	Outcome   Outcome
	Metric    string // "latency" or "service"
	Block     int    // from 1; 0 where blocks have been merged
}

// String is the tag as it stands in the log.
func (t Tag) String() string {
	return fmt.Sprintf("%s.%s.%s.%s.b%02d", t.Arm, t.Operation, t.Outcome, t.Metric, t.Block)
}

// check refuses what the HdrHistogram log format or ParseTag could not read back.
func (t Tag) check() error {
	if err := checkArmName(t.Arm); err != nil {
		return err
	}
	for _, part := range []string{t.Operation, t.Metric} {
		if part == "" || strings.ContainsAny(part, ".") || !taggable(part) {
			return fmt.Errorf("histogram tag %q: operation and metric are single words", t)
		}
	}
	if t.Outcome >= Outcomes {
		return fmt.Errorf("histogram tag %q: no such outcome", t)
	}
	if t.Block < 1 {
		return fmt.Errorf("histogram tag %q: blocks count from 1", t)
	}
	return nil
}

func checkArmName(name string) error {
	if name == "" || !taggable(name) {
		return fmt.Errorf("arm name %q: histogram tags cannot hold commas, spaces or control characters", name)
	}
	return nil
}

func taggable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == ',' || r == 0x7f || r == '�' })
}

// ParseTag reads a tag of a histogram log.
func ParseTag(s string) (Tag, error) {
	var parts [4]string // from the right: the arm may contain dots
	rest := s
	for i := 3; i >= 0; i-- {
		dot := strings.LastIndexByte(rest, '.')
		if dot < 0 {
			return Tag{}, fmt.Errorf("histogram tag %q is not arm.operation.outcome.metric.bNN", s)
		}
		parts[i], rest = rest[dot+1:], rest[:dot]
	}
	t := Tag{Arm: rest, Operation: parts[0], Metric: parts[2]}
	var err error
	if t.Outcome, err = ParseOutcome(parts[1]); err != nil {
		return Tag{}, fmt.Errorf("histogram tag %q: %w", s, err)
	}
	digits, ok := strings.CutPrefix(parts[3], "b")
	if t.Block, err = strconv.Atoi(digits); !ok || err != nil {
		return Tag{}, fmt.Errorf("histogram tag %q: block %q is not bNN", s, parts[3])
	}
	if err := t.check(); err != nil {
		return Tag{}, err
	}
	return t, nil
}

// ParseOutcome is the inverse of Outcome.String.
func ParseOutcome(s string) (Outcome, error) {
	for o := range Outcome(Outcomes) {
		if o.String() == s {
			return o, nil
		}
	}
	return 0, fmt.Errorf("unknown outcome %q", s)
}
