#!/bin/bash
# The clocks of manager and agent against Debian's chronyd, which serves an offset of our making (a reference clock of
# ours; -x: it controls no clock), and against servers that misbehave. Nobody's clock is set.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"

chronyd=$("$here/tools/chrony" 2>"$T/chrony.log") || bail "Debian's chronyd, unpacked"
lib=$here/tests/integration/lib
port() { python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
basis() { python3 -c 'import time; print(int((time.time() - time.monotonic()) * 1e6))'; }
before=$(basis)

# ---- the servers: as an ordinary user, who could not set a clock either ----
ordinary=(env)
[ "$(id -u)" != 0 ] || ordinary=(setpriv --reuid 65534 --regid 65534 --clear-groups --)
mkdir "$T/chrony"
cp "$chronyd" "$T/chrony/chronyd" # nobody may not enter the folder that this tree lies in
chrony_start() { # NAME PORT
    cat >"$T/chrony/$1.conf" <<CONF
refclock SOCK $T/chrony/$1.sock refid MADE poll -2 filter 2 precision 1e-6 delay 1e-6
port $2
bindaddress 127.0.0.1
allow 127.0.0.1
cmdport 0
bindcmdaddress /
pidfile $T/chrony/$1.pid
CONF
    [ "$(id -u)" != 0 ] || chown -R 65534:65534 "$T/chrony"
    setsid "${ordinary[@]}" "$T/chrony/chronyd" -x -d -U -u "$("${ordinary[@]}" id -un)" -f "$T/chrony/$1.conf" >"$T/$1.log" 2>&1 </dev/null &
    pids[$1]=$!
}
chmod 755 "$T"
echo 0.25 >"$T/offset"
one=$(port)
two=$(port)
chrony_start c1 "$one"
chrony_start c2 "$two"
launch refclock python3 "$lib/refclock.py" "$T/offset" "$T/chrony/c1.sock" "$T/chrony/c2.sock"
python3 "$lib/time_servers.py" "$T/asked" silent garbage forged deny unsynced liar >"$T/ports" 2>"$T/time_servers.log" </dev/null &
pids[servers]=$!
six() { [ "$(wc -l <"$T/ports")" = 6 ]; }
wait_for 10 six || bail "servers that misbehave"
bad() { echo "127.0.0.1:$(sed -n "s/^$1 //p" "$T/ports")"; }
selected() { grep -q 'Selected source MADE' "$T/c1.log" && grep -q 'Selected source MADE' "$T/c2.log"; }
check "two chronyd serve" wait_for 20 selected || bail "chronyd"

# ---- manager and agent ----
ntp=(--ntp "127.0.0.1:$one" --ntp "127.0.0.1:$two")
for mode in silent garbage forged deny unsynced; do ntp+=(--ntp "$(bad "$mode")"); done
check_not "a server has a name" "$build/hinomi-manager" init --state "$T/x" --ntp 'what ever'
check_not "a bound is bounded" "$build/hinomi-manager" init --state "$T/x" --clock-bound 2w
manager_init m "${ntp[@]}" --clock-bound 2s || bail "a manager"
hurry() { jq '.ntpPollMinSec = 2 | .ntpPollMaxSec = 2' "$1" >"$T/json" && cat "$T/json" >"$1"; }
hurry "$T/m/manager.json"
manager_start m && sign_in m || bail "a manager runs"
# By name too: localhost may be ::1 first, where nobody listens.
check "an agent is enrolled" agent_enrol m a --ntp "127.0.0.1:$one" --ntp "localhost:$two" --ntp "$(bad liar)" --clock-bound 2s
hurry "$T/a/agent.json"
check "it runs" agent_start a || bail "an agent"
mkdir -p "$T/other"
LOG_ROOT=$T/other check "another has no time servers" agent_enrol m b --clock-bound 1m
launch b "$build/hinomi-agent" run --state "$T/b"

clock() { api m GET status | jq -r ".clock.$1"; }
near() { # GOT WANTED: within 5 ms, in microseconds
    local off=$(($1 - $2))
    [ "${off#-}" -le 5000 ] || { echo "$1 is not $2"; return 1; }
}
manager_near() { near "$(clock offsetUsec)" "$1"; }
computer() { api m GET computers | jq -r ".computers[${2:-0}].$1"; }
agent_near() { near "$(computer clockOffset)" "$1"; }
happens 30 "the manager measures what is served" manager_near 250000
happens 30 "so does the agent, and its heartbeat says so" agent_near 250000
is "within the bound" "$(clock state)" within
is "by time servers" "$(computer clockSource) $(computer clockBeyondBound)" "ntp false"
claim() { api m GET trust/claims/S67 | jq -r .status; }
check "the probe of the clock says so" cli m trust run clock-offset
sleep 0.3
is "and the claim is proven" "$(claim)" proven
note "manager $(clock offsetUsec) +- $(clock errorUsec), agent $(computer clockOffset), served 250000"
check "the error is stated" [ "$(clock errorUsec)" -ge 1 ]
check "the answer is new" [ "$(clock lastAnswer)" -gt $(($(now_msec) - 20000)) ]

by_manager() { [ "$(computer clockSource 1) $(computer clockBeyondBound 1)" = "manager false" ]; }
happens 20 "who has no time servers has the manager" by_manager

# ---- those that misbehave ----
state_of() { api m GET status | jq -r --arg n "$1" '.clock.sources[] | select(.name == $n) | .state'; }
state_is() { [ "$(state_of "$1")" = "$2" ] || { echo "$1 $(state_of "$1")"; return 1; }; }
happens 20 "who is silent is known" state_is "$(bad silent)" silent
happens 20 "who sends garbage" state_is "$(bad garbage)" invalid
happens 20 "who answers others' questions" state_is "$(bad forged)" invalid
happens 20 "who refuses" state_is "$(bad deny)" refused
happens 20 "who is not synchronised" state_is "$(bad unsynced)" unsynchronised
is "two agree" "$(clock agreeing)" 2
is "who refused was asked once" "$(grep -c '^deny' "$T/asked")" 1
is "questions tell nothing: no time, no host" "$(grep -v '^[a-z]* 23\(00\)\{39\}[0-9a-f]\{16\}$' "$T/asked")" ""
is "and never the same cookie" "$(sed 's/.*\(.\{16\}\)$/\1/' "$T/asked" | sort | uniq -d)" ""
agent_status() { "$build/hinomi-agent" status --state "$T/a"; }
liar_is_known() { agent_status | grep -F "$(bad liar) disagrees"; }
happens 30 "one wrong server among three does not mislead" liar_is_known
agent_near_served() { agent_status | grep -oE 'offset [+-][0-9]+ us' | { read -r _ got _; near "$got" 250000; }; }
happens 15 "the agent believes the two" agent_near_served
like "hinomi status shows it" "$(cli m status)" 'offsetUsec: 2[0-9]{5}'
metric() { api m GET metrics | sed -n "s/^hinomi_$1 //p"; }
like "metrics have it" "$(metric clock_offset_seconds)" '^0\.2[45]'
is "of seven servers two agree" "$(metric clock_sources) $(metric clock_sources_agreeing)" "7 2"

# ---- stamped ----
line stamped >>"$T/log/auth.log"
watch m "$T/log/*.log"
stamped() { [ -n "$(event stamped)" ]; }
event() { cli m events --format json --where "user=$1" | jq -c .unmapped | tail -1; }
again() { line stamped >>"$T/log/auth.log"; sleep 1; stamped; }
happens 30 "a line becomes an event" again
check "the event says how far the clock was off" near "$(event stamped | jq .clock_offset_usec)" 250000
like "and who says so" "$(event stamped | jq -r .clock_source)" "^(127\.0\.0\.1:$one|localhost:$two)$"

# ---- past the bound and back ----
told() { cli m events --format json --where "state=$1" | jq -c "select(.device.uid$2)"; }
manager_told() { told "$1" ' == null' | wc -l; }
agent_told() { told "$1" ' != null' | wc -l; }
is "nothing was told so far" "$(events m --where state=32) $(events m --where state=33)" "0 0"
echo 3 >"$T/offset"
manager_beyond() { [ "$(clock state)" = beyond ] && manager_near 3000000; }
happens 40 "the manager is past its bound" manager_beyond
check_not "the probe says so" cli m trust run clock-offset
sleep 0.3
is "and the claim that hangs on it is red, no other" "$(api m GET trust/claims | jq -r '.claims[] | select(.status == "failed") | .ID')" S67
agent_beyond() { [ "$(computer clockBeyondBound)" = true ] && agent_near 3000000; }
happens 40 "so is the agent" agent_beyond
both() { [ "$(manager_told "$1") $(agent_told "$1")" = "1 1" ]; }
happens 10 "one event of each" both 32
stamped_near() { # STATE WANTED: all of them
    local got
    for got in $(told "$1" | jq .unmapped.clock_offset_usec); do near "$got" "$2" || return 1; done
}
check "with the offset" stamped_near 32 3000000
like "in words: the manager's" "$(told 32 ' == null' | jq -r .message)" 'off by more than the bound: behind by (3\.00|2\.99)[0-9]* s, as .* \(2 of 7 sources agree; bound 2\.000 s\)'
like "the agent's" "$(told 32 ' != null' | jq -r .status_detail)" 'behind by (3\.00|2\.99)[0-9]* s, as .* \(2 of 3 sources agree; bound 2\.000 s\)'
metrics_say() { [ "$(metric clock_beyond_bound) $(metric agents_clock_beyond_bound)" = "$1" ]; }
happens 10 "metrics say so, whoever is asked" metrics_say "1 1"
kill -KILL "$(process m clock)" "$(process a clock)"
forgotten() { [ "$(clock state)" = unmeasured ]; }
check "without its process nothing is known" wait_for 5 forgotten
manager_again() { [ "$(clock state) $(clock agreeing)" = "beyond 2" ]; }
happens 40 "which is back, and measures" manager_again
check "and tells no second time" both 32
echo -0.25 >"$T/offset"
manager_within() { [ "$(clock state)" = within ] && manager_near -250000; }
happens 40 "the manager is back, on the other side" manager_within
agent_within() { [ "$(computer clockBeyondBound)" = false ]; }
happens 40 "so is the agent" agent_within
happens 10 "one event of each" both 33
check "with the offset" stamped_near 33 -250000
check "and of the other, told over and over by the clock, no more" both 32
happens 10 "metrics are back" metrics_say "0 0"

# ---- a majority falls silent ----
stop c1
unmeasured() { [ "$(clock state)" = unmeasured ]; }
happens 60 "one server of many is not believed alone" unmeasured
check "the metric is gone" [ -z "$(metric clock_offset_seconds)" ]
check "both sides of the bound are as before" both 33

# ---- the process ----
role=$(process m clock)
check "a process of its own asks" [ -n "$role" ]
is "locked" "$(awk '/^NoNewPrivs|^Seccomp:/ {print $2}' "/proc/$role/status" | tr '\n' ' ')" "1 2 "
[ "$(id -u)" != 0 ] || is "with a user of its own" "$(stat -c %u "/proc/$role")" "$(jq '.uidBase + 4' "$T/m/manager.json")"
check "the agent ends in order" stop a
check "the other, too" stop b
happens 10 "the manager's word is stamped as such" eval '[ "$(cli m events --format json --where state=2 | jq -r "select(.device.uid == \"2\").unmapped.clock_source")" = manager ]'
check "the manager ends in order" stop m
moved=$(($(basis) - before))
check "the host's clock was not set" [ "${moved#-}" -lt 50000 ]
done_testing
