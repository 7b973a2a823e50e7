#!/bin/bash
# Backups: made while events flow, shipped, read back, restored into a new folder; cut off at any moment; a tenant erased.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"
umask 077
mkdir "$T/depot" "$T/depot2"
uid=$((64900 + 3))

check "a manager" manager_init m || bail "a manager"
check "two destinations" eval '"$build/hinomi-manager" destination --state "$T/m" --add one --url "file://$T/depot" --region dc1 &&
    "$build/hinomi-manager" destination --state "$T/m" --add two --url "file://$T/depot2" --region dc2'
check_not "a name is taken once" "$build/hinomi-manager" destination --state "$T/m" --add one --url "file://$T/depot2"
check_not "a folder that is not there is none" "$build/hinomi-manager" destination --state "$T/m" --add three --url "file://$T/none"
check_not "nor is the state folder" "$build/hinomi-manager" destination --state "$T/m" --add three --url "file://$T/m"
like "they are listed" "$("$build/hinomi-manager" destination --state "$T/m")" 'one +file://.*dc1'
chmod 755 "$T"
# shipments every second, so that the test need not wait for a minute
jq '.backup.shipSeconds = 1' "$T/m/manager.json" >"$T/x" && cat "$T/x" >"$T/m/manager.json"
check "the manager runs, and a tenant" eval 'manager_start m && sign_in m && tenant red' || bail "the manager"
check "with an agent" eval 'number_rules red "$T/log/*.log" && agent_enrol red a && agent_start a'
numbers 1 400 first >>"$T/log/n.log"
happens 20 "events are there" all_there red first 1 400

