#!/bin/bash
# The certificate authority rolls over while events flow: processes are killed within it, an agent, a profile and evidence
# live through it, an agent that was away comes back, one that stays away is in the way of retirement until it is revoked;
# afterwards certificates of the former authority are refused. Old fingerprints find the heirs.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"

manager_init m && manager_start m --workers 2 && sign_in m && number_rules m "$T/log/*.log" || bail "a manager runs"
agent_enrol m a && agent_start a || bail "an agent runs"
mkdir "$T/elsewhere"
# Two that only say hello.
visits() { launch "$1" "$build/hinomi-agent" run --state "$T/$1" && wait_for 20 logged "$1" ']: connected to '; }
for name in b c; do LOG_ROOT=$T/elsewhere agent_enrol m $name && visits $name || bail "agent $name runs"; done
ok "a manager with three agents"
LOG=$T/log/n.log
first=${fingerprints[m]}
cp "$T/m.profile" "$T/idle.profile"
numbers 1 20 calm >>"$LOG"
happens 20 "events arrive" all_there m calm 1 20
check "a checkpoint is kept" cli m audit checkpoint "$T/kept"
check "and the record exported" cli m audit export "$T/old.jsonl"
agent_stop b
agent_stop c
cp -a "$T/a" "$T/past" && cp -a "$T/a.key" "$T/past.key" # with a certificate of the first authority

ca() { cli m ca status --json | jq -r "$1"; }
# The tools of the test trust a file.
trust() { cli m ca status --json 2>/dev/null | jq -r .authority.pem >"$T/pem" && [ -s "$T/pem" ] && cp "$T/pem" "$T/m/ca.pem"; }
pin() { jq -r .caFingerprint "$T/${1:-m}.profile"; }
host=${urls[m]#https://}
shown() { openssl s_client -connect "$host" -CAfile "$T/m/ca.pem" </dev/null 2>/dev/null; }

# ---- certificates of the listeners, on demand ----
before=$(shown | openssl x509 -noout -serial)
check "new certificates for the listeners" cli m ca renew
renewed() { local i; for i in 1 2 3 4 5 6; do [ "$(shown | openssl x509 -noout -serial)" != "$before" ] || return 1; done; }
happens 15 "all workers show others" renewed
is "the authority is the same" "$(ca '[.authority.fingerprint, .rotated, .former] | @csv' | tr -d '"')" "$first,,"
check_not "there is none to retire" cli m ca retire

# ---- rolling over, while processes are killed ----
RANDOM=${SEED:=$$}
note "SEED=$SEED"
roles=(keys worker keys kms)
(n=1; while [ ! -e "$T/calm" ]; do numbers $n $((n + 9)) storm >>"$LOG"; n=$((n + 10)); echo $((n - 1)) >"$T/last"; sleep 0.2; done) &
writing=$!
for round in 0 1 2 3; do
    (HINOMI_PROFILE="$T/m.profile" timeout 25 "$build/hinomi" ca rotate >/dev/null 2>&1) &
    sleep "0.0$((RANDOM % 10))"
    kill -KILL "$(process m "${roles[round]}" | head -1)" 2>/dev/null
    wait $!
    one_in_force() { [ "$(cli m ca status --json 2>/dev/null | jq -r '.authority.fingerprint | length')" = 64 ]; }
    happens 40 "killed (${roles[round]}): an authority is in force" one_in_force
done
rolled() { [ "$(ca .former.fingerprint 2>/dev/null)" = "$first" ] || { cli m ca rotate && false; }; }
happens 30 "the authority has rolled over" rolled
second=$(ca .authority.fingerprint)
check "it is another" [ "$second" != "$first" ]
check_not "no other takes over before the former one retires" cli m ca rotate
is "the profile trusts the new one" "$(pin)" "$second"
cp "$T/idle.profile" "$T/told.profile"
like "a profile that was away is told of both" "$(cli told ca status 2>&1 >/dev/null)" "new certificate authority.*$second.*$first"
is "and trusts the new one" "$(pin told)" "$second"
is "it is told once" "$(cli told ca status 2>&1 >/dev/null)" ""
check "the tools trust it" trust
under_new() { local i; for i in 1 2 3 4 5 6; do shown | grep -q 'Verify return code: 0' || return 1; done; }
happens 20 "all workers serve under it" under_new

# ---- agents ----
waits_for() { [ "$(cli m ca status --json | jq -c '[.dependants[].computerID] | sort')" = "$1" ]; }
happens 40 "the connected agent has a new certificate; the two that are away are listed" waits_for '[2,3]'
check "it has kept the new authority in place of the old" eval 'openssl x509 -inform DER -in "$T/a/uplink/ca.der" -noout -fingerprint -sha256 | tr -d : | grep -qi "$second"'
check_not "retirement is refused" cli m ca retire
like "and says who" "$(cli m ca retire 2>&1)" '2 agents still have certificates of the former authority'
check "one comes back" visits b
happens 30 "and is renewed" waits_for '[3]'
check "the other is revoked" cli m computer revoke 3
LOG_ROOT=$T/elsewhere check "a new agent enrols by the first fingerprint" agent_enrol m d
check "and trusts the new authority" eval 'openssl x509 -inform DER -in "$T/d/uplink/ca.der" -noout -fingerprint -sha256 | tr -d : | grep -qi "$second"'
check "it runs" visits d
touch "$T/calm"
wait $writing
happens 40 "no event is lost" all_there m storm 1 "$(cat "$T/last")"
check "nor is an older one" all_there m calm 1 20

# ---- retirement ----
check "the former authority retires" cli m ca retire
is "it is gone" "$(ca .former)" null
sleep 2.5 # workers ask every second whom they trust; one let in before would be held as a clone, and agent a with it
refusals() { audited m '"agent.connection".*"refused"' | wc -l; }
before=$(refusals)
launch past "$build/hinomi-agent" run --state "$T/past"
more() { [ "$(refusals)" -gt "$before" ]; }
happens 20 "its certificates are refused" more
stop past
for action in ca.renew ca.rotate ca.retire; do check "$action is in the record" audited m "\"$action\".*\"done\""; done

# ---- evidence ----
verify() { "$build/hinomi" audit verify "$@" >/dev/null; }
check "the record is exported" cli m audit export "$T/new.jsonl"
check "old evidence holds by the old fingerprint" verify "$T/old.jsonl" -f "$first"
check "new evidence by the new one" verify "$T/new.jsonl" -f "$second"
check "and by the old one, with what was kept then" verify "$T/new.jsonl" -f "$first" -c "$T/kept"
check_not "not by another" verify "$T/new.jsonl" -f "${second//[0-7]/8}"
check_not "old evidence not by the new one" verify "$T/old.jsonl" -f "$second"

# ---- once more: the first fingerprint finds the heir's heir ----
check "it rolls over again" cli m ca rotate
third=$(ca .authority.fingerprint)
# For about a second one worker may still serve under the second authority: each try begins with the first one's profile.
told_of_third() { cp "$T/idle.profile" "$T/again.profile" && [[ $(cli again ca status 2>&1 >/dev/null) == *"new certificate authority"*"$third"*"$first"* ]]; }
check "a profile that knows the first is told of the third" wait_for 15 told_of_third
trust
happens 40 "the agents follow" waits_for '[]'
check "the record is exported" cli m audit export "$T/third.jsonl"
check "evidence holds by the first fingerprint" verify "$T/third.jsonl" -f "$first"
check "and by the second" verify "$T/third.jsonl" -f "$second"
murder m
check "the manager starts again" manager_start m
is "under the third" "$(ca .authority.fingerprint)" "$third"

done_testing
