package results

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
)

// encode renders run.json. Slices and maps that are nil become empty ones, so
// that a reader never meets null where the schema has a list.
func encode(run *Run) ([]byte, error) {
	r := *run
	r.SchemaVersion = SchemaVersion
	r.Command = list(r.Command)
	r.NotMeasured = list(r.NotMeasured)
	r.Verdicts = list(r.Verdicts)
	r.Warnings = list(r.Warnings)

	p := &r.Environment.Placement
	p.Loadgen, p.Target, p.Store = list(p.Loadgen), list(p.Target), list(p.Store)
	r.Environment.Stores = clone(r.Environment.Stores)
	for i := range r.Environment.Stores {
		s := &r.Environment.Stores[i]
		s.Settings = dict(s.Settings)
	}
	r.Arms = clone(r.Arms)
	for i := range r.Arms {
		a := &r.Arms[i]
		a.Needs, a.Notes = list(a.Needs), list(a.Notes)
		a.Settings, a.Promises = dict(a.Settings), dict(a.Promises)
	}
	r.Trials = clone(r.Trials)
	for i := range r.Trials {
		t := &r.Trials[i]
		t.Measurement = t.normal()
		if t.Login != nil {
			m := t.Login.normal()
			t.Login = &m
		}
		if t.Saturate != nil {
			m := t.Saturate.normal()
			t.Saturate = &m
		}
	}

	r.Knees = append([]Knee(nil), r.Knees...)
	for i := range r.Knees {
		r.Knees[i].Probes = clone(r.Knees[i].Probes)
		for j := range r.Knees[i].Probes {
			v := &r.Knees[i].Probes[j].Validity
			v.Reasons = list(v.Reasons)
		}
	}

	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return nil, fmt.Errorf("encode run: %w", err)
	}
	return b.Bytes(), nil
}

func (m Measurement) normal() Measurement {
	m.Validity.Reasons = list(m.Validity.Reasons)
	if m.Validity.Status == "" {
		m.Validity.Status = ValidityUnknown
	}
	// A ratio to nothing (no request was answered) is 0 beside a count of 0; JSON
	// has no NaN.
	for _, f := range []*float64{
		&m.Offered, &m.Achieved, &m.QueuedShare, &m.RequestBytes, &m.ResponseBytes, &m.StoreOpsPerRequest,
		&m.Latency.Mean, &m.Service.Mean, &m.Lag.Mean, &m.Queued.Mean,
		&m.Usage.Target.CPUPerRequest, &m.Usage.Store.CPUPerRequest, &m.Usage.Link.CPUPerRequest, &m.Usage.Loadgen.CPUPerRequest,
	} {
		if math.IsNaN(*f) || math.IsInf(*f, 0) {
			*f = 0
		}
	}
	return m
}

func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func clone[T any](s []T) []T { return append([]T{}, s...) }

func dict(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// writeFile replaces path as a whole: a reader sees the old content or the new,
// never a part, also after a crash.
func writeFile(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(data); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil && runtime.GOOS != "windows" {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	syncDir(filepath.Dir(path))
	return nil
}

// syncDir makes a rename durable where directories can be synced.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync() // not on every file system; the rename itself has succeeded
		d.Close()
	}
}
