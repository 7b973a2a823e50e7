#!/bin/bash
# Keys while events flow: master, wrapping, tenant and data keys rotate and are wrapped anew, processes are killed in
# between, and nothing is lost; old versions retire when nothing depends on them; copies of the state open nothing.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"

workers() { jq ".workers = $1" "$T/m/manager.json" >"$T/settings" && cat "$T/settings" >"$T/m/manager.json"; }
manager_init m || bail "a manager is made"
workers 1 # which keys a worker holds is then no matter of chance
manager_start m && sign_in m && number_rules m "$T/log/*.log" && agent_enrol m a && agent_start a || bail "manager and agent run"
ok "manager and agent run"
LOG=$T/log/n.log
numbers 1 50 calm >>"$LOG"
happens 20 "lines arrive" all_there m calm 1 50

key() { cli m key status --json | jq -r "$1"; }
is "first versions" "$(key '[.master.version, .wrapping.version, .tenantKey.version, .indexKey.version, .dataKeys.version] | @csv')" 1,1,1,1,1
is "the provider is told, and that copies of its keys can be kept" "$(key '[.provider.name, (.provider.sealed | tostring), (.provider.exportable | tostring)] | join(" ")')" "file false true"
like "status for people" "$(cli m key status)" '^tenant +1 '
check "the provider passes its test" cli m kms test
is "each check passed and took time" "$(cli m kms test --json | jq -c '[.passed, (.checks | length), (.checks | map(select(.passed and .microseconds > 0)) | length)]')" '[true,7,7]'
check_not "an unknown key does not rotate" cli m key rotate moon
cp -a "$T/m" "$T/before" && cp -a "$T/m.keyring" "$T/before.keyring"

# ---- data keys ----
check "data keys rotate" cli m key rotate data
all_follow() { [ "$(key '.dataKeys.versions[] | select(.version == 2).count')" -ge 2 ]; }
happens 20 "all processes take a new one: worker and jobs" all_follow
numbers 51 100 calm >>"$LOG"
happens 20 "older events and new ones are read" all_there m calm 1 100

# ---- the tenant key ----
check "the tenant key rotates" cli m key rotate tenant
is "the new version is in force" "$(key .tenantKey.version)" 2
check_not "its old version does not retire while data keys depend on it" cli m key retire tenant 1
like "and the refusal says what to do" "$(cli m key retire tenant 1 2>&1)" 'data keys are still wrapped under version 1 .*hinomi key rewrap'
is "it is a conflict" "$(api_status m POST keys/retire '{"key":"tenant","version":1}')" 409
check "all keys are wrapped anew" cli m key rewrap
is "nothing is left under the old version" "$(key '.tenantKey.versions[] | select(.version == 1) | [.dataKeys, .indexKey] | @csv')" 0,false
retires() { [ "$(key '.tenantKey.versions | length')" = 1 ] || cli m key retire tenant 1; }
happens 15 "then it retires" retires
is "and is gone" "$(key '[.tenantKey.versions[].version] | @csv')" 2
check_not "a version that is not there does not retire" cli m key retire tenant 1
check_not "nor the one in force" cli m key retire tenant 2

# ---- the index key: searches and names go by it ----
numbers 1 60 index >>"$LOG"
happens 20 "lines arrive" all_there m index 1 60
jobs=$(process m jobs)
kill -STOP "$jobs" # so that nothing is made anew before it is looked at
check "the index key rotates" cli m key rotate index
is "what is there is still found by the former" "$(key '.indexKey | [.version, .state, (.versions | map(.needed))[]] | @csv')" '2,"names",true,true'
numbers 61 120 index >>"$LOG"
happens 20 "events of before and after are found by a sealed field" all_there m index 1 120
check_not "the former does not retire before all is made anew" cli m key retire index 1
like "and the refusal says why" "$(cli m key retire index 1 2>&1)" 'still found by version 1 .*made anew in the background'
check_not "nor does the key rotate again" cli m key rotate index
like "which is told too" "$(cli m key rotate index 2>&1)" 'former version is not retired yet'
like "status tells people how far it is" "$(cli m key status)" 'names are made anew, then [0-9]+ events'
check "who signs in is found" sign_in m
kill -CONT "$jobs"
index_is() { [ "$(key .indexKey.state)" = "$1" ]; }
happens 30 "all is made anew in the background" index_is settled
is "names and segments, nothing is left over" "$(key '.indexKey | [.names > 3, .segments > 0, .stuck, (.versions | map(.needed))[]] | @csv')" 'true,true,0,false,true'
check "the former retires" cli m key retire index 1
is "and is gone" "$(key '[.indexKey.versions[].version] | @csv')" 2
check_not "the one in force does not" cli m key retire index 2
check "all is found by the new one" eval 'all_there m index 1 120 && all_there m calm 1 100'
check "so is who signs in" sign_in m
check "the agent, too" eval 'stop a && agent_start a'
numbers 121 125 index >>"$LOG"
happens 20 "which goes on" all_there m index 1 125
check "each use of the keys is in the record" eval 'audited m "key.use.*done.*index-rotate for admin" && audited m "key.use.*done.*index-retire for admin" && audited m "key.rotate.*done.*index key"'

