#!/bin/bash
# What a credential opens ends when the credential does: accounts that are closed or lose their role, passwords that are
# changed, live streams, one-time passwords used twice at once, first keys of agents, holds.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"

manager_init m && manager_start m && sign_in m || bail "a manager runs"

as() { # SECRET METHOD PATH [BODY] -> HTTP status
    local secret=$1
    shift
    (umask 077 && printf 'api-version: v1\napi-secret-key: %s\n' "$secret" >"$T/as.headers.$BASHPID" &&
        HEADERS="$T/as.headers.$BASHPID" api m "$@" >/dev/null)
    cat "$T/status"
}
signed_in() { # USER PASSWORD [NEW] -> secret of the key
    api m POST sessions "$(jq -n --arg u "$1" --arg p "$2" --arg n "${3:-}" '{username: $u, password: $p} + if $n == "" then {} else {newPassword: $n} end')" |
        jq -r .secretKey
}
hired() { # USER -> ID; the password is "first of USER"
    api m POST administrators "{\"username\":\"$1\",\"password\":\"the first of $1\",\"roleID\":1}" | jq -r .ID
}
change() { api m POST "administrators/$1" "$2" >/dev/null; }

# Somebody without a certificate who says nothing: looked at when all the rest is done.
openssl s_client -quiet -connect "${agents_urls[m]#https://}" -alpn hinomi-agent < <(sleep 60) >/dev/null 2>&1 &
mute=$!

# ---- accounts ----
id=$(hired bob)
key=$(signed_in bob "the first of bob" "bob's own words")
is "what was signed in for opens" "$(as "$key" GET administrators)" 200
change "$id" '{"roleID":2}'
is "a lesser role counts at once" "$(as "$key" GET administrators)" 403
is "for what it does not permit" "$(as "$key" GET policies)" 200
change "$id" '{"roleID":1}'
change "$id" '{"active":false}'
is "a closed account ends its keys" "$(as "$key" GET policies)" 401
change "$id" '{"active":true}'
is "for good" "$(as "$key" GET policies)" 401
key=$(signed_in bob "bob's own words")
is "who signs in again has a new one" "$(as "$key" GET policies)" 200
newer=$(signed_in bob "bob's own words" "bob's other words")
is "a changed password ends the keys of the one before" "$(as "$key" GET policies)" 401
is "and the one it was changed with stays" "$(as "$newer" GET policies)" 200
change "$id" '{"password":"set by another"}'
is "one that is set by another ends all" "$(as "$newer" GET policies)" 401
key=$(signed_in bob "set by another" "bob's third words")
check "a key of no account is not meant" [ "$(as "$(init_value m apiKey)" GET administrators)" = 200 ]

# ---- live streams ----
follow() { # SECRET: ends when the stream does
    curl -sN --max-time 90 --cacert "$T/m/ca.pem" -H 'api-version: v1' -H "api-secret-key: $1" "${urls[m]}/api/events/stream" >>"$T/stream" 2>&1
}
followed() { # DESCRIPTION SECRET COMMAND...: the stream is there, and ends by the command
    local what=$1 secret=$2 pid
    shift 2
    : >"$T/stream"
    follow "$secret" &
    pid=$!
    wait_for 30 grep -q 'events follow' "$T/stream" || { not_ok "$what: a stream"; return; }
    "$@"
    happens 30 "$what" eval "! kill -0 $pid 2>/dev/null"
    kill "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
}
new_key() { api m POST apikeys "{\"keyName\":\"$1\",\"roleID\":2,\"active\":true}" >"$T/key.json"; jq -r .secretKey "$T/key.json"; }
change_key() { api m POST "apikeys/$(jq .ID "$T/key.json")" "$1" >/dev/null; }
delete_account() { api m DELETE "administrators/$id" >/dev/null; }
secret=$(new_key inactive)
followed "a stream ends when its key is made inactive" "$secret" change_key '{"active":false}'
secret=$(new_key demoted)
followed "or loses the right" "$secret" change_key '{"roleID":3}'
secret=$(new_key shortened)
followed "or expires earlier than it was to" "$secret" change_key "{\"expiryDate\":$(($(now_msec) + 3000))}"
followed "or its administrator is deleted" "$key" delete_account
is "whose key opens nothing any more" "$(as "$key" GET policies)" 401

# ---- a one-time password, by several at once ----
hired dan >/dev/null
for i in 1 2 3 4 5 6; do
    (HEADERS=$T/m.headers api m POST sessions "{\"username\":\"dan\",\"password\":\"the first of dan\",\"newPassword\":\"words of dan $i\"}" |
        jq -r '.secretKey // empty' >"$T/dan.$i") &
done
wait $(jobs -p | grep -vxF "$(printf '%s\n' "$mute" "${pids[@]}")")
is "a one-time password is good for one of several at once" "$(cat "$T"/dan.[1-6] | grep -c .)" 1

