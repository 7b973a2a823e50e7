#!/bin/bash
# A tenant put back out of a backup while the manager serves the others: `hinomi backup restore`, on SQLite and on PostgreSQL; by
# two key holders once there are two; killed at any moment; a person who is erased does not come back.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"
umask 077
mkdir "$T/depot" "$T/depot2"
kind=${2:-sqlite}
store=()
password=()
if [ "$kind" = postgres ]; then
    tools=$here/tools/postgres
    chmod 711 "$T"
    trap '"$tools" stop "$T/pg" --now >/dev/null 2>&1; clean' EXIT
    "$tools" start "$T/pg" >"$T/pg.said" 2>&1 || bail "PostgreSQL"
    password=(--store-password-file "$T/pg/password")
    store=(--store "$(cat "$T/pg/socket.url")" "${password[@]}")
fi
start_m() { manager_start m "${password[@]}"; }
check "a manager" manager_init m "${store[@]}" || bail "a manager"
check "two destinations" eval '"$build/hinomi-manager" destination --state "$T/m" --add one --url "file://$T/depot" --region dc1 &&
    "$build/hinomi-manager" destination --state "$T/m" --add two --url "file://$T/depot2" --region dc2'
chmod 755 "$T"
jq '.backup.shipSeconds = 1' "$T/m/manager.json" >"$T/x" && cat "$T/x" >"$T/m/manager.json"
check "the manager runs, and two tenants" eval 'start_m && sign_in m && tenant red && tenant blue' || bail "the manager"
mkdir -p "$T/log"
check "with an agent" eval 'number_rules red "$T/log/*.log" && agent_enrol red a && agent_start a'
numbers 1 200 first >>"$T/log/n.log"
happens 20 "events are there" all_there red first 1 200
check "a backup" cli m backup now
backups() { cli m backup list --json | jq -r "[.backups[] | select(.tenantID == $(number red) and .state == \"done\")] | $1"; }
made=$(backups 'max_by(.begun).ID') # one that made itself before may hold no event yet
guid=$(guid red)
policies() { api red GET policies | jq -r '[.policies[].name] | sort | join(",")'; }
beside() { # how many files, and schemas, are there that should not be
    local schemas=0
    [ "$kind" = sqlite ] || schemas=$("$tools" sql "$T/pg" "SELECT count(*) FROM pg_namespace WHERE nspname LIKE '%.next' OR nspname LIKE '%.replaced'")
    echo $(($(ls "$T/m/db" | grep -cE 'next|replaced|\.restore$') + schemas))
}
now() { date -u +%Y-%m-%dT%H:%M:%S.%3NZ; }
sleep 2.5 # shipped
then=$(now)
was=$(policies)
sleep 1.2

# ---- back to a moment, and forth again ----
api red POST policies '{"name":"made by mistake"}' >/dev/null
numbers 201 300 first >>"$T/log/n.log"
happens 20 "more events" all_there red first 1 300
like "there is a policy more" "$(policies)" 'mistake'
check_not "a tenant's key restores nothing" cli red backup restore red --yes
check_not "nor does anybody who does not say so" eval 'cli m backup restore red </dev/null'
check_not "a time is a time" cli m backup restore red --yes --at yesterday
check_not "a tenant that is none is named" cli m backup restore green --yes
check_not "the installation's own is not restored so" cli m backup restore 0 --yes
like "and is told where" "$(cat "$T/said")" 'hinomi-manager restore'
check_not "nor is there a backup of a time before all" cli m backup restore red --yes --at 2020-01-01T00:00:00Z
like "which is said, and nothing is changed" "$(cat "$T/said")" 'is as it was before: no backup of this tenant, of that time'
served() { while [ ! -e "$T/enough" ]; do api_status blue GET computers; sleep 0.1; done; }
served >"$T/served" &
serving=$!
restored=$(now_msec)
check "the tenant is put back to the moment before" cli m backup restore red --yes --at "$then"
cp "$T/said" "$T/restored"
touch "$T/enough"
wait "$serving"
note "$(cat "$T/restored")"
is "the other tenant is served all the time" "$(grep -vc 200 "$T/served")" 0
is "it has what it had" "$(policies)" "$was"
like "and says what was there before" "$(cat "$T/restored")" 'backup restore red --at 20'
check "its audit record verifies" cli red audit verify
like "and says what was lost, and who wanted it" "$(audited red backup.restore)" 'asked for by key .* as of .* What was there at .* up to event [0-9]+ and audit entry [0-9]+ \(hash'
like "so does the installation's" "$(audited m '"backup.restore"')" 'done.*as of'
like "a signed record is kept" "$(audited red store.restored)" 'admin accepted the store of generation 0 where the vault knows [0-9]+'
happens 20 "an event says so" eval 'cli red events --format json | jq -r .message | grep -q "admin accepted the store"'
happens 20 "the agent is told: its warning names it" logged a 'database is older than it was: .*; admin accepted'
numbers 301 350 first >>"$T/log/n.log"
happens 20 "and goes on" seen_some red --where url=first --where user=350
like "it is listed" "$(cli m backup restores | tr '\n' ' ')" '[0-9] +red +done'
is "nothing is left beside" "$(beside)" 0
made_since() { [ "$(backups 'max_by(.begun).begun')" -gt "$1" ]; }
happens 20 "a backup of it makes itself" made_since "$restored"
eval "$(sed -n 's/.*hinomi backup restore red --at \([^ ]*\).*/before=\1/p' "$T/restored")"
check "and it is undone by another" cli m backup restore red --yes --at "$before" --from two --json
like "from where it was wanted" "$(cat "$T/said")" '"destination":"two"'
like "with what had come" "$(policies)" 'mistake'
is "all of it" "$(events red --where url=first --where user=250)" 1
check "and its record verifies" cli red audit verify

