#!/bin/bash
# Recoveries that are tried: a backup restored beside what it came from and compared, and a drill that is handed in, judged and
# signed by a person.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"
umask 077
mkdir "$T/depot" "$T/depot2"

check "a manager" manager_init m || bail "a manager"
check "two destinations" eval '"$build/hinomi-manager" destination --state "$T/m" --add one --url "file://$T/depot" --region dc1 &&
    "$build/hinomi-manager" destination --state "$T/m" --add two --url "file://$T/depot2" --region dc2'
chmod 755 "$T"
jq '.backup.shipSeconds = 1' "$T/m/manager.json" >"$T/x" && cat "$T/x" >"$T/m/manager.json"
check "the manager runs, and a tenant" eval 'manager_start m && sign_in m && tenant red' || bail "the manager"
check "with an agent" eval 'number_rules red "$T/log/*.log" && agent_enrol red a && agent_start a'
numbers 1 400 first >>"$T/log/n.log"
happens 20 "events are there" all_there red first 1 400
check "a backup" cli m backup now

# ---- restored beside what it came from ----
rehearsals() { api m GET backups/rehearsals | jq -r "[.rehearsals[] | select($1)] | length"; }
(numbers 401 600 first; sleep 0.3; numbers 601 700 first) >>"$T/log/n.log" &
numbering=$!
check "it is restored and compared, while events flow" cli m backup rehearse
wait "$numbering"
is "of both tenants" "$(rehearsals .good)" 2
check "with what was in it" [ "$(api m GET backups/rehearsals | jq "[.rehearsals[] | select(.tenantID == $(number red))][0].events")" -ge 400 ]
like "it is listed" "$(cli m backup rehearsals | tr '\n' ' ')" 'one .*good'
is "nothing is left of it" "$(ls "$T/m/db" | grep -c scratch)" 0
check_not "a tenant's key gives no orders" cli red backup rehearse
is "nor sees what came of them" "$(api_status red GET backups/rehearsals)" 403

for i in 1 2 3; do
    cli m backup rehearse --no-wait >/dev/null
    sleep "0.0$((i * 3))"
    kill -KILL "$(process m backup)" 2>/dev/null
done
ended() { [ "$(api m GET "backups/orders/$1" | jq -r .state)" = done ]; }
last=$(cli m backup rehearse --no-wait --json | jq .ID)
happens 60 "killed again and again, it is carried out in the end" ended "$last"
no_scratch() { ! ls "$T/m/db" | grep -q scratch; }
happens 60 "and nothing is left of it, once all of them have ended" no_scratch
is "nor did any fail" "$(rehearsals '.good | not')" 0

# ---- a drill ----
drill() { "$build/hinomi-manager" drill --from "$T/depot2" --keyring "$T/m.keyring" --state "$T/clean" "$@"; }
happens 20 "all events are there" all_there red first 1 700
sleep 2.5 # shipped
check "all is recovered into a clean folder" drill --report "$T/drill.json"
check_not "which is removed" test -e "$T/clean"
is "both tenants" "$(jq '[.tenants[] | select(.verified)] | length' "$T/drill.json")" 2
check_not "a report is not written over" drill --report "$T/drill.json"
check_not "another key ring recovers nothing" eval '"$build/hinomi-manager" init --state "$T/other" >/dev/null 2>&1; "$build/hinomi-manager" drill --from "$T/depot" --keyring "$T/other.keyring" --state "$T/clean"'
check_not "and leaves nothing" test -e "$T/clean"
check "it is handed in, and good" cli m backup drill record "$T/drill.json"
like "within the targets" "$(cat "$T/said")" 'took \(RTO\) +[0-9.]+ s'
like "unsigned it does not count" "$(cli m backup drill list)" '1 +.*good.* no +nobody has signed it'
check_not "a key of nobody does not sign it" cli m backup drill sign 1
like "and is told why" "$(cat "$T/said")" 'bears no person'
api m POST administrators '{"username":"ada","fullName":"Ada Kurosawa","password":"a long pass phrase","roleID":1}' >/dev/null
echo 'a long pass phrase' >"$T/pass"
check "a person signs in" cli ada login "${urls[m]}" --ca-fingerprint "${fingerprints[m]}" --administrator ada --password-file "$T/pass"
check "and signs it" cli ada backup drill sign 1
like "now it counts" "$(cli m backup drill list)" 'Ada Kurosawa.* yes'
check_not "it is signed once" cli ada backup drill sign 1
like "the audit record says who" "$(audited m backup.drill.sign)" 'Ada Kurosawa'

sleep 2.5 # shipped, the account too
check "one command recovers all on this host and hands it in" cli m backup drill run --from "$T/depot2" --keyring "$T/m.keyring" --state "$T/clean"
like "and it is good" "$(tr "\n" " " <"$T/said")" "drill +2 .*state +good"
check_not "which leaves nothing" test -e "$T/clean"
(umask 077 && cli m key holders add "Hana Mori" | grep -o 'hin_key_[a-z0-9]*' >"$T/hana.key")
check "a key holder comes" cli hana login "${urls[m]}" --ca-fingerprint "${fingerprints[m]}" --api-key-file "$T/hana.key"
check "and signs it by the name of the key" cli hana backup drill sign 2
like "which counts" "$(cli hana backup drill list)" 'Hana Mori.* yes'
check_not "but hands none in" cli hana backup drill record "$T/drill.json"
check_not "its report is the manager's" cli m backup drill run --from "$T/depot2" --keyring "$T/m.keyring" --state "$T/clean" --report "$T/x.json"
check_not "without its keys it says what is wrong" cli m backup drill run --from "$T/depot2" --state "$T/clean"

jq '.tenants[1].auditHash = "'"$(printf '%064d' 7)"'"' "$T/drill.json" >"$T/forged.json"
check_not "one of another installation is not good" cli m backup drill record "$T/forged.json"
like "which is said" "$(cat "$T/said")" 'not the one of this installation'
check_not "and cannot be signed" cli ada backup drill sign 3
jq 'del(.tenants[1])' "$T/drill.json" >"$T/less.json"
check_not "nor is one that lacks a tenant" cli m backup drill record "$T/less.json"
jq '.tookMsec = 7200000 | .begun -= 7200000' "$T/drill.json" >"$T/slow.json"
check_not "nor one that took too long" cli m backup drill record "$T/slow.json"
like "which is said" "$(cat "$T/said")" 'it took 7200 s, and 3600 s are the target'
echo '{"hinomiDrill":1}' >"$T/none.json"
check_not "nor one that is none" cli m backup drill record "$T/none.json"

# ---- one that does not restore ----
find "$T/depot/t" "$T/depot2/t" -path '*/o/*' -type f -size +1k | while read -r object; do printf X | dd of="$object" bs=1 seek=500 conv=notrunc 2>/dev/null; done
check_not "a damaged backup does not restore" cli m backup rehearse
check "which is recorded" [ "$(rehearsals '.good | not')" -ge 1 ]
like "and an event of severity High" "$(cli m events --format json --where severity=High)" 'could not be restored'
check_not "nor is it recovered in a drill" drill
check_not "which leaves nothing" test -e "$T/clean"
done_testing
