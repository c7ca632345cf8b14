#!/usr/bin/env bash
# Builds the image that the docker provider is tested with, from the packages of
# the machine's own distribution, where no registry can be reached:
#
#     scripts/docker-test-image.sh TAG
#
# It has redis-server and mariadbd, and behaves as far as authbench can tell like
# the official images: arguments go to the server, a first argument *.conf is
# Redis's configuration, MARIADB_ROOT_PASSWORD makes it a MariaDB, MARIADB_USER and
# MARIADB_PASSWORD give it a second account. Builds nothing if TAG is there.
set -euo pipefail

if [ $# -ne 1 ]; then
	echo "usage: $0 TAG" >&2
	exit 2
fi
tag=$1
if docker image inspect "$tag" >/dev/null 2>&1; then
	exit 0
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cat >"$scratch/entrypoint.sh" <<'ENTRYPOINT'
#!/bin/sh
set -e
umask 077
if [ -z "$MARIADB_ROOT_PASSWORD" ]; then
	mkdir -p /data
	cd /data
	exec redis-server "$@"
fi
data=/var/lib/mysql init=/var/lib/init.sql
mkdir -p /run/mysqld
if [ ! -d "$data/mysql" ]; then
	mkdir -p "$data"
	{
		echo 'CREATE DATABASE IF NOT EXISTS mysql;'
		echo 'USE mysql;'
		cat /usr/share/m*/m*_system_tables.sql
	} | mariadbd --no-defaults --user=root --datadir="$data" --bootstrap
fi
cat >"$init" <<SQL
CREATE DATABASE IF NOT EXISTS ${MARIADB_DATABASE:-test};
CREATE USER IF NOT EXISTS 'root'@'%' IDENTIFIED BY '$MARIADB_ROOT_PASSWORD';
GRANT ALL PRIVILEGES ON *.* TO 'root'@'%' WITH GRANT OPTION;
SQL
if [ -n "$MARIADB_USER" ]; then
	cat >>"$init" <<SQL
CREATE USER IF NOT EXISTS '$MARIADB_USER'@'%' IDENTIFIED BY '$MARIADB_PASSWORD';
GRANT ALL PRIVILEGES ON ${MARIADB_DATABASE:-test}.* TO '$MARIADB_USER'@'%';
SQL
fi
exec mariadbd --no-defaults --user=root --datadir="$data" --init-file="$init" "$@"
ENTRYPOINT
chmod 755 "$scratch/entrypoint.sh"

# The sources and the proxy that this machine installs from.
. /etc/os-release
sources=()
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
	if [ -s "$file" ]; then
		sources+=("$file")
	fi
done
apt-config dump | grep -i '^Acquire::https\?::Proxy' >"$scratch/apt.conf" || true

# Unpacked only: two servers and a shell need no configured system around them.
mmdebstrap --quiet --variant=extract \
	--include=base-files,dash,coreutils,redis-server,mariadb-server-core \
	--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
	--aptopt="$scratch/apt.conf" \
	"$VERSION_CODENAME" "$scratch/root.tar" "${sources[@]}" >"$scratch/log" 2>&1 ||
	{ cat "$scratch/log" >&2; exit 1; }
mkdir "$scratch/etc"
echo 'root:x:0:0:root:/root:/bin/sh' >"$scratch/etc/passwd"
tar --append --file="$scratch/root.tar" --owner=0 --group=0 --directory="$scratch" ./entrypoint.sh ./etc/passwd
docker import --change 'ENTRYPOINT ["/entrypoint.sh"]' --change 'EXPOSE 6379 3306' "$scratch/root.tar" "$tag" >/dev/null
echo "built the image $tag"
