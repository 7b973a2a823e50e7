#!/bin/bash
# The whole product on PostgreSQL, over a Unix socket and over TLS: events from a line to a search and to a follower, the
# database stopped while lines arrive and started again, killed, a store that is another's, what is refused and how it is
# said, what workers may reach. The server is one of our own in a folder (tools/postgres).
. "$(dirname "$0")/lib/lib.sh"
. "$(dirname "$0")/lib/softhsm.sh"
begin "$@"
chmod 711 "$T"
P=$T/pg
tools=$here/tools/postgres

server_ends() { "$tools" stop "$P" --now >/dev/null 2>&1; }
server() { "$tools" "$1" "$P" "${2:-}" >>"$T/server.log" 2>&1; }
as_admin() { "$tools" sql "$P" "$1" 2>>"$T/server.log"; }
end_all() { server_ends; clean; }
trap end_all EXIT

server start --tls || bail "a PostgreSQL server of our own starts"
ok "a PostgreSQL server of our own starts"
SOCKET=$(cat "$P/socket.url")
TLS=$(cat "$P/tls.url")
say_init() { # OPTIONS...: what a refused init says; nothing of it may stay
    "$build/hinomi-manager" init --state "$T/refused" --api 127.0.0.1:0 --agents 127.0.0.1:0 "$@" 2>&1 && echo "taken"
    [ ! -e "$T/refused/manager.json" ] || echo "an installation stays"
}

# ---- what is refused ----

like "a password in the address is refused" "$(say_init --store 'postgres://hinomi:x@db.hinomi.test/hinomi?sslrootcert=/ca.pem')" 'give --store-password-file'
like "so is TLS that is not checked" "$(say_init --store "${TLS/verify-full/require}")" 'verify-full is the only one'
like "so is TCP without an authority" "$(say_init --store 'postgres://hinomi@127.0.0.1/hinomi')" 'sslrootcert: missing'
printf wrong >"$T/wrong"
like "a wrong password is named" "$(say_init --store "$SOCKET" --store-password-file "$T/wrong")" 'password authentication failed'
like "a server that runs as another is not talked to" "$(say_init --store "${SOCKET%requirepeer=*}requirepeer=4242" --store-password-file "$P/password")" 'not 4242 as it should'
like "an authority that did not sign its certificate is named" \
    "$(say_init --store "${TLS%sslrootcert=*}sslrootcert=$P/tls/other-ca.pem" --store-password-file "$P/password")" 'certificate verify failed'

# ---- over the socket ----

manager_init m --store "$SOCKET" --store-password-file "$P/password" --store-files "$P/data" --admin-email annegret@beispielhaft.example || bail "init makes an installation on PostgreSQL"
ok "init makes an installation on PostgreSQL"
check_not "no secret is in the settings" grep -F "$(cat "$P/password")" "$T/m/manager.json"
check_not "nor on a command line" grep -aF "$(cat "$P/password")" /proc/[0-9]*/cmdline
is "one schema, owned by one role that cannot log in" \
    "$(as_admin "SELECT count(*), bool_and(nspname = rolname), bool_or(rolcanlogin) FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE nspname LIKE 'hinomi%'")" "1|t|f"
start_m() { manager_start m --store-password-file "$P/password"; }
start_m && sign_in m && number_rules m "$T/log/*.log" && agent_enrol m a && agent_start a || bail "manager and agent run on it"
ok "manager and agent run on it"
LOG=$T/log/n.log
numbers 1 2000 first >>"$LOG"
happens 40 "lines become events there" all_there m first 1 2000
is "each worker and jobs has one connection, as the tenant's role" \
    "$(as_admin "SELECT count(*) = $(($(nproc) + 1)) FROM pg_stat_activity WHERE usename = 'hinomi'")" t
