# For scripts that damage pages of a manager's database on purpose. Sourced after lib.sh; the manager must be stopped for
# all but what asks it.

database() { ls "$T/$1"/db/*.db | head -1; } # NAME

# pages NAME: every page, "PAGE TABLE KIND FIRST LAST" (lib/pages.py)
pages() { python3 "$here/tests/integration/lib/pages.py" "$(database "$1")"; }

# sql NAME QUERY: of the plain columns; the file alone is read
sql() {
    python3 - "$(database "$1")" "$2" <<'PY'
import sqlite3, sys
for row in sqlite3.connect(f"file:{sys.argv[1]}?immutable=1", uri=True).execute(sys.argv[2]):
    print(*row)
PY
}

# damage NAME PAGE...: the whole page; no frame of a log stands for it, since the manager ended in order
damage() {
    local file page
    file=$(database "$1")
    shift
    [ $# -gt 0 ] || return 1
    for page; do
        head -c 8192 /dev/urandom | dd of="$file" bs=8192 seek=$((page - 1)) conv=notrunc 2>/dev/null || return 1
    done
}

# count_of NAME FIRST LAST: events in the segments with ids in that range that were not lost before
count_of() { sql "$1" "SELECT coalesce(sum(count), 0) FROM segment WHERE damaged = 0 AND id BETWEEN $2 AND $3"; }

# look NAME LAST: sets readable (events with ids up to LAST) and told (left out, as the command line says)
look() {
    cli "$1" events --format json --since 7d >"$T/look" 2>"$T/look.err" || return 1
    readable=$(jq "select(.ID <= $2) | .ID" "$T/look" | sort -nu | wc -l)
    told=$(sed -n 's/^hinomi: \([0-9][0-9]*\) events of this time are damaged.*/\1/p' "$T/look.err")
    told=${told:-0}
    note "$readable can be read, $told are left out"
}

lost_by_salvage() { api "$1" GET status | jq '.store.lastSalvage.eventsLost // 0'; }
salvages() { [ "$(api "$1" GET status | jq .store.salvages)" = "$2" ]; } # NAME COUNT
# NAME METRIC: what workers count each for itself is summed
metric() { api "$1" GET metrics | awk -v name="hinomi_$2" '{ plain = $1; sub(/\{.*/, "", plain) } plain == name { sum += $2; any = 1 } END { if (any) print sum }'; }
