#!/bin/bash
# Erasing a tenant: by two key holders, at once, in copies too, whatever is cut off; and the certificate of it, judged with
# nothing but the file and the fingerprint.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"
check "a manager runs" eval 'manager_init m && manager_start m && sign_in m' || bail "a manager"

state() { cli m tenant show "$1" --json | jq -r .tenantState; }
is_state() { [ "$(state "$1")" = "$2" ]; }
holder_signs_in() { cli "$1" login "${urls[m]}" --ca-fingerprint "${fingerprints[m]}" --api-key-file - >/dev/null; }

for name in red blue late; do check "tenant $name" tenant $name; done
for name in red blue; do
    mkdir "$T/log-$name"
    check "$name has an agent" eval 'number_rules '$name' "$T/log-'$name'/*.log" && LOG_ROOT=$T/log-'$name' agent_enrol '$name' agent-'$name' && agent_start agent-'$name
    numbers 1 40 secret-of-$name >>"$T/log-$name/n.log"
    happens 20 "its events are there" all_there $name secret-of-$name 1 40
done

# ---- exports ----
check "a tenant's administrator exports what is its own" cli red tenant export --output "$T/red.export" --quiet
check "who runs the installation may too" cli m tenant export blue --output "$T/blue.export" --quiet
check "exports are listed" eval 'api red GET exports | jq -e ".exports | length == 1"'
check "reading the list is recorded" audited red '"export.read"'
check_not "a tenant exports no other" api red POST "exports?tenant=$(number blue)"
check_not "nothing is overwritten" cli red tenant export --output "$T/red.export" --quiet
is "only its owner reads the file" "$(stat -c %a "$T/red.export")" 600
check_not "nothing stands in it in the clear" grep -aqE 'secret-of|number|computers' "$T/red.export"
check "it opens" eval 'cli red tenant open "$T/red.export" >"$T/red.lines"'
is "and holds every event" "$(jq -r 'select(.part == "event").event.evidences[0].user.name // empty' "$T/red.lines" | sort -n | uniq | wc -l)" 40
check "the documents" eval '[ "$(jq -r "select(.part == \"document\").resource" "$T/red.lines" | sort -u | grep -cE "^(computers|policies|administrators|apikeys)$")" = 4 ]'
check_not "but no hash of a password" grep -qE 'passwordHash|argon2|digest' <(jq -c 'select(.part == "document")' "$T/red.lines")
check "the audit record, and that it was exported" eval 'grep -q "^{.part.:.audit." "$T/red.lines" && audited red tenant.export'
is "it says what it holds" "$(tail -1 "$T/red.lines" | jq -c '[.documents, .events, .audit]')" \
    "$(jq -sc '[([.[] | select(.part == "document")] | length), ([.[] | select(.part == "event")] | length), ([.[] | select(.part == "audit")] | length)]' "$T/red.lines")"
check_not "another tenant does not open it" cli blue tenant open "$T/red.export"
size=$(stat -c %s "$T/red.export")
head -c $((size - 5)) "$T/red.export" >"$T/cut.export"
like "cut off it is refused, with where" "$(cli red tenant open "$T/cut.export" 2>&1 >/dev/null)" 'record 1, at byte 112: the file is cut off'
head -c 112 "$T/red.export" >"$T/cut.export"
like "also where a record ends" "$(cli red tenant open "$T/cut.export" 2>&1 >/dev/null)" 'at byte 112: .*its end is missing'
head -c 20 "$T/red.export" >"$T/cut.export"
like "and in its head" "$(cli red tenant open "$T/cut.export" 2>&1 >/dev/null)" 'cut off within its head'
(cat "$T/red.export" && tail -c +113 "$T/blue.export") >"$T/more.export"
like "with more behind it too" "$(cli red tenant open "$T/more.export" 2>&1 >/dev/null)" 'behind the end'
(head -c 112 "$T/red.export" && tail -c +113 "$T/blue.export") >"$T/swapped.export"
like "with another's record" "$(cli red tenant open "$T/swapped.export" 2>&1 >/dev/null)" 'record 1, at byte 112: .*(altered|key table)'
(head -c 5000 "$T/red.export" && printf '\377\377\377' && tail -c +5004 "$T/red.export") >"$T/altered.export"
like "and altered" "$(cli red tenant open "$T/altered.export" 2>&1 >/dev/null)" 'record 1, at byte 112: .*altered'

