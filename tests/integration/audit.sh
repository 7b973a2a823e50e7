#!/bin/bash
# The audit record, from what it covers to the proof that nobody rewrote it: entries of reads, exports, changes and
# sign-ins; exports altered in each way; the database altered behind the manager's back, cut, damaged and put back from a
# copy, judged by checkpoints that were kept outside.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"

# One worker: each counts reads by itself.
manager_init m && manager_start m --workers 1 && sign_in m && number_rules m "$T/log/*.log" && agent_enrol m a && agent_start a ||
    bail "manager and agent run"
ok "manager and agent run"
fingerprint=${fingerprints[m]}
numbers 1 20 run >>"$T/log/n.log"
happens 20 "there are events" all_there m run 1 20

entries() { cli m audit list --json --limit 5000 "$@"; }
verify() { "$build/hinomi" audit verify "$@"; }
# refused WHAT PATTERN ARGS...: verify fails with status 1 and says so
refused() {
    local what=$1 pattern=$2 said status
    shift 2
    said=$(HINOMI_PROFILE=$T/m.profile verify "$@" 2>&1)
    status=$?
    is "$what: status 1" "$status" 1
    like "$what: named" "$said" "$pattern"
}

# ---- what is written ----
check "a checkpoint is taken" cli m audit checkpoint "$T/first"
cli m events --where 'user=secret-name-7' >/dev/null
cli m events --where 'user=secret-name-7' >/dev/null
enrolled=$(entries --action computer.enrol | jq -c .entry.changes)
like "an enrolment has what the agent said" "$enrolled" '"attribute":"hostName","new":"'
like "and no digest" "$enrolled" '"attribute":"enrolmentKeyDigest","secret":true'
is "a search is one entry, with the fields' names" "$(entries --action events.read | jq -c 'select(.entry.fields == ["user"]) | .entry.kind')" '"events"'
is "and never the value" "$(entries | grep -c secret-name-7)" 0
cli m events --format cef >/dev/null
is "CEF is an export" "$(entries --action events.export | jq -r .entry.outcome)" "done"
HINOMI_PROFILE=$T/m.profile timeout 3 "$build/hinomi" events --follow >/dev/null 2>&1
is "following is one entry" "$(entries --action events.follow | wc -l)" 1
cli m computer list >/dev/null
api m GET computers/1 >/dev/null
is "a computer that was read is named" "$(entries --action computer.read | jq -c 'select(.entry.object == 1) | .entry.kind')" '"computers"'
api m POST computers/1 '{"description":"in the cellar"}' >/dev/null
api m POST computers/1 '{"description":"in the attic"}' >/dev/null
is "a change has old and new value" "$(entries --action computer.modify | head -1 | jq -c .entry.changes)" \
    '[{"attribute":"description","old":"in the cellar","new":"in the attic"}]'
api m POST administrators '{"username":"ann","password":"a long pass phrase","roleID":2}' >/dev/null
made=$(entries --action administrator.create | jq -c '.entry.changes')
like "what is made is written" "$made" '"attribute":"username","new":"ann"'
is "a password without its value or hash" "$(jq -c '[.[] | select(.attribute | test("password"; "i")) | select(.attribute != "lastPasswordChange") | del(.attribute)] | unique' <<<"$made")" '[{"secret":true}]'
is "of no secret is there a trace" "$(entries | grep -cE 'argon2|a long pass phrase')" 0
api m POST sessions '{"username":"ann","password":"wrong, very wrong"}' >/dev/null
api m POST sessions '{"username":"ann","password":"a long pass phrase","newPassword":"another long one"}' >"$T/session"
is "sign-ins, done and refused" "$(entries --action signin | jq -r .entry.outcome | sort | paste -sd' ')" "done refused"
is "by outcome" "$(entries --action signin --outcome refused | wc -l)" 1
is "by actor" "$(entries --actor keys | jq -r .entry.action | sort -u)" key.use
check "uses of keys" eval '[ "$(entries --action "key.*" | wc -l)" -gt 3 ]'
is "by time" "$(entries --until 1h | wc -l)" 0
like "the table for people" "$(cli m audit list --limit 3)" '^ID +TIME +ACTOR +FROM +ACTION +OUTCOME +WHAT'
is "as many as asked" "$(cli m audit list --json --limit 7 | wc -l)" 7

