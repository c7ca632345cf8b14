package report

import (
	"encoding/json"
	"io"

	"authbench/results"
)

// JSON writes the run itself. See docs/schema/run.schema.json.
func JSON(w io.Writer, run *results.Run) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(run)
}
