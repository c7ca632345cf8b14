package main

import (
	"runtime/debug"

	"authbench/results"
)

// tool is this program as the linker recorded it.
func tool() results.Tool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return results.Tool{Version: "unknown"}
	}
	t := results.Tool{Version: info.Main.Version}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			t.Commit = s.Value
		}
	}
	return t
}

// version is what --version prints.
func version() string {
	t := tool()
	if len(t.Commit) >= 12 {
		return t.Version + " " + t.Commit[:12]
	}
	return t.Version
}
