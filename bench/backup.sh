#!/bin/bash
# Backups of a real manager with many events, and what they cost it: a backup of all to a local folder, incremental ones, reading
# back, events taken in meanwhile; what a kill -9 loses; how soon a manager out of the backups serves, on SQLite and on PostgreSQL.
#   bench/backup.sh BUILD [EVENTS]     default 10000000; some 6 minutes on two quiet cores, of which 3 wait for shipments
#   SHIP=60     seconds between shipments        WINDOW=10     seconds of each measurement of ingest
#   WITHOUT="loss postgres"                      parts to leave out: ingest loss postgres
. "$(dirname "$0")/../tests/integration/lib/lib.sh"
begin "$1"
umask 077
chmod 711 "$T"
events=${2:-10000000}
ship=${SHIP:-60}
window=${WINDOW:-10}
without=${WITHOUT:-}
P=$T/pg
began=$EPOCHREALTIME
end_all() { [ ! -d "$P" ] || "$here/tools/postgres" stop "$P" --now >/dev/null 2>&1; clean; }
trap end_all EXIT

has() { case " $without " in *" $1 "*) return 1 ;; esac; }
must() { "$@" || { echo "failed: $*"; show_logs; exit 1; }; }
since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN {printf "%.2f", b - a}'; }
calc() { awk "BEGIN {printf \"$1\", $2}"; }
say() { printf '%-52s %s\n' "$1" "$2"; }

fleet_say() { # COMMAND... -> its answer in $answer
    printf '%s\n' "$*" >&"${fleet[1]}"
    read -r -t 900 answer <&"${fleet[0]}" || answer="failed: no answer to $*"
    case $answer in failed*) echo "$answer"; show_logs; exit 1 ;; esac
}
fleet_start() {
    init_value m enrolmentToken >"$T/token"
    coproc fleet { exec "$build/bench/bench_agents" --manager "${agents_urls[m]}" --ca-fingerprint "${fingerprints[m]}" --token-file "$T/token" 2>>"$T/fleet.log"; }
}
cpu() { "$build/bench/bench_usage" "$1" 2>/dev/null | cut -d' ' -f1; } # of a process, so far
set_ship() { jq ".backup.shipSeconds = $1" "$T/m/manager.json" >"$T/x" && cat "$T/x" >"$T/m/manager.json"; }
destination() { mkdir -p "$T/$1" && "$build/hinomi-manager" destination --state "$T/m" --add "$1" --url "file://$T/$1" >/dev/null; }
record() { cli m backup list --json | jq -c '[.backups[] | select(.tenantID == 0)] | max_by(.begun)'; }
done_at() { record | jq -e ".state == \"done\" and any(.destinations[]; .name == \"$1\" and .state == \"there\")" >/dev/null; }
last_id() { api "$1" GET 'events?sort=desc&limit=1' | jq '.events[0].ID'; }
forget_pages() { # of a folder: it is read from the disk then
    python3 - "$1" <<'PY'
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        fd = os.open(os.path.join(folder, name), os.O_RDONLY)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)
PY
}

echo "$(git -C "$here" describe --always --dirty 2>/dev/null), $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), $(nproc) processors, load $(cut -d' ' -f1-3 /proc/loadavg)"
echo "disk: $(dd if=/dev/zero of="$T/zero" bs=4M count=128 conv=fdatasync 2>&1 | sed -n 's/.*, //p') written with one sync (dd)"
rm -f "$T/zero"

