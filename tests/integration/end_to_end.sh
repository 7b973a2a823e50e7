#!/bin/bash
# The whole path: a line appended to a file becomes a sealed event that is searched for and followed live.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"

check "a manager is made" manager_init m || bail "nothing to test"
for name in api agents caFile caFingerprint administrator oneTimePassword apiKey enrolmentToken; do
    [ -n "$(init_value m $name)" ] && [ "$(init_value m $name)" != null ] || missing="${missing:-} $name"
done
is "init prints all that later steps need" "${missing:-}" ""
is "the authority's fingerprint is that of its certificate" "$(init_value m caFingerprint)" \
    "$(openssl x509 -in "$(init_value m caFile)" -outform DER | sha256sum | cut -d' ' -f1)"
is "the key ring stands beside the state folder, for its owner to read" "$(stat -c %a "$T/m.keyring")" 400
check "the manager serves" manager_start m || bail "no manager"

# ---- signing in ----
password=$(init_value m oneTimePassword)
check_not "a one-time password needs a new one" api m POST sessions "{\"username\":\"admin\",\"password\":\"$password\"}"
own=correct-horse-battery-$RANDOM
printf '%s\n%s\n' "$password" "$own" >"$T/password"
check "the one-time password is exchanged" cli m login "${urls[m]}" --ca-fingerprint "${fingerprints[m]}" --password-file "$T/password"
is "the profile is for its owner alone" "$(stat -c %a "$T/m.profile")" 600
cp "$T/m.profile" "$T/kept.profile"
check_not "the one-time password is used up" cli m login "${urls[m]}" --ca-fingerprint "${fingerprints[m]}" --password-file "$T/password"
printf '%s\n' "$own" >"$T/password"
check "the administrator's own password signs in" cli m login "${urls[m]}" --ca-fingerprint "${fingerprints[m]}" --password-file "$T/password"
check_not "another authority's fingerprint is refused" env HINOMI_PROFILE="$T/other" "$build/hinomi" login "${urls[m]}" \
    --ca-fingerprint "$(printf x | sha256sum | cut -d' ' -f1)" --password-file "$T/password"
is "a refused sign-in stores nothing" "$(ls "$T/other" 2>/dev/null)" ""
check "the key has an end" jq -e '.expiryDate > now * 1000' "$T/m.profile"

status=$(cli m status --json)
is "status says that the key ring has no pass phrase" "$(printf '%s' "$status" | jq .keyRing.sealed)" false
like "status advises one" "$(printf '%s' "$status" | jq -r .keyRing.advice)" 'pass ?phrase'
like "status lists the processes" "$(printf '%s' "$status" | jq -r '.processes[]')" 'worker'

# ---- the thin thread ----
check "places are added to the default policy" watch m "$T/log/*.log" || bail "no places"
check "the agent enrols by token" agent_enrol m a || bail "no agent"
is "the spool key stands beside the state folder" "$(stat -c %a "$T/a.key")" 400
check "the agent runs and takes its policy" agent_start a || bail "no agent"
check "the agent's own status says that it runs" "$build/hinomi-agent" status --state "$T/a"

line root >>"$T/log/auth.log"
happens 10 "a line becomes an event" seen m 1 --where user=root
event=$(cli m events --format json --where user=root)
is "with the rule that fired" "$(jq -r .finding_info.analytic.uid <<<"$event")" 200201
is "its level" "$(jq -r .vendor_attributes.severity <<<"$event")" 5
is "its groups" "$(jq -r '.finding_info.types | index("authentication_failed") != null' <<<"$event")" true
is "the address" "$(jq -r '.evidences[0].src_endpoint.ip' <<<"$event")" 203.0.113.7
is "the user" "$(jq -r '.evidences[0].user.name' <<<"$event")" root
is "the host in the line" "$(jq -r .device.hostname <<<"$event")" web1
is "the decoder" "$(jq -r .unmapped.decoder <<<"$event")" sshd
is "the file" "$(jq -r .metadata.log_source <<<"$event")" "$T/log/auth.log"
is "the process that wrote it" "$(jq -r '.evidences[0].process.pid' <<<"$event")" 22
like "the stamp as it stands" "$(jq -r .metadata.original_time <<<"$event")" '^[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8}$'
like "the raw line" "$(jq -r .raw_data <<<"$event")" 'sshd\[22\]: Failed password for root from 203.0.113.7 port 22 ssh2$'
is "as an OCSF detection finding" "$(jq -r .class_uid <<<"$event")" 2004
for where in src_ip=203.0.113.7 srcip=203.0.113.7 src_ip=::ffff:203.0.113.7 dstuser=root rule_id=200201 rule_groups=authentication_failed \
    host=WEB1 program=sshd pid=22 decoder=sshd rule_level=5; do
    check "--where $where finds it" seen m 1 --where "$where"
done
check "--where a and b" seen m 1 --where user=root --where src_ip=203.0.113.7
check "--where that does not hold" seen m 0 --where user=root --where src_ip=203.0.113.8
check_not "--where with a name that cannot be searched" cli m events --where raw=x
check "--since 1h" seen m 1 --since 1h --where user=root
check "--since and --until leave it out" seen m 0 --since 2h --until 1h --where user=root
like "format table" "$(cli m events --where user=root --format table | tail -1)" 'root|200201|SSH'
like "format cef" "$(cli m events --where user=root --format cef)" '^CEF:0\|.*\|.*src=203\.0\.113\.7'
like "format leef" "$(cli m events --where user=root --format leef)" '^LEEF:2\.0\|.*src=203\.0\.113\.7'
is "format ocsf is the event without our number" "$(cli m events --where user=root --format ocsf | jq -c 'has("ID"), .class_uid' | tr '\n' ' ')" "false 2004 "
check "the agent's own states are events too" seen_some m --where state=1

