#!/bin/bash
# The agent's disk: full, and damaged. Against the peer, in a private mount namespace with small disks.
if [ -z "${HINOMI_PRIVATE:-}" ]; then
    exec env HINOMI_PRIVATE=1 unshare --mount --propagation private "$0" "$@"
fi
. "$(dirname "$0")/lib/lib.sh"
begin "$@"

peer=$build/tests/peer/manager_peer
writer=$build/tests/torture/line_writer
[ -x "$peer" ] && [ -x "$writer" ] || bail "the peer is built"
mkdir -p "$T/rules/rules" "$T/a"
cat >"$T/rules/decoder.xml" <<'XML'
<decoder name="number"><program_name>^number$</program_name></decoder>
XML
cat >"$T/rules/rules/a.xml" <<'XML'
<group name="number,">
  <rule id="1" level="0" noalert="1"><category>syslog</category><description>All.</description></rule>
  <rule id="100001" level="3"><decoded_as>number</decoded_as><description>A number.</description></rule>
</group>
XML
port=0
peer_start() { # SERIAL
    rm -f "$T/peer.said"
    mkfifo "$T/peer.in" 2>/dev/null
    sleep 1000 >"$T/peer.in" &
    pids[input]=$!
    "$peer" "$T/peer" "$T/rules" "$T/log/*.log" 1 2 "$1" "$port" <"$T/peer.in" >"$T/peer.said" 2>>"$T/peer.log" &
    pids[peer]=$!
    wait_for 10 test -s "$T/peer.said" || return 1
    read -r port fingerprint <"$T/peer.said"
}
peer_stop() { stop peer; stop input; true; }
peer_log() { grep -qE -- "$1" "$T/peer/log"; }
agent_log() { grep -qE -- "$1" "$T/a.log"; }
has_event() { grep -qE -- "$1" "$T/peer/events"; }

mount -t tmpfs -o size=18m,mode=755 none "$T/a" || bail "a small disk (this test needs root)"
check "a peer serves" peer_start 1 || bail "no peer"
check "the agent enrols" sh -c "echo any | '$build/hinomi-agent' enrol --state '$T/a/state' --manager https://127.0.0.1:$port --token-file - \
    --ca-fingerprint $fingerprint --log-root '$T/log' --spool-max 100000000"
launch a "$build/hinomi-agent" run --state "$T/a/state"
check "it connects" wait_for 15 peer_log '^policy 1 applied'
peer_stop
wait_for 5 agent_log disconnected

# ---- full: about 250 bytes an event ----
"$writer" "$T/log/n.log" 120000 1000 1 1000000 3 full
dropped() { agent_log 'events were dropped from the full spool'; }
check "a full disk drops the oldest" wait_for 60 dropped
quiet() { local before; before=$(stat -c %Y "$T/a/state/uplink/spool"/* | sort -n | tail -1); [ $((EPOCHSECONDS - before)) -ge 2 ]; }
wait_for 60 quiet
check "the agent lives on" alive "${pids[a]}"
check "the peer is back" peer_start 1
check "it connects from the full disk" wait_for 90 has_event 'line 119999 of full'
check "an event counts what was lost" has_event 'Events were lost'
first=$(grep -o 'line [0-9]* of full' "$T/peer/events" | head -1 | cut -d' ' -f2)
is "what is left came whole, to the last line" "$(grep -c ' of full' "$T/peer/events")" $((120000 - first))
is "each once" "$(grep -o 'line [0-9]* of full' "$T/peer/events" | sort | uniq -d | wc -l)" 0
is "the oldest are the ones that went" "$([ "$first" -gt 0 ] && echo yes)" yes

# ---- damaged ----
peer_stop
numbers 1 3 before >>"$T/log/n.log"
sleep 2
check "the agent stops" stop a
file=$(ls "$T/a/state/uplink/spool"/*.spool | tail -1)
size=$(stat -c %s "$file")
printf 'XXXXXXXX' | dd of="$file" bs=1 seek=$((size - 700)) conv=notrunc 2>/dev/null
numbers 4 6 after >>"$T/log/n.log"
launch a "$build/hinomi-agent" run --state "$T/a/state"
check "damage is said" wait_for 10 agent_log 'are damaged and left out'
check "the peer is back again" peer_start 1
check "the rest goes on" wait_for 60 has_event 'line 6 of after'
check "an event tells of the damage" wait_for 10 has_event 'spool record was damaged'
check "the agent stops in order" stop a
peer_stop
umount "$T/a"
done_testing
