#!/bin/bash
# Promises that prove themselves: probes run by themselves and when asked, their evidence is signed, chained and checked
# outside; each promise is broken for real, and the claims that hang on its probe turn red, and no others.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"

port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
run_of() { cli m trust run "$@" 2>&1; }
verify() { "$build/hinomi" evidence verify "$@"; }

# ---- a listener before ours, as a proxy would be: it stands for the installation ----
front=$(port)
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/front.key" -out "$T/front.pem" -days 2 -subj /CN=front 2>/dev/null
front_start() { # OPTIONS...
    stop front
    launch front openssl s_server -quiet -www -port "$front" -key "$T/front.key" -cert "$T/front.pem" "$@"
    wait_for 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$front"
}
front_start -tls1_3 -groups X25519:P-256 || bail "a listener"

# ---- an installation of two tenants ----
manager_init m --admin-name "Annegret Beispielhaft" --admin-email annegret@beispielhaft.example || bail "a manager"
check_not "an e-mail address is one" "$build/hinomi-manager" init --state "$T/x" --admin-email nobody
jq ".fronts = [\"127.0.0.1:$front\"]" "$T/m/manager.json" >"$T/json" && cat "$T/json" >"$T/m/manager.json"
own=$(jq -r .tenant "$T/m/manager.json")
manager_start m --workers 2 && sign_in m || bail "the manager serves"
check "a tenant is made, its administrator named" cli m tenant create red --admin-name "Rudolf Rotmann" --admin-email rudolf@rotmann.example
red=$(api m GET tenants/1 | jq -r .guid)

# ---- asked to, and by themselves ----
# The run that was asked for came first: each probe has a record besides.
ran_by_itself() { [ "$(api m GET 'evidence?limit=200&probe=kms-aws' | jq '.evidence | length')" -ge 1 ]; }
said=$(run_of)
is "asked to, they run: no promise is broken" "$?" 0
proven="audit-chain contacts-sealed kms-reach password-hashing schema-isolation sealing-canary tenant-keys tls-floor tls-weak-ciphers"
is "what can be tried holds" "$(sed -n 's/^proven *\([a-z-]*\) .*/\1/p' <<<"$said" | sort | paste -sd' ')" "$proven"
is "what cannot be tried is told" "$(sed -n 's/^not run *\([a-z-]*\) .*/\1/p' <<<"$said" | sort | paste -sd' ')" "backup-destruction backup-made clock-offset kms-aws restore-weekly second-region"
like "and why" "$said" 'clock-offset.*: no time servers are set'
check_not "there is no such probe" run_of no-such-probe
is "who asked is recorded" "$(cli m audit list --json --action trust.run | jq -r .entry.outcome | sort -u)" "done"
other() { curl -s --cacert "$T/m/ca.pem" -H 'api-version: v1' -H "api-secret-key: $second" -o /dev/null -w '%{http_code}' "$@"; }
api m POST tenants '{"name":"blue"}' >"$T/blue.json"
second=$(jq -r .apiKey "$T/blue.json")
is "another tenant may not ask" "$(other -X POST -d '{}' -H 'content-type: application/json' "${urls[m]}/api/trust/run")" 403
is "but sees the claims" "$(other "${urls[m]}/api/trust/claims")" 200

# ---- claims ----
status() { api m GET trust/claims | jq -r ".claims[] | select(.status == \"$1\") | .ID" | paste -sd' '; }
green="S19 S20 S30 S43 S62 S91 S93 S94 S96 S98"
sleep 0.3 # a worker's answer may be a quarter of a second old
is "the claims that hang on them are proven" "$(status proven)" "$green"
is "none is red" "$(status failed)" ""
is "all others were never assessed" "$(api m GET trust/claims | jq '[.claims[] | select(.status == "not assessed")] | length')" "$((108 - $(wc -w <<<"$green")))"
like "one claim in words" "$(cli m trust show S94)" '^Status       proven$'
like "in Japanese" "$(cli m trust list --language ja --status proven)" '^S94 .*TLS'
is "no colour where there is no terminal" "$(cli m trust list | grep -c $'\033')" 0
is "no such claim" "$(api_status m GET trust/claims/S999)" 404

