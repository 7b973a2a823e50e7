#!/bin/bash
# Starts the real manager (and agent) in a folder of its own and drives the API with curl. Prints TAP.
# usage: manager_api.sh BUILD_FOLDER
set -u
build=$(realpath "${1:-build}")
folder=$(mktemp -d /tmp/hinomi-manager-api.XXXXXX)
count=0
failed=0
manager_pid=
agent_pid=

finish() {
    [ -n "$agent_pid" ] && kill "$agent_pid" 2>/dev/null && wait "$agent_pid" 2>/dev/null
    [ -n "$manager_pid" ] && kill "$manager_pid" 2>/dev/null && wait "$manager_pid" 2>/dev/null
    if [ "$failed" -gt 0 ]; then
        sed 's/^/# manager: /' "$folder/manager.log" | tail -20
        [ -f "$folder/agent.log" ] && sed 's/^/# agent: /' "$folder/agent.log" | tail -20
    fi
    rm -rf "$folder"
}
trap finish EXIT

ok() { # ok NAME: takes the status of the command before
    local status=$?
    count=$((count + 1))
    if [ "$status" -eq 0 ]; then
        echo "ok $count - $1"
    else
        failed=$((failed + 1))
        echo "not ok $count - $1"
        printf '%s\n' "${answer:-}" | head -c 600 | sed 's/^/# /'
        echo
    fi
}

# call METHOD PATH [BODY]: $status and $answer
call_with() {
    local key=$1 method=$2 path=$3 body=${4-}
    local args=(-sS --max-time 20 --cacert "$state/ca.pem" -X "$method" -o "$folder/answer" -w '%{http_code}' -H 'api-version: v1')
    [ -n "$key" ] && args+=(-H "api-secret-key: $key")
    [ -n "$body" ] && args+=(-H 'content-type: application/json' --data-binary "$body")
    : > "$folder/answer"
    status=$(curl "${args[@]}" "$api/api/$path")
    answer=$(cat "$folder/answer")
}
call() { call_with "$key" "$@"; }
# Does the answer fit this jq expression?
fits() { jq -e "$1" "$folder/answer" > /dev/null 2>&1; }
wait_for() { # wait_for SECONDS COMMAND...
    local until=$((SECONDS + 4 * $1)) # other tests may keep the machine busy
    shift
    until "$@"; do
        [ "$SECONDS" -ge "$until" ] && return 1
        sleep 0.1
    done
}
healthy() { curl -sS --max-time 2 --cacert "$state/ca.pem" "$api/api/health" 2>/dev/null | grep -q '"ok"'; }

start_manager() {
    "$build/hinomi-manager" run --state "$state" >> "$folder/manager.log" 2>&1 &
    manager_pid=$!
    wait_for 20 healthy
}
stop_manager() {
    kill "$manager_pid"
    wait "$manager_pid"
    local status=$?
    manager_pid=
    return $status
}

state=$folder/manager
"$build/hinomi-manager" init --state "$state" --api 127.0.0.1:0 --agents 127.0.0.1:0 --json > "$folder/init.json" 2> "$folder/init.err"
ok "init makes an installation"
api=$(jq -r .api "$folder/init.json")
agents=$(jq -r .agents "$folder/init.json")
key=$(jq -r .apiKey "$folder/init.json")
fingerprint=$(jq -r .caFingerprint "$folder/init.json")
password=$(jq -r .oneTimePassword "$folder/init.json")
jq -r .enrolmentToken "$folder/init.json" > "$folder/token"

[ "$(jq -r 'keys|join(",")' "$folder/init.json")" = "administrator,agents,api,apiKey,caFile,caFingerprint,enrolmentToken,oneTimePassword" ]
ok "init prints the fields that scripts read"
[ "$(openssl x509 -in "$(jq -r .caFile "$folder/init.json")" -outform DER | sha256sum | cut -d' ' -f1)" = "$fingerprint" ]
ok "the fingerprint is the SHA-256 of the authority's DER"
[ "$(stat -c %a "$state.keyring")" = 400 ]
ok "the key ring lies beside the folder, 0400"
! "$build/hinomi-manager" init --state "$state" --json > /dev/null 2>&1
ok "a second init is refused"
! grep -rqaF -e "$key" -e "$password" -e "$(cat "$folder/token")" "$state" "$state.keyring"
ok "no credential lies in the state folder"