cli m events --follow --format json --where url=follow >"$T/followed" 2>/dev/null &
follower=$!
knock() { numbers 0 0 follow >>"$LOG"; sleep 0.3; [ -s "$T/followed" ]; } # until it is there
wait_for 10 knock
numbers 1 5 follow >>"$LOG"
happens 20 "a follower gets them" eval '[ "$(jq -r ".evidences[0].user.name" "$T/followed" | grep -cx "[1-5]")" = 5 ]'
kill $follower 2>/dev/null
check "computers, policies and the audit record are there" eval '[ "$(cli m computer list --json | jq length)" = 1 ] && [ "$(api m GET "audit?limit=10" | jq ".audit | length")" -gt 3 ]'
is "the store says that it is whole" "$(api m GET health | jq -r .store)" whole
check "a person's data is found and given out" eval '
    [ "$(cli m person find --where url=first --where user=7 --json | jq -c "[.events.count, .events.segments]")" = "[1,1]" ] &&
    cli m person export "$T/person" --where url=first && [ "$(grep -c "\"event\":" "$T/person")" = 2000 ]'
for secret in 'line 77 of first' "$(init_value m apiKey)" 'counter number'; do
    is "nothing of it lies there in the clear: ${secret:0:12}" "$("$tools" grep "$P" "$secret")" ""
done

# What a worker may reach: its network namespace has no way out, its root holds that socket's folder and nothing else.
W=$(process m worker)
if [ "$(id -u)" = 0 ] && [ -n "$W" ]; then
    is "a worker's root holds one name" "$(ls "/proc/$W/root/" | tr '\n' ' ')" "store-socket "
    check_not "its network namespace is not ours" test "/proc/$W/ns/net" -ef /proc/self/ns/net
fi

# ---- other tenants: a schema and a role each ----

watched_tenant() { # NAME: with an agent
    tenant "$1" && mkdir -p "$T/log-$1" && number_rules "$1" "$T/log-$1/*.log" && LOG_ROOT=$T/log-$1 agent_enrol "$1" "agent-$1" && agent_start "agent-$1"
}
for name in red blue; do
    check "tenant $name is made and has an agent" watched_tenant $name
    numbers 1 300 "secret-of-$name" >>"$T/log-$name/n.log"
    happens 40 "its events are there" all_there $name "secret-of-$name" 1 300
done
is "red has none of blue's" "$(tally red secret-of-blue)" "0 0 0 0"
is "each has a schema with a role of its own, and none a right in another's" \
    "$(as_admin "SELECT count(DISTINCT n.oid), count(*) FILTER (WHERE has_schema_privilege(r.oid, n.oid, 'USAGE') AND r.rolname <> n.nspname) FROM pg_namespace n, pg_roles r WHERE n.nspname LIKE 'hinomi\_%' AND r.rolname LIKE 'hinomi\_%'")" "3|0"
index_is() { [ "$(cli red key status --json | jq -r .indexKey.state)" = "$1" ]; }
check "red's index key rotates" cli red key rotate index
numbers 301 400 "secret-of-red" >>"$T/log-red/n.log"
happens 40 "events are found by either, and new ones come" all_there red "secret-of-red" 1 400
happens 40 "what is there is made anew, though jobs lets that tenant rest" index_is settled
check "the former retires" cli red key retire index 1
check "and all is found by the new one" all_there red "secret-of-red" 1 400
is "in its schema alone" "$(cli m key status --json | jq -c .indexKey.version),$(cli blue key status --json | jq -c .indexKey.version)" "1,1"
stop agent-red
stop agent-blue
check "a person's data is erased there, though jobs lets that tenant rest, and it is certified" eval '
    cli blue person erase --where user=7 --where url=secret-of-blue --yes --certificate "$T/person.json" 2>/dev/null &&
    [ "$("$build/hinomi" certificate verify "$T/person.json" --fingerprint "${fingerprints[m]}" --json | jq -c "[.certificate.erased.events, .certificate.name]")" = "[1,\"blue\"]" ]'
is "of all else nothing" "$(cli blue events --format json --where url=secret-of-blue | wc -l) $(cli blue person find --where user=7 --json | jq .events.count)" "299 0"

# ---- promises, tried there ----

trust_run() { cli m trust run "$@" >"$T/trust" 2>&1; }
check "no tenant's role or keys cross into another's schema, and nothing lies there in the clear" \
    trust_run schema-isolation sealing-canary contacts-sealed tenant-keys audit-chain
