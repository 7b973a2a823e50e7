#!/bin/bash
# What must be refused is: tokens, certificates, clones, keys, old TLS, nonsense; each counted and in the audit record.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"

manager_init m && manager_start m && sign_in m && watch m "$T/log/*.log" || bail "a manager runs"
manager_init other && manager_start other && sign_in other || bail "another manager runs"
ok "two managers run"

# ---- enrolment ----
enrol_with() { # TOKEN NAME [OPTIONS...]
    local TOKEN=$1 name=$2
    shift 2
    agent_enrol m "$name" "$@"
}
refused_token() { # DESCRIPTION TOKEN
    check_not "$1 is refused" enrol_with "$2" "bad$count"
    [ ! -e "$T/bad$((count - 1))" ] || like "and the agent says so" "$(cat "$T/bad$((count - 1)).log")" 'refuse|token'
}
good=$(init_value m enrolmentToken)
refused_token "a made-up token" "nonsense"
refused_token "another manager's token" "$(init_value other enrolmentToken)"
refused_token "a token with one letter changed" "$(sed 's/.$//' <<<"$good")$(case $good in *a) echo b ;; *) echo a ;; esac)"
short=$(cli m computer token --ttl 1s)
sleep 2
refused_token "an expired token" "$short"
once=$(cli m computer token --uses 1)
check "a token for one agent admits one" enrol_with "$once" once
refused_token "and no second" "$once"
agents_urls[mixed]=${agents_urls[m]} fingerprints[mixed]=${fingerprints[other]}
cp "$T/m.init.json" "$T/mixed.init.json"
check_not "another authority's fingerprint is refused by the agent" agent_enrol mixed wrongca
check "refused tokens are in the audit record" eval '[ "$(audited m "enrolment token" | grep -c refused)" -ge 5 ]'
check "no token stands in it" eval '! audited m . | grep -qF -e "$good" -e "$once" -e "$short"'

# ---- approval ----
before=$(api m GET computers | jq '.computers | length')
pending() { "$build/hinomi-agent" enrol --state "$T/waiting" --manager "${agents_urls[m]}" --ca-fingerprint "${fingerprints[m]}" --log-root "$T/log" --no-wait; }
pending >/dev/null 2>&1
is "without a token the agent waits" "$?" 3
computers=$(api m GET computers)
is "the computer stands in the list" "$(jq '.computers | length' <<<"$computers")" $((before + 1))
waiting=$(jq '.computers[] | select(.enrolment == "pending") | .ID' <<<"$computers")
check "as pending" [ -n "$waiting" ]
pending >/dev/null 2>&1
is "asking again is no second computer" "$(api m GET computers | jq '.computers | length')" $((before + 1))
check_not "an agent that waits does not run" timeout 10 "$build/hinomi-agent" run --state "$T/waiting"
check "it is approved" cli m computer approve "$waiting"
check "then it is enrolled" pending
check "and runs" agent_start waiting
line approved >>"$T/log/a.log"
happens 10 "and its events come" seen_some m --where user=approved
check "approval is in the audit record" audited m 'computer.*approve'

# ---- revocation ----
check "it is revoked" cli m computer revoke "$waiting"
sleep 1
line revoked >>"$T/log/a.log"
wait_for 10 logged waiting 'refused|revoked'
check "a revoked agent is told" logged waiting 'refused|revoked'
agent_stop waiting
launch waiting "$build/hinomi-agent" run --state "$T/waiting"
sleep 4
check "its events are not taken, after a restart neither" seen m 0 --where user=revoked
is "the list says revoked" "$(api m GET "computers/$waiting" | jq -r .enrolment)" revoked
check "it can be deleted" cli m computer delete "$waiting"
stop waiting
check "the refusal is in the audit record" audited m 'refused.*revoked|revoked.*refused'

# ---- a copy of an agent ----
check "an agent runs" eval 'agent_enrol m a && agent_start a'
line before-clone >>"$T/log/a.log"
happens 10 "its events come" seen_some m --where user=before-clone
agent_stop a
cp -a "$T/a" "$T/b"
cp -a "$T/a.key" "$T/b.key"
agent_start a
launch b "$build/hinomi-agent" run --state "$T/b"
happens 20 "a copied folder is noticed: an event" seen_some m --where state=6
mine=$(api m GET computers | jq '.computers[] | select(.enrolment == "held") | .ID')
check "the computer is held" [ -n "$mine" ]
happens 10 "the original is told" logged a 'held'
happens 10 "so is the copy" logged b 'held'
line held >>"$T/log/a.log"
sleep 2
check "what they find while held waits" seen m 0 --where user=held
stop b
rm -rf "$T/b"
check "one is approved" cli m computer approve "${mine:-0}"
happens 70 "and what it found comes, once" seen m 1 --where user=held
# A folder put back from a backup: its counter is lower than the last one seen.
agent_stop a
cp -a "$T/a" "$T/backup"
for _ in 1 2; do
    agent_start a
    agent_stop a
