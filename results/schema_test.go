package results

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	gen "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "rewrite the committed schema")

var schemaPath = filepath.Join("..", "docs", "schema", "run.schema.json")

// TestSchemaIsCurrent generates the schema from the types and their comments.
func TestSchemaIsCurrent(t *testing.T) {
	r := &gen.Reflector{Anonymous: true, ExpandedStruct: true}
	if err := r.AddGoComments("authbench/results", "./", gen.WithFullComment()); err != nil {
		t.Fatal(err)
	}
	schema := r.Reflect(&Run{})
	schema.Title = "authbench run.json"
	got, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(schemaPath, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the types say: go test ./results -run Schema -update", schemaPath)
	}
}

func validate(t *testing.T, path string) error {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(doc)
}

// TestWrittenRunsAreValid writes what the laziest caller would (nil slices and
// maps everywhere) and the committed fixture.
func TestWrittenRunsAreValid(t *testing.T) {
	w := mustCreate(t, t.TempDir())
	w.run.Environment.Stores = []Store{{Kind: "redis"}}
	w.run.Verdicts = []Verdict{{Arm: "control", Status: Unknown}}
	bare := newTrial("control", 1)
	bare.Login = &Measurement{}
	mustAdd(t, w, bare)
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	if err := validate(t, filepath.Join(w.Dir(), RunFile)); err != nil {
		t.Errorf("written run: %v", err)
	}
	if err := validate(t, filepath.Join("testdata", "synthetic", RunFile)); err != nil {
		t.Errorf("fixture: %v", err)
	}
}

// TestSchemaIsStrict shows that the schema refuses what it should.
func TestSchemaIsStrict(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		"unknown field":  func(m map[string]any) { m["extra"] = 1 },
		"missing field":  func(m map[string]any) { delete(m, "seed") },
		"null list":      func(m map[string]any) { m["trials"] = nil },
		"unknown status": func(m map[string]any) { m["verdicts"].([]any)[0].(map[string]any)["status"] = "fine" },
	} {
		t.Run(name, func(t *testing.T) {
			run := newRun()
			run.Verdicts = []Verdict{{Status: Pass}}
			b, err := encode(run)
			if err != nil {
				t.Fatal(err)
			}
			var m map[string]any
			if err := json.Unmarshal(b, &m); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), RunFile)
			write := func() {
				b, _ := json.Marshal(m)
				if err := os.WriteFile(path, b, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			write()
			if err := validate(t, path); err != nil {
				t.Fatalf("before the change: %v", err)
			}
			change(m)
			write()
			if validate(t, path) == nil {
				t.Error("accepted")
			}
		})
	}
}
