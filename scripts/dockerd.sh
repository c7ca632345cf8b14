#!/usr/bin/env bash
# Runs a Docker engine of its own for tests, below DIR, until it gets SIGTERM:
#
#     scripts/dockerd.sh DIR &      # DOCKER_HOST=unix://DIR/docker.sock
#
# Needs root. It shares nothing with an engine that the machine may have, and
# leaves the machine's firewall and bridges alone: containers use host networking.
set -euo pipefail

if [ $# -ne 1 ]; then
	echo "usage: $0 DIR" >&2
	exit 2
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "$0: a Docker engine needs root" >&2
	exit 1
fi
PATH=$PATH:/usr/sbin:/sbin
mkdir -p "$1"
dir=$(cd "$1" && pwd)

# The fast storage driver where the kernel has it and DIR is not itself on one.
storage=vfs
mkdir -p "$dir/probe/lower" "$dir/probe/upper" "$dir/probe/work" "$dir/probe/merged"
if mount -t overlay overlay -o "lowerdir=$dir/probe/lower,upperdir=$dir/probe/upper,workdir=$dir/probe/work" "$dir/probe/merged" 2>/dev/null; then
	umount "$dir/probe/merged"
	storage=overlay2
fi
rm -rf "$dir/probe"

# It leaves the mount of a network namespace behind, so DIR could not be removed.
pid=''
finish() {
	if [ -n "$pid" ]; then
		kill "$pid" 2>/dev/null || true
		wait "$pid" || true
	fi
	awk -v dir="$dir/" 'index($2, dir) == 1 {print $2}' /proc/mounts | sort -r | while read -r mount; do
		umount -l "$mount" || true
	done
}
trap finish EXIT
trap 'exit 0' TERM INT

# Should this script be killed the hard way, the engine ends as well.
setpriv --pdeathsig TERM dockerd --host "unix://$dir/docker.sock" \
	--data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/dockerd.pid" \
	--storage-driver "$storage" \
	--bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false &
pid=$!
wait "$pid"
