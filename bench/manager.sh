#!/bin/bash
# The manager under a fleet: CPU per event from mutual TLS to committed, memory with many agents, and how soon all are back
# after a restart. CPU and memory are those of all manager processes, taken from outside.
#   bench/manager.sh BUILD [AGENTS [EVENTS]]
. "$(dirname "$0")/../tests/integration/lib/lib.sh"
begin "$@"
agents=${2:-10000}
events=${3:-1000000}

fleet_say() { # COMMAND... -> its answer in $answer
    printf '%s\n' "$*" >&"${fleet[1]}"
    read -r -t 900 answer <&"${fleet[0]}" || answer="failed: no answer to $*"
    case $answer in failed*) echo "$answer"; show_logs; exit 1 ;; esac
}
cost() { "$build/bench/bench_usage" "${pids[m]}"; } # CPU-seconds, PSS in kB, processes
seconds() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.3f", b - a}'; }

manager_init m && manager_start m || { show_logs; exit 1; }
init_value m enrolmentToken >"$T/token"
echo "manager: $(cost | cut -d' ' -f3) processes, idle $(cost | awk '{printf "%.1f MiB PSS", $2 / 1024}')"
ulimit -n "$(ulimit -Hn)"
coproc fleet { exec "$build/bench/bench_agents" --manager "${agents_urls[m]}" --ca-fingerprint "${fingerprints[m]}" --token-file "$T/token" 2>"$T/fleet.log"; }

run_events() { # HOW-MANY AGENTS BATCH
    local before after cpu wall
    before=$(cost | cut -d' ' -f1)
    fleet_say events "$1" "$2" "$3"
    after=$(cost | cut -d' ' -f1)
    cpu=$(seconds "$before" "$after")
    wall=${answer##* }
    awk -v n="$1" -v a="$2" -v b="$3" -v c="$cpu" -v w="$wall" 'BEGIN {
        printf "events: %d of %d agents in batches of %d: %.2f us CPU an event in the manager (bar 12), %.0f a CPU-second; %.0f a second on the wall, fleet on the same machine\n",
            n, a, b, c * 1e6 / n, n / c, n / w}'
}

before=$(cost | cut -d' ' -f1)
fleet_say enrol 20
fleet_say connect
run_events $((events / 10)) 1 1000 # warm up: tokens, pages, tables
run_events "$events" 1 2000
run_events "$events" 8 1000
run_events $((events / 4)) 20 50
"$build/bench/bench_usage" --list "${pids[m]}"

before=$(cost | cut -d' ' -f1)
fleet_say enrol "$agents"
wall=${answer##* }
echo "enrolment: $agents agents in $wall s, $(seconds "$before" "$(cost | cut -d' ' -f1)") CPU-s in the manager"
before=$(cost | cut -d' ' -f1)
fleet_say connect
echo "connected: $answer s (agents, seconds), $(seconds "$before" "$(cost | cut -d' ' -f1)") CPU-s in the manager"
fleet_say hold 20
before=$(cost | cut -d' ' -f1)
fleet_say hold 30
echo "held: $answer s (agents, seconds), $(seconds "$before" "$(cost | cut -d' ' -f1)") CPU-s in the manager"
echo "memory with $agents agents: $(cost | awk '{printf "%.1f MiB PSS of all manager processes (bar 500)", $2 / 1024}')"
"$build/bench/bench_usage" --list "${pids[m]}"
awk '/MemAvailable/ {print "# available " $2 / 1024 " MiB"}' /proc/meminfo

began=$(now_msec)
murder m
fleet_say down
manager_start m || { show_logs; exit 1; }
up=$(now_msec)
fleet_say back
back=$(now_msec)
echo "restart: killed, serving again after $((up - began)) ms, all $agents agents back $(awk -v a="$up" -v b="$back" 'BEGIN {printf "%.1f", (b - a) / 1000}') s after that (bar 60), $(cost | awk '{printf "%.1f CPU-s, %.1f MiB PSS", $1, $2 / 1024}')"
fleet_say count
echo "fleet: $answer (open, reconnects, resumed, failed attempts)"
run_events $((events / 4)) 20 200
echo quit >&"${fleet[1]}"
wait "$fleet_PID" 2>/dev/null
finished=yes
failures=0
exit 0
