#!/bin/bash
# Several tenants in one installation: each with keys, people, agents and data of its own, and no way from one to another.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"
check "a manager runs" eval 'manager_init m && manager_start m && sign_in m' || bail "a manager"

# ---- made, listed, shown ----
check "a tenant is made" tenant red
check "and another" tenant blue
check "create prints what starts with it" eval 'jq -e ".ID and .guid and .apiKey and .oneTimePassword and .enrolmentToken" "$T/red.tenant.json"'
check_not "a name is taken once" cli m tenant create red
check_not "in any case" cli m tenant create RED
check_not "a name that would not do is refused" cli m tenant create 'a/b'
is "both are listed" "$(cli m tenant list --json | jq -r '[.tenants[].name] | join(" ")')" "red blue"
like "show says it in words" "$(cli m tenant show red)" "GUID +$(guid red)"
check_not "what is shown once is not shown again" eval 'cli m tenant show red --json | grep -q hin_'
check "each has a database of its own" test -f "$T/m/db/$(guid red).db" -a -f "$T/m/db/$(guid blue).db"
is "with the shipped rules" "$(api red GET loginspectionrules | jq '.loginSpectionRules // .logInspectionRules | length')" "$(api m GET loginspectionrules | jq '.logInspectionRules | length')"
is "and a default policy" "$(api red GET policies | jq -r '.policies[0].name')" "Base Policy"

# ---- agents ----
rules_of() { number_rules "$1" "$T/log-$1/*.log"; }
for name in red blue; do
    mkdir "$T/log-$name"
    check "rules of $name" rules_of $name
    check "an agent enrols at $name" eval 'LOG_ROOT=$T/log-'$name' agent_enrol '$name' agent-'$name' && agent_start agent-'$name
    numbers 1 50 secret-of-$name >>"$T/log-$name/n.log"
    happens 20 "its events are there" all_there $name secret-of-$name 1 50
done
is "red has its own computer" "$(api red GET computers | jq '.computers | length')" 1
is "the installation's own tenant has none" "$(api m GET computers | jq '.computers | length')" 0
is "red sees nothing of blue's events" "$(events red --where url=secret-of-blue)" 0
is "nor blue of red's" "$(events blue --where url=secret-of-red)" 0
is "nor the provider of either" "$(events m --where user=7)" 0
check "live events are a tenant's own" eval '
    timeout 8 env HINOMI_PROFILE="$T/red.profile" "$build/hinomi" events --follow --format json >"$T/red.live" & follower=$!
    sleep 1; numbers 51 60 secret-of-blue >>"$T/log-blue/n.log"; numbers 51 60 secret-of-red >>"$T/log-red/n.log"
    wait $follower; [ "$(grep -c secret-of-red "$T/red.live")" = 10 ] && ! grep -q secret-of-blue "$T/red.live"'

# ---- no way across ----
key_of() { init_value "$1" apiKey; }
try() { # KEY METHOD PATH -> status
    curl -s --max-time 20 --cacert "$T/m/ca.pem" -H 'api-version: v1' -H "api-secret-key: $1" -X "$2" -o "$T/answer" -w '%{http_code}' "${urls[m]}/api/$3"
}
secret_of() { key_of "$1" | sed 's/_[0-9a-z]*$//'; } # without the tenant it names
is "a key of red that names blue opens nothing" "$(try "$(secret_of red)_$(key_of blue | sed 's/.*_//')" GET computers)" 401
is "nor does one that names no tenant" "$(try "$(secret_of red)" GET computers)" 401
is "nor one that names a tenant there is not" "$(try "$(secret_of red)_zz" GET computers)" 401
is "a tenant's key reaches no other tenants" "$(try "$(key_of red)" GET tenants)" 403
is "makes none" "$(api_status red POST tenants '{"name":"mine"}')" 403
is "and suspends none" "$(api_status red POST "tenants/$(number blue)/suspend")" 403
is "counters of the installation are not a tenant's" "$(api red GET metrics | grep -c '^hinomi_api_requests_total{')" 0
is "nor are its processes" "$(api red GET status | jq 'has("processes")')" false
is "the audit records are apart" "$(api red GET 'audit?limit=5000' | grep -c "$(guid blue)")" 0
check "a token of red admits to red, whatever manager_init says" eval '[ "$(api blue GET computers | jq ".computers | length")" = 1 ]'
# An agent of red that shows its certificate is red's, whoever else has a computer with the same ID.
is "both computers have the same ID" "$(api red GET computers | jq .computers[0].ID) $(api blue GET computers | jq .computers[0].ID)" "1 1"
cli red computer revoke 1 >/dev/null
numbers 61 70 secret-of-blue >>"$T/log-blue/n.log"
happens 10 "revoking red's leaves blue's" all_there blue secret-of-blue 1 70
# Databases that change places open under no other tenant's keys.
stop agent-red
stop agent-blue
check "the manager ends in order" stop m
for part in db db-wal; do
    [ -f "$T/m/db/$(guid red).$part" ] && mv "$T/m/db/$(guid red).$part" "$T/swap.$part"
    [ -f "$T/m/db/$(guid blue).$part" ] && mv "$T/m/db/$(guid blue).$part" "$T/m/db/$(guid red).$part"
    [ -f "$T/swap.$part" ] && mv "$T/swap.$part" "$T/m/db/$(guid blue).$part"
