#!/bin/bash
# A small dose of bench/manager.sh: 500 agents enrol, hold their sessions, deliver, and come back after the manager was killed.
# Memory and CPU are printed; the bars proper are the benchmark's, since this build may be a debugging one.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"
agents=500
ninja -C "$build" bench/bench_agents bench/bench_usage >"$T/ninja.log" 2>&1 || bail "the fleet is built"

fleet_say() { # COMMAND... -> its answer in $answer
    printf '%s\n' "$*" >&"${fleet[1]}"
    read -r -t 120 answer <&"${fleet[0]}" || answer="failed: no answer to $*"
    case $answer in failed*) note "$answer"; return 1 ;; esac
}
cost() { "$build/bench/bench_usage" "${pids[m]}"; }
connected() { [ "$(api m GET status | jq .agentsConnected)" = "$1" ]; }

manager_init m && manager_start m && sign_in m || bail "a manager runs"
(umask 077 && init_value m enrolmentToken >"$T/token")
ulimit -n "$(ulimit -Hn)"
coproc fleet { exec "$build/bench/bench_agents" --manager "${agents_urls[m]}" --ca-fingerprint "${fingerprints[m]}" --token-file "$T/token" 2>"$T/fleet.log"; }
fleet_pid=$fleet_PID

fleet_say enrol $agents || bail "$agents agents enrol with one token"
is "$agents agents enrol with one token" "$(cut -d' ' -f1,2 <<<"$answer")" "enrolled $agents"
note "enrolled in $(cut -d' ' -f3 <<<"$answer") s"
is "each is a computer" "$(api m GET computers | jq '.computers | length')" "$agents"
fleet_say connect || bail "all connect"
is "all connect" "$(cut -d' ' -f1,2 <<<"$answer")" "connected $agents"
note "connected in $(cut -d' ' -f3 <<<"$answer") s"
fleet_say events 20000 $agents 10 || bail "each delivers findings"
is "20,000 findings of $agents agents are acknowledged" "$(cut -d' ' -f1,2 <<<"$answer")" "events 20000"
check "the manager counts the sessions" wait_for 10 connected "$agents"
newest() { api m POST events/search '{"maxItems":1,"sortByObjectID":true,"searchCriteria":[{"idTest":"greater-than","idValue":19999}]}' | jq '.events | length'; }
is "and are stored: there is an event of number 20,000" "$(newest)" 1
pss=$(cost | awk '{printf "%d", $2 / 1024}')
note "memory with $agents agents: $pss MiB PSS"
check "which is under 250 MiB" [ "$pss" -lt 250 ]

murder m
fleet_say down || bail "the fleet notices that the manager is gone"
ok "the fleet notices that the manager is gone"
check "the manager starts again" manager_start m || bail "no manager"
began=$(now_msec)
fleet_say back || bail "all come back"
took=$(($(now_msec) - began))
is "all come back" "$(cut -d' ' -f1,2 <<<"$answer")" "back $agents"
note "after $took ms"
check "within 60 s" [ "$took" -lt 60000 ]
fleet_say events 5000 50 20 || bail "and go on"
is "and go on" "$(cut -d' ' -f1,2 <<<"$answer")" "events 5000"
fleet_say count
is "nobody fell out" "$(cut -d' ' -f2 <<<"$answer")" "$agents"
like "most resumed their TLS sessions" "$(cut -d' ' -f4 <<<"$answer")" '^([3-9][0-9][0-9]|[0-9]{4,})$'
echo quit >&"${fleet[1]}"
wait "$fleet_pid"
is "the fleet ended cleanly" $? 0
manager_stop m
done_testing