is "all of it was tried" "$(grep -c '^proven' "$T/trust")" 5
schema_of() { echo "hinomi_$(jq -r .guid "$T/$1.tenant.json")"; }
as_admin "GRANT USAGE ON SCHEMA \"$(schema_of blue)\" TO \"$(schema_of red)\"; GRANT SELECT ON \"$(schema_of blue)\".meta TO \"$(schema_of red)\"" >/dev/null
check_not "a right in another's schema is found" trust_run schema-isolation
like "and said" "$(cat "$T/trust")" 'may: SELECT count\(\*\) FROM "'"$(schema_of blue)"'"\.meta'
as_admin "REVOKE ALL ON \"$(schema_of blue)\".meta FROM \"$(schema_of red)\"; REVOKE ALL ON SCHEMA \"$(schema_of blue)\" FROM \"$(schema_of red)\"" >/dev/null
as_admin "INSERT INTO \"hinomi_$(jq -r .tenant "$T/m/manager.json")\".meta(name, bytes) VALUES ('note', 'annegret@beispielhaft.example')" >/dev/null
check_not "a contact in the clear is found" trust_run contacts-sealed
as_admin "DELETE FROM \"hinomi_$(jq -r .tenant "$T/m/manager.json")\".meta WHERE name = 'note'" >/dev/null
check "without them all is well" trust_run schema-isolation contacts-sealed
# The server's own files: looked through where the manager may read them, and told where not.
canary_says() { cli m evidence show "$(cli m evidence list --probe sealing-canary --limit 1 --json | jq .evidence[0].ID)"; }
[ "$(id -u)" != 0 ] || like "files that may not be read are told" "$(canary_says)" '^  not looked through: every file of the database server'
chmod -R a+rX "$P/data"
check "where they may be read nothing lies in them" trust_run sealing-canary
like "which is said" "$(canary_says)" '^  looked through too: every file of the database server, its write-ahead log among them'
printf 'x hinomi canary, sealed or not? x' | base64 >"$P/data/leak"
chmod 644 "$P/data/leak"
check_not "what lies there in a disguise is found" trust_run sealing-canary
like "and how" "$(cat "$T/trust")" "a canary lies in the database server's files in the clear, as base64"
rm "$P/data/leak"
chmod -R go-rwx "$P/data"
check "all is well without it" trust_run sealing-canary

# ---- a tenant is erased: schema and role go ----

is_erased() { [ "$(cli m tenant show red --json | jq -r .tenantState)" = erased ]; }
check "red is erased" cli m tenant erase red --yes
is "its keys are refused at once" "$(api_status red GET computers)" 401
happens 40 "its room is given back" is_erased
GUID=$(jq -r .guid "$T/red.tenant.json")
is "neither schema nor role of it is left" \
    "$(as_admin "SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = 'hinomi_$GUID') + (SELECT count(*) FROM pg_roles WHERE rolname = 'hinomi_$GUID')")" 0
check "it is certified" eval 'cli m certificate show 1 --output "$T/red.certificate" && "$build/hinomi" certificate verify "$T/red.certificate" --fingerprint "${fingerprints[m]}" | grep -q "all data of tenant red"'
is "the other one has all it had" "$(cli blue events --format json --where url=secret-of-blue | wc -l)" 299

# ---- the database goes away ----

server stop || bail "the server is stopped"
numbers 1 1500 held >>"$LOG"
happens 20 "the manager says that it cannot store" logged m 'events cannot be stored; agents hold them: the database server'
is "reading and writing are refused with 503" "$(api_status m POST computers/1 '{"description":"x"}') $(api_status m GET computers)" "503 503"
like "with a time to try again" "$(curl -si --max-time 10 --cacert "$T/m/ca.pem" -H @"$T/m.headers" "${urls[m]}/api/computers" | tr -d '\r')" '^Retry-After: [0-9]+$'
health() { curl -s --max-time 5 --cacert "$T/m/ca.pem" "${urls[m]}/api/health" | jq -r '[.status, .store] | join(" ")'; }
# Each worker looks for itself, and keeps what it saw for some seconds: whoever answers must say it.
steadily() { # WANTED
    local i
    for i in 1 2 3 4 5 6 7 8; do [ "$(health)" = "$1" ] || return 1; done
}
happens 30 "health says so, once every worker has looked again" steadily "failed unreachable"
before=$(process m worker)
server start --tls || bail "the server is started again"
happens 60 "all is stored, each once, without a hand's turn" all_there m held 1 1500
is "by the same processes" "$(process m worker)" "$before"
happens 30 "and health is well" steadily "ok whole"

