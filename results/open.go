package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// DamagedError is a run.json that is truncated, corrupted or not one of ours.
type DamagedError struct {
	Path         string
	Line, Column int // where reading failed, from 1; 0 when the whole is at fault
	Trials       int // trials that could be read
	Err          error
}

func (e *DamagedError) Error() string {
	at := e.Path
	if e.Line > 0 {
		at = fmt.Sprintf("%s:%d:%d", e.Path, e.Line, e.Column)
	}
	return fmt.Sprintf("%s: %v (%d intact trials before it)", at, e.Err, e.Trials)
}

func (e *DamagedError) Unwrap() error { return e.Err }

// NewerError is a run written by a later authbench, whose fields may not mean
// what they mean here.
type NewerError struct {
	Path           string
	Version, Known int
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("%s: schema version %d; this authbench reads up to %d: use a newer one", e.Path, e.Version, e.Known)
}

// Open reads the run at path: its directory, its run.json, or results/latest.
// dir is the directory, for Histograms.
//
// With a *DamagedError the run is not nil if anything could be saved: it holds
// what stands before the damage and is marked partial.
func Open(path string) (run *Run, dir string, err error) {
	dir, file, err := resolve(path)
	if err != nil {
		return nil, "", fmt.Errorf("open run: %w", err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, dir, fmt.Errorf("open run: %w", err)
	}
	run, err = Decode(data, file)
	return run, dir, err
}

// Decode reads run.json; path is for messages. See Open.
func Decode(data []byte, path string) (*Run, error) {
	var run Run
	// Fields that we do not know are ignored: a later version adds fields without
	// raising SchemaVersion.
	err := json.Unmarshal(data, &run)
	if err == nil {
		err = checkDecoded(&run, path)
		if run.SchemaVersion < 1 || run.SchemaVersion > SchemaVersion {
			return nil, err // what its fields mean is not known
		}
		return &run, err
	}
	saved, offset, serr := salvage(data)
	if serr != nil {
		err = serr // nearer to the damage
	}
	damaged := &DamagedError{Path: path, Err: words(err)}
	damaged.Line, damaged.Column = position(data, offset)
	if saved == nil {
		return nil, damaged
	}
	if verr := checkDecoded(saved, path); verr != nil {
		var newer *NewerError
		if errors.As(verr, &newer) {
			return nil, verr
		}
		return nil, damaged
	}
	damaged.Trials = len(saved.Trials)
	saved.Partial = true
	saved.PartialReason = fmt.Sprintf("%s is damaged at line %d: %v", RunFile, damaged.Line, damaged.Err)
	return saved, damaged
}

func checkDecoded(run *Run, path string) error {
	switch {
	case run.SchemaVersion > SchemaVersion:
		return &NewerError{path, run.SchemaVersion, SchemaVersion}
	case run.SchemaVersion < 1:
		return &DamagedError{Path: path, Err: errors.New("no schema_version: not a run of authbench")}
	}
	for i := range run.Trials {
		if err := run.Trials[i].Check(); err != nil {
			run.Trials = run.Trials[:i]
			run.Partial, run.PartialReason = true, fmt.Sprintf("trial %d is left out: %v", i+1, err)
			return &DamagedError{Path: path, Trials: i, Err: err}
		}
	}
	return nil
}

// salvage reads the top-level fields of a run, and the trials one by one, until
// the damage; offset is where that is. The run is nil if there is nothing.
func salvage(data []byte) (run *Run, offset int64, err error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	run = &Run{}
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		if err == nil {
			err = errors.New("not a JSON object")
		}
		return nil, dec.InputOffset(), err
	}
	for dec.More() {
		start := dec.InputOffset()
		key, err := dec.Token()
		if err != nil {
			return run, dec.InputOffset(), err
		}
		if key == "trials" {
			err = salvageTrials(dec, run)
		} else {
			err = salvageField(dec, run, key.(string))
		}
		if err != nil {
			return run, max(start, dec.InputOffset(), errorOffset(err)), err
		}
	}
	_, err = dec.Token()
	return run, dec.InputOffset(), err
}

func salvageTrials(dec *json.Decoder, run *Run) error {
	t, err := dec.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('[') {
		return errors.New("trials is not a list")
	}
	for dec.More() {
		var t Trial
		if err := dec.Decode(&t); err != nil {
			return err
		}
		if err := t.Check(); err != nil {
			return err
		}
		run.Trials = append(run.Trials, t)
	}
	_, err = dec.Token()
	return err
}

// salvageField decodes one value into the field of its name, by way of an
// object that holds nothing else.
func salvageField(dec *json.Decoder, run *Run, key string) error {
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		return err
	}
	one, err := json.Marshal(map[string]json.RawMessage{key: raw})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(one, run); err != nil {
		return fmt.Errorf("%s: %w", key, words(err))
	}
	return nil
}

func errorOffset(err error) int64 {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return syntax.Offset
	}
	return 0
}

// words translates the errors of encoding/json that speak of its insides.
func words(err error) error {
	var typ *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), err != nil && strings.Contains(err.Error(), "unexpected end of JSON"):
		return errors.New("the file ends in the middle")
	case errors.As(err, &typ):
		return fmt.Errorf("%s cannot be a %s", typ.Field, typ.Value)
	}
	return err
}

func position(data []byte, offset int64) (line, column int) {
	before := data[:min(max(offset, 0), int64(len(data)))]
	return bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')
}