# ---- the provider's keys ----
for name in master wrapping; do
    check_not "the $name key in force does not retire" cli m key retire $name 1
    check "the $name key rotates" cli m key rotate $name
    is "its new version is in force, the old one still unwraps" "$(key "[.$name.version, .$name.versionCount] | @csv")" 2,2
    check "the old one retires" cli m key retire $name 1
    is "one is left" "$(key "[.$name.version, .$name.versionCount] | @csv")" 2,1
done
check "all is still read" all_there m calm 1 100
check "all of it is in the record" audited m '"key.retire".*"done".*"wrapping key, version 1"'
check "also what was refused" audited m '"key.retire".*"refused".*"tenant key, version 1"'

# ---- the provider is away: kms cannot open the ring any more ----
refuses() { [ "$(api_status m POST keys/test)" -ge 500 ]; }
stored() { api m GET metrics | sed -n 's/^hinomi_events //p'; }
has_stored() { [ "$(stored)" -ge "$1" ]; }
before=$(stored)
chmod 0440 "$T/m.keyring"
kill -KILL "$(process m kms)"
happens 10 "without kms keys are refused" refuses
numbers 101 150 calm >>"$LOG"
happens 20 "events are stored under keys that are held" has_stored $((before + 50))
check_not "but no new key is made" cli m key rotate data
like "the refusal is told" "$(cli m key rotate data 2>&1)" 'not rotated|nothing is done'
check "nothing of it lies about in the clear" eval '! grep -rqaF "of calm" "$T/m"'
chmod 0400 "$T/m.keyring"
happens 60 "kms is back" cli m kms test
happens 20 "and all is read" all_there m calm 1 150
before=$(stored)
stopped=$(process m kms)
kill -STOP "$stopped"
numbers 151 200 calm >>"$LOG"
happens 20 "kms hangs: events are stored" has_stored $((before + 50))
kill -CONT "$stopped"
happens 30 "it goes on, and all is read" all_there m calm 1 200
manager_stop m
workers 2
manager_start m || bail "the manager starts again, with two workers"