start_manager
ok "run serves"

# --- who may come in ---
call_with "" GET computers; [ "$status" = 401 ] && fits .message; ok "no key: 401"
call_with "hin_key_0000000000000000000000000000000000000000000000000000" GET computers; [ "$status" = 401 ]; ok "a wrong key: 401"
call_with "nonsense" GET computers; [ "$status" = 401 ]; ok "no key at all: 401"
status=$(curl -sS --cacert "$state/ca.pem" -o "$folder/answer" -w '%{http_code}' -H "api-secret-key: $key" "$api/api/computers"); [ "$status" = 400 ]; ok "no api-version: 400"
status=$(curl -sS --cacert "$state/ca.pem" -o "$folder/answer" -w '%{http_code}' -H "api-version: v9" -H "api-secret-key: $key" "$api/api/computers"); [ "$status" = 400 ]; ok "another api-version: 400"
status=$(curl -sS --cacert "$state/ca.pem" -o "$folder/answer" -w '%{http_code}' -H 'api-version: v1' -H "Authorization: ApiKey $key" "$api/api/computers"); [ "$status" = 200 ]; ok "Authorization: ApiKey is taken"
call GET computers; [ "$status" = 200 ] && fits '.computers == []'; ok "the key of init opens"
call GET nothing; [ "$status" = 404 ]; ok "an unknown path: 404"
call PUT computers '{}'; [ "$status" = 405 ]; ok "an unknown method: 405"
! curl -sS --max-time 5 --tls-max 1.1 --cacert "$state/ca.pem" "$api/api/health" > /dev/null 2>&1; ok "TLS 1.1 is refused"

# --- API keys ---
call POST apikeys '{"keyName":"auditor","roleID":2}'; [ "$status" = 200 ] && fits '.secretKey and .ID'; ok "a key is made, its secret shown"
auditor=$(jq -r .secretKey "$folder/answer"); auditor_id=$(jq -r .ID "$folder/answer")
call GET "apikeys/$auditor_id"; [ "$status" = 200 ] && fits '(has("secretKey")|not) and (has("secretDigest")|not)'; ok "the secret is shown once"
call_with "$auditor" GET policies; [ "$status" = 200 ]; ok "an auditor reads"
call_with "$auditor" POST policies '{"name":"x"}'; [ "$status" = 403 ]; ok "an auditor changes nothing: 403"
call_with "$auditor" GET metrics; [ "$status" = 403 ]; ok "metrics need their right"
call_with "$auditor" GET apikeys; [ "$status" = 403 ]; ok "keys need their right"
call_with "$auditor" GET apikeys/current; [ "$status" = 200 ] && fits ".ID == $auditor_id"; ok "a key sees itself"
call POST "apikeys/$auditor_id" '{"active":false}'; [ "$status" = 200 ]; call_with "$auditor" GET policies; [ "$status" = 401 ]; ok "an inactive key opens nothing"
call POST apikeys '{"keyName":"short","roleID":1,"expiryDate":1000}'; late=$(jq -r .secretKey "$folder/answer"); call_with "$late" GET computers; [ "$status" = 401 ]; ok "an expired key opens nothing"
call DELETE "apikeys/$auditor_id"; [ "$status" = 204 ]; call GET "apikeys/$auditor_id"; [ "$status" = 404 ]; ok "a deleted key is gone"
call POST apikeys '{"keyName":"x","roleID":99}'; [ "$status" = 400 ] && fits '.message|test("roleID")'; ok "an unknown role: 400"

