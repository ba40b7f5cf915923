#!/usr/bin/env bash
# Where no registry can be reached: Debian's base images made from its packages, with this machine's own ways to Debian
# and PyPI in them, and stand-ins for the official images. Grafana has none: Debian does not carry it.
set -euo pipefail
cd "$(dirname "$0")"
command -v mmdebstrap >/dev/null || { echo "mmdebstrap is missing: apt-get install mmdebstrap" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

has() { docker image inspect "$1" >/dev/null 2>&1; }

this_machines_ways() { # what apt and pip are told here, and whom they trust
  mkdir -p "$work/ways"/{etc/apt/apt.conf.d,etc/ssl/certs,usr/sbin}
  find /etc/apt/apt.conf.d -name '99*' -exec cp {} "$work/ways/etc/apt/apt.conf.d/" \;
  if [ -e /etc/pip.conf ]; then cp /etc/pip.conf "$work/ways/etc/"; fi
  if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
    cp /etc/ssl/certs/ca-certificates.crt "$work/ways/etc/ssl/certs/machine.crt"
    sed -i 's#/etc/ssl/certs/ca-certificates.crt#/etc/ssl/certs/machine.crt#' "$work"/ways/etc/pip.conf 2>/dev/null || true
  fi
  printf '#!/bin/sh\nexit 101\n' >"$work/ways/usr/sbin/policy-rc.d"  # as in the official image: nothing is started
  chmod 755 "$work/ways/usr/sbin/policy-rc.d"
}

base() { # base IMAGE SUITE
  has "$1" && return
  mmdebstrap --quiet --variant=minbase \
    --aptopt='Acquire::Check-Valid-Until "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --customize-hook="sync-in $work/ways /" "$2" "$work/$2.tar"
  docker import --change 'CMD ["bash"]' --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    "$work/$2.tar" "$1" >/dev/null
  rm "$work/$2.tar"
}

base_of() { sed -nE 's#^FROM (debian:[^@ ]+)@.*#\1#p' "../$1/Dockerfile"; } # its name without the digest

stand_in() { # stand_in FOLDER: under the name that compose.yml gives, without the digest
  local image
  image=$(sed -nE "s#^    image: ((prom/)?$1:[^@]+)@.*#\1#p" ../compose.yml)
  has "$image" || docker build --quiet --network host --build-arg "BASE=$(base_of service)" --tag "$image" \
    "standins/$1" >/dev/null
}

this_machines_ways
base "$(base_of service)" bookworm
base "$(base_of asterisk)" sid
for folder in postgres redis prometheus alertmanager; do stand_in $folder; done
