#!/bin/bash
# One person's data: what there is of it, and all of it as a file; by personal fields only, recorded without the values.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"

manager_init m && manager_start m --workers 1 && sign_in m && number_rules m "$T/log/*.log" && agent_enrol m a && agent_start a ||
    bail "manager and agent run"
ok "manager and agent run"

# Two persons side by side in the same segments: number_rules makes the URL that of the last word.
both() { # FROM TO
    local i
    for ((i = $1; i <= $2; i++)); do
        numbers "$i" "$i" /home/alice
        numbers "$i" "$i" /home/bob
    done
}
both 1 40 >>"$T/log/n.log"
happens 20 "there are events of both" eval 'seen m 40 --where url=/home/alice && seen m 40 --where url=/home/bob'
person() { cli m person "$@"; }
entries() { cli m audit list --json --limit 5000 "$@"; }

# ---- by which fields ----
said=$(person find --where program=number 2>&1)
is "a field that is not personal is refused" "$?" 1
like "with those that may be used" "$said" 'program is not personal data.*raw, src_ip, dst_ip, user, src_user, url'
like "so is one that there is not" "$(person find --where nonsense=1 2>&1)" 'nonsense is no field of the table'
is "nothing to select by is wrong usage" "$(person find >/dev/null 2>&1; echo $?)" 2
like "a condition without a value is named" "$(person find --where user 2>&1)" 'FIELD=VALUE is needed'
is "a network is no person" "$(person find --where src_ip=10.0.0.0/8 >/dev/null 2>&1; echo $?)" 1

# ---- find ----
found=$(person find --where url=/home/alice --json)
is "all events are counted" "$(jq -c '[.events.count, ([.events.computers[].count] | add), .events.classes]' <<<"$found")" '[40,40,[{"class":2004,"count":40}]]'
check "with their segments, first and last time" eval 'jq -e ".events.segments >= 1 and .events.first <= .events.last and .events.last <= now * 1000" <<<"$found"'
is "the computer has its name" "$(jq -r '.events.computers[0] | [.computerID, (.name | length > 0)] | join(" ")' <<<"$found")" "1 true"
is "all conditions must hold" "$(person find --where url=/home/alice --where user=7 --json | jq .events.count)" 1
is "an alias is the field" "$(person find --where dstuser=7 --json | jq .events.count)" 2
raw=$(cli m events --format json --where url=/home/bob --where user=9 | jq -r .raw_data)
is "a raw line is found, though no index serves it" "$(person find --where "raw=$raw" --json | jq .events.count)" 1
is "by time" "$(person find --where url=/home/alice --until 1h --json | jq .events.count)" 0
like "in words" "$(person find --where url=/home/alice)" '^Events: 40 from .* segments'

# ---- what else names a person ----
api m POST administrators '{"username":"alice","fullName":"Alice A","password":"a long pass phrase","roleID":2}' >/dev/null
api m POST sessions '{"username":"alice","password":"a long pass phrase","newPassword":"another long one"}' >"$T/session"
found=$(person find --where user=ALICE --json)
is "an account, and the key it signed in for" "$(jq -c '[.resources[] | [.kind, .by]]' <<<"$found")" '[["administrators","username"],["apikeys","administratorID"]]'
check_not "of whose password there is no trace" grep -q argon2 <<<"$found"
check "entries of the audit record" eval '[ "$(person find --where user=alice --json | jq .auditEntries)" -ge 2 ]'
is "a part of a name is no name" "$(person find --where user=lice --json | jq -c '[.auditEntries, (.resources | length)]')" '[0,0]'
api m POST computers/1 '{"displayName":"Laptop of Carol"}' >/dev/null
is "a computer by a name it has" "$(person find --where 'user=laptop of carol' --json | jq -c '[.resources[] | [.kind, .ID, .by]]')" '[["computers",1,"displayName"]]'

