#!/usr/bin/env bash
# Makes the container images that the tests use, without a registry: a minimal Debian root from the mirror that this
# machine's own apt is set to, imported into the local Docker engine. Needs root, debootstrap and a running engine.
#
#   scripts/containers/make-images.sh                # sluice-test/timescaledb
#   SLUICE_TEST_TIMESCALE_IMAGE=sluice-test/timescaledb TESTCONTAINERS_RYUK_DISABLED=true npm run test:containers
#
# SUITE (forky) is the Debian suite the packages come from. Debian builds TimescaleDB as its Apache edition.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$here/../.." && pwd)
suite=${SUITE:-forky}
image=${IMAGE:-sluice-test/timescaledb}

fail() { echo "make-images: $*" >&2; exit 1; }
[ "$(id -u)" -eq 0 ] || fail 'debootstrap needs root: run it with sudo'
command -v debootstrap > /dev/null || fail 'debootstrap is missing: apt-get install debootstrap'
docker info > /dev/null 2>&1 || fail 'no Docker engine answers'

# The first plain Debian archive among the machine's own sources. The newest suite only exists in the main archive, so
# security and third-party sources do not count.
mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' 'Created-By: Packages' |
  awk '$2 == "Debian" && $3 == "Debian" { sub(/\/$/, "", $1); print $1; exit }')
if [ -z "$mirror" ]; then
  # Lists that were never fetched carry no origin: then the name of the archive's last folder decides.
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sed 's#/$##' | grep -m 1 '/debian$') ||
    fail 'no Debian archive in the apt sources of this machine'
fi

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
# The suite's own debootstrap script may be newer than this machine's debootstrap; every suite of today is made as sid is.
script=/usr/share/debootstrap/scripts/sid
debootstrap --variant=minbase --no-merged-usr \
  --include=ca-certificates,postgresql-18,postgresql-18-timescaledb "$suite" "$root" "$mirror" "$script"
install -m 755 "$project/deploy/docker/timescaledb-entrypoint.sh" "$root/usr/local/bin/timescaledb-entrypoint.sh"
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/var/lib/postgresql/*/main
tar -C "$root" -c . | docker import \
  --change 'ENTRYPOINT ["/usr/local/bin/timescaledb-entrypoint.sh"]' \
  --change 'EXPOSE 5432' - "$image" > /dev/null
echo "made $image from $suite"