# A server that falls over in the middle of commits.
for round in 1 2; do
    numbers 1 1500 "killed$round" >>"$LOG"
    sleep 0.7
    kill -9 "$("$tools" pid "$P")"
    server start --tls || bail "the server starts after kill -9"
done
happens 90 "a server killed twice while lines arrive loses none and doubles none" eval 'all_there m killed1 1 1500 && all_there m killed2 1 1500'

# ---- retention by module: all there is becomes forty days old; the round comes with the next start ----

SCHEMA=hinomi_$(jq -r .tenant "$T/m/manager.json")
of_class() { api m POST events/search "{\"maxItems\":5000,\"searchCriteria\":[{\"fieldName\":\"class\",\"numericTest\":\"equal\",\"numericValue\":$1}]}" | jq '.events | length'; }
stop a
as_admin "UPDATE \"$SCHEMA\".segment SET day = day - 40" >/dev/null
states=$(of_class 6002)
check_not "a time that would drop events now is refused" cli m retention set --module logInspection --days 30
like "with how many" "$(cli m retention set --module logInspection --days 30 2>&1)" 'drop at most [0-9]{4,} events, stored on 1 days; nothing was changed.*--yes'
is "nothing was changed" "$(cli m retention show --json | jq -c '[.inForce.logInspection, .due.events]')" '[0,0]'
check "with --yes it is set" eval 'cli m retention set --module logInspection --days 30 --yes | grep -Eq "^within the hour at most [0-9]{4,} events go, stored on 1 day from "'

# ---- another's data, another's keys, a newer format ----

stop m
manager_init n --store "$SOCKET" --store-password-file "$P/password" || bail "a second installation beside it"
OTHER=hinomi_$(jq -r .tenant "$T/n/manager.json")
rename() { as_admin "ALTER SCHEMA \"$1\" RENAME TO \"$2\"" >/dev/null; }
rename "$SCHEMA" aside
rename "$OTHER" "$SCHEMA"
as_admin "GRANT ALL ON SCHEMA \"$SCHEMA\" TO \"$SCHEMA\"; GRANT ALL ON ALL TABLES IN SCHEMA \"$SCHEMA\" TO \"$SCHEMA\"" >/dev/null
launch m "$build/hinomi-manager" run --state "$T/m" --store-password-file "$P/password"
happens 30 "another's data under this name are not served" logged m "another tenant's data, or these are another installation's keys"
check_not "nothing answers" manager_serves m
stop m
rename "$SCHEMA" "$OTHER"
rename aside "$SCHEMA"
as_admin "INSERT INTO \"$SCHEMA\".migration(version) VALUES(99)" >/dev/null
launch m "$build/hinomi-manager" run --state "$T/m" --store-password-file "$P/password"
happens 30 "a newer format is named" logged m 'written by a newer version \(format 99'
as_admin "DELETE FROM \"$SCHEMA\".migration WHERE version = 99" >/dev/null
happens 60 "and once it is gone, the manager serves by itself" manager_serves m
happens 40 "the round comes: findings are gone" eval '[ "$(of_class 2004)" = 0 ]'
check "states of agents and manager are not" [ "$(of_class 6002)" -ge "$states" ]
check "and it is told" logged m 'retention of tenant .*: [0-9]+ events dropped, [0-9]+ segments whole, [0-9]+ made anew'
is "nothing is left to go" "$(cli m retention show --json | jq .due.events)" 0

# ---- set back to an older state ----

