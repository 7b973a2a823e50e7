#!/bin/bash
# Many tenants on one node: what making one costs, how soon a manager that has them serves, its memory, and CPU per event
# when the same events are spread over all tenants instead of one. CPU and memory are those of all manager processes.
#   bench/tenants.sh BUILD [TENANTS [EVENTS]]
. "$(dirname "$0")/../tests/integration/lib/lib.sh"
begin "$@"
tenants=${2:-1000}
events=${3:-1000000}

fleet_say() { # COMMAND... -> its answer in $answer
    printf '%s\n' "$*" >&"${fleet[1]}"
    read -r -t 900 answer <&"${fleet[0]}" || answer="failed: no answer to $*"
    case $answer in failed*) echo "$answer"; show_logs; exit 1 ;; esac
}
cost() { "$build/bench/bench_usage" "${pids[m]}"; } # CPU-seconds, PSS in kB, processes
memory() { cost | awk '{printf "%.1f MiB PSS", $2 / 1024}'; }
run_events() { # HOW-MANY AGENTS BATCH WORDS
    local before after
    before=$(cost | cut -d' ' -f1)
    fleet_say events "$1" "$2" "$3"
    after=$(cost | cut -d' ' -f1)
    per_event=$(awk -v a="$before" -v b="$after" -v n="$1" 'BEGIN {printf "%.2f", (b - a) * 1e6 / n}')
    awk -v n="$1" -v b="$3" -v c="$per_event" -v w="${answer##* }" -v words="$4" 'BEGIN {
        printf "events: %d in batches of %d over %s: %.2f us CPU an event in the manager; %.0f a second on the wall, fleet on the same machine\n", n, b, words, c, n / w}'
}

manager_init m && manager_start m && sign_in m || { show_logs; exit 1; }
: >"$T/token"
ulimit -n "$(ulimit -Hn)"
coproc fleet { exec "$build/bench/bench_agents" --manager "${agents_urls[m]}" --ca-fingerprint "${fingerprints[m]}" --token-file "$T/token" 2>"$T/fleet.log"; }

began=$(now_msec)
before=$(cost | cut -d' ' -f1)
for ((i = 1; i <= tenants; i++)); do
    api m POST tenants "{\"name\":\"tenant $i\"}" >"$T/answer.json" || { cat "$T/answer.json"; exit 1; }
    jq -r .apiKey "$T/answer.json" >>"$T/keys"
    jq -r .enrolmentToken "$T/answer.json" >>"$T/tokens"
done
awk -v n="$tenants" -v w=$(($(now_msec) - began)) -v a="$before" -v b="$(cost | cut -d' ' -f1)" 'BEGIN {
    printf "made: %d tenants, %.0f ms each on the wall, %.0f ms CPU (of which one Argon2id)\n", n, w / n, (b - a) * 1e3 / n}'

stop m
began=$(now_msec)
manager_start m || { show_logs; exit 1; }
echo "start with $tenants tenants: serves after $(($(now_msec) - began)) ms (bar 5,000)"
began=$(now_msec)
while read -r key; do
    curl -sf --cacert "$T/m/ca.pem" -H 'api-version: v1' -H "api-secret-key: $key" "${urls[m]}/api/policies/1" -o /dev/null || { echo "failed: a tenant does not answer"; exit 1; }
done <"$T/keys"
echo "each tenant asked once: $((($(now_msec) - began) / tenants)) ms each, $(memory) of all manager processes (bar 400)"

enrolled=0
while read -r token; do
    printf '%s\n' "$token" >"$T/token"
    enrolled=$((enrolled + 1))
    fleet_say enrol $enrolled
done <"$T/tokens"
fleet_say connect
run_events $((events / 10)) 1 1000 "one tenant, to warm up"
run_events "$events" 1 1000 "one tenant"
one=$per_event
run_events "$events" "$tenants" 1000 "$tenants tenants"
awk -v a="$one" -v b="$per_event" 'BEGIN {printf "spread over all tenants an event costs %.2f times as much (bar 1.5)\n", b / a}'
run_events $((events / 10)) "$tenants" 10 "$tenants tenants"
sleep 25
echo "memory at the end: $(memory) of all manager processes (bar 400)"
"$build/bench/bench_usage" --list "${pids[m]}"
echo quit >&"${fleet[1]}"
stop m
finished=yes