done
rm -rf "$T/a"
mv "$T/backup" "$T/a"
touch "$T/a.watches"
before=$(events m --where state=6)
launch a "$build/hinomi-agent" run --state "$T/a"
happens 20 "an old copy of the folder is noticed by its counter" eval '[ "$(events m --where state=6)" -gt '"$before"' ]'
cli m computer approve "${mine:-0}" >/dev/null
line restored >>"$T/log/a.log"
happens 70 "and goes on when approved" seen_some m --where user=restored
# A copy made while the original runs: its counter is right, so the manager asks the first one whether it is still there.
clones() { events m --where state=6; }
copy() {
    rm -rf "$T/b" "$T/b.key"
    cp -a "$T/a" "$T/b"
    cp -a "$T/a.key" "$T/b.key"
    : >"$T/b.log"
}
before=$(clones)
first=$(process a uplink)
copy
kill -STOP "$first" # as after a crash of the machine, or when the network changed
launch b "$build/hinomi-agent" run --state "$T/b"
happens 15 "a first session that is silent for 5 s is replaced" logged b 'connected to'
is "without an event" "$(clones)" "$before"
stop b
kill -CONT "$first"
sleep 1
agent_stop a
before_held=$(grep -c 'held' "$T/a.log")
launch a "$build/hinomi-agent" run --state "$T/a" # its counter is now behind the one that was heard last
happens 20 "the replaced one is held when it comes back" eval '[ "$(grep -c held "$T/a.log")" -gt '"$before_held"' ]'
cli m computer approve "${mine:-0}" >/dev/null
line both-live >>"$T/log/a.log"
happens 70 "and goes on when approved" seen_some m --where user=both-live
before=$(clones)
copy
launch b "$build/hinomi-agent" run --state "$T/b"
happens 20 "when the first one answers there are two: an event" eval '[ "$(clones)" -gt '"$before"' ]'
is "and the computer is held" "$(api m GET "computers/${mine:-0}" | jq -r .enrolment)" held
happens 10 "the copy is told" logged b 'held'
stop b
agent_stop a
cli m computer approve "${mine:-0}" >/dev/null

# ---- keys of the API ----
with_key() { # KEY -> HTTP status of a read
    (umask 077 && printf 'api-version: v1\napi-secret-key: %s\n' "$1" >"$T/try.headers")
    HEADERS="$T/try.headers" api_status m "${2:-GET}" "${3:-computers}" ${4+"$4"}
}
is "no key" "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$T/m/ca.pem" -H 'api-version: v1' "${urls[m]}/api/computers")" 401
is "a wrong key" "$(with_key hin_key_wrong)" 401
is "another manager's key" "$(with_key "$(init_value other apiKey)")" 401
made=$(api m POST apikeys '{"keyName":"short","roleID":2,"expiryDate":'$(($(now_msec) + 5000))'}')
key=$(jq -r .secretKey <<<"$made")
is "a fresh key reads" "$(with_key "$key")" 200
is "an auditor's key does not write" "$(with_key "$key" POST policies '{"name":"x"}')" 403
expired() { [ "$(with_key "$key")" = 401 ]; }
happens 10 "an expired key" expired
made=$(api m POST apikeys '{"keyName":"deleted","roleID":1}')
key=$(jq -r .secretKey <<<"$made")
is "a key that is about to go reads" "$(with_key "$key")" 200
api m DELETE "apikeys/$(jq .ID <<<"$made")" >/dev/null
is "a deleted key" "$(with_key "$key")" 401
is "a deleted key, asked of every worker" "$(for _ in 1 2 3 4 5 6; do with_key "$key"; done | sort -u)" 401
made=$(api m POST apikeys '{"keyName":"metrics","roleID":3}')
is "a metrics key sees no computers" "$(with_key "$(jq -r .secretKey <<<"$made")")" 403
check "a key is shown once" eval '! api m GET apikeys | grep -q hin_key_'
is "api-version is needed" "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$T/m/ca.pem" -H "api-secret-key: $(init_value m apiKey)" "${urls[m]}/api/computers")" 400
check "refused keys are in the audit record" eval '[ "$(audited m "\"outcome\":\"refused\"" | grep -c "api.request")" -ge 5 ]'
check "and in the counters" eval 'api m GET metrics | grep -E "^hinomi_api_refusals_total{worker=\"[0-9]+\"} [1-9]"'
is "health needs no key" "$(curl -s --cacert "$T/m/ca.pem" "${urls[m]}/api/health" | jq -r .status)" ok

