package results

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// RunFile is the name of the run's description within its directory.
const RunFile = "run.json"

// stillRunning is what run.json says until Finish or Abort: if nobody gets to
// call them, it is the truth.
const stillRunning = "still running, or killed before it could finish"

// Writer writes one run to disk while it is made. After every trial the
// directory holds a complete run.json of the trials so far, marked partial, so
// that whatever ends the program ends it with that. Not safe for concurrent use.
type Writer struct {
	root string // whose latest leads here; "": nobody's
	dir  string
	run  *Run
	log  *os.File
	size int64 // of the log, up to the last complete trial
	done bool
}

// Create makes root/runs/<timestamp>-<name>, sets run.ID to its name, and writes
// a first run.json. The caller fills in the rest of run as it learns it; what it
// holds at the next Add, Finish or Abort is what gets written.
func Create(root, name string, run *Run) (*Writer, error) {
	if err := checkNew(name, run); err != nil {
		return nil, err
	}
	runs := filepath.Join(root, "runs")
	if err := os.MkdirAll(runs, 0o755); err != nil {
		return nil, err
	}
	id, err := makeDir(runs, run.Started.UTC().Format("20060102T150405Z")+"-"+name)
	if err != nil {
		return nil, err
	}
	return create(root, filepath.Join(runs, id), id, name, run)
}

// CreateIn is Create in a directory of the caller's choice, which must be empty or
// not there yet: run.json is directly in it, and results/latest stays where it is.
func CreateIn(dir, name string, run *Run) (*Writer, error) {
	if err := checkNew(name, run); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("%s is not empty: it holds %s", dir, entries[0].Name())
	}
	return create("", dir, run.Started.UTC().Format("20060102T150405Z")+"-"+name, name, run)
}

// checkNew refuses what could not be written.
func checkNew(name string, run *Run) error {
	if name == "" || strings.ContainsAny(name, `/\:`) || strings.HasPrefix(name, ".") {
		return fmt.Errorf("%q cannot be part of a directory name", name)
	}
	if run.Started.IsZero() {
		return errors.New("a run needs the time at which it started")
	}
	for _, a := range run.Arms {
		if err := checkArmName(a.Name); err != nil {
			return err
		}
	}
	return nil
}

func create(root, dir, id, name string, run *Run) (*Writer, error) {
	run.ID, run.Name, run.SchemaVersion = id, name, SchemaVersion
	w := &Writer{root: root, dir: dir, run: run}
	var err error
	w.log, err = os.OpenFile(filepath.Join(w.dir, HistogramsFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	if err := w.append(logHeader(run.Started)); err != nil {
		w.log.Close()
		return nil, err
	}
	if err := w.save(true, stillRunning); err != nil {
		w.log.Close()
		return nil, err
	}
	return w, nil
}

// makeDir makes name in dir, or name-2, name-3, ... where that is taken: two
// runs that start within one second do not share a directory.
func makeDir(dir, name string) (string, error) {
	for n := 1; ; n++ {
		id := name
		if n > 1 {
			id = fmt.Sprintf("%s-%d", name, n)
		}
		err := os.Mkdir(filepath.Join(dir, id), 0o755)
		if err == nil {
			return id, nil
		}
		if !errors.Is(err, os.ErrExist) || n == 1000 {
			return "", err
		}
	}
}

// Dir is the directory of the run: reports go there too.
func (w *Writer) Dir() string { return w.dir }

// PhaseHistograms are the histograms of one phase of a trial.
type PhaseHistograms struct {
	// Operation is the tag of the phase; it overrides that of the histograms if
	// not empty. The steady phase is "use". No two phases of one trial may share
	// a tag, or an open and a closed loop would be merged.
	Operation  string
	Started    time.Time // when the phase began; StartNS counts from there
	Histograms []Histogram
}

// Add appends a finished trial. A trial whose arrivals are not accounted for
// exactly is refused: it would be a defect of the harness, not a result. So is
// a histogram that cannot be read back whole. On error the run on disk is as it
// was before.
func (w *Writer) Add(trial Trial, phases []PhaseHistograms) error {
	if w.done {
		return errors.New("the run is closed")
	}
	if err := trial.Check(); err != nil {
		return err
	}
	lines, err := w.render(trial, phases)
	if err != nil {
		return fmt.Errorf("trial of %s in block %d: %w", trial.Arm, trial.Block, err)
	}
	if err := w.append(lines); err != nil {
		return err
	}
	w.run.Trials = append(w.run.Trials, trial)
	if err := w.save(true, stillRunning); err != nil {
		w.run.Trials = w.run.Trials[:len(w.run.Trials)-1]
		return err
	}
	return nil
}

func (w *Writer) render(trial Trial, phases []PhaseHistograms) (string, error) {
	var b strings.Builder
	owner := map[string]int{} // operation -> phase
	for i, p := range phases {
		for _, h := range p.Histograms {
			if p.Operation != "" {
				h.Operation = p.Operation
			}
			if first, ok := owner[h.Operation]; ok && first != i {
				return "", fmt.Errorf("phases %d and %d both record %q", first+1, i+1, h.Operation)
			}
			owner[h.Operation] = i
			tag := Tag{trial.Arm, h.Operation, h.Outcome, h.Metric, trial.Block}
			line, err := formatLogLine(tag, p.Started.Sub(w.run.Started), h)
			if err != nil {
				return "", err
			}
			b.WriteString(line)
		}
	}
	return b.String(), nil
}

// append writes whole lines to the log or, on error, none.
func (w *Writer) append(lines string) error {
	_, err := w.log.WriteString(lines)
	if err == nil {
		err = w.log.Sync()
	}
	if err != nil {
		return errors.Join(err, w.log.Truncate(w.size))
	}
	w.size += int64(len(lines))
	return nil
}

// Finish writes the run as it now is and points results/latest at it. The
// caller has set Finished, Verdicts and Warnings, and Partial if that is so.
func (w *Writer) Finish() error { return w.close(w.run.Partial, w.run.PartialReason) }

// Abort writes the run with the trials that finished, says that it is partial
// and why, and points results/latest at it.
func (w *Writer) Abort(reason string) error { return w.close(true, reason) }

func (w *Writer) close(partial bool, reason string) error {
	if w.done {
		return nil
	}
	w.done = true
	w.run.Partial, w.run.PartialReason = partial, reason
	if w.run.Finished.IsZero() {
		w.run.Finished = time.Now().UTC()
	}
	err := errors.Join(w.save(partial, reason), w.log.Close())
	if err == nil {
		err = writeDigests(w.dir)
	}
	if err != nil {
		return fmt.Errorf("close %s: %w", w.dir, err)
	}
	if w.root == "" {
		return nil
	}
	return setLatest(w.root, w.run.ID)
}

func (w *Writer) save(partial bool, reason string) error {
	r := *w.run
	r.Partial, r.PartialReason = partial, reason
	r.Trials = slices.Clone(w.run.Trials)
	data, err := encode(&r)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(w.dir, RunFile), data)
}
