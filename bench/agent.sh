#!/bin/bash
# The agent against its bars: a file of the mixed feed to the durable spool, the manager being away, with RULES (the full OSSEC
# set, or content/log without it); and what it costs idle with the shipped rules. CPU and memory are those of all agent
# processes, taken from outside.
#   bench/agent.sh BUILD [RULES [LINES]]
. "$(dirname "$0")/../tests/integration/lib/lib.sh"
begin "$@"
rules=${2:-}
[ -z "$rules" ] || rules=$(cd "$rules" && pwd)
lines=${3:-1000000}
seed=${SEED:-1}

give_up() { echo "failed: $*"; show_logs; finished=yes; exit 1; }
cost() { "$build/bench/bench_usage" "${pids[a]}"; } # CPU-seconds, PSS in kB, processes
# counter NAME: what the agent itself says; every ten seconds it says it anew
counter() { "$build/hinomi-agent" status --state "$T/a" | sed -nE "s/.*\\b$1[ =:]+([0-9]+).*/\\1/p" | head -1; }
read_all() { [ "$(counter lines)" -ge "$lines" ]; }

manager_init m && manager_start m && sign_in m && agent_enrol m a --spool-max 4294967296 && agent_start a || give_up "manager and agent run"

# ---- idle, with the shipped rules ----
for n in 1 2 3 4 5; do "$build/bench/feed" --lines 200 >"$T/log/host$n.log"; done
sleep 5
before=$(cost)
sleep "${IDLE_SECONDS:-60}"
after=$(cost)
printf '%s %s\n' "$before" "$after" | awk -v s="${IDLE_SECONDS:-60}" '{
    printf "idle, shipped rules, connected: %.1f MiB PSS in %d processes (bar 30), %.3f %% of a core (bar 0.1)\n", $5 / 1024, $6, ($4 - $1) / s * 100}'
"$build/bench/bench_usage" --list "${pids[a]}"

# ---- the feed ----
what="shipped rules"
if [ -n "$rules" ]; then
    what="rules of $(basename "$(dirname "$rules")")/$(basename "$rules")"
    ids=$(cli m rules import "$rules" --json --location "$T/log/**/*.log") || give_up "rules import"
    before=$(grep -cE 'policy [0-9]+ applied' "$T/a.log")
    api m POST policies/1 "$(jq -c '{logInspection: {state: "on", ruleIDs: .ruleIDs}}' <<<"$ids")" >"$T/answer" || give_up "$(cat "$T/answer")"
    wait_for 20 eval "[ \$(grep -cE 'policy [0-9]+ applied' '$T/a.log') -gt $before ]" || give_up "the rules are not applied"
fi
manager_stop m
"$build/bench/feed" --seed "$seed" --lines "$lines" >"$T/feed"
sleep 1
lines=$(($(counter lines) + lines))
before=$(cost)
began=$(now_msec)
mv "$T/feed" "$T/log/feed.log"
[ -z "${PROFILE:-}" ] || perf record -q -g -o "$PROFILE" -p "$(descendants "${pids[a]}" | paste -sd,)" -- sleep "${PROFILE_SECONDS:-6}" >/dev/null 2>&1
wait_for 120 read_all || give_up "the feed was not read to its end: $(counter lines) lines"
after=$(cost)
took=$(($(now_msec) - began))
printf '%s %s\n' "$before" "$after" | awk -v t="$took" -v l="${3:-1000000}" -v w="$what" -v s="$seed" '{
    printf "feed (seed %s) to the durable spool, %s: %d lines in %.2f CPU-s of all agent processes, %.0f lines a CPU-second (bar 200000); at most %.0f s on the wall; %.1f MiB PSS\n",
        s, w, l, $4 - $1, l / ($4 - $1), t / 1000, $5 / 1024}'
echo "events in the spool: $(counter events), lost $(counter events_lost); spool $(du -sm "$T/a/uplink/spool" 2>/dev/null | cut -f1) MB"
"$build/bench/bench_usage" --list "${pids[a]}"
finished=yes
failures=0
exit 0
