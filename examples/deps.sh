#!/usr/bin/env bash
# Gets what examples run on: their npm packages, those of the lock file, or the binary of
# one in Go.
#
#     examples/deps.sh [NAME...]      all of them without a name
#
# Does nothing for one whose packages are there.
set -euo pipefail
cd "$(dirname "$0")"

if [ $# -eq 0 ]; then
	set -- express-session express-jwt scs
fi
for name in "$@"; do
	if [ -e "$name/package-lock.json" ]; then
		mark="$name/node_modules/.authbench-installed"
		if [ ! "$mark" -nt "$name/package-lock.json" ]; then
			echo "examples: npm ci in examples/$name" >&2
			(cd "$name" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error >&2)
			touch "$mark"
		fi
	elif [ -e "$name/go.mod" ]; then
		go build -C "$name" -o "$name" .
	else
		echo "examples: there is no examples/$name" >&2
		exit 2
	fi
done
