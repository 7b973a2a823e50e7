#!/bin/bash
# A page of the database that everything needs is damaged: the root of an index while the manager runs, the root of
# another before it starts. It is found by its checksum, the processes end, one of them salvages the file, all come back,
# and nothing is lost. What a table's pages cost: damage_tree.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"

manager_init m && manager_start m && sign_in m && number_rules m "$T/log/*.log" && agent_enrol m a && agent_start a ||
    bail "manager and agent run"
ok "manager and agent run"
LOG=$T/log/n.log

# The number of the first page of a table or index. Python comes with meson; sqlite3 need not be there. The file has no
# log beside it or is not being checkpointed just now: the schema never changes.
root_of() {
    python3 - "$(database)" "$1" <<'PY'
import sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}?immutable=1", uri=True)
page = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (sys.argv[2],)).fetchone()[0]
print(page, db.execute("PRAGMA page_size").fetchone()[0])
PY
}
database() { ls "$T"/m/db/*.db | head -1; }
# The whole page: no log frame stands for it after an orderly end.
damage() {
    local page size
    read -r page size <<<"$(root_of "$1")"
    [ -n "$size" ] || return 1
    head -c "$size" /dev/urandom | dd of="$(database)" bs="$size" seek=$((page - 1)) conv=notrunc 2>/dev/null
    note "page $page, the root of $1, is damaged"
}
salvages() { [ "$(api m GET status | jq .store.salvages)" = "$1" ]; }
store_says() { [ "$(api m GET health | jq -r .store)" = "$1" ]; }

numbers 1 2000 before >>"$LOG"
happens 20 "lines arrive" all_there m before 1 2000
is "the database is whole" "$(api m GET health | jq -r .store)" whole

# ---- while it runs: an index that only new credentials touch, so that no cache or log has the page ----
stop m
manager_start m
check "an index is damaged while the manager runs" damage document_expires
cli m computer token >"$T/token" 2>&1
numbers 2001 2400 before >>"$LOG"
happens 40 "who meets it has the database salvaged" salvages 1
happens 40 "what was there and what came meanwhile is there, each once" all_there m before 1 2400
is "nothing is lost: an index is made from its table" "$(api m GET status | jq -c '[.store.lastSalvage.eventsLost, .store.segmentsDamaged]')" "[0,0]"
check "what failed works again" cli m computer token
happens 20 "an event says so" seen_some m --where state=30
happens 10 "so does the audit record" eval 'api m GET "audit?sort=desc&limit=200" | jq -e ".audit[].entry | select(.action == \"store.salvaged\")"'
check "and a counter" eval 'api m GET metrics | grep -qx "hinomi_store_salvages_total 1"'
is "health says so while the damaged file stands there" "$(api m GET health | jq -r .store)" salvaged
check "which is kept" test -s "$(database).damaged"
rm -f "$(database)".damaged*
happens 10 "and no longer when it was taken away" store_says whole # a worker looks again after five seconds

# ---- before it starts: the index that each search reads ----
stop m
check "an index is damaged while nothing runs" damage segment_directory
check "the manager starts" manager_start m
happens 40 "with the database salvaged" salvages 2
happens 20 "all is there" all_there m before 1 2400
numbers 2401 2410 before >>"$LOG"
happens 70 "and it goes on" all_there m before 1 2410

check "the agent ends in order" stop a
check "the manager ends in order" stop m
done_testing
