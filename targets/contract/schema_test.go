package contract

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	generate "github.com/invopop/jsonschema"
	validate "github.com/santhosh-tekuri/jsonschema/v6"
)

const schemaFile = "../../docs/schema/contract.schema.json"

// buildSchema makes the JSON Schema of a contract out of the types, their tags
// and their doc comments.
func buildSchema(t *testing.T) []byte {
	t.Helper()
	r := &generate.Reflector{FieldNameTag: "yaml", ExpandedStruct: true, Anonymous: true}
	r.Mapper = func(typ reflect.Type) *generate.Schema {
		if typ != reflect.TypeFor[Duration]() {
			return nil
		}
		return &generate.Schema{Type: "string", Pattern: `^([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$`}
	}
	if err := r.AddGoComments("authbench/targets/contract", "."); err != nil {
		t.Fatal(err)
	}
	s := r.Reflect(&Contract{})
	s.Title = "authbench contract"
	s.OneOf = []*generate.Schema{
		{Required: []string{"url"}, Not: &generate.Schema{Required: []string{"start"}}},
		{Required: []string{"start"}, Not: &generate.Schema{Required: []string{"url"}}},
	}
	for _, d := range s.Definitions {
		fit(d)
	}
	fit(s)
	source := s.Definitions["Source"]
	var places []*generate.Schema
	for _, one := range []string{"json", "cookie", "header"} {
		places = append(places, &generate.Schema{Required: []string{one}})
	}
	body := &generate.Schema{Required: []string{"match"}, Not: &generate.Schema{AnyOf: places}}
	source.OneOf = append(slices.Clone(places), body)
	s.Definitions["Users"].AnyOf = []*generate.Schema{{Required: []string{"username", "password"}}, {Required: []string{"file"}}}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

// fit says what the generator cannot know: which maps take any scalar, that a
// list has at least one value, and where the keywords of a list's items belong.
func fit(s *generate.Schema) {
	if s.Properties == nil {
		return
	}
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		prop := p.Value
		prop.Description = strings.ReplaceAll(prop.Description, "\n", " ")
		if prop.Type == "array" {
			one := uint64(1)
			prop.MinItems = &one
		}
		if prop.Type == "object" && prop.AdditionalProperties != nil && prop.AdditionalProperties.Type == "string" {
			prop.AdditionalProperties = &generate.Schema{AnyOf: []*generate.Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}}}
		}
	}
}

// TestSchemaIsCurrent keeps the committed schema equal to the types. Write it
// with: go test ./targets/contract -run Schema -update
func TestSchemaIsCurrent(t *testing.T) {
	built := buildSchema(t)
	if *update {
		if err := os.WriteFile(schemaFile, built, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(built, committed) {
		t.Error("docs/schema/contract.schema.json is not what the types say; go test ./targets/contract -run Schema -update")
	}
}

func compileSchema(t *testing.T) *validate.Schema {
	t.Helper()
	f, err := os.Open(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := validate.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	c := validate.NewCompiler()
	if err := c.AddResource("contract.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("contract.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func asJSON(t *testing.T, data []byte) any {
	t.Helper()
	js, err := yaml.YAMLToJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	v, err := validate.UnmarshalJSON(bytes.NewReader(js))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestSchemaAndArms validates every arm, and that each names the schema so that
// editors find it.
func TestSchemaAndArms(t *testing.T) {
	schema := compileSchema(t)
	for _, name := range Arms() {
		data, err := armFiles.ReadFile("arms/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(asJSON(t, data)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		line, _, _ := strings.Cut(string(data), "\n")
		rel, ok := strings.CutPrefix(line, "# yaml-language-server: $schema=")
		if !ok {
			t.Errorf("%s: the first line does not name the schema", name)
			continue
		}
		if _, err := os.Stat(filepath.Join("arms", filepath.FromSlash(rel))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSchemaAgrees holds the schema against the decoder: what the schema refuses
// the decoder refuses as well, and every key of the schema is one it knows.
func TestSchemaAgrees(t *testing.T) {
	schema := compileSchema(t)
	for _, edit := range []struct{ old, new string }{
		{"", ""},
		{"name: shop", "name: [shop]"},
		{"name: shop", "name: 42"},
		{"name: shop\n", ""},
		{"mechanism: token", "mechanism: tokens"},
		{"method: GET", "method: GETT"},
		{"path: /me", "pth: /me"},
		{"path: /me", "path: me"},
		{"path: /me", "path: /me\n  statuses: {accepted: [99]}"},
		{"path: /me", "path: /me\n  statuses: {accepted: []}"},
		{"path: /me", "path: /me\n  statuses: {accepted: [204]}"},
		{"{json: $.access_token}", "{}"},
		{"{json: $.access_token}", "{json: $.a, cookie: b}"},
		{"{json: $.access_token}", "{cookie: b}"},
		{"url: http://127.0.0.1:8080\n", ""},
		{"users:\n", "start: {command: [a, \"{listen}\"]}\nusers:\n"},
		{"users:\n", "users:\n  count: -1\n"},
		{"users:\n", "ready: {path: /healthz, timeout: 10s}\nusers:\n"},
		{"users:\n", "ready: {timeout: 10}\nusers:\n"},
		{"users:\n", "ready: {timeout: soon}\nusers:\n"},
		{"users:\n", "settings: {a: 1, b: true, c: x, d: 0.5}\nusers:\n"},
		{"users:\n", "settings: {a: [1]}\nusers:\n"},
		{"users:\n", "promises: {on_store_unreachable: 503, revocation_bound: 0s}\nusers:\n"},
		{"users:\n", "promises: {on_data_loss: shrug}\nusers:\n"},
		{"users:\n", "promises: {revoke_scope: user}\nusers:\n"},
		{"users:\n", "promises: {revoke_scope: everybody}\nusers:\n"},
		{"users:\n", "password: {method: POST, path: /p, headers: {Content-Type: application/json}, body: '{\"n\":\"{new_password}\"}', extract: {credential: {json: $.t}}}\nusers:\n"},
		{"users:\n", "step_up: {method: POST, path: /s, extract: {credential: {json: $.t}}}\nusers:\n"},
		{"users:\n", "step_up: {method: POST}\nusers:\n"},
		{"users:\n", "limits: {rate: 5, connections: 1}\nusers:\n"},
		{"users:\n", "limits: {rate: 0}\nusers:\n"},
		{"users:\n", "secrets: {a: {}}\nusers:\n"},
		{"  password: password-{n}\n", ""},
		{"{json: $.access_token}", "{match: 't=(.*)'}"},
		{"{json: $.access_token}", "{json: $.a, match: 't=(.*)'}"},
		{"{json: $.access_token}", "{json: $.a, header: b, match: 't=(.*)'}"},
		{"  path: /login\n", "  path: /login\n  follow: true\n  basic: a:b\n  rejected_if: {header: Location}\n  before: [{method: GET, path: /}]\n"},
		{"  path: /login\n", "  path: /login\n  before: []\n"},
		{"  path: /login\n", "  path: /login\n  before: [{path: /}]\n"},
	} {
		data := []byte(strings.Replace(good, edit.old, edit.new, 1))
		_, decoded := Parse("shop.yaml", data, nil)
		validated := schema.Validate(asJSON(t, data))
		if (decoded == nil) != (validated == nil) {
			t.Errorf("%q -> %q: the decoder says %v, the schema says %v", edit.old, edit.new, decoded, validated)
		}
	}
}
