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
check "all of it is exported" person export "$T/alice" --where url=/home/alice
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
done_testing