# ---- export ----
check "all of it is exported" person export --output "$T/alice" --where url=/home/alice
is "without a file it is wrong usage" "$(person export --where url=/home/alice >/dev/null 2>&1; echo $?)" 2
is "for its owner alone" "$(stat -c %a "$T/alice")" 600
is "nothing is overwritten" "$(person export "$T/alice" --where url=/home/bob >/dev/null 2>&1; echo $?) $(grep -c bob "$T/alice")" "1 0"
is "each event once, with its raw line" "$(jq -r 'select(.event) | .event.raw_data' "$T/alice" | grep -c 'line [0-9]* of /home/alice$')" 40
is "and nobody else's" "$(jq -r 'select(.event) | .event.evidences[0].url.url_string' "$T/alice" | sort -u)" /home/alice
is "the end says how much there is" "$(tail -1 "$T/alice" | jq -c '[.end.events, .end.damaged]')" '[40,0]'
is "what was asked stands first" "$(head -1 "$T/alice" | jq -c '[.format, .where]')" '["hinomi-person",[{"field":"url","value":"/home/alice"}]]'
person export - --where user=alice 2>/dev/null >"$T/account"
is "to standard output, with what else there is" "$(jq -s -c '[(map(.resource // empty) | length), (map(.audit // empty) | length > 1)]' "$T/account")" '[2,true]'
both 41 600 >>"$T/log/n.log"
happens 30 "more come" seen m 600 --where url=/home/bob
check "an export while events come" eval 'person export "$T/bob" --where url=/home/bob && [ "$(grep -c "\"event\":" "$T/bob")" = 600 ]'

# ---- who may, and what is written ----
jq -r '"api-version: v1\napi-secret-key: \(.secretKey)"' "$T/session" >"$T/alice.headers"
for path in find export resources audit; do
    is "an auditor may not: $path" "$(HEADERS=$T/alice.headers api_status m POST persons/$path '{"where":[{"field":"user","value":"x"}]}')" 403
done
is "looking is one entry, with the fields" "$(entries --action person.find | jq -c 'select(.entry.fields == ["url"]) | .entry.kind' | head -1)" '"events"'
is "an export is an export" "$(entries --action person.export | jq -c 'select(.entry.fields == ["url"]) | [.entry.kind, .entry.outcome]' | head -1)" '["events","done"]'
check "and a read" eval '[ "$(entries --action person.read | wc -l)" -ge 3 ]'
is "the values stand nowhere in them" "$(entries --action 'person.*' | grep -cE 'alice|/home/')" 0

# ---- correct ----
is "whose, and what, must be said" "$(person correct --where user=7 >/dev/null 2>&1; echo $?) $(person correct --set user=7 >/dev/null 2>&1; echo $?)" "2 2"
is "without a terminal it is to be said" "$(person correct --where user=7 --set user=7x >/dev/null 2>&1; echo $?)" 2
like "the raw line is not corrected" "$(person correct --where user=7 --set raw=x --yes 2>&1)" 'the raw line is evidence'
like "nor what is not personal" "$(person correct --where user=7 --set program=x --yes 2>&1)" 'no field with personal data'
before=$(cli m events --format json --where url=/home/bob | jq -c '[.evidences[0].user.name, .raw_data] | select(.[0] == "7")')
bobs=$(person find --where url=/home/bob --json | jq .events.count)
jobs=$(process m jobs)
kill -STOP "$jobs"
person correct --where url=/home/bob --where user=7 --set user=seven --set src_ip=192.0.2.7 --note "read wrongly" --yes --no-wait >/dev/null 2>&1
kill -KILL "$jobs" # before it has begun
check "the wait goes on by ID until it is done" eval 'for _ in $(seq 60); do person correct --status 1 2>/dev/null | grep -q "correction 1: done, 1 events" && break; sleep 0.5; done; person correct --status 1 | grep -q done'
fixed=$(cli m events --format json --where url=/home/bob --where user=seven)
is "the event is found by what it holds now" "$(jq -r '[.evidences[0].user.name, .evidences[0].src_endpoint.ip] | join(" ")' <<<"$fixed")" "seven 192.0.2.7"
is "its raw line is as it was" "$(jq -r .raw_data <<<"$fixed")" "$(jq -r '.[1]' <<<"$before")"
entry=$(person correct --status 1 --json | jq .auditID)
like "it bears when, and by which entry" "$(jq -r '.unmapped.corrected[]' <<<"$fixed")" "^audit entry $entry: user, src_ip, 20[0-9-]+T[0-9:]+Z \\(read wrongly\\)\$"
is "which says who asked, by the names of the fields alone" "$(entries | jq -c --argjson n "$entry" 'select(.ID == $n) | .entry | [.action, .outcome, .detail]')" '["person.correct","done","by url, user, set user, src_ip"]'
is "nobody is there by the former value" "$(person find --where url=/home/bob --where user=7 --json | jq .events.count)" 0
is "and everybody else as before" "$(person find --where url=/home/bob --json | jq .events.count) $(person find --where url=/home/alice --where user=7 --json | jq .events.count)" "$bobs 1"
is "each event once" "$(cli m events --format json --where url=/home/bob | jq -r .ID | sort -u | wc -l)" "$bobs"
is "it is corrected again" "$(person correct --where user=seven --set user=7 --yes --json 2>/dev/null | jq -c '[.state, .events]')" '["done",1]'
is "and bears both" "$(cli m events --format json --where url=/home/bob --where user=7 | jq '.unmapped.corrected | length')" 2
check_not "no value stands in the record" eval 'entries | grep -F "192.0.2.7"'