stop m
check "the schema is dumped" eval '"$tools" dump "$P" "$SCHEMA" >"$T/schema.sql"'
start_m
check "an administrator comes" eval 'api m POST administrators "{\"username\":\"later\",\"roleID\":1,\"password\":\"Later-than-the-dump-7\"}"'
stop m
as_admin "DROP SCHEMA \"$SCHEMA\" CASCADE" >/dev/null
check "and put back" eval '"$tools" load "$P" <"$T/schema.sql"'
timeout 20 "$build/hinomi-manager" run --state "$T/m" --store-password-file "$P/password" >"$T/refused.said" 2>&1 </dev/null
is "the manager does not start" $? 4
like "and says that the store is the older one" "$(cat "$T/refused.said")" 'the store was set back: the store has generation [0-9]+, the vault knows'
(umask 077 && init_value m apiKey >"$T/holder.key")
like "a key holder accepts it" \
    "$("$build/hinomi-manager" restore accept --state "$T/m" --store-password-file "$P/password" --holder-key-file "$T/holder.key" --json | jq -r .verdict)" accepted
check "it starts" start_m
is "as it was then" "$(api m GET administrators | jq '.administrators | length')" 1
check "on the record" audited m store.restored

# ---- over TLS ----

stop n 2>/dev/null
rm -rf "$T/t" && manager_init t --store "$TLS" --store-password-file "$P/password" || bail "init over TLS"
manager_start t --store-password-file "$P/password" && sign_in t && number_rules t "$T/log2/*.log" || bail "the manager runs over TLS"
ok "the manager runs over TLS"
mkdir -p "$T/log2"
LOG_ROOT=$T/log2 agent_enrol t b && agent_start b || bail "an agent of it runs"
numbers 1 500 tls >>"$T/log2/n.log"
happens 40 "lines become events over TLS" all_there t tls 1 500
is "every connection of it is TLS 1.3" \
    "$(as_admin "SELECT bool_and(ssl AND version = 'TLSv1.3') FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE client_addr IS NOT NULL")" t
check "the report has its sessions beside the policy" eval 'cli t tls report --json >"$T/tls.json"'
is "all TLS 1.3, counted by the suite" "$(jq -r '.links[] | select(.name == "database").sessions | (.count > 0), (.versions | map(.name) | join(",")), (.suites | map(.count) | add) == .count, .groups' "$T/tls.json" | tr -d '\n ')" "trueTLSv1.3true[]"
W=$(process t worker)
[ "$(id -u)" != 0 ] || is "a worker's root holds the authority's certificate and nothing else" "$(ls "/proc/$W/root/" | tr '\n' ' ')" "store-authority "
check "all end in order" eval 'stop b && stop m && stop t'

# ---- a backup of it, into SQLite and back ----

mkdir -m 700 "$T/depot"
start_t() { manager_start t --store-password-file "$P/password"; }
restore() { "$build/hinomi-manager" restore --from "$T/depot" --keyring "$T/t.keyring" "$@"; }
all_events() { cli t events --format json --where url=tls | sort | sha256sum; }
check "a destination" "$build/hinomi-manager" destination --state "$T/t" --add one --url "file://$T/depot"
start_t || bail "the manager runs again"
check "a backup of what lies in PostgreSQL" wait_for 20 cli t backup now
check "reads back" cli t backup verify
check "and is restored into SQLite, and the same" cli t backup rehearse
# one byte of an entry of the catalogue: the version of what is sealed
entry() { as_admin "UPDATE \"hinomi_$(jq -r .tenant "$T/t/manager.json")\".document SET sealed = set_byte(sealed, 3, get_byte(sealed, 3) # 2) WHERE kind = 24 AND id = $1" >/dev/null; }
newest=$(cli t backup list --json | jq '[.backups[].ID] | max')
state_of() { cli t backup list --json | jq -r ".backups[] | select(.ID == $1) | .state"; }
entry "$newest"
is "a damaged entry is listed as that, beside the others" "$(state_of "$newest") $(state_of 1)" "damaged done"
like "with what to do" "$(cli t backup list | grep damaged)" "hinomi backup forget $newest"
like "doctor says so too" "$(cli t doctor --json | jq -r '.findings[] | select(.id == "backup.made") | .finding + " " + .todo')" "damaged, first ID $newest .*backup forget"
check "backups go on" cli t backup now
check_not "a verification tells it" cli t backup verify
like "and mends it" "$(cat "$T/said")" 'made anew from what lies at the destinations'
is "under its number" "$(state_of "$newest")" "done"
check "which verifies then" cli t backup verify
check_not "what is not damaged is not forgotten" cli t backup forget "$newest"
like "and it says why" "$(cat "$T/said")" 'is not damaged'
check "the next backup has it too" cli t backup now
before=$(cd "$T/depot/t" && find . -path '*/m/*' -type f | sort)
check "a person is erased" cli t person erase --where url=tls --where user=7 --yes --certificate "$T/tls-person.json"
after=$(cd "$T/depot/t" && find . -path '*/m/*' -type f | sort)
is "each backup is sealed anew" "$(wc -l <<<"$after") $(sort <<<"$before"$'\n'"$after" | uniq -d | wc -l)" "$(wc -l <<<"$before") 0"
check "and restored, the same" cli t backup rehearse
was=$(all_events)
check "the manager ends" stop t
check "it comes back in SQLite" restore --state "$T/s"
mv "$T/t" "$T/t.aside" && cp -a "$T/s" "$T/t"
check "and runs" manager_start t
is "with all its events" "$(all_events)" "$was"
check "a backup of that" wait_for 20 cli t backup now
check "it ends" stop t
rm -rf "$T/t" && mv "$T/t.aside" "$T/t"
(umask 077 && init_value t apiKey >"$T/holder.key")
check "comes back in PostgreSQL, in the place of what was there" restore --state "$T/t" --tenant "$(jq -r .tenant "$T/t/manager.json")" --holder-key-file "$T/holder.key" \
    --store-password-file "$P/password"