# ---- the public page ----
page() { curl -s --cacert "$T/m/ca.pem" -D "$T/page.head" -w '%{http_code}' -o "$T/page" "$@"; }
is "the page asks for no key" "$(page "${urls[m]}/trust")" 200
like "it is English" "$(cat "$T/page")" '<html lang="en"'
like "runs nothing and fetches nothing from elsewhere" "$(tr -d '\r' <"$T/page.head")" "default-src 'none'; style-src 'self'"
is "no script" "$(grep -ci '<script' "$T/page")" 0
page -H 'Accept-Language: fr, ja-JP;q=0.9, en;q=0.8' "${urls[m]}/trust" >/dev/null
like "or Japanese, by what the browser asks for" "$(cat "$T/page")" '<html lang="ja"'
page "${urls[m]}/trust/ja" >/dev/null
like "or by its address" "$(cat "$T/page")" '<html lang="ja"'
is "each framework has one" "$(page "${urls[m]}/trust/pci-dss-4.0.1.en.html")" 200
is "its style" "$(page "${urls[m]}/trust/trust.css")" 200
is "no other file" "$(page "${urls[m]}/trust/../api/status")$(page --path-as-is "${urls[m]}/trust/..%2fetc")" 400400
is "nothing can be set there" "$(page -X POST -d x "${urls[m]}/trust")" 405
page "${urls[m]}/trust/trust.css" >/dev/null
tag=$(tr -d '\r' <"$T/page.head" | sed -n 's/^ETag: //pI')
like "it may be kept for a moment" "$(tr -d '\r' <"$T/page.head")" '^Cache-Control: public, max-age=5$'
: >"$T/page"
is "what is known is not sent again" "$(page -H "If-None-Match: \"x\", W/$tag" "${urls[m]}/trust/trust.css") $(wc -c <"$T/page")" "304 0"
is "something else is" "$(page -H 'If-None-Match: "x"' "${urls[m]}/trust/trust.css")" 200

# ---- evidence, outside ----
id=$(api m GET 'evidence?probe=tls-floor&limit=1' | jq '.evidence[0].ID')
check "a record is exported" cli m evidence export "$id" "$T/record"
check "and holds, by the fingerprint alone" env -i "$build/hinomi" evidence verify "$T/record" --fingerprint "${fingerprints[m]}"
like "says what was tried" "$(verify "$T/record" --fingerprint "${fingerprints[m]}")" 'TLS 1.0: refused'
is "as JSON too" "$(verify --json "$T/record" --fingerprint "${fingerprints[m]}" | jq -r '.holds, .evidence.outcome' | paste -sd' ')" "true proven"
sed 's/"proven"/"failed"/' "$T/record" >"$T/forged"
check_not "an altered one does not" verify "$T/forged" --fingerprint "${fingerprints[m]}"
check_not "nor by another fingerprint" verify "$T/record" --fingerprint "$(printf '0%.0s' $(seq 64))"
check_not "it replaces no file" cli m evidence export "$id" "$T/record"
like "the list" "$(cli m evidence list --limit 3)" '^ID +PROBE +OUTCOME'
like "a record shown" "$(cli m evidence show "$id")" '^Evidence [0-9]+ of probe tls-floor'

# ---- promises broken, one after the other ----
# broken WHAT CLAIMS PROBE...: the probes fail or do not, these claims are red and no others
broken() {
    local what=$1 claims=$2
    shift 2
    run_of "$@" >"$T/run"
    sleep 0.3
    is "$what: red" "$(status failed)" "$claims"
    is "$what: nothing else changed" "$(status proven)" "$(tr ' ' '\n' <<<"$green" | grep -vxF "$(tr ' ' '\n' <<<"$claims")" | paste -sd' ')"
}

front_start -tls1 -cipher ALL:@SECLEVEL=0
broken "a listener that takes TLS 1.0" "S19 S30 S94" tls-floor tls-weak-ciphers password-hashing
like "it is told which" "$(cat "$T/run")" "port $front: TLS 1.0 accepts"
page "${urls[m]}/trust/en" >/dev/null
is "a stranger is not told how" "$(grep -c "port $front" "$T/page")" 0
front_start -tls1_2 -cipher 'ECDHE-RSA-AES128-SHA:@SECLEVEL=0'
broken "one that takes a suite without authentication of what it encrypts" "S19 S20" tls-floor tls-weak-ciphers
stop front
run_of tls-floor >"$T/run"
like "a listener that is not there proves nothing" "$(cat "$T/run")" '^not run +tls-floor'
front_start -tls1_3 -groups X25519:P-256