# ---- what an adversary has kept ----
check "the manager ends in order" stop m
cp -a "$T/m" "$T/copy"             # database and vault
cp -a "$T/m.keyring" "$T/old.ring" # the ring too: what erasure cannot reach
check "it starts again" manager_start m

# ---- who may ----
check_not "a tenant erases nobody" api red POST tenants/erase '{"tenant":"blue"}'
check_not "a name that is none is refused" cli m tenant erase green --yes
check_not "without a terminal nothing is done unless told so" cli m tenant erase red
typed() { printf '%s\n' "$1" | script -qec "env HINOMI_PROFILE='$T/m.profile' '$build/hinomi' tenant erase red" /dev/null; }
check_not "nor when another name is typed" typed blue
is "and nothing was" "$(state red) $(cli m key holders --json | jq '.requests | length')" "active 0"
cli m key holders add ada --json | jq -r .secretKey | holder_signs_in ada
like "the name typed, it waits for a second key holder" "$(typed red)" 'request [0-9]+ waits'
like "who sees what is asked" "$(cli ada key holders)" 'erase +red'
is "nothing is done yet" "$(state red) $(api_status red GET computers)" "active 200"
request=$(cli m key holders --json | jq '.requests[0].ID')
check_not "nobody confirms oneself" cli m key confirm "$request"

# ---- erased ----
HINOMI_PROFILE="$T/red.profile" timeout 30 "$build/hinomi" events --follow --format json >"$T/follow" 2>&1 &
follower=$!
before=$(now_msec)
like "the second one confirms" "$(cli ada key confirm "$request")" 'tenant red is unreadable'
took=$(($(now_msec) - before))
note "unreadable after $took ms"
check "within the bar" [ $took -lt 10000 ]
is "its keys are refused at once" "$(api_status red GET computers)" 401
check "its agent is told why" wait_for 20 logged agent-red 'refused: the tenant of this computer was erased'
printf 'x\n' >"$T/password"
check_not "nobody signs in" env HINOMI_PROFILE="$T/x" "$build/hinomi" login "${urls[m]}" --ca-fingerprint "${fingerprints[m]}" --tenant red --password-file "$T/password"
is "the other tenant is served" "$(api_status blue GET computers)" 200
numbers 41 60 secret-of-blue >>"$T/log-blue/n.log"
happens 20 "its agent goes on" all_there blue secret-of-blue 1 60
check_not "its export opens to nobody" cli red tenant open "$T/red.export"
like "who runs the installation is told why" "$(cli m tenant open "$T/red.export" 2>&1)" 'is erased: what opened'
check "the other tenant's opens" eval 'cli m tenant open "$T/blue.export" --quiet | grep -q secret-of-blue'
check "the room is given back, and it is certified" wait_for 30 is_state red erased
is "no file of it is left" "$(find "$T/m/db" -name "$(guid red)*" | wc -l)" 0
check "nor its keys in the vault" eval '! grep -aq "$(guid red)" "$T/m/vault/vault"'
check "live events have ended" eval 'wait_for 10 dead $follower; ! alive $follower'
kill $follower 2>/dev/null
check_not "it is not resumed" cli m tenant resume red
check_not "nor erased twice" cli m tenant erase red --yes
check_not "its name is not used again" cli m tenant create red
check_not "nothing says that the store is damaged" logged m 'damaged|salvage'
like "the record tells" "$(api m GET 'audit?limit=200&action=tenant.*' | tr -d '\n')" 'tenant.erased.*tenant.erase[^d]'

check "the log of keys too, which no worker writes" logged m "keys.: the keys of tenant $(guid red) were to be destroyed: success"

# ---- the certificate ----
id=$(cli m tenant show red --json | jq .certificateID)
check "it is listed" eval 'cli m certificate list | grep -q red'
like "and shown" "$(cli m certificate show "$id")" 'Erased: all data of tenant red'
check "it is given away" cli m certificate show "$id" --output "$T/red.certificate"
check_not "into a new file only" cli m certificate show "$id" --output "$T/red.certificate"
verify() { env -i "$build/hinomi" certificate verify "$@" --fingerprint "${F:-${fingerprints[m]}}"; }
like "it holds, without a manager or a profile" "$(verify "$T/red.certificate")" '^The certificate holds'
said=$(verify "$T/red.certificate" --json)
is "it says what was destroyed" "$(jq -c '.certificate | [.kind, .name, .tenant, .number, (.keys[] | .kind + " " + .state)]' <<<"$said")" \
    "[\"tenant\",\"red\",\"$(guid red)\",$(number red),\"wrapping destroyed\",\"tenant destroyed\",\"data destroyed\"]"