# ---- the first key of an agent ----
waiting() { "$build/hinomi-agent" enrol --state "$T/$1" --manager "${agents_urls[m]}" --ca-fingerprint "${fingerprints[m]}" --log-root "$T/log" --no-wait "${@:2}" >>"$T/$1.out" 2>>"$T/$1.log"; }
copy() { cp -a "$T/a" "$T/$1" && cp -a "$T/a.key" "$T/$1.key"; }
waiting a
copy first && copy later && copy token && copy held
check "an agent that waited is approved" cli m computer approve 1
check "and has its certificate" waiting a
check "which it may ask for again until it has spoken" waiting first
check "it runs" agent_start a
check_not "then its first key brings no other certificate" waiting later
good=$(init_value m enrolmentToken)
printf '%s\n' "$good" >"$T/good"
api m GET computers/1 >"$T/before"
# The first copy has a certificate of its own and says hello with a counter that was used: a clone.
launch first "$build/hinomi-agent" run --state "$T/first"
held() { [ "$(api m GET computers/1 | jq -r .enrolment)" = held ]; }
happens 20 "two with one identity are held" held
stop first
waiting held --token-file "$T/good"
is "a token does not lift that" "$(api m GET computers/1 | jq -r .enrolment)" held

# ---- the TLS policy: what the listeners accept, what was negotiated ----
report() { cli m tls report --json "$@" >"$T/tls.json" 2>>"$T/tls.err"; }
check "listeners and sessions are as the TLS policy says" report
is "each listener was tried with all there is to try" "$(jq -r '.listeners[] | [.link, (.offers | length), (.offers | map(select(.tried)) | length)] | @tsv' "$T/tls.json" | xargs)" "api 8 8 agents 8 8"
is "and accepts TLS 1.3 as listed, nothing else" "$(jq -r '.listeners[].offers[] | select(.accepted) | .name' "$T/tls.json" | xargs)" "TLS 1.3 TLS 1.3"
is "the API's sessions were all TLS 1.3" "$(jq -r '.links[] | select(.name == "api").sessions | .versions[0].name, (.versions | length), .versions[0].count == .count, .count > 10' "$T/tls.json" | xargs)" "TLSv1.3 1 true true"
check "so were the agents', and their groups and suites are told" jq -e '.links[] | select(.name == "agents").sessions | .count > 0 and (.versions | length) == 1 and (.groups | map(.count) | add) == .count and (.suites | map(.count) | add) == .count' "$T/tls.json"
is "what is no TLS is not listed as such" "$(jq -r '.links[] | select(.minimum == null).protocol' "$T/tls.json" | grep -c TLS)" 0
speaks() { openssl s_client -connect "$1" "${@:2}" </dev/null 2>&1 | grep -q '^New, TLSv1'; }
for where in "${urls[m]#https://}" "${agents_urls[m]#https://}"; do
    check "$where: openssl agrees on TLS 1.3" speaks "$where" -tls1_3
    for offer in "-tls1_2" "-tls1_1 -cipher ALL:@SECLEVEL=0" "-tls1 -cipher ALL:@SECLEVEL=0" "-tls1_3 -ciphersuites TLS_AES_128_CCM_SHA256" "-tls1_3 -groups P-521"; do
        check_not "$where: and that it refuses $offer" speaks "$where" $offer
    done
done
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=loose -keyout "$T/loose.key" -out "$T/loose.pem" 2>/dev/null
openssl s_server -accept 127.0.0.1:0 -cert "$T/loose.pem" -key "$T/loose.key" -cipher ALL:@SECLEVEL=0 -naccept 16 >"$T/loose.log" 2>&1 < <(sleep 60) &
loose=$!
wait_for 5 grep -q '^ACCEPT' "$T/loose.log"
check_not "a listener that permits more is a deviation" report --agents "$(sed -n 's/^ACCEPT //p' "$T/loose.log" | head -1)"
check "and it says which" jq -e '.deviations > 0 and (.listeners[] | select(.link == "agents").offers[] | select(.name == "TLS 1.2, AEAD with ECDHE") | .accepted and .deviation) and ([.listeners[] | select(.link == "api").offers[] | select(.deviation)] | length) == 0' "$T/tls.json"
kill "$loose"
check_not "one that is not there is not passed over" report --agents 127.0.0.1:1
cli m tls report >"$T/tls.txt" 2>&1
check_not "its text has no escaped line ends" grep -F '\u000a' "$T/tls.txt"
is "a malformed address is told" "$(cli m tls report --agents '127.0.0.1:x' 2>&1 | grep -c .)" 1

happens 25 "a connection that never says anything is closed" eval "! kill -0 $mute 2>/dev/null"

done_testing
