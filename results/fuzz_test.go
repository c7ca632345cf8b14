package results

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"schema_version": 1, "trials": [{"arm": "control", "block": 1, "accounting": {"scheduled": 2, "ok": 2}}]}`))
	f.Add([]byte(`{"schema_version": 1, "trials": [{"arm": "control"}, {"block": `))
	f.Add([]byte(`{"schema_version": 2}`))
	f.Add([]byte(`{"schema_version": 1, "arms": null, "seed": 18446744073709551615}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		run, err := Decode(data, "run.json")
		if err == nil && run == nil {
			t.Fatal("neither a run nor an error")
		}
		if run == nil {
			return
		}
		for i := range run.Trials {
			if cerr := run.Trials[i].Check(); cerr != nil {
				t.Fatalf("let through: %v", cerr)
			}
		}
		if _, err := json.Marshal(run); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
	})
}

func FuzzLog(f *testing.F) {
	line, err := formatLogLine(Tag{"control", "use", OK, "latency", 1}, time.Second, encodedHistogram(f, 100, 200_000))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(logHeader(began) + line)
	f.Add(line[:len(line)-9])
	f.Add("Tag=a.b.ok.c.b1,1,1,1,\n")
	f.Add("Tag=,,,,\n")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := readLog(strings.NewReader(s), "x.hlog", AllBlocks)
		if got == nil && err == nil {
			t.Fatal("neither histograms nor an error")
		}
	})
}