check "how much" eval 'jq -e ".certificate.erased | .exports == 1 and .events >= 40 and .segments > 0 and .documents > 0" <<<"$said"'
like "who asked and agreed" "$(jq -r '.certificate | .requestedBy + ", " + .confirmedBy' <<<"$said")" 'admin, key [0-9]+ \(ada\)'
like "and that a kept copy of the ring still opens old copies" "$(jq -r '.certificate.remains[] | .what + ": " + .why' <<<"$said")" 'key ring.*still opens'
sed 's/"events": [0-9]*/"events": 7/' "$T/red.certificate" >"$T/changed"
check_not "changed it does not hold" verify "$T/changed"
like "by its signature" "$(verify "$T/changed" 2>&1)" 'altered'
head -c 900 "$T/red.certificate" >"$T/cut"
like "cut off it does not hold" "$(verify "$T/cut" 2>&1)" 'cut off'
(cat "$T/red.certificate" && echo) >"$T/more"
like "nor with more behind it" "$(verify "$T/more" 2>&1)" 'behind'
like "nor for another installation" "$(F=$(printf 'a%.0s' {1..64}) verify "$T/red.certificate" 2>&1)" 'another installation'
F=abc verify "$T/red.certificate" >/dev/null 2>&1
is "what is no fingerprint is wrong usage" $? 2

# ---- copies that were made before ----
stop agent-blue # it would send the copy what came since
check "the manager ends in order" stop m
check_not "the present ring does not hold its key" grep -aq "$(guid red)" "$T/m.keyring"
# copy RING: a manager on the copy of database and vault with this ring
copy() {
    rm -rf "$T/c" "$T/c.keyring"
    cp -a "$T/copy" "$T/c" && cp -a "$1" "$T/c.keyring" && sed -i "s|$T/m.keyring|$T/c.keyring|" "$T/c/manager.json"
    cp "$T/m.init.json" "$T/c.init.json"
    cp "$T/m.headers" "$T/c.headers"
    urls[c]=${urls[m]}
    manager_start c
}
check "on a copy from before, with the ring as it is now, a manager starts" copy "$T/m.keyring"
like "and opens the other tenant" "$(HINOMI_PROFILE=$T/blue.profile "$build/hinomi" events --format json --where url=secret-of-blue | wc -l)" '^40$'
is "but not the one that was erased" "$(api_status red GET computers)" 503
check_not "nor its export" cli m tenant open "$T/red.export"
check_not "which it finds nothing of" eval 'HINOMI_PROFILE=$T/red.profile "$build/hinomi" events --format json | grep -q secret'
stop c
check "with a copy of the ring from before too" copy "$T/old.ring"
is "it opens: so the certificate says" "$(HINOMI_PROFILE=$T/red.profile "$build/hinomi" events --format json --where url=secret-of-red | wc -l)" 40
stop c
unset "urls[c]"

# ---- cut off anywhere ----
stop agent-red
check "the manager starts again" manager_start m
agent_start agent-blue
is "erased stays erased" "$(state red) $(api_status red GET computers)" "erased 401"
check "what a killed erasure left is ended" eval '
    cli m tenant erase late --yes >/dev/null
    request=$(cli m key holders --json | jq ".requests[0].ID")
    cli ada key confirm "$request" >/dev/null & confirming=$!
    sleep 0.0$((RANDOM % 9 + 1)); murder m; wait $confirming
    manager_start m
    [ "$(state late)" != active ] || { request=$(cli m key holders --json | jq ".requests[0].ID // empty"); [ -z "$request" ] || cli ada key confirm "$request"; }
    [ "$(state late)" != active ] || cli m tenant erase late --yes; request=$(cli m key holders --json | jq ".requests[0].ID // empty")
    [ -z "$request" ] || cli ada key confirm "$request"
    wait_for 30 is_state late erased'
is "nothing half-done stays" "$(find "$T/m/db" -name "$(guid late)*" | wc -l) $(api_status late GET computers) $(cli m certificate list --json | jq '.certificates | length')" "0 401 2"
check "the other tenant has all it had" all_there blue secret-of-blue 1 60
stop agent-blue
check "the manager ends in order" stop m
done_testing