printf 'as text: hinomi canary, sealed or not? %s' "$red" >"$T/m/db/$red.db.copy"
chmod 644 "$T/m/db/$red.db.copy"
broken "a plain copy of what was stored, links whole again" "S62" sealing-canary contacts-sealed tls-floor tls-weak-ciphers
printf 'a note: rudolf@rotmann.example' >"$T/m/db/$red.db.copy"
broken "a contact in the clear" "S93" sealing-canary contacts-sealed
rm "$T/m/db/$red.db.copy"
check "without it they are sealed" run_of contacts-sealed

# By hands in the files, while nothing runs.
back() { rm -rf "$T/m" && cp -a "$T/whole" "$T/m"; }
happens 20 "each probe runs by itself" ran_by_itself
stop m
cp -a "$T/m" "$T/whole"
blue=$(jq -r .guid "$T/blue.json")
check "a tenant's wrapped key is replaced by another's" edit_database "$T/m/db/$red.db" '
other = sqlite3.connect(path.replace("'"$red"'", "'"$own"'"))
key = other.execute("SELECT wrapped FROM key ORDER BY number DESC").fetchone()[0]
other.close()
db.execute("UPDATE key SET wrapped = ? WHERE number = (SELECT max(number) FROM key)", (key,))'
check "an entry of another's audit record is altered" edit_database "$T/m/db/$blue.db" '
db.execute("DROP TRIGGER audit_no_update")
db.execute("UPDATE audit SET time = time + 1 WHERE number = 3")'
manager_start m --workers 2 || bail "the manager serves again"
broken "a key that is wrapped under no key of its tenant" "S96 S97" tenant-keys schema-isolation
broken "and an altered audit record" "S43 S96 S97" audit-chain
like "it is told whose" "$(cat "$T/run")" 'the audit record of tenant 2'
stop m && back

cp "$T/m/db/$own.db" "$T/m/db/$red.db"
check "a record of evidence is taken away" edit_database "$T/m/db/$own.db" '
db.execute("DELETE FROM document WHERE kind = 21 AND id = 2")'
# The ring where workers have their files, and every process of one user.
mv "$T/m.keyring" "$T/m/db/ring"
[ "$(id -u)" != 0 ] || chown -R 0:0 "$T/m"
jq ".keyring = \"$T/m/db/ring\" | .uidBase = 0" "$T/m/manager.json" >"$T/json" && cat "$T/json" >"$T/m/manager.json"
manager_start m --workers 2 || bail "the manager serves again"
broken "one tenant's data in another's place" "S91" schema-isolation
like "it is told whose" "$(cat "$T/run")" "reaches the data of tenant $red"
broken "and a key ring where workers have their files" "S91 S98" kms-reach
like "it is told how" "$(cat "$T/run")" 'its file opens'
broken "and a missing record of evidence" "S43 S91 S98" audit-chain
like "is told by its number" "$(cat "$T/run")" 'chain of evidence breaks at number 2: evidence 2 is missing'
stop m
mv "$T/m/db/ring" "$T/m.keyring"
back

