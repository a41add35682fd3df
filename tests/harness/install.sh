#!/usr/bin/env bash
# Installs what the tests need and Python packages cannot bring: Postgres 15, Java 17 and Maven (for a real Kafka and Keycloak), Go
# (for Toxiproxy), libfaketime and Chromium.
# Only as root on a machine with apt, and only what is missing; elsewhere it says what the run will lack.
set -euo pipefail

missing=()
[ -x /usr/lib/postgresql/15/bin/postgres ] || command -v postgres >/dev/null || missing+=(postgresql-15)
command -v java >/dev/null || missing+=(default-jre-headless)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/hitl-stream"
command -v mvn >/dev/null || { [ -e "$cache/kafka-4.3.0" ] && [ -e "$cache/keycloak-26.4.0" ]; } || missing+=(maven)
[ -e "$cache/toxiproxy-2.5.0/server" ] || command -v go >/dev/null || missing+=(golang-go)
compgen -G "/usr/lib/*/faketime/libfaketime.so.1" >/dev/null || missing+=(libfaketime)
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
[ "${#missing[@]}" -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "Not installed: ${missing[*]}. Tests that need them are skipped, by name; with CI=true they fail." >&2
  exit 0
fi

echo "Installing ${missing[*]} …"
export DEBIAN_FRONTEND=noninteractive
# The tests start servers of their own: Debian need not make and start one.
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
  mkdir -p /etc/postgresql-common
  echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || {
  echo "apt-get could not install all of: ${missing[*]}" >&2
  exit 0
}
