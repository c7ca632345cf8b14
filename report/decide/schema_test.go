package decide

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const schemaPath = "../../docs/schema/requirements.schema.json"

// schemaOf is the schema of the file, for editors. That a duration is one, or a list
// has no word twice, only the program checks.
func schemaOf(fields []Field) map[string]any {
	root := object("Requirements of authbench decide (docs/decide.md)")
	root["$schema"], root["title"] = "https://json-schema.org/draft/2020-12/schema", "authbench requirements"
	top := root["properties"].(map[string]any)
	for _, f := range fields {
		properties, name := top, f.Key
		if s := f.Section(); s != topLevel {
			if top[s] == nil {
				top[s] = object("")
			}
			properties = top[s].(map[string]any)["properties"].(map[string]any)
			name = strings.TrimPrefix(f.Key, s+".")
		}
		p := shape(f)
		p["description"] = f.Meaning
		if f.Default != "" {
			p["description"] = f.Meaning + " (default " + f.Default + ")"
		}
		properties[name] = p
	}
	return root
}

func object(description string) map[string]any {
	o := map[string]any{"type": "object", "additionalProperties": false, "properties": map[string]any{}}
	if description != "" {
		o["description"] = description
	}
	return o
}

func shape(f Field) map[string]any {
	const span = `([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+`
	anyOf := func(list ...map[string]any) map[string]any { return map[string]any{"anyOf": list} }
	number := map[string]any{"type": []string{"number"}, "minimum": 0}
	grouped := map[string]any{"type": "string", "pattern": `^[0-9]+(_[0-9]+)*$`} // 5_000_000 is text to some parsers
	switch f.Kind {
	case yesNo:
		return map[string]any{"type": "boolean"}
	case length:
		return map[string]any{"type": "string", "pattern": "^(any|" + span + ")$"}
	case exact:
		return map[string]any{"type": "string", "pattern": "^" + span + "$"}
	case count:
		return anyOf(map[string]any{"type": "integer", "minimum": 0}, grouped)
	case limit:
		return anyOf(map[string]any{"type": "integer", "minimum": 1}, grouped, map[string]any{"const": "any"})
	case amount:
		return anyOf(number, grouped)
	case percent:
		return map[string]any{"type": "string", "pattern": `^[0-9]+(\.[0-9]+)? ?%$`}
	case someOf:
		return map[string]any{"type": "array", "minItems": 1, "items": map[string]any{"enum": f.Words}}
	case oneOf:
		return map[string]any{"enum": f.Words}
	}
	return map[string]any{"type": "string"}
}

// TestSchema: the schema for editors is what the program reads.
func TestSchema(t *testing.T) {
	got, err := json.MarshalIndent(schemaOf(Fields()), "", "  ")
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
		t.Errorf("%s is not what the fields say: go test ./report/decide -run TestSchema -update", schemaPath)
	}
	schema, err := jsonschema.NewCompiler().Compile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	valid := func(text string) error {
		var doc any
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			return err
		}
		data, err := json.Marshal(doc)
		if err != nil {
			return err
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			return err
		}
		return schema.Validate(v)
	}
	for name, r := range examples(t) {
		if err := valid(r.Written); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{"revocation: {windw: 5s}", "revocation: {window: 5}", "clients: [toaster]", "deployment: {nodes: 1.5}"} {
		if valid(bad) == nil {
			t.Errorf("the schema takes %s", bad)
		}
	}
}