# ---- a loss that is known: acknowledged, and told for ever ----
check "a record of evidence is taken away again" edit_database "$T/m/db/$own.db" '
db.execute("DELETE FROM document WHERE kind = 21 AND id = 2")'
manager_start m --workers 2 || bail "the manager serves again"
broken "a missing record of evidence" "S43" audit-chain
acknowledge() { cli m evidence acknowledge "$@"; }
check_not "what is not lost cannot be acknowledged" acknowledge 3 --note "no reason"
is "no range of numbers: exit 1" "$(acknowledge x --note n >"$T/said" 2>&1; echo $?)" 1
is "without saying why: exit 2" "$(acknowledge 2 >"$T/said" 2>&1; echo $?)" 2
like "a key holder says that it is known" "$(acknowledge 2 --note "the disk of rack 4 broke")" '^Evidence [0-9]+ says that the loss of evidence 2 to 2 is known\.$'
check_not "once" acknowledge 2 --note "again"
is "its words lie nowhere in the clear" "$(grep -rlaF 'disk of rack 4' "$T/m" "$T/m.log" | wc -l)" 0
sleep 0.3
is "the chain breaks nothing any more" "$(status failed)|$(status proven)" "|$green"
like "the claim says what is lost" "$(cli m trust show S43)" '^To be known +proven since 20.*: evidence 2 to 2 is lost, acknowledged by .+'
page "${urls[m]}/trust/ja" >/dev/null
is "a stranger that something is, not by whom" "$(grep -c 'a loss of records is acknowledged' "$T/page")$(grep -c 'acknowledged by' "$T/page")" 10
is "who acknowledged is recorded" "$(cli m audit list --json --action evidence.acknowledge | jq -r '.entry.detail' | sort -u)" "$(printf 'evidence 2 to 2: again\nevidence 2 to 2: the disk of rack 4 broke\nevidence 3 to 3: no reason')"
is "another tenant has nothing to acknowledge" "$(other -X POST -d '{"first":2,"last":2,"note":"x"}' -H 'content-type: application/json' "${urls[m]}/api/trust/losses")" 403
cli m evidence export --all "$T/series" || note "no series"
like "all that is left holds, and the loss is told" "$(verify "$T/series" --fingerprint "${fingerprints[m]}")" '^Lost: evidence 2 to 2, acknowledged by .+ \(evidence [0-9]+\)$'
is "as JSON too" "$(verify --json "$T/series" --fingerprint "${fingerprints[m]}" | jq -c '[.holds, .first, .lost[0].first, (.lost | length)]')" '[true,1,2,1]'
csplit -s -z -f "$T/one." -n 4 "$T/series" '/^{$/' '{*}'
check "in files of their own, in any order" verify "$T"/one.000[3-5] "$T"/one.000[0-2] "$T"/one.000[6-9] "$T"/one.00[1-9]* --fingerprint "${fingerprints[m]}"
check_not "one too few is seen" verify "$T"/one.000[0-4] "$T"/one.000[6-9] --fingerprint "${fingerprints[m]}"
is "so is the loss where nobody acknowledges it" "$(verify "$T"/one.000[0-3] --fingerprint "${fingerprints[m]}" 2>&1; echo $?)" "hinomi: evidence 2 is missing: the one after 1 is 3
1"
head -c -100 "$T/series" >"$T/cut"
check_not "a series that is cut off is seen" verify "$T/cut" --fingerprint "${fingerprints[m]}"
is "no fingerprint of any: exit 2" "$(verify "$T/series" --fingerprint 12 >"$T/said" 2>&1; echo $?)" 2
stop m
back

# ---- an old proof, valid still, put back over a failure by hands in the database ----
cp "$T/m/db/$own.db" "$T/before.db"
printf 'as text: hinomi canary, sealed or not? %s' "$red" >"$T/m/db/$red.db.copy"
manager_start m --workers 2 || bail "the manager serves again"
broken "a plain copy once more" "S62" sealing-canary
stop m
rm "$T/m/db/$red.db.copy"
check "the older states of all probes are put back" edit_database "$T/m/db/$own.db" '
db.execute("ATTACH ? AS old", (path.rsplit("/", 3)[0] + "/before.db",))
for table, rows in ("document", "kind = 22"), ("data_key", "true"):
    columns = ", ".join(row[1] for row in db.execute(f"PRAGMA table_info({table})"))
    db.execute(f"REPLACE INTO {table}({columns}) SELECT {columns} FROM old.{table} WHERE {rows}")
db.execute("DELETE FROM document WHERE kind = 21 AND id NOT IN (SELECT id FROM old.document WHERE kind = 21)")'
manager_start m --workers 2 || bail "the manager serves again"
is "nothing becomes green by that" "$(status failed)" "S62"
like "and it is told why" "$(cli m trust show S62)" 'the newest is evidence [0-9]+ by the store and [0-9]+ by the audit record'
stop m
back
manager_start m --workers 2 || bail "the manager serves again"
run_of >"$T/run" || note "$(cat "$T/run")"
sleep 0.3
is "all is mended, all is green again" "$(status failed)|$(status proven)" "|$green"
# two workers: each grants its share of 1,200 a minute and address; a minute may end in between
many=$(curl -s --cacert "$T/m/ca.pem" -o /dev/null -w '%{http_code}\n' "${urls[m]}/trust/en?[1-1400]" | sort | uniq -c | awk '{print $2}' | paste -sd' ')
is "an address that asks for too much is told so" "$many" "200 429"
is "which concerns the page alone" "$(status failed)" ""
is "the chain holds to its end" "$(api m GET 'evidence?probe=audit-chain&limit=1' | jq -r '.evidence[0].outcome')" proven
done_testing
