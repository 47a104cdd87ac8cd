#!/usr/bin/env bash
# Makes the container images that the tests use, without a registry: from packages of the Debian mirror that this
# machine's own apt is set to and from npm, imported into the local Docker engine. Needs root, debootstrap, npm and a
# running engine.
#
#   scripts/containers/make-images.sh                    # all of them
#   scripts/containers/make-images.sh nats services      # some of them
#   set -a; . scripts/containers/local-images.env; npm run test:containers
#
#   timescaledb  PostgreSQL with TimescaleDB, which Debian builds as its Apache edition
#   nats         nats-server and BusyBox, for the shell and wget of the public image
#   node         what node:26-bookworm-slim is for deploy/docker/Dockerfile: Debian with Node and npm
#   runtime      what gcr.io/distroless/cc-debian12 is for it: the C and C++ libraries and nothing to log in with
#   services     the images of the services, built with the two before
#
# SUITE (forky) is the Debian suite that the servers come from.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$here/../.." && pwd)
suite=${SUITE:-forky}
timescale_image=${IMAGE:-sluice-test/timescaledb}

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

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# bootstrap ROOT SUITE PACKAGE,PACKAGE: a minimal Debian. The suite's own script may be newer than this machine's
# debootstrap; every suite of today is made as sid is.
bootstrap() {
  debootstrap --variant=minbase --no-merged-usr "--include=$3" "$2" "$1" "$mirror" \
    /usr/share/debootstrap/scripts/sid > "$1.log" 2>&1 || { tail -20 "$1.log" >&2; fail "debootstrap of $2 failed"; }
  rm -rf "$1"/var/cache/apt/archives/*.deb "$1"/var/lib/apt/lists/* "$1"/usr/share/{doc,man,locale,info}/*
}

# unpack ROOT SUITE PACKAGE...: these packages and nothing else. apt checks them with the keys of the machine; lists and
# cache stay apart from the machine's own.
unpack() {
  local root=$1 from=$2 apt=$scratch/apt-$2
  shift 2
  mkdir -p "$root" "$apt"/lists/partial "$apt"/cache/archives/partial "$apt"/debs
  : > "$apt/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $from main" > "$apt/sources.list"
  cat > "$apt/apt.conf" << CONF
Dir::Etc::SourceList "$apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State "$apt";
Dir::State::Lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "2";
CONF
  (cd "$apt/debs" && apt-get -qq -c "$apt/apt.conf" update && apt-get -qq -c "$apt/apt.conf" download "$@") > /dev/null
  local package
  for package in "$@"; do dpkg-deb --extract "$apt/debs/${package}"_*.deb "$root"; done
  rm -rf "$root"/usr/share/{doc,man,locale,info}/*
}

# import ROOT IMAGE CHANGE...
import() {
  local root=$1 image=$2 changes=() change
  shift 2
  for change in "$@"; do changes+=(--change "$change"); done
  tar -C "$root" --numeric-owner -c . | docker import "${changes[@]}" - "$image" > /dev/null
  echo "made $image"
}

make_timescaledb() {
  local root=$scratch/timescaledb
  mkdir "$root"
  bootstrap "$root" "$suite" ca-certificates,postgresql-18,postgresql-18-timescaledb
  install -m 755 "$project/deploy/docker/timescaledb-entrypoint.sh" "$root/usr/local/bin/timescaledb-entrypoint.sh"
  rm -rf "$root"/var/lib/postgresql/*/main
  import "$root" "$timescale_image" 'ENTRYPOINT ["/usr/local/bin/timescaledb-entrypoint.sh"]' 'EXPOSE 5432'
}

make_nats() {
  local root=$scratch/nats folder applet
  mkdir -p "$root"/{tmp,etc,proc,sys,dev,usr/bin,usr/sbin,usr/lib,usr/lib64}
  for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done
  unpack "$root" "$suite" libc6 nats-server busybox-static
  for applet in sh wget cat ls; do ln -s busybox "$root/usr/bin/$applet"; done
  import "$root" sluice-test/nats 'CMD ["nats-server"]' 'EXPOSE 4222 6222 8222'
}

make_node() {
  local root=$scratch/node
  mkdir "$root"
  bootstrap "$root" bookworm ca-certificates,libatomic1,libstdc++6
  (cd "$project" && install -D -m 755 "$(readlink -f node_modules/.bin/node)" "$root/usr/local/bin/node")
  # npm is a program in JavaScript: its package is all it takes.
  (cd "$scratch" && npm pack --silent npm@11 > npm.name)
  mkdir -p "$root/usr/local/lib/node_modules/npm"
  tar -xzf "$scratch/$(tail -n 1 "$scratch/npm.name")" -C "$root/usr/local/lib/node_modules/npm" --strip-components 1
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  # A network that inspects TLS has its authority in this machine's bundle, and the build goes through the same network.
  install -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
  import "$root" sluice-test/node 'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' 'CMD ["node"]'
}

make_runtime() {
  local root=$scratch/runtime
  unpack "$root" bookworm base-files netbase libc6 libgcc-s1 libstdc++6
  mkdir -p "$root"/{tmp,home/nonroot}
  chmod 1777 "$root/tmp"
  echo 'root:x:0:0:root:/root:/sbin/nologin' > "$root/etc/passwd"
  echo 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >> "$root/etc/passwd"
  printf 'root:x:0:\nnonroot:x:65532:\n' > "$root/etc/group"
  import "$root" sluice-test/runtime 'USER 65532' 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
}

make_services() {
  local service
  for service in edge router ratelimit admin marketdata broadcaster; do
    docker build --quiet --file "$project/deploy/docker/Dockerfile" --build-arg "SERVICE=$service" \
      --build-arg NODE_IMAGE=sluice-test/node --build-arg RUNTIME_IMAGE=sluice-test/runtime \
      --tag "sluice-$service:test" "$project" > "$scratch/build.log" 2>&1 ||
      { cat "$scratch/build.log" >&2; fail "the image of $service could not be built"; }
    echo "made sluice-$service:test"
  done
}

[ $# -gt 0 ] || set -- timescaledb nats node runtime services
for name in "$@"; do
  [ "$(type -t "make_$name")" = function ] || fail "no image is called $name"
done
for name in "$@"; do "make_$name"; done