done
check "it starts again" manager_start m
is "a database in another's place is refused" "$(api_status red GET computers)" 503
check "and named" wait_for 10 logged m "tenant $(guid red)"
check "the others are served" [ "$(api_status m GET tenants)" = 200 ]
check "the manager ends in order" stop m
for part in db db-wal; do
    [ -f "$T/m/db/$(guid red).$part" ] && mv "$T/m/db/$(guid red).$part" "$T/swap.$part"
    [ -f "$T/m/db/$(guid blue).$part" ] && mv "$T/m/db/$(guid blue).$part" "$T/m/db/$(guid red).$part"
    [ -f "$T/swap.$part" ] && mv "$T/swap.$part" "$T/m/db/$(guid blue).$part"
done
check "in their own places they open" eval 'manager_start m && [ "$(api_status red GET computers)" = 200 ]'
happens 10 "with all that was there" all_there red secret-of-red 1 60

# ---- signing in ----
printf '%s\n%s\n' "$(init_value red oneTimePassword)" 'a new password of red' >"$T/passwords"
check "red's administrator signs in at red" eval 'HINOMI_PROFILE=$T/red.person "$build/hinomi" login "${urls[m]}" --ca-fingerprint "${fingerprints[m]}" --tenant red --password-file "$T/passwords"'
printf 'a new password of red\n' >"$T/password"
check_not "not at blue" env HINOMI_PROFILE="$T/x" "$build/hinomi" login "${urls[m]}" --ca-fingerprint "${fingerprints[m]}" --tenant blue --password-file "$T/password"
check_not "nor at the installation's own" env HINOMI_PROFILE="$T/x" "$build/hinomi" login "${urls[m]}" --ca-fingerprint "${fingerprints[m]}" --password-file "$T/password"
check_not "nor at one there is not" env HINOMI_PROFILE="$T/x" "$build/hinomi" login "${urls[m]}" --ca-fingerprint "${fingerprints[m]}" --tenant green --password-file "$T/password"
is "what the key opens is red's" "$(HINOMI_PROFILE=$T/red.person "$build/hinomi" events --format json --where url=secret-of-red | grep -c .)" 60

# ---- suspended and resumed ----
agent_start agent-blue
check "a tenant is suspended" cli m tenant suspend blue
is "its keys are refused" "$(api_status blue GET computers)" 403
numbers 71 90 secret-of-blue >>"$T/log-blue/n.log"
check "its agents too" wait_for 30 logged agent-blue 'refused'
is "others are not" "$(api_status red GET computers)" 200
check "it is resumed by number too" cli m tenant resume "$(number blue)"
happens 60 "and what its agents kept arrives, once" all_there blue secret-of-blue 1 90
check "who did it stands in the audit record" eval 'api m GET "audit?limit=1000" | grep -q tenant.suspend'
stop agent-blue
check "the manager ends in order" stop m
done_testing
