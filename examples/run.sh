#!/usr/bin/env bash
# Puts examples beside the bundled arms:
#
#     examples/run.sh NAME... [-- FLAG...]      the FLAGs go to authbench bench
#
# From a clean checkout this installs what is missing, builds, measures what requests
# cost, logs users out of every arm and kills its store, and attacks the examples. All of
# it is in one report, results/examples/report.html. That attacks succeed is a finding
# here, and no error.
set -euo pipefail
cd "$(dirname "$0")/.."

names=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	names+=("$1")
	shift
done
if [ ${#names[@]} -eq 0 ]; then
	echo "usage: examples/run.sh NAME... [-- FLAG...]; there are express-session, express-jwt and scs" >&2
	exit 2
fi
shift $(($# > 0 ? 1 : 0))

scripts/deps.sh --node
examples/deps.sh "${names[@]}"
go build -o bin/authbench ./cmd/authbench

files=()
for name in "${names[@]}"; do
	for file in "examples/$name"/contract*.yaml; do
		files+=(-f "$file")
	done
done
root=results/examples
bin/authbench bench --out "$root" --profile quick --promises "${files[@]}" "$@"
bench=$root/$(readlink "$root/latest")
probe=${bench%-bench}-probe
bin/authbench run probe --set samples=5000 --out "$probe" "${files[@]}"
bin/authbench report "$bench" "$probe" --format html --output "$root/report.html"
echo "Report of both: $root/report.html"
