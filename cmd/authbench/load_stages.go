package main

import (
	"strconv"
	"strings"
	"time"

	"authbench/loadgen"
)

// parseStages reads "5s@1000,10s@1000..5000": lengths with a rate, or with two
// for a ramp. The error is a *loadgen.SyntaxError.
func parseStages(s string) (stages []loadgen.Stage, total time.Duration, err error) {
	at := 0 // of the stage within s
	for part := range strings.SplitSeq(s, ",") {
		st, column, message := parseStage(part)
		if message != "" {
			return nil, 0, &loadgen.SyntaxError{Expression: s, Column: at + column + 1, Message: message}
		}
		stages, total, at = append(stages, st), total+st.Duration, at+len(part)+1
	}
	if _, err := loadgen.NewSchedule(loadgen.Phase{Stages: stages, Duration: total}, 1); err != nil {
		return nil, 0, err
	}
	return stages, total, nil
}

// parseStage reads one stage; a message says what is wrong, column bytes into it.
func parseStage(part string) (st loadgen.Stage, column int, message string) {
	length, rates, ok := strings.Cut(part, "@")
	blank := len(part) - len(strings.TrimLeft(part, " "))
	if !ok {
		return st, blank, "want LENGTH@RATE or LENGTH@FROM..TO, such as 10s@1000..5000"
	}
	d, err := time.ParseDuration(strings.TrimSpace(length))
	if err != nil || d <= 0 {
		return st, blank, "want a length of time such as 10s"
	}
	from, to, ramp := strings.Cut(rates, "..")
	st.Duration = d
	if st.Rate, ok = parseRate(from); !ok {
		return st, len(length) + 1, "want a number of requests per second"
	}
	if ramp {
		if st.To, ok = parseRate(to); !ok {
			return st, len(part) - len(to), "want a number of requests per second"
		}
		// Zero would say that there is no ramp.
		st.To = max(st.To, 1e-6)
	}
	return st, 0, ""
}

func parseRate(s string) (float64, bool) {
	v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return v, err == nil && v >= 0 && v <= 1e9
}
