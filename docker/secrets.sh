#!/usr/bin/env bash
# Makes the secrets that are not there yet, each readable by the one user whose program reads it. A file that is deleted
# is made anew: of the database's two, change the password in PostgreSQL first.
set -euo pipefail
cd "$(dirname "$0")"
install -d -m 711 secrets
umask 077

secret() { # secret NAME USER [TEXT]: users are ids inside the images
  [ -e "secrets/$1" ] && return
  printf '%s\n' "${3:-$(od -An -N 24 -tx1 /dev/urandom | tr -d ' \n')}" >"secrets/$1.new"
  chown "$2" "secrets/$1.new"
  mv "secrets/$1.new" "secrets/$1"
}

secret ari_password 10000
secret ami_password 10000
secret agi_secret 10000
secret database_password 10000
secret postgres_password 999 "$(cat secrets/database_password)"
secret redis_password 10000
secret redis_conf 999 "requirepass $(cat secrets/redis_password)"
secret grafana_password 472