# ---- erase ----
total() { cli m person find --where "url=$1" --json | jq .events.count; }
copy_kept() { # what an adversary may have: database and vault; and the ring, which is the control below
    stop m && cp -a "$T/m" "$T/copy" && cp -a "$T/m.keyring" "$T/old.ring" && manager_start m
}
is "who may erase has full access" "$(HEADERS=$T/alice.headers api_status m POST persons/erase '{"where":[{"field":"url","value":"/home/alice"}]}')" 403
is "without a terminal nothing is done unless told so" "$(person erase --where url=/home/alice >/dev/null 2>&1; echo $?)" 2
said=$(person erase --where user=alice --yes 2>&1)
is "an account goes first" "$? $(api m GET persons/erasures | jq -c .)" '1 {"erasures":[]}'
like "which is named" "$said" 'remove first.*administrators [0-9]+, apikeys [0-9]+'
typed() { printf '%s\n' "$1" | (cd "$T" && script -qec "env HINOMI_PROFILE='$T/m.profile' '$build/hinomi' person erase --where url=/home/alice --no-wait" /dev/null); }
like "on a terminal it is shown what there is" "$(typed no)" 'Events: 600 from.*'
is "and nothing is done without a yes" "$(total /home/alice) $(api m GET persons/erasures | jq '.erasures | length')" "600 0"
cli m tenant export --output "$T/export" --quiet
is "exports are listed" "$(api m GET exports | jq '.exports | length')" 1
check "copies are taken" copy_kept
both 601 640 >>"$T/log/n.log"
happens 30 "all of it is there" seen m 640 --where url=/home/alice
(for i in {641..800}; do numbers "$i" "$i" /home/bob; sleep 0.05; done >>"$T/log/n.log") &
writer=$!
check_not "a certificate is written over nothing" person erase --where url=/home/alice --yes --certificate "$T/export"
said=$(cd "$T" && person erase --where url=/home/alice --yes --json 2>"$T/told")
is "it is erased while others' events come" "$(jq -c '[.ID, .state, .events, .file]' <<<"$said")" '[1,"done",640,"erasure-1.json"]'
like "told how far it is" "$(tr '\n' ' ' <"$T/told")" 'accepted.*shredding'
is "nothing of the person is found" "$(total /home/alice) $(cli m events --format json --where url=/home/alice | wc -l)" "0 0"
is "nor by what stood in the line" "$(cli m events --format json --where user=7 | grep -c alice)" 0
wait $writer
happens 30 "the other has all of it" all_there m /home/bob 1 800
is "each event once" "$(total /home/bob)" 800
verify() { env -i "$build/hinomi" certificate verify "$1" --fingerprint "${fingerprints[m]}" "${@:2}"; }
is "the certificate is its owner's alone" "$(stat -c %a "$T/erasure-1.json")" 600
check "it holds, without a manager" verify "$T/erasure-1.json"
said=$(verify "$T/erasure-1.json" --json)
is "and says what was erased" "$(jq -c '.certificate | [.kind, .erased.events, .erased.exports, .selected[0].field, (.keys[] | .kind + " " + .state)]' <<<"$said")" \
    '["person",640,1,"url","wrapping destroyed","tenant destroyed","table destroyed"]'
