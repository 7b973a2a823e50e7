#!/bin/bash
# A page of a table's own tree is damaged: the database is salvaged, which costs what lies on that page and nothing else,
# and says how much that is. One kind of page at a time, each on purpose. At last the page with the keys: then nothing can
# be opened, the file is left as it is, and the log says what to do.
. "$(dirname "$0")/lib/lib.sh"
. "$(dirname "$0")/lib/database.sh"
begin "$@"

manager_init m && manager_start m && sign_in m && number_rules m "$T/log/*.log" && agent_enrol m a && agent_start a ||
    bail "manager and agent run"
ok "manager and agent run"
LOG=$T/log/n.log

for part in $(seq 0 15); do
    numbers $((part * 1100 + 1)) $((part * 1100 + 1100)) before >>"$LOG"
    wait_for 40 seen m 1 --where url=before --where "user=$((part * 1100 + 1100))"
done
happens 20 "lines arrive" all_there m before 1 17600
check "the agent ends in order" stop a
check "the manager ends in order" stop m
last=$(sql m "SELECT max(last_id) FROM segment")
total=$(sql m "SELECT sum(count) FROM segment")
is "ids are given without gaps" "$total" "$last"
lost=0
turns=0
later=0

# page_of TABLE KIND -> PAGE FIRST LAST: the first of the kind; of leaves the first that is no root and holds events that
# are not lost yet.
page_of() {
    local page first end
    awk -v table="$1" -v kind="$2" '$2 == table && $3 == "root" { root = $1 } $2 == table && $3 == kind && (kind != "leaf" || $1 != root) { print $1, $4, $5 }' "$T/pages" |
        while read -r page first end; do
            [ "$2" != leaf ] || [ "$(count_of m "$first" "$end")" -gt 0 ] || continue
            echo "$page $first $end"
            break
        done
}

# turn WHAT COUNT: the pages are damaged, COUNT events lie on them; the manager starts and goes on
turn() {
    local what=$1 now=$2
    turns=$((turns + 1))
    lost=$((lost + now))
    note "$what: $now events"
    check "$what: the manager serves" manager_start m
    look m "$last" # meets the page, and may fail for it
    happens 60 "$what: the database is salvaged" salvages m "$turns"
    check "the agent starts" agent_start a
    numbers $((later + 1)) $((later + 50)) later >>"$LOG"
    later=$((later + 50))
    is "$what: the salvage tells what it cost" "$(lost_by_salvage m)" "$now"
    happens 30 "new events are taken" all_there m later 1 "$later"
    look m "$last"
    is "$what: what is left out is told to the event" "$told" "$lost"
    is "$what: all else is there" "$readable" $((total - lost))
    is "$what: a counter says so" "$(metric m store_salvages_total)" "$turns"
    happens 20 "$what: an event says so" seen m "$turns" --where state=30
    check "$what: the audit record says so" audited m "store.salvaged.* $now events"
    check "the damaged file is kept" test -s "$(database m).damaged"
    check "the agent ends in order" stop a
    check "the manager ends in order" stop m
    rm -f "$(database m)".damaged*
    pages m >"$T/pages"
}

pages m >"$T/pages"
read -r page _ _ <<<"$(page_of body root)"
check "a tree of several pages" [ "$(awk '$2 == "body" && $3 == "leaf"' "$T/pages" | wc -l)" -ge 3 -a "$(awk '$2 == "segment" && $3 == "leaf"' "$T/pages" | wc -l)" -ge 3 ]
check "the root of the bodies is damaged" damage m "$page"
turn "root of body" 0

read -r page first end <<<"$(page_of body leaf)"
now=$(count_of m "$first" "$end")
check "a leaf of the bodies is damaged" damage m "$page"
turn "leaf of body" "$now"

# What once cost all between the two: pages of two segments, and the root, which brings the salvage about.
read -r root _ _ <<<"$(page_of body root)"
awk '$2 == "body" && $3 == "overflow" && $4 != row { print $1, $4; row = $4 }' "$T/pages" >"$T/bodies"
read -r one one_row <<<"$(head -1 "$T/bodies")"
read -r other other_row <<<"$(tail -1 "$T/bodies")"
now=$(($(count_of m "$one_row" "$one_row") + $(count_of m "$other_row" "$other_row")))
check "between the two are others" [ "$(count_of m "$one_row" "$other_row")" -gt $((now + 2000)) ]
check "pages of two segments and the root of the bodies are damaged" damage m "$root" "$one" "$other"
last=$(sql m "SELECT max(last_id) FROM segment")
total=$(sql m "SELECT sum(count) FROM segment")
turn "two segments and root of body" "$now"

read -r page first end <<<"$(page_of segment leaf)"
now=$(count_of m "$first" "$end")
check "a leaf of the segments' heads is damaged" damage m "$page"
turn "leaf of segment" "$now"

read -r page _ _ <<<"$(page_of segment_directory root)"
check "an index is damaged" damage m "$page"
turn "index" 0

# ---- the keys ----
cp "$(database m)" "$T/backup.db"
read -r page _ _ <<<"$(page_of key root)"
check "the page of the wrapped keys is damaged" damage m "$page"
cp "$(database m)" "$T/damaged.db"
check_not "the manager cannot serve" manager_start m
check "and says what is lost and what to do" logged m 'wrapped data keys are damaged.*Restore the database from a backup'
check "it still tries" alive "${pids[m]}"
check "it ends in order" stop m
check "the file is as it was" cmp "$(database m)" "$T/damaged.db"
check "no other was made" [ ! -e "$(database m).salvaged" -a ! -e "$(database m).damaged" ]
# As OPERATIONS.md says.
file=$(database m)
owner=$(stat -c %u:%g "$file")
rm -f "$file" "$file-wal" "$file-shm" "${file%.db}.damage" "$file.salvaged"
cp "$T/backup.db" "$file" && chown "$owner" "$file" && chmod 600 "$file"
check "with the backup in its place the manager serves" manager_start m
look m "$last"
is "all is there that was" "$readable $told" "$((total - lost)) $lost"
check "without another salvage" salvages m "$turns"
check "the manager ends in order" stop m
done_testing
