#!/bin/bash
# What goes wrong in the world: the manager away, disks full, the spool damaged, processes killed, lines of any
# length and bytes. Nothing is lost that need not be, and what is lost is counted and said.
if [ "$(id -u)" = 0 ] && [ -z "${HINOMI_PRIVATE:-}" ]; then
    exec env HINOMI_PRIVATE=1 unshare --mount --propagation private "$0" "$@"
fi
. "$(dirname "$0")/lib/lib.sh"
begin "$@"

# The manager's state on a small disk of its own.
mkdir "$T/disk"
small=
mount -t tmpfs -o size=24m,mode=711 none "$T/disk" 2>/dev/null && small=yes
mkdir "$T/disk/m" && ln -s disk/m "$T/m" && rmdir "$T/disk/m"
manager_init m --state "$T/disk/m" || bail "a manager is made"
launch m "$build/hinomi-manager" run --state "$T/disk/m"
manager_again() {
    launch m "$build/hinomi-manager" run --state "$T/disk/m"
    wait_for 20 manager_serves m
}
wait_for 20 manager_serves m && sign_in m && number_rules m "$T/log/*.log" && agent_enrol m a && agent_start a || bail "manager and agent run"
ok "manager and agent run"
LOG=$T/log/n.log

# ---- the manager is away ----
numbers 1 10 away >>"$LOG"
happens 10 "lines arrive" all_there m away 1 10
murder m
numbers 11 400 away >>"$LOG"
sleep 1
check "the agent goes on without it" alive "${pids[a]}"
manager_again
happens 40 "what was spooled meanwhile arrives, each once" all_there m away 1 400
is "in the order of the lines" "$(cli m events --format json --where url=away | jq -r '.evidences[0].user.name' | sort -nc 2>&1)" ""
murder m
numbers 401 500 away >>"$LOG"
sleep 1
murder a
numbers 501 600 away >>"$LOG"
manager_again
check "both killed at once: the agent starts again" agent_start a
happens 40 "and all is there, each once" all_there m away 1 600

# ---- each process is killed, one after the other ----
from=1
for role in "m kms" "m keys" "m jobs" "m worker" "a log" "a uplink"; do
    set -- $role
    victim=$(process "$1" "$2")
    [ -n "$victim" ] && kill -KILL "$victim" 2>/dev/null || { not_ok "$2 of $1 is there to be killed"; continue; }
    numbers $from $((from + 19)) killed >>"$LOG"
    from=$((from + 20))
    back() { local now; now=$(process "$1" "$2") && [ "$now" != "$victim" ]; }
    wait_for 15 back "$1" "$2"
    happens 20 "$2 is killed: it comes back, nothing is lost" all_there m killed 1 $((from - 1))
    check "and $2 runs" back "$1" "$2"
done
check "the manager's status shows all processes" eval '[ "$(cli m status --json | jq -r ".processes[]" | grep -c ready)" -ge 5 ]'
check "an event says that a process was started again" seen_some m --where state=20

# ---- lines of any kind ----
{
    printf '%s counter number: line long of odd %s\n' "$(stamp)" "$(head -c 1048576 /dev/zero | tr '\0' y)"
    printf '%s counter number: line nul of odd \0\0 \0 end\n' "$(stamp)"
    printf '%s counter number: line high of odd \377\376\200\n' "$(stamp)"
    head -c 200000 /dev/urandom
    printf '\n\n\r\n%s counter number: line after of odd\r\n' "$(stamp)"
    printf '%s counter number: line esc\033[2J of odd\n' "$(stamp)"
} >>"$LOG"
happens 20 "lines after the odd ones arrive" seen m 1 --where url=odd --where user=after
check "a line of a megabyte is an event" seen m 1 --where user=long
long=$(cli m events --format json --where user=long)
is "marked as cut" "$(jq -r .metadata.is_truncated <<<"$long")" true
check "and not longer than 64 KiB" eval '[ "$(jq -r ".raw_data | length" <<<"$long")" -le 65536 ]'
check "a line with NUL is an event" seen m 1 --where user=nul
check "a line with bytes that are no text is an event" seen m 1 --where user=high
check "whatever they hold, every answer is JSON" eval 'cli m events --format json --since 1h | jq -e . >/dev/null'
check "a terminal is not driven by a line" eval '! cli m events --since 1h | grep -q "$(printf "\033")"'
for format in cef leef; do
    is "format $format: one line an event" "$(cli m events --format $format --where url=odd | wc -l)" "$(events m --where url=odd)"
done
printf '%s counter number: line half of odd' "$(stamp)" >>"$LOG" # no newline yet
sleep 1.5
check "half a line waits" seen m 0 --where user=half
printf '\n' >>"$LOG"
happens 10 "for its end" seen m 1 --where user=half
numbers 1 5 fresh >"$T/log/new.log"
happens 20 "a file that appears is read from its start" all_there m fresh 1 5
rm "$T/log/new.log"
numbers 6 9 fresh >"$T/log/new.log"
happens 20 "so is the one that takes its name after it was deleted" all_there m fresh 1 9