# ---- by the number of a backup ----
check_not "one of another tenant is none" cli m backup restore red --yes --backup "$(cli m backup list --json | jq '[.backups[] | select(.tenantID == 0)][0].ID')"
check "as it was when a backup was made" cli m backup restore "$(number red)" --yes --backup "$made"
is "there" "$(policies)" "$was"

# ---- a person is erased: no restore brings the data back ----
check "a person is erased" cli red person erase --where user=7 --yes --certificate "$T/person.json"
check_not "the time before it is not to be had again" cli m backup restore red --yes --at "$then"
like "and why is said" "$(cat "$T/said")" "no backup of this tenant, of that time|a person's data was erased after that time"
is "a restore to a time before brings nothing back" "$(events red --where url=first --where user=7)" 0
restored=$(now_msec)
check "the newest is restored" cli m backup restore red --yes
is "without the person" "$(events red --where url=first --where user=7)" 0
is "but with the others" "$(events red --where url=first --where user=8)" 1
happens 20 "a backup of it makes itself again" made_since "$restored"
sleep 2.5 # shipped
then=$(now)
was=$(policies)
sleep 1.2

# ---- killed at any moment ----
whole() { # old, or new: never between
    local p
    p=$(policies)
    [ "$p" = "$was" ] || grep -q "after" <<<"$p"
}
ended() { cli m backup restores --json | jq -e '[.restores[] | select(.state != "done" and .state != "failed")] | length == 0' >/dev/null; }
kills=0
failed=0
refused=$(cli m backup restores --json | jq '[.restores[] | select(.state == "failed")] | length')
for i in $(seq 1 "${KILLS:-3}"); do
    api red POST policies "{\"name\":\"after $i\"}" >/dev/null
    cli m backup restore red --yes --at "$then" --no-wait >/dev/null || note "order $i: $(cat "$T/said")"
    sleep "0.$(printf %03d $((RANDOM % 900)))"
    if [ $((i % 4)) = 1 ]; then # that process alone: the parent starts it again, each time later
        kill -KILL "$(process m backup)" 2>/dev/null && kills=$((kills + 1))
    else
        murder m && kills=$((kills + 1))
        start_m || { failed=$((failed + 1)); note "no start after kill $i"; }
    fi
    wait_for 60 ended || { failed=$((failed + 1)); note "restore $i does not end: $(cli m backup restores --json | jq -c '.restores[0]')"; }
    wait_for 20 whole || { failed=$((failed + 1)); note "after kill $i: $(policies) $(api red GET policies)"; }
done
note "$kills kills"
is "killed again and again, each restore ends, and the tenant is whole" "$failed" 0
is "all of them were carried out" "$(cli m backup restores --json | jq '[.restores[] | select(.state == "failed")] | length')" "$refused"
is "so the tenant is as it was then" "$(policies)" "$was"
check "its record verifies" cli red audit verify
is "nothing is left beside" "$(beside)" 0

# ---- two key holders ----
check "another key holder" eval 'cli m key holders add bob --json | jq -r .secretKey | cli bob login "${urls[m]}" --ca-fingerprint "${fingerprints[m]}" --api-key-file -'
check "once there are two, the other has to agree" cli m backup restore red --yes --at "$then"
like "which is said" "$(cat "$T/said")" 'request [0-9]+ waits a day for another key holder'
request=$(sed -n 's/^request \([0-9]*\) .*/\1/p' "$T/said")
check_not "nobody agrees with himself" cli m key confirm "$request"
is "nothing is begun" "$(cli m backup restores --json | jq -r '.restores[0].state')" asked
check "the other agrees" cli bob key confirm "$request"
happens 30 "and it is done" eval '[ "$(cli m backup restores --json | jq -r ".restores[0].state")" = done ]'
like "the record names both" "$(audited red store.restored)" 'admin, bob accepted the store'
done_testing