# ---- processes are killed while keys rotate ----
roles=(kms keys jobs worker)
verbs=("rotate master" "rotate wrapping" "rotate tenant" "rotate data" "rewrap" "rewrap" "rotate index" "retire index 2")
RANDOM=${SEED:=$$}
note "SEED=$SEED"
killed=0
(
    while [ ! -e "$T/calm" ]; do
        HINOMI_PROFILE="$T/m.profile" timeout 25 "$build/hinomi" key ${verbs[RANDOM % ${#verbs[@]}]} >/dev/null 2>&1
        echo $? >>"$T/changes"
        sleep "0.$((RANDOM % 3))"
    done
) &
changing=$!
round=0
while [ $killed -lt 20 ] && [ $round -lt 60 ]; do
    round=$((round + 1))
    numbers $((round * 50 - 49)) $((round * 50)) storm >>"$LOG"
    sleep "0.$((RANDOM % 6 + 2))"
    victim=$(process m "${roles[RANDOM % 4]}") || victim=$(process m kms) # one that is not back yet
    [ -n "$victim" ] && kill -KILL "$victim" 2>/dev/null && killed=$((killed + 1))
done
touch "$T/calm"
wait $changing
note "$(grep -cx 0 "$T/changes") of $(wc -l <"$T/changes") changes went through, $killed processes were killed"
settled() { cli m key rewrap && cli m kms test; }
happens 60 "after 20 kills keys are wrapped anew" settled
happens 60 "nothing is lost, nothing stands twice" all_there m storm 1 $((round * 50))
happens 60 "all is under one index key" index_is settled
retire_index() { local v; v=$(key '.indexKey.versions | select(length > 1)[0].version'); [ -z "$v" ] || cli m key retire index "$v"; }
check "the former is retired" retire_index
is "one is left" "$(key '.indexKey.versions | length')" 1
check "and what was there before is read" all_there m calm 1 200
old_ones() { key '.tenantKey | .version as $v | .versions[].version | select(. != $v)'; }
retire_old() { local v; for v in $(old_ones); do cli m key retire tenant "$v" || return 1; done; [ -z "$(old_ones)" ]; }
happens 30 "all old tenant keys retire" retire_old
check "all is read with what is left" all_there m storm 1 $((round * 50))
murder m
check "the manager starts again" manager_start m
check "and reads all" all_there m storm 1 $((round * 50))

# ---- key holders ----
held() { cli "$1" key holders --json | jq -c '[.holders[].name]'; }
holder_signs_in() { # NAME < the key
    cli "$1" login "${urls[m]}" --ca-fingerprint "${fingerprints[m]}" --api-key-file - >/dev/null
}
is "the first administrator is the first holder" "$(held m)" '["admin"]'
check "who may add the second alone" eval 'cli m key holders add ada --json | jq -r .secretKey | holder_signs_in ada'
is "and is told who they are" "$(held ada)" '["admin","ada"]'
check "a holder's key carries the key verbs" cli ada kms test
check_not "and nothing else" cli ada events
check_not "a holder's key is not made elsewhere" api m POST apikeys '{"keyName":"eve","roleID":4}'
check_not "nor deleted elsewhere" api m DELETE "apikeys/$(cli m key holders --json | jq '.holders[] | select(.name == "ada").keyID')"
api m POST apikeys '{"keyName":"other","roleID":1}' | jq -r .secretKey | holder_signs_in other
check "full access that is no holder sees the keys" cli other key status
check_not "and rotates none" cli other key rotate data
like "it is told why" "$(cli other key rotate data 2>&1)" 'key holders'
like "now two are needed" "$(cli ada key holders add cyd)" 'request 1 waits'
check_not "the one who asked is not the other" cli ada key confirm 1
check_not "nor is somebody else" cli other key confirm 1
check "another holder confirms, and gets the new key" eval 'cli m key confirm 1 --json | jq -r .secretKey | holder_signs_in cyd'
is "three hold the keys" "$(held cyd)" '["admin","ada","cyd"]'
check "a fourth may be asked for" cli cyd key holders add dan
check_not "and is refused: three unless set" cli ada key confirm 2
check "a key is destroyed by two" cli m key rotate tenant
cli m key rewrap >/dev/null
sleep 5 # so long a key that was wrapped before may be on its way, and none is destroyed
version=$(key '.tenantKey.versions[0].version')
asked() { cli ada key retire tenant "$version" >"$T/asked" 2>&1; } # refused as long as something depends on it
wait_for 20 asked
like "one asks" "$(cat "$T/asked")" 'request 3 waits'
is "nothing is destroyed yet" "$(key '.tenantKey.versions | length')" 2
check "another one confirms" cli cyd key confirm 3
is "it is gone" "$(key '[.tenantKey.versions[].version] | index('"$version"')')" null
cli ada key holders remove cyd >/dev/null
check "one is removed by two" cli m key confirm 4
is "two are left" "$(held m)" '["admin","ada"]'
check_not "whose key is none any more" cli cyd key status
check_not "nobody confirms oneself" cli ada key review ada
check "but each other" cli ada key review admin
like "the review is told" "$(cli m key holders)" 'last review: 20'
check "all of it is in the record" audited m '"holder.add".*"done".*request 1 of ada'
check "what was refused too" audited m '"holder.check".*"refused"'

# ---- another tenant has keys and holders of its own ----
check "another tenant is made" eval 'cli m tenant create north --json | jq -r .apiKey | holder_signs_in north'
is "its first administrator holds its keys" "$(held north)" '["admin"]'
before=$(key .wrapping.version)
check "its wrapping key rotates" cli north key rotate wrapping
is "for itself" "$(cli north key status --json | jq .wrapping.version)" 2
is "and for nobody else" "$(key .wrapping.version)" "$before"
check_not "the installation's key is not its affair" cli north key rotate master
check_not "nor to be destroyed by it" cli north key retire master 1

# ---- thieves ----
stop m
thief() { # STATE KEYRING: does a manager run on copies of these?
    rm -rf "$T/thief" "$T/thief.keyring"
    cp -a "$1" "$T/thief" && cp -a "$2" "$T/thief.keyring" || return 1
    sed -i "s|\"keyring\": *\"[^\"]*\"|\"keyring\":\"$T/thief.keyring\"|" "$T/thief/manager.json"
    urls[thief]=${urls[m]}
    launch thief "$build/hinomi-manager" run --state "$T/thief"
    wait_for "${3:-3}" manager_serves thief
    local serves=$?
    murder thief
    return $serves
}
check "a copy of state and ring runs (so the next refusals mean something)" thief "$T/m" "$T/m.keyring" 20
manager_init other || bail "another manager is made"
check_not "the stolen state opens nothing with another ring" thief "$T/m" "$T/other.keyring"
check_not "a copy from before opens nothing with the ring as it is now" thief "$T/before" "$T/m.keyring"
check "with a copy of the ring from before it opens, as docs/THREAT_MODEL.md says" thief "$T/before" "$T/before.keyring" 20
done_testing