# --- judging ---
call POST policies '{"name":"p","colour":"red"}'; [ "$status" = 400 ] && fits '.message|test("colour")'; ok "an unknown field is refused by name"
call POST policies '{"name":7}'; [ "$status" = 400 ] && fits '.message|test("name")'; ok "a wrong type is refused by name"
call POST policies '{"description":"no name"}'; [ "$status" = 400 ] && fits '.message|test("name")'; ok "a missing field is refused by name"
call POST policies '{"name":"p"'; [ "$status" = 400 ]; ok "broken JSON: 400"
call POST policies '{"name":"p","logInspection":{"state":"maybe"}}'; [ "$status" = 400 ] && fits '.message|test("state")'; ok "a wrong choice is refused by name"
call POST policies '{"name":"child","parentID":1,"logInspection":{"state":"inherited"}}'; [ "$status" = 200 ]; child=$(jq -r .ID "$folder/answer"); ok "a policy is made"
call POST policies '{"name":"child"}'; [ "$status" = 409 ]; ok "a name is taken once: 409"
call POST policies/1 "{\"parentID\":$child}"; [ "$status" = 400 ] && fits '.message|test("circle")'; ok "policies do not inherit in a circle"
call POST "policies/$child" '{"logInspection":{"ruleIDs":[999999]}}'; [ "$status" = 400 ] && fits '.message|test("999999")'; ok "an unknown rule is refused by its ID"
call POST policies/search '{"maxItems":10,"searchCriteria":[{"fieldName":"name","stringTest":"equal","stringValue":"chi%","stringWildcards":true}]}'; [ "$status" = 200 ] && fits '.policies|length == 1'; ok "search by wildcard"
call POST policies/search '{"searchCriteria":[{"idTest":"greater-than","idValue":1}],"sortByObjectID":true}'; fits '.policies|length == 1'; ok "search by ID"
call POST policies/search '{"searchCriteria":[{"fieldName":"name"}]}'; [ "$status" = 400 ]; ok "a criterion without a test: 400"

# --- rules ---
call POST loginspectionrules '{"name":"broken","identifier":"broken.xml","template":"custom","ruleXML":"<group name=\"a\">\n  <rule id=\"100001\">\n</group>"}'
[ "$status" = 400 ] && fits '.message|test("broken.xml:[0-9]+:[0-9]+")'; ok "broken rule XML is named with line and column"
call POST loginspectionrules '{"name":"own","identifier":"own.xml","template":"custom","ruleXML":"<group name=\"own,\">\n  <rule id=\"1\" level=\"0\" noalert=\"1\">\n    <category>syslog</category>\n    <description>All of syslog.</description>\n  </rule>\n  <rule id=\"100002\" level=\"5\">\n    <match>HINOMI-TEST-LINE</match>\n    <description>A test line.</description>\n  </rule>\n</group>","logFiles":{"logFiles":[{"location":"'"$folder"'/logs/*.log","format":"syslog"}]}}'
[ "$status" = 200 ]; own=$(jq -r .ID "$folder/answer"); ok "a rule is stored"
fits '.type == "Custom" and (.ruleXML|test("HINOMI"))'; ok "with its text"
call POST loginspectionrules '{"name":"orphan","identifier":"orphan.xml","template":"custom","ruleXML":"<group name=\"o,\">\n  <rule id=\"100003\" level=\"5\">\n    <if_sid>987654</if_sid>\n    <description>No such parent.</description>\n  </rule>\n</group>"}'; orphan=$(jq -r .ID "$folder/answer")
call POST "policies/$child" "{\"logInspection\":{\"ruleIDs\":[$orphan]}}"; [ "$status" = 400 ] && fits '.message|test("orphan.xml:[0-9]+")'; ok "a rule that does not compile is refused at assignment"
call GET "policies/$child"; fits '.logInspection.ruleIDs == null'; ok "and what was in force stays"

# --- signing in ---
sign_in() { call_with "" POST sessions "$1"; }
sign_in '{"username":"admin","password":"wrong password"}'; [ "$status" = 401 ]; ok "a wrong password: 401"
sign_in '{"username":"nobody","password":"wrong password"}'; [ "$status" = 401 ]; ok "an unknown name: the same 401"
sign_in "{\"username\":\"admin\",\"password\":\"$password\"}"; [ "$status" = 409 ]; ok "the one-time password wants another: 409"
sign_in "{\"username\":\"admin\",\"password\":\"$password\",\"newPassword\":\"short\"}"; [ "$status" = 400 ]; ok "a short password: 400"
sign_in "{\"username\":\"admin\",\"password\":\"$password\",\"newPassword\":\"correct horse battery\",\"ttl\":600}"; [ "$status" = 200 ] && fits '.secretKey and .expiryDate'; ok "the exchange gives a key that expires"
session=$(jq -r .secretKey "$folder/answer")
call_with "$session" GET computers; [ "$status" = 200 ]; ok "which opens"
sign_in "{\"username\":\"admin\",\"password\":\"$password\",\"newPassword\":\"another long one\"}"; [ "$status" = 401 ]; ok "the one-time password is good once"
sign_in '{"username":"admin","password":"correct horse battery"}'; [ "$status" = 200 ]; ok "the own password is taken"
call_with "$session" DELETE sessions/current; [ "$status" = 204 ]; call_with "$session" GET computers; [ "$status" = 401 ]; ok "signing out ends the key"
for _ in 1 2 3 4 5; do sign_in '{"username":"admin","password":"wrong again"}'; done
sign_in '{"username":"admin","password":"correct horse battery"}'; [ "$status" = 401 ]; ok "five wrong passwords lock the account"
call GET 'audit?limit=500'; fits '[.audit[].entry|select(.action=="signin" and .outcome=="refused")]|length >= 5'; ok "refused sign-ins stand in the audit record"
fits '[.audit[].entry|select(.action=="signin" and .outcome=="done")]|length == 2'; ok "as do the others"

