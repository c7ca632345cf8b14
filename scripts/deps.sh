#!/usr/bin/env bash
# Installs the servers that a benchmark runs against, where they are missing:
#
#     scripts/deps.sh          Redis (or Valkey) and MariaDB (or MySQL)
#     scripts/deps.sh --node   also what the examples in JavaScript run on: node and npm
#     scripts/deps.sh --dev    also what only development needs: chromium, wrk, docker, mmdebstrap
#
# Says nothing and needs no rights when nothing is missing. Uses apt-get or
# Homebrew, says so before it uses sudo, and leaves no service running or enabled
# that was not there before. Where nothing can be installed it says what is
# missing and exits 0: a benchmark then measures what can be measured.
set -euo pipefail

dev='' node=''
case "${1-}" in
'') ;;
--node) node=yes ;;
--dev) dev=yes node=yes ;;
*)
	echo "usage: $0 [--node | --dev]" >&2
	exit 2
	;;
esac

say() { printf 'deps: %s\n' "$*" >&2; }

# have NAME...: one of the programs is here. Servers are often not in the PATH of
# an ordinary user.
have() {
	local name dir
	for name in "$@"; do
		if command -v "$name" >/dev/null 2>&1; then
			return 0
		fi
		for dir in /usr/sbin /usr/local/sbin /usr/local/bin /usr/libexec \
			/opt/homebrew/bin /opt/homebrew/opt/*/bin /usr/local/opt/*/bin; do
			if [ -x "$dir/$name" ]; then
				return 0
			fi
		done
	done
	return 1
}

have_docker() { have docker && { have dockerd || docker info >/dev/null 2>&1; }; }
have_chromium() {
	have chromium chromium-browser google-chrome ||
		[ -d /Applications/Chromium.app ] || [ -d '/Applications/Google Chrome.app' ]
}

# missing prints what is not here, a word each.
missing() {
	have redis-server valkey-server || echo redis
	have mariadbd mysqld || echo mysql
	if [ -n "$node" ]; then
		have node || echo nodejs
		have npm || echo npm
	fi
	if [ -n "$dev" ]; then
		have_chromium || echo chromium
		have wrk || echo wrk
		have_docker || echo docker
		if [ "$(uname -s)" = Linux ]; then # the test image is made from Debian packages
			have mmdebstrap || echo mmdebstrap
		fi
	fi
}

wanted=$(missing | xargs)
if [ -z "$wanted" ]; then
	exit 0
fi

# give_up WHY: the end when nothing can be installed.
give_up() {
	say "missing: $wanted. $1"
	say "going on with what is here; \"bin/authbench doctor\" says what that is."
	exit 0
}

sudo=''
become_root() {
	if [ "$(id -u)" -eq 0 ]; then
		return
	fi
	if ! command -v sudo >/dev/null 2>&1; then
		give_up "Installing needs root, and there is no sudo."
	fi
	sudo=sudo
	if sudo -n true 2>/dev/null; then
		say "installing with sudo: $wanted"
	elif [ -t 0 ] && [ -t 2 ]; then
		say "installing with sudo, which may ask for your password: $wanted"
		sudo -v || give_up "sudo was refused."
	else
		give_up "Installing needs root; sudo would ask for a password and there is no terminal."
	fi
}

apt() {
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		-o DPkg::Lock::Timeout=120 -o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o Dpkg::Use-Pty=0 "$@" >>"$scratch/apt.log" 2>&1
}

# update once; a mirror that hiccups gets a second chance.
updated=''
update() {
	if [ -n "$updated" ]; then
		return
	fi
	updated=yes
	apt update && return
	sleep 3
	apt update || say "apt-get update failed; trying with the package lists that are here"
}

# first PACKAGE...: the first that can be installed. A candidate that only leads
# to a snap does not count.
first() {
	local p version
	for p in "$@"; do
		version=$(apt-cache policy "$p" 2>/dev/null | awk '/Candidate:/ {print $2}')
		case "$version" in
		'' | '(none)' | *snap*) ;;
		*)
			echo "$p"
			return
			;;
		esac
	done
}

