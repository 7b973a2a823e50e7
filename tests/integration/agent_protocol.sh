#!/bin/bash
# The agent against a peer that speaks versions of choice: N, the made-up N-1, and N+1, which is refused by name; a wrong
# rule set leaves the last good one in force; the agent works while nobody listens.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"

peer=$build/tests/peer/manager_peer
[ -x "$peer" ] || bail "the peer is built"
mkdir -p "$T/rules/rules"
cat >"$T/rules/decoder.xml" <<'XML'
<decoder name="number">
  <program_name>^number$</program_name>
</decoder>
XML
cat >"$T/rules/rules/a.xml" <<'XML'
<group name="number,">
  <rule id="1" level="0" noalert="1"><category>syslog</category><description>All.</description></rule>
  <rule id="100001" level="3"><decoded_as>number</decoded_as><description>A number.</description></rule>
</group>
XML
port=0

peer_start() { # OLDEST NEWEST SERIAL
    rm -f "$T/peer.said"
    mkfifo "$T/peer.in" 2>/dev/null
    sleep 1000 >"$T/peer.in" & # keeps its input open
    pids[input]=$!
    "$peer" "$T/peer" "$T/rules" "$T/log/*.log" "$1" "$2" "$3" "$port" <"$T/peer.in" >"$T/peer.said" 2>>"$T/peer.log" &
    pids[peer]=$!
    wait_for 10 test -s "$T/peer.said" || return 1
    read -r port fingerprint <"$T/peer.said"
}
peer_stop() { stop peer; stop input; true; }
peer_log() { grep -qE -- "$1" "$T/peer/log"; }
agent_log() { grep -qE -- "$1" "$T/a.log"; }
has_event() { grep -qE -- "$1" "$T/peer/events"; }

check "a peer of this version serves" peer_start 1 2 1 || bail "no peer"
check "the agent enrols" sh -c "echo any | '$build/hinomi-agent' enrol --state '$T/a' --manager https://127.0.0.1:$port --token-file - \
    --ca-fingerprint $fingerprint --log-root '$T/log'"
check_not "a folder is enrolled once" sh -c "echo any | '$build/hinomi-agent' enrol --state '$T/a' --manager https://127.0.0.1:$port \
    --token-file - --ca-fingerprint $fingerprint"
check_not "another authority is refused" sh -c "echo any | '$build/hinomi-agent' enrol --state '$T/b' --manager https://127.0.0.1:$port \
    --token-file - --ca-fingerprint $(printf x | sha256sum | cut -d' ' -f1)"
launch a "$build/hinomi-agent" run --state "$T/a"
check "version 2 is spoken" wait_for 15 agent_log 'connected .*protocol 2'
check "the policy is applied" wait_for 15 peer_log '^policy 1 applied'
numbers 1 5 first >>"$T/log/a.log"
check "lines become events" wait_for 10 has_event 'line 5 of first'
check "a heartbeat carries counters" wait_for 10 peer_log 'heartbeat v2 .* counters [12][0-9]'
check_not "a second agent in the same folder is refused" "$build/hinomi-agent" run --state "$T/a"

peer_stop
numbers 6 9 away >>"$T/log/a.log"
check "the agent works while nobody listens" wait_for 10 agent_log 'disconnected'
check "a peer of the version before serves" peer_start 1 1 1
check "version 1 is spoken" wait_for 30 agent_log 'connected .*protocol 1'
check "what happened meanwhile arrives" wait_for 10 has_event 'line 9 of away'
check "its heartbeat has no counters" wait_for 10 peer_log 'heartbeat v1 .* counters 0'
numbers 10 12 old >>"$T/log/a.log"
check "events go on" wait_for 10 has_event 'line 12 of old'
peer_stop

check "a peer of a newer version alone serves" peer_start 4 4 1
check "it refuses by name, and the agent says so" wait_for 60 agent_log 'manager speaks protocol 4 to 4, this agent 1 to 3'
peer_stop
check "the agent stops" agent_stop a

sed -i 's,<decoded_as>number</decoded_as>,<no_such_thing>x</no_such_thing>,' "$T/rules/rules/a.xml"
check "a peer with a wrong rule set serves" peer_start 1 2 2
launch a "$build/hinomi-agent" run --state "$T/a"
check "the set is refused with file, line and column" wait_for 20 peer_log '^policy 2 refused a\.xml:[0-9]+:[0-9]+: '
check "an event says so" wait_for 10 has_event '^# .*Policy refused.*a\.xml:[0-9]+:[0-9]+'
numbers 13 15 good >>"$T/log/a.log"
check "the last good set stays in force" wait_for 10 has_event 'line 15 of good'
# A peer that was started anew has forgotten what it had, and is sent again what the spool still holds: the same identities.
is "each line has one identity" "$(grep ' line [0-9]* of ' "$T/peer/events" | cut -d' ' -f2- | sort -u | wc -l)" 15
is "session counters only rise" "$(sed -n 's/^hello counter \([0-9]*\) .*/\1/p' "$T/peer/log" | sort -cun 2>&1)" ""
check "the agent stops in order" agent_stop a
peer_stop

# ---- certificates of 20 seconds: renewed at two thirds, and after they ran out ----
sed -i 's,<no_such_thing>x</no_such_thing>,<decoded_as>number</decoded_as>,' "$T/rules/rules/a.xml"
export PEER_LIFE=20
rm -rf "$T/peer" "$T/a.watches"
port=0
check "a peer of short certificates serves" peer_start 1 2 3
check "another agent enrols" sh -c "echo any | '$build/hinomi-agent' enrol --state '$T/short' --manager https://127.0.0.1:$port --token-file - \
    --ca-fingerprint $fingerprint --log-root '$T/log'"
launch short "$build/hinomi-agent" run --state "$T/short"
check "the certificate is renewed by itself" wait_for 30 peer_log '^renewed in state open'
check "an event says so" wait_for 10 has_event 'certificate renewed'
check "the agent stops with it" agent_stop short
sleep 21
launch short "$build/hinomi-agent" run --state "$T/short"
check "a lapsed certificate may renew, and does" wait_for 15 peer_log '^renewed in state renewing'
numbers 20 22 renewed >>"$T/log/a.log"
check "and then all goes on" wait_for 15 has_event 'line 22 of renewed'
check "the agent stops with the newest" agent_stop short
peer_stop
done_testing