# --- agents ---
mkdir -p "$folder/logs"
: > "$folder/logs/test.log"
echo hin_enrol_00000000000000000000000000000000 > "$folder/wrong-token"
! timeout 20 "$build/hinomi-agent" enrol --state "$folder/bad" --manager "$agents" --token-file "$folder/wrong-token" --ca-fingerprint "$fingerprint" --log-root "$folder/logs" > "$folder/enrol.log" 2>&1
ok "a wrong token is refused"
! timeout 20 "$build/hinomi-agent" enrol --state "$folder/bad2" --manager "$agents" --token-file "$folder/token" --ca-fingerprint "${fingerprint/[0-9a-f]/x}" --log-root "$folder/logs" >> "$folder/enrol.log" 2>&1
ok "a wrong authority is refused"
call POST enrolmenttokens '{"uses":1,"ttl":600}'; [ "$status" = 200 ]; jq -r .token "$folder/answer" > "$folder/token1"; ok "a token of one use is made"
timeout 20 "$build/hinomi-agent" enrol --state "$folder/agent" --manager "$agents" --token-file "$folder/token1" --ca-fingerprint "$fingerprint" --log-root "$folder/logs" >> "$folder/enrol.log" 2>&1
ok "an agent enrols"
! timeout 20 "$build/hinomi-agent" enrol --state "$folder/second" --manager "$agents" --token-file "$folder/token1" --ca-fingerprint "$fingerprint" --log-root "$folder/logs" >> "$folder/enrol.log" 2>&1
ok "the token is used up"
"$build/hinomi-agent" run --state "$folder/agent" > "$folder/agent.log" 2>&1 &
agent_pid=$!
online() { call GET computers/1; fits '.computerStatus.agentStatus == "active" and .lastSendPolicySuccess > 0'; }
wait_for 20 online; ok "it comes online with its policy"

start=$(date +%s%N)
call POST policies/1 "{\"logInspection\":{\"state\":\"on\",\"ruleIDs\":[$own]}}"; [ "$status" = 200 ]; ok "the policy is changed"
applied=$(jq -r .lastSendPolicySuccess <<< "$(call GET computers/1; cat "$folder/answer")")
changed() { call GET computers/1; fits ".lastSendPolicySuccess > $(date -d "@$((start / 1000000000))" +%s)000 - 1 and .lastSendPolicySuccess >= .lastSendPolicyRequest and .lastSendPolicyRequest >= $((start / 1000000))"; }
wait_for 5 changed; ok "it reaches the agent" # within 5 s: policy.sh