check "in more than none of the segments" eval 'jq -e ".certificate.erased.segments > 0" <<<"$said"'
selected() { jq -r ".certificate.selected[0].$1" <<<"$said"; }
is "by a digest of the value alone" "$( (printf 'hinomi certificate value v1\n'; xxd -r -p <<<"$(selected salt)"; printf 'url\0/home/alice') | sha256sum | cut -d' ' -f1) $(grep -c /home/alice "$T/erasure-1.json")" "$(selected digest) 0"
sed 's/"events": [0-9]*/"events": 7/' "$T/erasure-1.json" >"$T/changed"
like "changed it does not hold" "$(verify "$T/changed" 2>&1)" altered
is "the record tells of both ends, without the value" "$(entries --action 'person.erase*' | jq -r .entry.action | sort | tr '\n' ' ')$(entries --action 'person.erase*' | grep -c /home/)" "person.erase person.erased 0"
check_not "an export of before does not open" cli m tenant open "$T/export"
is "a new one does, without the person" "$(cli m tenant export --output "$T/export2" --quiet && cli m tenant open "$T/export2" --quiet | grep -c 'line [0-9]* of /home/alice'; cli m tenant open "$T/export2" --quiet | grep -c 'line [0-9]* of /home/bob')" "$(printf '0\n800')"

# ---- cut off ----
both 801 830 >>"$T/log/n.log"
happens 30 "more of both come" seen m 30 --where url=/home/alice
is "it is accepted" "$(person erase --where url=/home/alice --yes --no-wait --json 2>/dev/null | jq .ID)" 2
for i in 1 2 3; do
    kill -9 "$(process m jobs)"
    sleep "$i.$((RANDOM % 9))"
done
erased() { [ "$(person erase --status "$1" --json | jq -r .state)" = done ]; }
check "killed three times, it ends" wait_for 60 erased 2
is "once" "$(entries --action person.erased | jq -s 'map(select(.entry.object == 2)) | length') $(cli m certificate list --json | jq '.certificates | length')" "1 2"
check "its certificate is had later, too" person erase --status 2 --certificate "$T/second.json"
is "and counts what there was" "$(verify "$T/second.json" --json | jq -c .certificate.erased.events) $(total /home/alice) $(total /home/bob)" "30 0 830"

# ---- the copy ----
stop a # it would send the copy what came after
check "the manager ends in order" stop m
copy() { # RING: a manager on the copy with this ring
    rm -rf "$T/c" "$T/c.keyring" "$T/c.log"
    cp -a "$T/copy" "$T/c" && cp -a "$1" "$T/c.keyring" && sed -i "s|$T/m.keyring|$T/c.keyring|" "$T/c/manager.json"
    cp "$T/m.init.json" "$T/c.init.json" && cp "$T/m.headers" "$T/c.headers"
    urls[c]=${urls[m]}
    manager_start c
}
check "with the ring of that time a copy still opens, as the certificate says" copy "$T/old.ring"
is "and has the person" "$(total /home/alice)" 600
stop c
check_not "with the present ring it does not serve" copy "$T/m.keyring"
check "for want of a key" logged c 'the store cannot be unlocked: authentication failed'
stop c 2>/dev/null
unset "urls[c]"
done_testing
