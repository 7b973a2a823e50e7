#!/bin/bash
# What is set back to an older state alone (a store, the vault, the key ring) is refused, and says which it is; a key holder
# accepts it, on the record; what is set back together is noticed by agents.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"
check "a manager runs" eval 'manager_init m && manager_start m && sign_in m' || bail "a manager"
check "with another tenant" tenant red

refused() { # -> exit status of `run`, what it says in $T/m.refused
    timeout 20 "${runner[@]}" "$build/hinomi-manager" run --state "$T/m" >"$T/m.refused" 2>&1 </dev/null
    echo $?
}
restore() { "${runner[@]}" "$build/hinomi-manager" restore "$1" --state "$T/m" "${@:2}" </dev/null; }
keep() { rm -rf "$T/$1" && cp -a "$T/m" "$T/$1" && cp -a "$T/m.keyring" "$T/$1.keyring"; } # NAME: a copy of all
put_back() { # NAME FILE...: of that copy
    local name=$1 file
    shift
    for file; do rm -rf "${T:?}/m/$file" && cp -a "$T/$name/$file" "$T/m/$file" || return 1; done
}
store_of() { rm -f "$T/m/db/$2.db"* && cp -a "$T/$1/db/$2.db"* "$T/m/db/"; } # COPY UUID
checkpointed() { [ "$T/$1/uplink/checkpoint" -nt "$T/mark" ]; }
said_by_event() { cli m events --format json | jq -r .message | grep -E -- "$1"; }
has_restore() { api "$1" GET 'audit?limit=500&action=store.restored' | grep -q "$2"; }

(umask 077 && init_value m apiKey >"$T/admin.key" && init_value red apiKey >"$T/red.key")
own=$(api m GET status | jq -r .tenant)
red=$(guid red)
mkdir "$T/log-a"
check "an agent reports" eval 'number_rules m "$T/log-a/*.log" && LOG_ROOT=$T/log-a agent_enrol m a && agent_start a'
numbers 1 20 before >>"$T/log-a/n.log"
happens 20 "its events are there" all_there m before 1 20
check_not "nothing is shown while the manager runs" restore show
check "the manager ends in order" stop m
like "nothing is refused" "$(restore show)" 'Verdict +in order'
is "and nothing is to be accepted" "$(restore accept --holder-key-file "$T/admin.key" 2>&1 | grep -c 'nothing to accept')" 1
keep one
touch "$T/mark"
check "it starts again" manager_start m
check "the other tenant is served" api red GET computers
numbers 21 40 before >>"$T/log-a/n.log"
happens 20 "more events" all_there m before 1 40
check "the agent keeps a checkpoint of it" wait_for 20 checkpointed a
check "it ends" eval 'stop a; stop m'
keep two

# ---- the store alone ----
put_back one db
is "the store set back alone: the manager does not start" "$(refused)" 4
like "and says which is older, and what to do" "$(cat "$T/m.refused")" "the store was set back: the store has generation [0-9]+, the vault knows [0-9]+ .*restore accept"
is "not at the second try either" "$(refused)" 4
said=$(restore show --json)
is "it is shown" "$(jq -r '[.refused, .verdict, (.store < .vault)] | @text' <<<"$said")" '[true,"store set back",true]'
is "with its exit status" "$(restore show >/dev/null 2>&1; echo $?)" 4
check_not "without a key holder's key it is not accepted" restore accept
like "nor with the key of somebody else" "$(restore accept --holder-key-file "$T/red.key" 2>&1)" 'no key holder'
check "the newest put back starts" eval 'put_back two db && manager_start m'
check "and is served as before" all_there m before 1 40
stop m

# ---- accepted ----
keep three
put_back one db
like "a key holder accepts it" "$(restore accept --holder-key-fd 7 7<"$T/admin.key")" 'Accepted'
check_not "whose name does not stand in the vault in the clear" grep -aq admin "$T/m/vault/vault"
id=$(restore show --json | jq -r .lastRestore)
check "the manager starts" manager_start m
sign_in m
check "with the older state" all_there m before 1 20
check "on the record, by whom" eval 'audited m store.restored | grep -q "$id" && audited m store.restored | grep -q "\"admin\""'
happens 20 "an event says so" said_by_event "admin accepted the store.*$id"
check "the agent starts" agent_start a
happens 20 "what the agent has seen is an event that names it" said_by_event "older than what an agent has seen: .*; admin accepted .*$id"
check "the agent was told: its warning names it" wait_for 10 logged a "database is older than it was: it has events up to [0-9]+ of those it acknowledged up to [0-9]+; admin accepted .*$id"
numbers 41 60 before >>"$T/log-a/n.log"
happens 20 "the agent goes on" seen_some m --where url=before --where user=60
check "it ends" eval 'stop a; stop m'
put_back three db
is "the state that was left does not come back unasked" "$(refused)" 4
keep four
put_back three vault
check "it does with its vault" manager_start m
stop m

# ---- the vault alone ----
put_back one vault
is "the vault set back alone: refused" "$(refused)" 4
like "and named" "$(cat "$T/m.refused")" 'the vault was set back: the store has generation'
put_back two vault # whose holders are the same
check "accepted too" restore accept --holder-key-file "$T/admin.key"
check "it starts" manager_start m
check "with all its events" all_there m before 1 40

# ---- another tenant ----
stop m
store_of one "$red"
check "another tenant's store set back: the manager starts" manager_start m
is "that tenant is not served" "$(api_status red GET computers)" 409
like "and its people are told why" "$(api red GET computers)" 'set back to an older state'
is "the others are" "$(api_status m GET computers)" 200
happens 40 "an event of High severity" eval 'cli m events --format json | jq -e "select(.message // \"\" | test(\"$red is not served\")) | select(.severity_id == 4)"'
check "audited" eval 'audited m store.refused | grep -q "$red"'
like "the doctor tells" "$(cli m doctor)" "$red.*set back"
is "the status too" "$(api m GET status | jq -r '.refusedTenants[0].tenant')" "$red"
stop m
check "a key holder accepts it" restore accept --tenant "$red" --holder-key-file "$T/admin.key"
check_not "a tenant that is none is named" restore show --tenant nobody
check "it starts" manager_start m
is "that tenant is served" "$(api_status red GET computers)" 200
check "audited in its own record" has_restore red 'admin accepted the store'
check_not "nothing is refused any more" eval 'cli m doctor | grep -q "is not served"'

# ---- the key ring alone ----
check "a tenant comes" eval 'tenant blue'
stop m
cp -a "$T/m.keyring" "$T/ring.now"
cp -a "$T/one.keyring" "$T/m.keyring"
is "the key ring set back alone: refused" "$(refused)" 4
like "and named" "$(cat "$T/m.refused")" 'the key ring was set back: it has generation [0-9]+, the vault knows'
like "shown" "$(restore show 2>&1)" 'key ring set back'
cp -a "$T/ring.now" "$T/m.keyring"
check "the newest put back starts" manager_start m
stop m

# ---- all of it ----
rm -rf "$T/m" && cp -a "$T/one" "$T/m" && cp -a "$T/one.keyring" "$T/m.keyring"
check "all of it set back together starts" manager_start m
check "with the older state" all_there m before 1 20
cp -a "$T/a" "$T/a.kept"
check "the agent starts" agent_start a
happens 20 "and what it has seen is an event, which names no restore" said_by_event "older than what an agent has seen: [^;]*$"
check "the agent says so, and that it was told of none" wait_for 10 logged a "acknowledged up to [0-9]+, and it says nothing of a restore"
check "audited" audited m store.rolled_back
done_testing