# ---- the manager's disk is full ----
if [ -n "$small" ]; then
    before=$(events m --where url=away)
    # The database's log and pages that were freed are room that it has already: lines until that is used up too.
    sent=0
    full() { # at one time: lines stay out, and a change is refused
        for bs in 64k 512; do dd if=/dev/zero bs=$bs >>"$T/disk/filler" 2>/dev/null; done
        numbers $((sent + 1)) $((sent + 6000)) full >>"$LOG"
        sent=$((sent + 6000))
        sleep 4
        arrived=$(tally m full | cut -d' ' -f2)
        refused=$(api_status m POST policies "{\"name\":\"no room $sent\"}" | grep -cE '^(507|503|500)$')
        [ "${arrived:-$sent}" -lt "$sent" ] && [ "$refused" = 1 ]
    }
    until full || [ $sent -ge 60000 ]; do :; done
    note "with the disk full $arrived of $sent were taken"
    check "a full disk takes no more: the agent holds" [ "${arrived:-$sent}" -lt "$sent" ]
    check "the manager still answers" [ "$(api_status m GET computers)" = 200 ]
    is "what was there is still there" "$(events m --where url=away)" "$before"
    is "a change is refused, not half done" "$refused $(api m GET policies | jq "[.policies[] | select(.name == \"no room $sent\")] | length")" "1 0"
    rm -f "$T/disk/filler"
    happens 120 "with room again all arrives, each once" all_there m full 1 $sent
else
    note "no tmpfs could be mounted (not root): the full disk is covered by test_store_events"
fi

# ---- a record of the spool is damaged ----
murder m
for part in 1 2 3 4 5 6 7 8; do
    numbers $((part * 100 - 99)) $((part * 100)) torn >>"$LOG"
    sleep 0.3
done
sleep 1
murder a
file=$(ls -S "$T"/a/uplink/spool/* | head -1)
size=$(stat -c %s "$file")
printf '\125' | dd of="$file" bs=1 seek=$((size - size / 8)) conv=notrunc 2>/dev/null
manager_again
agent_start a
happens 40 "a damaged record is said in an event" seen_some m --where state=17
sleep 1
got=$(tally m torn)
note "count, distinct, first, last after the damage: $got"
check "the rest of the spool arrives, nothing twice" eval 'set -- $got; [ "$1" = "$2" ] && [ "$2" -ge 600 ] && [ "$2" -lt 801 ]'
numbers 801 810 torn >>"$LOG"
happens 10 "and it goes on" seen m 1 --where url=torn --where user=810

# ---- the spool is full ----
agent_stop a
rm -rf "$T/b" "$T/b.key"
mkdir "$T/log2"
LOG_ROOT=$T/log2
number_rules m "$T/log/*.log" "$T/log2/*.log"
agent_enrol m b --spool-max 2097152 || bail "a second agent"
agent_start b || bail "a second agent"
numbers 1 10 bound >>"$T/log2/n.log"
happens 10 "a second agent with a small spool" all_there m bound 1 10
murder m
numbers 11 25000 bound >>"$T/log2/n.log"
sleep 2
kill -KILL "$(process b uplink)" # what is lost is known to the next one too
numbers 25001 40000 bound >>"$T/log2/n.log"
settled() { # the spool stops to grow
    local a b
    a=$(du -sb "$T/b/uplink/spool" | cut -f1)
    sleep 1
    b=$(du -sb "$T/b/uplink/spool" | cut -f1)
    [ "$a" = "$b" ]
}
wait_for 30 settled
note "the spool has $(du -sb "$T/b/uplink/spool" | cut -f1) bytes"
check "it keeps its bound" [ "$(du -sb "$T/b/uplink/spool" | cut -f1)" -le $((2097152 + 300000)) ]
manager_again
happens 40 "the newest arrive" seen m 1 --where url=bound --where user=40000
happens 20 "an event says that events were lost" seen_some m --where state=13
sleep 2
lost=$(cli m events --format json --where state=13 | jq '.count' | awk '{ n += $1 } END { print n + 0 }')
got=$(tally m bound)
note "arrived: $got; said to be lost: $lost"
# What the agent says about itself (connected, disconnected) lies in the same spool and can be among the lost.
check "lost and arrived are all there were" eval '[ $((${got%% *} + lost)) -ge 40000 ] && [ $((${got%% *} + lost)) -le 40010 ]'
is "none twice" "$(cut -d' ' -f1 <<<"$got")" "$(cut -d' ' -f2 <<<"$got")"
agent_stop b

# ---- several processes end at once ----
# A worker that has just been started is not disturbed by what happens to others meanwhile: that is told to one that is ready.
children() { cat "/proc/${pids[m]}"/task/*/children; }
told() { [ "$(events m --where state=20)" -ge "$1" ]; }
is_back() { [ "$(children | wc -w)" -ge "$all" ] && cli m events --limit 1 >/dev/null; }
all=$(children | wc -w)
before=$(events m --where state=20)
for round in 1 2 3; do
    workers=$(for pid in $(children); do grep -aq ': worker' "/proc/$pid/cmdline" && echo "$pid"; done)
    jobs_pid=$(process m jobs)
    kill -KILL $workers
    left=$((all - $(wc -w <<<"$workers")))
    for _ in {1..3000}; do [ "$(children | wc -w)" -le "$left" ] || break; done # until the first is there again
    kill -KILL "$jobs_pid"
    wait_for 30 is_back
    wait_for 30 told $((before + 2 * round)) # one is lost: told to a worker that was killed too, which was not known yet
done
check_not "a worker that starts meanwhile does not end for it" logged m 'broke the protocol'
happens 10 "restarts are told, though no worker was there to be told" told $((before + 6))

check "the manager ends in order" stop m
done_testing
