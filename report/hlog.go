package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"authbench/results"
)

// SelectionError is an arm or operation that a format cannot do without, or that
// the run does not have.
type SelectionError struct{ Reason string }

func (e *SelectionError) Error() string { return e.Reason }

// HLog writes the histogram log of the run, unchanged and unmerged, or of it the
// lines of one arm and operation.
func HLog(w io.Writer, in Input) error {
	if err := checkSelection(in); err != nil {
		return err
	}
	_, err := results.CopyLog(w, in.Dir, in.wants)
	return err
}

// wants says whether a series is of the arm and operation that were asked for.
func (in Input) wants(t results.Tag) bool {
	return (in.Arm == "" || t.Arm == in.Arm) && (in.Operation == "" || t.Operation == in.Operation)
}

// logOperations are what a run may have histograms of.
func logOperations() []string { return []string{"use", "login", "saturate"} }

func checkSelection(in Input) error {
	if in.Dir == "" {
		return &SelectionError{"the run is not on disk: there is no histogram log to read"}
	}
	if in.Arm != "" && !slices.ContainsFunc(in.Run.Arms, func(a results.Arm) bool { return a.Name == in.Arm }) {
		return &SelectionError{fmt.Sprintf("the run has no arm %q; there is %s", in.Arm, runArms(in.Run))}
	}
	if in.Operation != "" && !slices.Contains(logOperations(), in.Operation) {
		return &SelectionError{fmt.Sprintf("no operation is called %q; there is %s", in.Operation, strings.Join(logOperations(), ", "))}
	}
	return nil
}

func runArms(run *results.Run) string {
	var names []string
	for _, a := range run.Arms {
		names = append(names, a.Name)
	}
	return strings.Join(names, ", ")
}