# ---- who may ----
jq -r '"api-version: v1\napi-secret-key: \(.secretKey)"' "$T/session" >"$T/ann.headers"
is "an auditor reads it" "$(HEADERS=$T/ann.headers api_status m GET audit)" 200
api m POST apikeys '{"keyName":"counts","roleID":3}' | jq -r '"api-version: v1\napi-secret-key: \(.secretKey)"' >"$T/counts.headers"
for path in audit audit/chain audit/checkpoint; do
    is "who reads counters only does not: $path" "$(HEADERS=$T/counts.headers api_status m GET $path)" 403
done

# ---- the proof ----
check "the record is exported" cli m audit export --output "$T/export"
is "one file at a time" "$(cli m audit export --output "$T/one" "$T/two" >/dev/null 2>&1; echo $?)$(ls "$T/one" "$T/two" 2>/dev/null)" 2
is "for its owner alone" "$(stat -c %a "$T/export")" 600
check "which is written too" eval '[ "$(entries --action audit.export | wc -l)" -ge 1 ]'
like "it holds" "$(verify "$T/export" --fingerprint "$fingerprint")" '^The audit record holds: [0-9]+ entries'
check "and what the checkpoint of before was signed for" verify "$T/export" --fingerprint "$fingerprint" --checkpoint "$T/first"
check "so does the manager's, judged here" eval 'cli m audit verify --checkpoint "$T/first"'
is "as JSON" "$(verify "$T/export" --fingerprint "$fingerprint" --checkpoint "$T/first" --json | jq -c '[.holds, .lost, .textNotBound, .textNotShown, .checkpointsMet]')" "[true,0,0,0,1]"
is "from standard input" "$(verify - --fingerprint "$fingerprint" <"$T/export" >/dev/null; echo $?)" 0
is "without the fingerprint it is judged by nothing" "$(verify "$T/export" 2>/dev/null; echo $?)" 2
n=$(($(wc -l <"$T/export") - 2)) # entries
last=$(tail -1 "$T/export")

# ---- an export altered in each way ----
alter() { # NAME SED-SCRIPT
    sed -E "$2" "$T/export" >"$T/$1"
    check_not "$1 is something else" cmp -s "$T/export" "$T/$1"
}
with="--fingerprint $fingerprint"
alter removed '6d'
refused "an entry removed" 'removed:6: entry 5 is missing' "$T/removed" $with
alter text '6s/\\"outcome\\":\\"done\\"/\\"outcome\\":\\"gone\\"/'
refused "a text altered" 'text:6: entry 5 shows another text' "$T/text" $with
alter unsalted '6s/,"salt":"[0-9a-f]+"//; 6s/done/gone/'
refused "a text altered, and its salt left out" 'unsalted:6: entry 5 shows another text' "$T/unsalted" $with
alter time '6s/"time":1/"time":2/'
refused "a time altered" 'time:6: entry 5 was changed' "$T/time" $with
alter hash '6s/"hash":"./"hash":"g/'
refused "a hash that is none" 'hash:6: hash: not hexadecimal' "$T/hash" $with
alter swapped '6{h;d};7{G}'
refused "two exchanged" 'swapped:6: entry 5 is missing' "$T/swapped" $with
alter doubled '6p'
refused "one doubled" 'doubled:7: entry 5 stands here a second time' "$T/doubled" $with
alter renumbered "6{p;s/\"number\":5/\"number\":6/};7,$((n + 1))d"
refused "one inserted under the next number" 'renumbered:7: entry 6 was changed, or another' "$T/renumbered" $with
alter cut "$((n + 1))d"
refused "the last cut off" "ends at entry $((n - 1)), but its checkpoint was signed at entry $n" "$T/cut" $with
alter torn '$d'
refused "a torn end" "breaks off after entry $n, without its checkpoint" "$T/torn" $with
signed=$(head -c 400 <<<"$last" | grep -oE '"checkpoint":"[0-9a-f]{270}')
alter signature "\$s/$signed/${signed%????}0000/"
refused "a signature altered" 'the checkpoint is not signed by the installation' "$T/signature" $with
head -c -1000 "$T/export" >"$T/half"
refused "half a line" "half:$((n + 2))" "$T/half" $with
(head -1 "$T/export" && head -c 9000000 /dev/zero | tr '\0' a) >"$T/long"
refused "a line without an end" 'long:1: a limit was reached' "$T/long" $with
refused "another fingerprint" 'of another authority' "$T/export" --fingerprint "$(printf '%064d' 1)"
manager_init other
refused "another installation's checkpoint" 'of another authority' "$T/export" $with --checkpoint <(sed "s/\"authority\":\"[0-9a-f]*\"/\"authority\":\"$(openssl x509 -in "$T/other/ca.pem" -outform DER | xxd -p | tr -d '\n')\"/" "$T/first")