curl -sSN --max-time 120 --cacert "$state/ca.pem" -H "api-secret-key: $key" "$api/api/events/stream" > "$folder/stream" 2>/dev/null &
stream_pid=$!
follows() { grep -q 'events follow' "$folder/stream"; }
wait_for 10 follows; ok "a stream of events begins"
for i in 1 2 3; do echo "Nov 22 10:00:0$i host test[1]: HINOMI-TEST-LINE number $i" >> "$folder/logs/test.log"; done
three() { call GET 'events?where=rule_id=100002'; fits '.events|length == 3'; }
wait_for 5 three; ok "appended lines become events"
fits '.events[0].raw_data|test("number 1")'; ok "in order, with the raw line"
fits '[.events[].ID] == ([.events[].ID]|sort)'; ok "IDs ascend"
first=$(jq -r '.events[0].ID' "$folder/answer"); last=$(jq -r '.events[2].ID' "$folder/answer")
call GET "events?where=rule_id=100002&idTest=greater-than&idValue=$first&limit=1"; fits ".events|length == 1 and .[0].ID > $first and .[0].ID < $last"; ok "a page forwards"
call GET "events?where=rule_id=100002&idTest=less-than&idValue=$last&sort=desc&limit=1"; fits ".events|length == 1 and .[0].ID < $last and .[0].ID > $first"; ok "a page backwards"
call POST events/search "{\"maxItems\":2,\"searchCriteria\":[{\"fieldName\":\"rule_id\",\"numericTest\":\"equal\",\"numericValue\":100002},{\"idTest\":\"greater-than\",\"idValue\":$first}],\"sortByObjectID\":true}"; fits '.events|length == 2'; ok "a SearchFilter"
call POST events/search '{"searchCriteria":[{"fieldName":"raw","stringTest":"equal","stringValue":"%number 2%","stringWildcards":true}]}'; fits '.events|length == 1'; ok "a wildcard over a field without an index"
call GET 'events?where=nonsense'; [ "$status" = 400 ]; ok "a condition without a value: 400"
call GET 'events?since=x'; [ "$status" = 400 ]; ok "a wrong time: 400"
call GET 'events?where=rule_id=100002&format=cef'; fits '.events[0].text|test("^CEF:0")'; ok "CEF"
streamed() { [ "$(grep -c '^id: ' "$folder/stream")" -ge 3 ] && grep -q 'number 3' "$folder/stream"; }
wait_for 5 streamed; ok "the stream shows them live"
kill "$stream_pid" 2>/dev/null; wait "$stream_pid" 2>/dev/null
curl -sSN --max-time 120 --cacert "$state/ca.pem" -H "api-secret-key: $key" -H "Last-Event-ID: $first" "$api/api/events/stream?where=rule_id=100002" > "$folder/stream" 2>/dev/null &
stream_pid=$!
resumed() { [ "$(grep -c '^id: ' "$folder/stream")" -ge 2 ]; }
wait_for 10 resumed; sleep 0.5
kill "$stream_pid" 2>/dev/null; wait "$stream_pid" 2>/dev/null
[ "$(grep -c '^id: ' "$folder/stream")" = 2 ]; ok "and resumes after an ID"

# --- life ---
stop_manager; ok "SIGTERM ends it in order"
echo "Nov 22 10:00:04 host test[1]: HINOMI-TEST-LINE number 4" >> "$folder/logs/test.log"
sleep 0.5
start_manager; ok "it starts again"
four() { call GET 'events?where=rule_id=100002'; fits '.events|length == 4'; }
wait_for 30 four; ok "what happened meanwhile arrives once"
worker=$(pgrep -P "$manager_pid" | tail -1); kill -9 "$worker"; sleep 0.2
echo "Nov 22 10:00:05 host test[1]: HINOMI-TEST-LINE number 5" >> "$folder/logs/test.log"
five() { call GET 'events?where=rule_id=100002'; fits '.events|length == 5'; }
wait_for 30 five; ok "a killed process costs nothing"

