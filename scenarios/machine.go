package scenarios

import (
	"bufio"
	"os"
	"runtime"
	"strconv"
	"strings"

	"authbench/results"
)

// Machine describes where we run, as far as the operating system says. Fields
// that cannot be told stay empty; stores, engine and placement are the caller's.
func Machine() results.Environment {
	env := results.Environment{
		CPU:    runtime.GOARCH,
		Cores:  runtime.NumCPU(),
		OS:     runtime.GOOS,
		Kernel: strings.TrimSpace(readFile("/proc/sys/kernel/osrelease")),
		Go:     runtime.Version(),
		Stores: []results.Store{},
	}
	if model := field("/proc/cpuinfo", "model name"); model != "" {
		env.CPU = model
	}
	if strings.Contains(" "+field("/proc/cpuinfo", "flags")+" ", " hypervisor ") {
		env.Virtual = "virtual machine"
	}
	if kb, ok := strings.CutSuffix(field("/proc/meminfo", "MemTotal"), " kB"); ok {
		n, _ := strconv.ParseInt(kb, 10, 64)
		env.MemoryB = n * 1024
	}
	if name := strings.Trim(fieldSep("/etc/os-release", "PRETTY_NAME", "="), `"`); name != "" {
		env.OS = name
	}
	return env
}

func readFile(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(b)
}

func field(path, name string) string { return fieldSep(path, name, ":") }

// fieldSep returns the value of the first "name<sep>value" line of a file.
func fieldSep(path, name, sep string) string {
	s := bufio.NewScanner(strings.NewReader(readFile(path)))
	for s.Scan() {
		if key, value, ok := strings.Cut(s.Text(), sep); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