# ---- live, and how fast ----
follow() { # everything that comes, with the time it came
    local text
    HINOMI_PROFILE="$T/m.profile" "$build/hinomi" events --follow --format json 2>>"$T/follow.log" |
        while read -r text; do printf '%s %s\n' "$(now_msec)" "$text"; done >"$T/live"
}
set -m
follow &
follower=$!
set +m
knocks=0
knock() { # until the follower is there
    line knock 198.51.100.$((100 + knocks++)) >>"$T/log/auth.log"
    sleep 0.3
    grep -q '"knock"' "$T/live"
}
wait_for 10 knock
latency() { # ROUND: of 50 lines
    local n came
    for n in $(seq 50); do
        sent[n]=$(now_msec)
        line "live$1x$n" 198.51.100.$n >>"$T/log/auth.log"
        sleep 0.05
    done
    wait_for 10 grep -q "\"live$1x50\"" "$T/live"
    for n in $(seq 50); do
        came=$(grep -m1 "\"live$1x$n\"" "$T/live" | cut -d' ' -f1)
        [ -n "$came" ] && echo $((came - sent[n]))
    done | sort -n >"$T/latency"
    note "from line to live event, ms: median $(sed -n 25p "$T/latency"), p99 $(sed -n 50p "$T/latency")"
}
for round in 1 2 3; do # what else the machine does may hold up one
    latency $round
    [ "$(sed -n 50p "$T/latency")" -ge 1000 ] || break
done
is "each of 50 lines is followed live, once" "$(grep -oE '"name":"live[0-9]+x[0-9]+"' "$T/live" | sort | uniq -c | awk '$1 == 1' | grep -c .)" $((50 * round))
check "p99 from line to live event is under 1 s" [ "$(sed -n 50p "$T/latency")" -lt 1000 ]
kill -TERM -- "-$follower" 2>/dev/null
wait "$follower" 2>/dev/null

# ---- rotation (an address of its own a line: else a brute-force rule fires and then keeps quiet for a while) ----
for n in 1 2 3 4 5; do
    for k in 1 2 3 4 5 6 7 8 9 10; do line "ren$n.$k" "192.0.2.$((n * 10 + k))" >>"$T/log/auth.log"; done
    mv "$T/log/auth.log" "$T/log/auth.log.$n"
    : >"$T/log/auth.log"
done
ren() { cli m events --format json --since 1h | jq -r '.evidences[0].user.name // empty' | grep '^ren' | sort | uniq -c | awk '{print $1}' | sort | uniq -c | xargs; }
wait_for 15 eval '[ "$(ren)" = "50 1" ]'
is "rename and create: 50 lines, each once" "$(ren)" "50 1"
cpt() { cli m events --format json --since 1h | jq -r '.evidences[0].user.name // empty' | grep '^cpt' | sort | uniq -c | awk '{print $1}' | sort | uniq -c | xargs; }
read_to_end() { seen m 1 --where "user=$1"; }
for n in 1 2 3; do
    for k in 1 2 3 4 5 6 7 8 9 10; do line "cpt$n.$k" "198.18.0.$((n * 10 + k))" >>"$T/log/copy.log"; done
    wait_for 10 read_to_end "cpt$n.10" # copytruncate itself loses what is written between copy and truncation
    cp "$T/log/copy.log" "$T/log/copy.log.$n"
    [ $n != 2 ] || sleep 0.5 # the copy is seen before the original shrinks
    : >"$T/log/copy.log"
done
wait_for 10 eval '[ "$(cpt)" = "30 1" ]'
is "copy and truncate: 30 lines, each once" "$(cpt)" "30 1"

# ---- once more with the same state ----
check "the agent ends cleanly" agent_stop a
line while-away 192.0.2.200 >>"$T/log/auth.log"
check "the manager ends cleanly" manager_stop m
check "the manager starts again" manager_start m
check "the agent starts again" agent_start a
happens 10 "what was written in between is there, once" seen m 1 --where user=while-away
check "what was there is still there, once" seen m 1 --where user=root
is "no line came twice" "$(ren) $(cpt)" "50 1 30 1"
line after 192.0.2.201 >>"$T/log/auth.log"
happens 10 "and it goes on" seen m 1 --where user=after
is "the old profile is still good" "$(HINOMI_PROFILE="$T/kept.profile" "$build/hinomi" events --format json --where user=after | grep -c .)" 1
agent_stop a
manager_stop m

# ---- a key ring under a pass phrase ----
printf 'a long enough pass phrase\n' >"$T/phrase"
printf 'another pass phrase\n' >"$T/wrong"
check "a manager with a pass phrase is made" manager_init p --passphrase-file "$T/phrase"
check_not "it does not start without" timeout 15 "$build/hinomi-manager" run --state "$T/p"
check_not "nor with a wrong one" timeout 15 "$build/hinomi-manager" run --state "$T/p" --passphrase-file "$T/wrong"
check "it starts with the right one" manager_start p --passphrase-file "$T/phrase"
is "and status says so" "$(api p GET status | jq .keyRing.sealed)" true
check "a pass phrase is no argument of any process" test -z "$(for p in $(descendants "${pids[p]}"); do tr '\0' ' ' <"/proc/$p/cmdline"; done | grep 'long enough')"
manager_stop p
exec {phrase}<"$T/phrase"
launch q "$build/hinomi-manager" run --state "$T/p" --passphrase-fd "$phrase"
check "a descriptor does as well" wait_for 20 manager_serves p
exec {phrase}<&-
stop q
check_not "a second init in the same folder is refused" "$build/hinomi-manager" init --state "$T/p" --json
done_testing