there() { [ "$(cli m backup list --json | jq -r "[.backups[] | select(.tenantID == $1 and .state == \"done\")] | length")" -ge "$2" ]; }
happens 30 "the first backups make themselves" eval 'there 0 1'
check "one is made when it is asked for, while events flow" eval '(numbers 401 600 first; sleep 0.3; numbers 601 700 first) >>"$T/log/n.log" & cli m backup now; x=$?; wait $!; (exit $x)'
check "of the tenant too" there "$(number red)" 1
check "it is read back" cli m backup verify
like "the list shows both destinations" "$(cli m backup list | tr '\n' ' ')" 'one +there.* two +there'
like "and destinations" "$(cli m backup destinations)" 'two +file.*dc2'
is "no word of a line lies at a destination in the clear" "$(grep -rlE 'first|hinomi-web|web1' "$T/depot" "$T/depot2" | wc -l)" 0
happens 20 "all events are there" all_there red first 1 700
sleep 2.5 # shipped
check_not "a tenant's key gives no orders" cli red backup now
is "nor sees backups" "$(api_status red GET backups)" 403

# ---- a new installation out of them ----
dump() { # NAME -> what a user can see of a tenant, for comparing
    cli "$1" events --format json --where url=first | jq -S . | sort | sha256sum
    api "$1" GET computers | jq -S '[.computers[] | del(.computerStatus, .lastAgentCommunication, .clockOffset)]'
    api "$1" GET policies | jq -S .
    api "$1" GET loginspectionrules | jq -S . | sha256sum
    api "$1" GET 'audit?limit=5000' | jq -c ".audit[] | select(.ID <= 8)" | sha256sum
}
dump red >"$T/red.before"
agent_stop a
manager_stop m
stopped=$(date -u +%Y-%m-%dT%H:%M:%SZ)
mv "$T/m" "$T/m.former"
check_not "another key ring opens nothing" eval '"$build/hinomi-manager" init --state "$T/other" >/dev/null 2>&1; "$build/hinomi-manager" restore --from "$T/depot" --keyring "$T/other.keyring" --state "$T/m"'
check_not "which leaves no folder" test -e "$T/m"
check "restored into a new folder" "$build/hinomi-manager" restore --from "$T/depot" --keyring "$T/m.keyring" --state "$T/m" --json
cp "$T/said" "$T/restored.json"
note "$(cat "$T/restored.json")"
is "both tenants" "$(jq '[.tenants[] | select(.restored)] | length' "$T/restored.json")" 2
check_not "a folder with an installation is not restored into" "$build/hinomi-manager" restore --from "$T/depot" --keyring "$T/m.keyring" --state "$T/m"
check "it runs" manager_start m || bail "the restored manager"
dump red >"$T/red.after"
check "it shows what the former did" diff "$T/red.before" "$T/red.after"
check "its audit record verifies" cli red audit verify
check "events are found by terms" all_there red first 1 700
check "the agent goes on as before" agent_start a
numbers 701 750 first >>"$T/log/n.log"
happens 20 "and nothing comes twice" all_there red first 1 750
like "the record says that it was restored" "$(audited red backup.restore)" 'as of'

# ---- one tenant put back ----
check "another backup" cli m backup now
sleep 1 # a whole second is named
point=$(date -u +%Y-%m-%dT%H:%M:%SZ)
before=$(events red --where url=first)
agent_stop a
manager_stop m
guid=$(guid red)
check "a tenant's database is lost" eval 'rm "$T/m/db/$guid".db*'
(umask 077 && init_value m apiKey >"$T/holder.key")
check_not "nobody puts it back alone" eval '"$build/hinomi-manager" restore --from "$T/depot2" --keyring "$T/m.keyring" --state "$T/m" --tenant "$guid" </dev/null'
check "and put back alone, as a key holder agrees" "$build/hinomi-manager" restore --from "$T/depot2" --keyring "$T/m.keyring" --state "$T/m" --tenant "$guid" --holder-key-file "$T/holder.key"
check "the record says who agreed" eval '"$build/hinomi-manager" restore show --state "$T/m" --tenant "$guid" | grep -q "admin accepted the store"'
check "it runs again" manager_start m
is "with its events" "$(events red --where url=first)" "$before"

# ---- killed at any moment ----
for i in 1 2 3 4; do
    cli m backup now --no-wait >/dev/null
    sleep "0.0$((i * 2))"
    kill -KILL "$(process m backup)" 2>/dev/null
done
ended() { [ "$(api m GET "backups/orders/$1" | jq -r .state)" = done ]; }
last=$(cli m backup now --no-wait --json | jq .ID)
happens 60 "killed again and again, orders are carried out in the end" ended "$last"
check "and what is there is whole" cli m backup verify

# ---- damage, and a place that is gone ----
find "$T/depot/t" -path '*/o/*' -type f -size +1k | while read -r object; do printf X | dd of="$object" bs=1 seek=500 conv=notrunc 2>/dev/null; done
mv "$T/depot2" "$T/depot2.gone"
check_not "a damaged object is found" cli m backup verify
like "and named, with its tenant" "$(cat "$T/said")" "one: [0-9]+ objects of tenant .* first t/.*/o/../[0-9a-f]{32}"
mv "$T/depot2.gone" "$T/depot2"

# ---- a person is erased: each backup of before stays, without them ----
places() { find "$T/$1/t/$guid/m" -type f | wc -l; }
was=$(places depot2)
before=$(find "$T/depot2/t/$guid/m" -type f | sort)
all=$(events red --where url=first)
check "there are points in time of before" test "$was" -ge 3
cli red person erase --where user=5 --yes --no-wait >/dev/null
for i in 1 2 3; do # the process that seals them anew
    sleep "0.$((i * 3))"
    kill -KILL "$(process m backup)" 2>/dev/null
done
erased() { [ "$(cli red person erase --status 1 --json | jq -r .state)" = done ]; }
happens 90 "killed three times, a person's erasure ends" erased
check "it is certified" cli red person erase --status 1 --certificate "$T/person.json"
after=$(find "$T/depot2/t/$guid/m" -type f | sort)
check "all points in time are there" test "$(places depot2)" -ge "$was" # and what the damage was mended with
is "each written anew" "$(sort <<<"$before"$'\n'"$after" | uniq -d | wc -l)" 0
like "where none could be read it is named" "$(jq -c '[.. | .what? // empty]' "$T/person.json")" 'pending: backups at one'
is "what goes with it is in the record" "$(audited m backup.reseal | wc -l | awk '{print ($1 > 0)}')" 1
check "an old point in time is restored" eval 'manager_stop m && mv "$T/m" "$T/m.kept" &&
    "$build/hinomi-manager" restore --from "$T/depot2" --keyring "$T/m.keyring" --state "$T/m" --new-keyring "$T/p.keyring" --at "$point"'
jq 'del(.backup)' "$T/m/manager.json" >"$T/x" && cat "$T/x" >"$T/m/manager.json"
check "and runs" manager_start m
is "without the person" "$(cli red person find --where user=5 --json | jq .events.count)" 0
is "with everybody else" "$(events red --where url=first)" "$((all - 1))"
is "found by terms" "$(tally red first)" "749 749 1 750"
check "its audit record verifies" cli red audit verify
check "the present one goes on" eval 'manager_stop m && rm -rf "$T/m" && mv "$T/m.kept" "$T/m" && manager_start m'

# ---- erased ----
check "a tenant is erased" eval 'cli m tenant erase red --yes'
manager_stop m
check "a restore after that has none of it" eval '"$build/hinomi-manager" restore --from "$T/depot2" --keyring "$T/m.keyring" --state "$T/m2" --json >"$T/r2" && [ "$(jq "[.tenants[] | select(.restored)] | length" "$T/r2")" = 1 ]'

# ---- a restore that is killed; one that shares no key with the former ----
restore() { "$build/hinomi-manager" restore --from "$T/depot2" --keyring "$T/m.keyring" "$@"; }
for i in 1 2 3 4 5; do
    "$build/hinomi-manager" restore --from "$T/depot2" --keyring "$T/m.keyring" --state "$T/k" >/dev/null 2>&1 &
    sleep "0.0$i"
    kill -KILL $! 2>/dev/null
    wait $! 2>/dev/null
    [ -e "$T/k/manager.json" ] && break
done
[ -e "$T/k/manager.json" ] || check "killed, the same command begins anew" restore --state "$T/k"
check "a restore under another key ring" restore --state "$T/n" --new-keyring "$T/n.keyring"
mv "$T/m" "$T/m.last" && mv "$T/m.keyring" "$T/m.keyring.away" && cp -a "$T/n" "$T/m"
check "runs without the former's" manager_start m
is "and has what it had" "$(cli m tenant list --json | jq -r '.tenants[].name')" red
done_testing
