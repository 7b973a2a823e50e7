#!/bin/bash
# ./run on a state folder of its own: what a user sees the first time, and after the key that init printed was deleted, as
# the manual says to do: the host stays watched, ./run says what is missing, and a sign-in brings the events back.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"

export HINOMI_STATE=$T/state HINOMI_API=127.0.0.1:0 HINOMI_AGENTS=127.0.0.1:0 HINOMI_LOG_ROOTS=$T/log
profile=$HINOMI_STATE/profile.json
run_start() { # stdout and stderr of this start alone, in $T/run.log
    : >"$T/run.log"
    setsid "$here/run" >>"$T/run.log" 2>&1 </dev/null &
    pids[run]=$!
}
printed() { grep -qE -- "$1" "$T/run.log"; }
url() { cat "$HINOMI_STATE/api"; }
call() { # PROFILE METHOD PATH: with its key
    printf 'api-version: v1\napi-secret-key: %s\n' "$(jq -r .apiKey "$1")" >"$T/headers"
    shift
    curl -sf --max-time 20 --cacert "$HINOMI_STATE/manager/ca.pem" -H @"$T/headers" -X "$1" "$(url)/api/$2"
}
program() { HINOMI_PROFILE=$profile "$build/hinomi" "$@"; }
agent_runs() { "$build/hinomi-agent" status --state "$HINOMI_STATE/agent" | grep -q ': running'; }

run_start
happens 60 "the first start shows events" printed "^ID .*TIME" # it builds what is not built
check "and a one-time password" printed 'one-time password  [^ ]'
happens 20 "the agent runs" agent_runs
password=$(sed -n 's/.*one-time password  \([^ ]*\).*/\1/p' "$T/run.log")

check "health needs no profile" eval 'HINOMI_PROFILE=$T/none "$build/hinomi" health "$(url)" --ca-fingerprint "$(cat "$HINOMI_STATE/caFingerprint")" | grep -q ok'
is "health as JSON" "$(program health --json | jq -r .status)" ok
check_not "another authority is no health" "$build/hinomi" health "$(url)" --ca-fingerprint "$(printf '0%.0s' {1..64})"

printf '%s\na password of my own\n' "$password" >"$T/password"
sed -n 2p "$T/password" >"$T/later"
login() { "$build/hinomi" login "$(url)" --ca-fingerprint "$(cat "$HINOMI_STATE/caFingerprint")" --password-file "$1"; }
check "a person signs in" eval 'HINOMI_PROFILE=$T/person login "$T/password"'
# It is the first key holder's: nobody else deletes it, it ends itself.
check_not "whose key does not delete the one that init printed" call "$T/person" DELETE apikeys/1
check "which ends itself" call "$profile" DELETE sessions/current
happens 20 "while it runs, ./run says that the key is not taken" printed 'is not taken \(any more\)'
check "health needs no key either" program health
check_not "the key is refused" program status
check "./run ends" stop run

run_start
happens 20 "the next start tells a refused key from a manager that is away" printed 'is not taken \(any more\)'
check_not "which answers" printed 'does not answer'
happens 10 "in the manager's words" printed 'the manager answered 401'
happens 10 "and says how to sign in" printed 'hinomi login https://127.0.0.1:[0-9]+ --ca-fingerprint [0-9a-f]{64} --administrator admin'
happens 20 "the agent runs all the same" agent_runs

check "a sign-in" eval 'HINOMI_PROFILE=$profile login "$T/later"'
happens 20 "brings the events back" printed "^ID .*TIME"
check "./run ends again" stop run

rm "$profile"
run_start
happens 20 "without a profile it says so too" printed 'log in first with'
happens 20 "and the agent runs" agent_runs
check "./run ends once more" stop run
check "nothing it started is left" eval '! pgrep -f "$HINOMI_STATE"'
done_testing
