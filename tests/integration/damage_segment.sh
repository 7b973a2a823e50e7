#!/bin/bash
# A page in which the sealed body of a segment goes on is damaged: that segment alone is left out, to the event, counted
# and said; nothing is salvaged, its neighbours are there, and all goes on. First of closed segments, then of one that is
# still to be merged.
. "$(dirname "$0")/lib/lib.sh"
. "$(dirname "$0")/lib/database.sh"
begin "$@"

manager_init m && manager_start m && sign_in m && number_rules m "$T/log/*.log" && agent_enrol m a && agent_start a ||
    bail "manager and agent run"
ok "manager and agent run"
LOG=$T/log/n.log

for part in 0 1 2 3 4 5 6; do
    numbers $((part * 1500 + 1)) $((part * 1500 + 1500)) before >>"$LOG"
    wait_for 40 seen m 1 --where url=before --where "user=$((part * 1500 + 1500))"
done
happens 20 "lines arrive" all_there m before 1 10500

# ---- closed segments ----
check "the agent ends in order" stop a
check "the manager ends in order" stop m
last=$(sql m "SELECT max(last_id) FROM segment")
total=$(sql m "SELECT sum(count) FROM segment")
is "ids are given without gaps" "$total" "$last"
pages m >"$T/pages"
sql m "SELECT id FROM segment WHERE level = 2 ORDER BY id" >"$T/closed"
# Every other closed segment with such pages, not the first: all have whole neighbours.
rows=$(awk '$2 == "body" && $3 == "overflow" { print $4 }' "$T/pages" | sort -nu | grep -Fxf "$T/closed" | awk 'NR % 2 == 0' | head -3)
lost=0
for row in $rows; do
    lost=$((lost + $(count_of m "$row" "$row")))
    check "a page of segment $row is damaged" damage m "$(awk -v row="$row" '$2 == "body" && $3 == "overflow" && $4 == row { print $1; exit }' "$T/pages")"
done
note "$lost of $total events lie in the damaged segments"
check "they are several, and not all" [ "$(wc -w <<<"$rows")" -ge 2 -a "$lost" -gt 0 -a "$lost" -lt "$((total / 2))" ]
check "the manager serves" manager_start m
look m "$last"
is "what is left out is told to the event" "$told" "$lost"
is "all else is there" "$readable" $((total - lost))
happens 10 "an event says so" seen_some m --where state=18
check "the damage is counted, whichever worker read it and whichever answers" [ "$(metric m store_damage_met_total)" -ge 1 ]
look m "$last"
is "asked again, the answer is the same" "$readable $told" "$((total - lost)) $lost"
check "nothing is salvaged" salvages m 0
check "no event says otherwise" seen m 0 --where state=30
check "the file is the one it was" [ ! -e "$(database m).damaged" ]
check_not "no process ended for it" logged m 'ended unexpectedly|ending, for the database'
check "the agent starts" agent_start a
numbers 1 1200 later >>"$LOG"
happens 40 "new events are taken" all_there m later 1 1200

# ---- one that is not closed yet: commits merge it ----
# Whether the last lines stand in a segment of their own or closed the ones before with them is chance: until they do.
tail=0
open_row() {
    pages m >"$T/pages"
    sql m "SELECT id FROM segment WHERE level < 2 ORDER BY id" >"$T/open"
    row=$(awk '$2 == "body" && $3 == "overflow" { print $4 }' "$T/pages" | sort -nu | grep -Fxf "$T/open" | head -1)
    [ -n "$row" ]
}
while :; do
    numbers $((tail + 1)) $((tail + 400)) tail >>"$LOG"
    tail=$((tail + 400))
    happens 20 "some more arrive" all_there m tail 1 $tail
    check "the agent ends in order" stop a
    check "the manager ends in order" stop m
    open_row && break
    [ $tail -lt 4000 ] || bail "a segment that is open"
    check "the manager serves" manager_start m
    check "the agent starts" agent_start a
done
last=$(sql m "SELECT max(last_id) FROM segment")
total=$(sql m "SELECT sum(count) FROM segment")
lost=$((lost + $(count_of m "$row" "$row")))
check "a page of open segment $row is damaged" damage m "$(awk -v row="$row" '$2 == "body" && $3 == "overflow" && $4 == row { print $1; exit }' "$T/pages")"
check "the manager serves" manager_start m
check "the agent starts" agent_start a
numbers 1 3000 behind >>"$LOG"
happens 60 "commits go on past it" all_there m behind 1 3000
look m "$last"
is "what is left out is told to the event" "$told" "$lost"
is "all else is there" "$readable" $((total - lost))
is "it is marked" "$(metric m segments_damaged)" 1
happens 20 "an event says what was found without a search" eval 'cli m events --format json --where state=18 | grep -q "segments were found damaged"'
says_damaged() { # whoever is asked: a worker looks again after five seconds, each for itself
    local i
    for i in 1 2 3 4 5 6; do [ "$(api m GET health | jq -r .store)" = damaged ] || return 1; done
}
happens 10 "health says so" says_damaged
check "nothing is salvaged" salvages m 0
check "no event says otherwise" seen m 0 --where state=30
check "the agent ends in order" stop a
check "the manager ends in order" stop m
done_testing
