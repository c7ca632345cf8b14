package contract

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestDocs parses the worked example of docs/contract.md and looks for every
// field of the format in its text.
func TestDocs(t *testing.T) {
	data, err := os.ReadFile("../../docs/contract.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	examples := 0
	for _, block := range strings.Split(text, "```yaml\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		if !strings.Contains(block, "\nname: ") {
			continue // an excerpt
		}
		examples++
		if _, err := Parse("example.yaml", []byte(block), nil); err != nil {
			t.Error(err)
		}
	}
	if examples == 0 {
		t.Error("no complete example")
	}
	for _, typ := range []reflect.Type{
		reflect.TypeFor[Contract](), reflect.TypeFor[Start](), reflect.TypeFor[Ready](), reflect.TypeFor[Users](),
		reflect.TypeFor[Statuses](), reflect.TypeFor[Step](), reflect.TypeFor[Source](), reflect.TypeFor[Promises](),
		reflect.TypeFor[TLS](), reflect.TypeFor[Limits](), reflect.TypeFor[Secret](),
	} {
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("yaml"), ",")
			if name != "" && !strings.Contains(text, "`"+name+"`") && !strings.Contains(text, "."+name+"`") && !strings.Contains(text, "{"+name+":") && !strings.Contains(text, "`"+name+".") {
				t.Errorf("docs/contract.md does not explain %s of %s", name, typ.Name())
			}
		}
	}
}