# ---- events ----
must manager_init m
must manager_start m
must sign_in m
fleet_start
fleet_say enrol 20
fleet_say connect
at=$EPOCHREALTIME
fleet_say events "$events" 8 1000
rate=$(calc %.0f "$events / ${answer##* }")
say "events" "$events in $(since "$at") s: $rate a second, no destination set"
fleet_say latency
size=$(stat -c %s "$T"/m/db/*.db | sort -n | tail -1)
say "database" "$(calc '%.0f MB, %.0f B an event' "$size / 1e6, $size / $events")"

# ---- backups without ingest ----
restart() { manager_stop m; must manager_start m; fleet_say back; }
must destination one
set_ship "$ship"
restart
backup_pid=$(process m backup)
must wait_for 300 done_at one
r=$(record)
bytes=$(jq '.destinations[] | select(.name == "one") | .writtenBytes' <<<"$r")
seconds=$(jq '(.ended - .begun) / 1000' <<<"$r")
say "backup of all" "$(calc '%.0f MB in %.1f s: %.0f MB/s (bar 200), %.0f MB per CPU-second' "$bytes / 1e6, $seconds, $bytes / 1e6 / $seconds, $bytes / 1e6 / $(cpu "$backup_pid")")"
again() { # WHAT COMMAND...
    local at=$EPOCHREALTIME before wall
    before=$(cpu "$backup_pid")
    must cli m backup "$2" >/dev/null
    wall=$(since "$at")
    case $2 in
    now) r=$(record); bytes=$(jq '.destinations[] | select(.name == "one") | .writtenBytes' <<<"$r") ;;
    verify) r=$(record); bytes=$(jq '.destinations[] | select(.name == "one") | .bytes' <<<"$r") ;;
    esac
    say "$1" "$(calc '%.1f MB, %.2f s, %.2f CPU-s' "$bytes / 1e6, $wall, $(cpu "$backup_pid") - $before")$3"
}
again "another, with nothing new" now ""
fleet_say events $((events / 100)) 8 1000
again "another, with 1 % more events" now ""
again "read back" verify ""

# ---- events meanwhile ----
part() { # WHAT -> one window of ingest, at the highest rate; $got, $p99
    fleet_say events $((rate * window)) 8 1000
    got=$(calc %.0f "$((rate * window)) / ${answer##* }")
    fleet_say latency
    p99=$(cut -d' ' -f3 <<<"$answer")
    say "$1" "$got events a second; batch acknowledged p50 $(cut -d' ' -f2 <<<"$answer") ms, p99 $p99 ms"
}
if has ingest; then
    set_ship 0
    must destination two
    restart
    fleet_say events "$rate" 8 1000
    part "events taken in, without"
    first=$got first99=$p99
    order=$(cli m backup now --no-wait --json | jq .ID)
    order() { api m GET "backups/orders/$order"; }
    part "events taken in, with a backup of all to another folder"
    with=$got with99=$p99
    r=$(order)
    say "" "it has written $(jq '.bytes / 1e6 | floor' <<<"$r") MB by then, and is $(jq -r .state <<<"$r")"
    order_ended() { order | jq -e '.state == "done"' >/dev/null; }
    must wait_for 300 order_ended
    r=$(record)
    part "events taken in, without"
    say "slower" "$(calc '%.0f %% (bar 10), p99 %.1f times (bar 2); the backup took %.0f s' \
        "100 - 200 * $with / ($first + $got), 2 * $with99 / ($first99 + $p99), $(jq '(.ended - .begun) / 1000' <<<"$r")")"
fi

# ---- what a kill loses ----
shipments() { find "$T/one/t" -path '*/s/*' -type f | wc -l; }
set_ship "$ship"
restart
if has loss; then
    : >"$T/ledger"
    some() { # acknowledged events, and when they were begun to be sent
        local at
        at=$(now_msec)
        fleet_say events 5000 8 500
        echo "$at $(last_id m)" >>"$T/ledger"
        sleep 0.3
    }
    until_shipped() { # ... while events flow; seconds since the last one in $every
        local before at=$EPOCHREALTIME
        before=$(shipments)
        while [ "$(shipments)" = "$before" ] && [ "$(calc %d "$(since "$at")")" -lt $((3 * ship)) ]; do some; done
        every=$(since "$at")
    }
    some
    until_shipped
    until_shipped
    at=$EPOCHREALTIME
    while [ "$(calc %d "$(since "$at") - $every")" -lt -1 ]; do some; done
    killed=$(now_msec)
    murder m
    must "$build/hinomi-manager" restore --from "$T/one" --keyring "$T/m.keyring" --state "$T/lost" --json >"$T/lost.json" 2>>"$T/m.log"
    held=$(jq '.tenants[0].lastEventID' "$T/lost.json")
    say "killed before a shipment; they come each $every s" "$(awk -v held="$held" -v killed="$killed" '$2 > held && !lost {lost = killed - $1} {last = $2}
        END {printf "%d events lost, the oldest acknowledged %.1f s before (bar 60)", last - held, lost / 1000}' "$T/ledger")"
    rm -rf "$T/lost"
    must manager_start m
    fleet_say back
    fleet_say events 5000 8 500
fi
last=$(last_id m)
echo quit >&"${fleet[1]}"
manager_stop m

# ---- a manager out of them ----
mv "$T/m" "$T/former"
recover() { # STORE-WORD RESTORE-OPTIONS...
    local word=$1 at restored server=0 all options=()
    shift
    [ "$word" = SQLite ] || { options=(--store-password-file "$P/password"); server=$(cpu "$(head -1 "$P/data/postmaster.pid")"); }
    forget_pages "$T/one"
    at=$EPOCHREALTIME
    { "$build/bench/bench_usage" -- "$build/hinomi-manager" restore --from "$T/one" --keyring "$T/m.keyring" --state "$T/m" --json "$@" >"$T/restored.json"; } 2>"$T/usage" ||
        { cat "$T/usage"; show_logs; exit 1; }
    restored=$(since "$at")
    all=$(tail -1 "$T/usage" | cut -d' ' -f1)
    [ "$word" = SQLite ] || all=$(calc %.2f "$all + $(cpu "$(head -1 "$P/data/postmaster.pid")") - $server")
    must manager_start m "${options[@]}"
    [ "$(last_id m)" -ge "$last" ] || { echo "failed: it ends at event $(last_id m), not $last"; exit 1; }
    say "served again on $word" "after $(since "$at") s (bar 60), all events there: nothing lost by a clean stop (bar 0)"
    bytes=$(jq '[.tenants[].bytes] | add' "$T/restored.json")
    say "restored into $word" "$(calc '%.0f MB in %.1f s: %.0f MB/s (bar 300), %.0f MB per CPU-second' "$bytes / 1e6, $restored, $bytes / 1e6 / $restored, $bytes / 1e6 / $all")"
    manager_stop m
    rm -rf "$T/m"
}
recover SQLite
if has postgres; then
    if "$here/tools/postgres" start "$P" >"$T/server.log" 2>&1; then
        recover "PostgreSQL" --store "$(cat "$P/socket.url")" --store-password-file "$P/password"
    else
        echo "no PostgreSQL server here (tools/setup postgres)"
    fi
fi
echo "took $(since "$began") s"
finished=yes
failures=0
exit 0