# ---- nonsense ----
is "JSON that is none" "$(api_status m POST policies '{"name":')" 400
is "an array in place of an object" "$(api_status m POST policies '[]')" 400
is "a member twice" "$(api_status m POST policies '{"name":"a","name":"b"}')" 400
is "an unknown member" "$(api_status m POST policies '{"name":"a","colour":"red"}')" 400
like "named" "$(api m POST policies '{"name":"a","colour":"red"}' | jq -r .message)" colour
is "a wrong type" "$(api_status m POST policies '{"name":7}')" 400
is "an unknown search field" "$(api_status m POST policies/search '{"searchCriteria":[{"fieldName":"colour","stringValue":"red"}]}')" 400
is "an unknown where" "$(api_status m GET 'events?where=raw=x')" 400
is "an unknown parameter's value" "$(api_status m GET 'events?limit=-1')" 400
is "no such object" "$(api_status m GET policies/4711)" 404
is "no such resource" "$(api_status m GET nothings)" 404
is "a method that is not served" "$(api_status m DELETE events)" 405
is "a body over the limit" "$(head -c 3000000 /dev/zero | tr '\0' ' ' | curl -s -o /dev/null -w '%{http_code}' --cacert "$T/m/ca.pem" -H @"$T/m.headers" --data-binary @- "${urls[m]}/api/policies")" 413
is "a head over the limit" "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$T/m/ca.pem" -H @"$T/m.headers" -H "x: $(head -c 40000 /dev/zero | tr '\0' x)" "${urls[m]}/api/policies")" 431
is "and the manager still serves" "$(api_status m GET computers)" 200

# ---- wrong passwords ----
sign() { api_status m POST sessions "{\"username\":\"admin\",\"password\":\"$1\"}"; }
is "a wrong password" "$(sign wrong-password-1)" 401
is "an unknown name" "$(api_status m POST sessions '{"username":"nobody","password":"wrong-password-1"}')" 401
for _ in 1 2 3 4; do sign wrong-password-2 >/dev/null; done
check "five wrong ones lock the account, for the right one too" [ "$(sign "$(init_value m oneTimePassword)")" != 409 ]
check "refused sign-ins are in the audit record" audited m 'sign.*refused|refused.*sign'

# ---- TLS ----
tls() { # URL OPTIONS... -> what was agreed, or nothing
    local address=${1#https://}
    shift
    timeout 10 openssl s_client -connect "$address" -CAfile "$T/m/ca.pem" "$@" </dev/null 2>/dev/null | sed -n 's/^New, \(.*\), Cipher is \(.*\)/\1 \2/p' | grep -v NONE
}
for port in "${urls[m]}" "${agents_urls[m]}"; do
    what=$([ "$port" = "${urls[m]}" ] && echo API || echo agents)
    like "$what: TLS 1.3 is spoken" "$(tls "$port" -tls1_3)" 'TLSv1.3 TLS_(AES|CHACHA)'
    is "$what: TLS 1.1 is not" "$(tls "$port" -tls1_1 -cipher 'ALL:@SECLEVEL=0')" ""
    is "$what: TLS 1.0 is not" "$(tls "$port" -tls1 -cipher 'ALL:@SECLEVEL=0')" ""
    is "$what: nor CBC" "$(tls "$port" -tls1_2 -cipher 'ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES256-SHA:@SECLEVEL=0')" ""
    is "$what: nor key exchange without forward secrecy" "$(tls "$port" -tls1_2 -cipher 'AES256-GCM-SHA384:AES128-GCM-SHA256:@SECLEVEL=0')" ""
    is "$what: plain HTTP gets nothing" "$(curl -s --max-time 5 -o /dev/null -w '%{http_code}' "http://${port#https://}/api/health")" 000
done
# A certificate of nobody we know.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/O=$(api m GET status | jq -r .tenant)/CN=00000000-0000-4000-8000-000000000001" \
    -keyout "$T/foreign.key" -out "$T/foreign.pem" 2>/dev/null
(sleep 2) | timeout 10 openssl s_client -connect "${agents_urls[m]#https://}" -CAfile "$T/m/ca.pem" -cert "$T/foreign.pem" -key "$T/foreign.key" -alpn hinomi-agent >"$T/foreign.out" 2>&1
like "an unknown authority's certificate ends the handshake" "$(cat "$T/foreign.out")" 'alert|unknown ca|errno|closed|error'
printf 'GET / HTTP/1.1\r\n\r\n' | timeout 10 openssl s_client -quiet -connect "${agents_urls[m]#https://}" -CAfile "$T/m/ca.pem" >"$T/noise.out" 2>&1
is "the manager lives on after nonsense on the agents' port" "$(api_status m GET computers)" 200
check "which is counted" eval 'api m GET metrics | grep -E "^hinomi_[a-z_]*(refus|protocol|handshake)[a-z_]*(\{[^}]*\})?_?(total)?(\{[^}]*\})? [1-9]"'

# ---- one folder, one program ----
agent_start a
check_not "a second agent in one folder is refused" timeout 10 "$build/hinomi-agent" run --state "$T/a"
check_not "enrolling twice in one folder is refused" agent_enrol m a
check_not "a second manager in one folder is refused" timeout 10 "$build/hinomi-manager" run --state "$T/m"
for program in hinomi hinomi-agent hinomi-manager; do
    "$build/$program" --no-such-option >/dev/null 2>&1
    is "$program: usage errors exit with 2" "$?" 2
done
check "the audit record is in order and without gaps" eval '[ "$(api m GET "audit?limit=5000" | jq "[.audit[].ID] | (first - last + 1) == length")" = true ]'
done_testing