# ---- another tenant has a record of its own ----
api m POST tenants '{"name":"Second"}' >"$T/second.json"
jq -r .apiKey "$T/second.json" | HINOMI_PROFILE=$T/second.profile "$build/hinomi" login "${urls[m]}" --ca-fingerprint "$fingerprint" --api-key-file - >/dev/null
second() { HINOMI_PROFILE=$T/second.profile "$build/hinomi" audit "$@"; }
check "it is exported" second export "$T/second"
check "and holds" verify "$T/second" $with
is "nothing of the first stands in it" "$(grep -cE 'in the attic|computer.enrol' "$T/second")" 0
is "nor is its checkpoint one of the first's record" "$(verify "$T/second" $with --checkpoint "$T/first" >/dev/null 2>"$T/said2"; echo $?)" 1
like "which is said" "$(cat "$T/said2")" 'another tenant|is not the one that the checkpoint|ends at entry'

# ---- the database, while nothing runs ----
database() { echo "$T/m/db/$(api_tenant).db"; } # of the installation's own tenant
api_tenant() { jq -r .tenant "$T/status.json"; }
edit() { edit_database "$(database)" "$1"; } # CODE
told() { seen_some m --where state=31; }
gaps() { entries --action audit.gap | wc -l; }

api m GET status >"$T/status.json"
stop m
cp -a "$T/m" "$T/copy"
check "an entry is removed and another altered by a knowing hand" edit '
db.execute("DROP TRIGGER audit_no_update"); db.execute("DROP TRIGGER audit_no_delete")
db.execute("DELETE FROM audit WHERE number = 4")
db.execute("UPDATE audit SET time = time + 1 WHERE number = 8")'
manager_start m --workers 1 || bail "the manager serves"
happens 30 "the check of the chain finds both, and the record says so" eval '[ "$(gaps)" = 2 ]'
happens 15 "an event says so" told
refused "the record does not hold" 'entry 4 is missing' --checkpoint "$T/first"
refused "nor behind the first place" 'entry 8 was changed' --accept 4-5
check "behind both, as accepted, it does" eval 'cli m audit verify --accept 4-5 --accept 8-8 --checkpoint "$T/first"'
check "an export of it is judged alike" eval 'cli m audit export "$T/later" && verify "$T/later" $with --accept 4-5 --accept 8-8'
refused "a loss that the record does not say cannot be accepted" 'entry 12 was accepted as lost, but the record does not say' \
    <(sed 13d "$T/export") $with --accept 12-13

# ---- its last page damaged: no hand, a disk ----
damage_newest() {
    python3 - "$(database)" <<'PY'
import os, sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}?immutable=1", uri=True)
page = db.execute("SELECT pageno FROM dbstat WHERE name = 'audit' AND pagetype = 'leaf' ORDER BY path DESC").fetchone()[0]
db.close()
with open(sys.argv[1], "r+b") as f:
    f.seek((page - 1) * 8192)
    f.write(os.urandom(8192))
print(page)
PY
}

stop m
check "the page of the newest entries is damaged" damage_newest
manager_start m --workers 1 || bail "the manager serves"
happens 40 "the database is salvaged, and the record says what it lost" eval '[ "$(gaps)" = 3 ]'
# What was said before may stand on the lost page: then it is said again.
lost=$(entries --action audit.gap | jq -r .entry.detail | grep last)
like "by number" "$lost" '^entries [0-9]+ to [0-9]+ are lost: they were the last'
read -r from to <<<"$(sed -E 's/entries ([0-9]+) to ([0-9]+) .*/\1 \2/' <<<"$lost")"
refused "it shows outside" "entry $from was lost to damage of the database, as the record itself says" --accept 4-5 --accept 8-8
check "behind it, as accepted, the record holds" eval 'cli m audit verify --accept 4-5 --accept 8-8 --accept "$from-$to" --checkpoint "$T/first"'
happens 15 "an event says so" eval '[ "$(events m --where state=31)" -ge 2 ]'

# ---- put back from a copy ----
check "a checkpoint is kept outside" cli m audit checkpoint -o "$T/newer"
stop a
stop m
rm -rf "$T/m" && cp -a "$T/copy" "$T/m"
manager_start m --workers 1 || bail "the manager serves"
check "by itself the older record holds" eval 'cli m audit verify'
refused "by the checkpoint it does not" 'cut off, or an older copy was put back|is not the one that the checkpoint' --checkpoint "$T/newer"
check "the manager ends in order" stop m
done_testing