packages_for() {
	case "$1" in
	redis) first redis-server valkey-server redis valkey ;;
	mysql) first mariadb-server-core mysql-server-core mysql-server-core-8.0 ;;
	chromium) first chromium ;;
	docker)
		have dockerd || first docker.io
		have docker || first docker-cli # where docker.io has no client
		;;
	*) first "$1" ;;
	esac
}

policy=/usr/sbin/policy-rc.d
mark='# made by authbench, removed when its scripts/deps.sh ends'
policy_is_ours='' scratch=''
cleanup() {
	if [ -n "$policy_is_ours" ]; then
		$sudo rm -f "$policy" || true
	fi
	if [ -n "$scratch" ]; then
		rm -rf "$scratch"
	fi
}

# no_services keeps packages from starting what they install.
no_services() {
	# One that a killed run of ours left behind is ours.
	if [ -e "$policy" ] && ! grep -qsF "$mark" "$policy"; then
		return
	fi
	policy_is_ours=yes
	printf '#!/bin/sh\n%s\nexit 101\n' "$mark" | $sudo tee "$policy" >/dev/null
	$sudo chmod 755 "$policy"
}

services() {
	if command -v systemctl >/dev/null 2>&1; then
		systemctl --root=/ list-unit-files --state=enabled --no-legend 2>/dev/null | awk '{print "unit", $1}' || true
	fi
	local f
	for f in /etc/init.d/*; do
		if [ -e "$f" ]; then
			echo "init ${f##*/}"
		fi
	done
}

# disable_new turns off what has been enabled since "$1" was written: a server
# that was only wanted as a program must not come up with the machine.
disable_new() {
	local kind name
	services | sort -u | comm -13 "$1" - >"$scratch/new"
	while read -r kind name; do
		case "$kind" in
		unit) $sudo systemctl --root=/ disable "$name" >/dev/null 2>&1 || say "could not disable the service $name" ;;
		init) $sudo update-rc.d "$name" disable >/dev/null 2>&1 || true ;;
		esac
	done <"$scratch/new"
	if [ -s "$scratch/new" ] && [ -d /run/systemd/system ]; then
		$sudo systemctl daemon-reload || true
	fi
}

with_apt() {
	local word packages p
	become_root
	scratch=$(mktemp -d)
	trap cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	if [ "$(id -u)" -eq 0 ]; then
		say "installing: $wanted"
	fi
	services | sort -u >"$scratch/before"
	no_services
	for word in $wanted; do
		packages=$(packages_for "$word" | xargs)
		if [ -z "$packages" ]; then
			update
			packages=$(packages_for "$word" | xargs)
		fi
		if [ -z "$packages" ]; then
			say "$word: no package here has it"
			continue
		fi
		# One by one: what is missing from the archive must not stop the others.
		# shellcheck disable=SC2086
		apt install --no-install-recommends $packages || { update && apt install --no-install-recommends $packages; } ||
			{ say "$word: apt-get install $packages failed:" && tail -n 5 "$scratch/apt.log" >&2; }
	done
	disable_new "$scratch/before"
}

with_brew() {
	local word
	say "installing with Homebrew: $wanted"
	for word in $wanted; do
		case "$word" in
		redis) brew install redis ;;
		mysql) brew install mariadb ;;
		chromium) brew install --cask chromium ;;
		nodejs | npm) have npm || brew install node ;; # one package has both
		docker) brew install docker ;;
		*) brew install "$word" ;;
		esac || say "$word: brew install failed"
	done
}

if command -v apt-get >/dev/null 2>&1; then
	with_apt
elif command -v brew >/dev/null 2>&1; then
	with_brew
else
	give_up "There is neither apt-get nor Homebrew here: install them by hand."
fi

wanted=$(missing | xargs)
if [ -n "$wanted" ]; then
	give_up "They could not be installed."
fi
