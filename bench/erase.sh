#!/bin/bash
# How long it takes until a tenant with many events cannot be read any more, and until its room is given back:
#   bench/erase.sh BUILD [EVENTS]     default 1000000; EVENTS=10000000 takes some minutes and 3 GB under TMPDIR
# STORE=postgres: on a server of our own (tools/postgres).
. "$(dirname "$0")/../tests/integration/lib/lib.sh"
begin "$1"
events=${2:-1000000}
options=()
P=$T/pg
if [ "${STORE:-}" = postgres ]; then
    chmod 711 "$T"
    "$here/tools/postgres" start "$P" >"$T/server.log" 2>&1 || { cat "$T/server.log"; exit 1; }
    trap '"$here/tools/postgres" stop "$P" --now >/dev/null 2>&1; clean' EXIT
    options=(--store-password-file "$P/password")
    manager_init m --store "$(cat "$P/socket.url")" "${options[@]}" || { show_logs; exit 1; }
else
    manager_init m || { show_logs; exit 1; }
fi
manager_start m "${options[@]}" && sign_in m || { show_logs; exit 1; }
cli m tenant create big --json >"$T/big.json" || exit 1
jq -r .enrolmentToken "$T/big.json" >"$T/token"
coproc fleet { exec "$build/bench/bench_agents" --manager "${agents_urls[m]}" --ca-fingerprint "${fingerprints[m]}" --token-file "$T/token" 2>"$T/fleet.log"; }
fleet_say() {
    echo "$*" >&"${fleet[1]}"
    read -r answer <&"${fleet[0]}" || { cat "$T/fleet.log"; exit 1; }
    echo "$answer"
}
fleet_say enrol 8
fleet_say connect
fleet_say events "$events" 8 1000
size() { du -sm "$T/m/db" "$P" 2>/dev/null | awk '{n += $1} END {print n}'; }
echo "stored: $(size) MB"
before=$(now_msec)
cli m tenant erase big --yes || { show_logs; exit 1; }
echo "unreadable after $(($(now_msec) - before)) ms"
erased() { [ "$(cli m tenant show big --json | jq -r .tenantState)" = erased ]; }
wait_for 300 erased || { show_logs; exit 1; }
echo "room given back and certified after $(($(now_msec) - before)) ms: $(size) MB left"
cli m certificate show 1 | head -3
echo quit >&"${fleet[1]}"
finished=yes
