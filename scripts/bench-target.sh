#!/bin/sh
# What our target costs over a bare fasthttp handler that does only the token
# parse, or only the Redis GET. Run it on an idle machine.
set -eu
cd "$(dirname "$0")/.."
for tool in wrk taskset redis-server; do
	command -v "$tool" >/dev/null || { echo "bench-target: $tool is missing: make deps-dev" >&2; exit 1; }
done
go build -o bin/authbench ./cmd/authbench
go build -o bin/floor ./targets/server/floor
exec go run ./targets/server/floor/ratio "$@"