start_t || bail "the manager runs on PostgreSQL again"
is "with all its events" "$(all_events)" "$was"
check "its audit record verifies" cli t audit verify
check "it ends in order" stop t

# ---- restored there under keys in a token; an older store accepted with it ----

check "a token" token k 24681357 || bail "SoftHSM is installed (tools/setup test)"
(umask 077 && printf '24681357\n' >"$T/pin" && token_settings k >"$T/k.json")
SCHEMA=hinomi_$(jq -r .tenant "$T/t/manager.json")
drop() { as_admin "DROP SCHEMA \"$SCHEMA\" CASCADE" >/dev/null; }
mv "$T/t" "$T/t.aside"
into_token() { restore --state "$T/t" --store "$SOCKET" --store-password-file "$P/password" --new-kms-settings "$T/k.json" --new-kms-secret-file "$T/pin"; }
check_not "where a tenant's data is already nothing is restored over it" into_token
is "and no key is left" "$(ls -d "$T/t" 2>/dev/null)$(objects k)" 0
drop
check "it comes back in PostgreSQL, its keys in a token" into_token
token_t() { "$build/hinomi-manager" restore "$1" --state "$T/t" --kms-secret-file "$T/pin" --store-password-file "$P/password" "${@:2}"; }
start_t() { manager_start t --kms-secret-file "$T/pin" --store-password-file "$P/password"; }
check "and runs" start_t
is "with all its events" "$(all_events)" "$was"
check "it ends in order" stop t
check "the schema is dumped" eval '"$tools" dump "$P" "$SCHEMA" >"$T/schema.sql"'
check "the manager goes on" eval 'start_t && stop t && drop'
check "what was dumped is put back" eval '"$tools" load "$P" <"$T/schema.sql"'
is "which is refused" "$(token_t show --json | jq -r .verdict)" 'store set back'
check "a key holder accepts it" token_t accept --holder-key-file "$T/holder.key"
check "it starts" start_t
is "with all its events" "$(all_events)" "$was"
check "on the record" audited t store.restored
check "it ends in order" stop t

# ---- as an ordinary user, whose processes see all other uids as one ----

if [ "$(id -u)" = 0 ]; then
    runner=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --no-new-privs --)
    mkdir "$T/u" && cp "$P/password" "$T/u/password" && chown -R 65534:65534 "$T/u"
    check "an ordinary user's manager runs over the socket" eval \
        'manager_init u/m --store "$SOCKET" --store-password-file "$T/u/password" && manager_start u/m --store-password-file "$T/u/password"'
    check "and ends in order" stop u/m
fi
done_testing