# --- revocation ---
call POST computers/1/revoke; [ "$status" = 200 ] && fits '.enrolment == "revoked"'; ok "a computer is revoked"
echo "Nov 22 10:00:06 host test[1]: HINOMI-TEST-LINE number 6" >> "$folder/logs/test.log"
sleep 2; call GET 'events?where=rule_id=100002'; fits '.events|length == 5'; ok "nothing of it is taken any more"
call GET 'audit?limit=500'; fits '[.audit[].entry|select(.action=="agent.session" and .outcome=="refused")]|length >= 1'; ok "the refusal stands in the audit record"
call GET metrics; grep -q '^hinomi_events_committed_total{worker="[0-9]*"} [1-9]' "$folder/answer" && tail -1 "$folder/answer" | grep -q '^# EOF'; ok "metrics are OpenMetrics"
scrape() { call GET metrics; sed -n 's/^\(hinomi_[a-z_]*_total\({[^}]*}\)\{0,1\}\) /\1\t/p' "$folder/answer" | LC_ALL=C sort -t"$(printf '\t')" -k1,1; }
never_back() { # twenty scrapes, by whichever workers; each series that both have
    local back=0
    scrape > "$folder/before"
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        scrape > "$folder/after"
        back=$((back + $(LC_ALL=C join -t"$(printf '\t')" "$folder/before" "$folder/after" | awk -F'\t' '$3 < $2' | wc -l)))
        mv "$folder/after" "$folder/before"
    done
    answer="$back series went back"
    [ "$back" = 0 ] && [ "$(grep -c '^hinomi_api_requests_total{' "$folder/before")" -ge 1 ]
}
never_back; ok "whoever is asked, no counter goes back"
is_sum() { answer=$(awk -F'\t' '/^hinomi_api_requests_total/ { sum += $2 } END { print sum }' "$folder/before"); [ "$answer" -ge 21 ]; }
is_sum; ok "what all workers counted is there"
severity() { jq -r --arg id "$1" '[.findings[] | select(.id == $id) | .severity] | join(" ")' "$folder/answer"; }
call GET doctor; fits '[.findings[].id] | index("store.state") and index("disk.growth") and index("key.provider") and index("process.state")' && [ "$(severity store.state) $(severity certificate.authority)" = "ok ok" ]; ok "doctor looks at store, keys, certificates, processes"
[[ $(severity key.provider) == *advice* && $(severity process.state) == *warning* ]]; ok "doctor says that the ring has no pass phrase, and that a process was killed"
fits 'all(.findings[]; .severity == "ok" or .severity == "unseen" or .todo != "")'; ok "every finding of doctor has a next step"
call POST apikeys '{"keyName":"onlooker","roleID":2}'; onlooker=$(jq -r .secretKey "$folder/answer")
call_with "$onlooker" GET doctor; fits '[.findings[] | select(.id == "access.one-time")][0].severity == "unseen"'; ok "doctor tells as much as the role may see"
"$build/hinomi-manager" doctor --state "$state" --json > "$folder/answer"; [ $? = 1 ] && [ "$(severity ring.place) $(severity store.files) $(severity permission.folders)" = "warning ok ok" ]; ok "doctor says that ring and data share a disk"
call GET openapi.json; fits '.openapi and .paths["/policies/{id}"].post and .components.schemas.Policy.properties.name["x-data-class"]'; ok "the OpenAPI document is made from the tables"
cp "$folder/answer" "$folder/openapi"
all_answer() { # every list and object that can be read without an ID; streams are cut off by the time limit
    local path bad=
    for path in $(jq -r '.paths | to_entries[] | select(.value.get) | .key | select(contains("{") or endswith("/stream") | not) | ltrimstr("/")' "$folder/openapi"); do
        call GET "$path"
        [[ $status == [23]* || $status == 4* ]] || bad="$bad $path:$status"
    done
    answer=$bad
    [ -z "$bad" ]
}
all_answer; ok "whatever the document lists can be read"
call GET status; fits '.keyRing.sealed == false and (.processes|length >= 4)'; ok "status says what is weak"

# --- limits ---
codes=$(curl -sS --cacert "$state/ca.pem" -H 'api-version: v1' -H 'api-secret-key: hin_key_1' -o /dev/null -w '%{http_code}\n' "$api/api/computers?[1-140]" | sort | uniq -c)
answer=$codes; grep -q ' 429' <<< "$codes" && grep -q ' 401' <<< "$codes"; ok "many wrong keys from one address: 429"
call GET computers; [ "$status" = 200 ]; ok "a right key from there goes on working"

# --- a stolen folder ---
stop_manager
chmod 0755 "$state/db"; chmod 0644 "$state.keyring"
"$build/hinomi" doctor --state "$state" --local --json > "$folder/answer"; [ $? = 1 ] && [ "$(severity permission.folders) $(severity ring.file)" = "error error" ]; ok "without a manager, doctor finds what is open to others"
chmod 0700 "$state/db"; chmod 0400 "$state.keyring"
"$build/hinomi-manager" doctor --state "$folder/nowhere" > "$folder/answer" 2>&1; [ $? = 1 ] && grep -q 'not found' "$folder/answer"; ok "a folder that is not there is an error"
cp -r "$state" "$folder/stolen"
sed -i "s|$state.keyring|$folder/stolen.keyring|" "$folder/stolen/manager.json"
! timeout 5 "$build/hinomi-manager" run --state "$folder/stolen" > "$folder/stolen.log" 2>&1 && ! grep -q ready "$folder/stolen.log"; ok "a stolen state folder opens nothing"
! grep -rqaF 'HINOMI-TEST-LINE' "$state"; ok "no event lies readable in the state folder"

echo "1..$count"
exit $((failed > 0))
