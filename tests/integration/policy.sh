#!/bin/bash
# Rules and policies: an own rule set is imported and assigned, reaches the agent in seconds, never widens what the host
# allows to be read, and one that is wrong changes nothing.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"

mkdir -p "$T/set/rules" "$T/broken/rules" "$T/outside"
cat >"$T/set/decoder.xml" <<'XML'
<decoder name="gate">
  <program_name>^gate$</program_name>
</decoder>
<decoder name="gate-visit">
  <parent>gate</parent>
  <regex>visitor (\S+) from (\S+) badge (\d+)</regex>
  <order>user, srcip, badge</order>
</decoder>
XML
cat >"$T/set/rules/gate.xml" <<'XML'
<group name="gate,local,">
  <rule id="1" level="0" noalert="1">
    <category>syslog</category>
    <description>All lines of syslog.</description>
  </rule>
  <rule id="100100" level="0">
    <decoded_as>gate</decoded_as>
    <description>The gate's lines.</description>
  </rule>
  <rule id="100101" level="6">
    <if_sid>100100</if_sid>
    <match>refused</match>
    <description>Gate: $(user) was refused.</description>
    <group>access_denied,</group>
  </rule>
</group>
XML
gate() { printf '%s gatehouse gate[7]: refused visitor %s from %s badge 4711\n' "$(stamp)" "$1" "${2:-192.0.2.9}"; }

manager_init m && manager_start m && sign_in m && agent_enrol m a && agent_start a || bail "manager and agent run"
ok "manager and agent run"

# ---- import and assignment ----
check "rules check calls the set good" cli m rules check "$T/set"
imported=$(cli m rules import "$T/set" --json --location "$T/log/*.log" --location "$T/log/sub/**/*.log" \
    --location "$T/outside/*.log" --location "/etc/passwd") || bail "rules import"
is "import prints one rule ID a file" "$(jq '.ruleIDs | length' <<<"$imported")" 1
is "and the decoders' IDs" "$(jq '.decoderIDs | length' <<<"$imported")" 1
rule=$(jq '.ruleIDs[0]' <<<"$imported")
stored=$(api m GET "loginspectionrules/$rule")
is "stored as a custom rule" "$(jq -r .template <<<"$stored")" custom
is "named by its file" "$(jq -r .identifier <<<"$stored")" gate.xml
is "with its whole text" "$(jq -r .ruleXML <<<"$stored")" "$(cat "$T/set/rules/gate.xml")"

is "a location with .. in it is refused where it is given" \
    "$(api_status m POST "loginspectionrules/$rule" "{\"logFiles\":{\"logFiles\":[{\"location\":\"$T/log/../outside/*.log\",\"format\":\"syslog\"}]}}")" 400
is "so is one that is not absolute" "$(api_status m POST "loginspectionrules/$rule" '{"logFiles":{"logFiles":[{"location":"log/*.log","format":"syslog"}]}}')" 400

gate early >>"$T/log/gate.log"
applied() { grep -cE 'policy [0-9]+ applied' "$T/a.log"; }
# assign BODY -> milliseconds until the agent has it in force
assign() {
    local before began
    before=$(applied)
    began=$(now_msec)
    api m POST policies/1 "$1" >"$T/assign" || { cat "$T/assign"; return 1; }
    wait_for 15 eval "[ \$(applied) -gt $before ]" || return 1
    took=$(($(now_msec) - began))
}
check "the policy takes the rule" assign "{\"logInspection\":{\"state\":\"on\",\"ruleIDs\":[$rule]}}" || show_logs
note "in force on the agent after ${took:-?} ms"
check "within 5 s" [ "${took:-99999}" -lt 5000 ]
gate bob >>"$T/log/gate.log"
happens 10 "its rule fires" seen m 1 --where user=bob
event=$(cli m events --format json --where user=bob)
is "by its number" "$(jq -r .finding_info.analytic.uid <<<"$event")" 100101
is "with its description filled in" "$(jq -r .finding_info.title <<<"$event")" "Gate: bob was refused."
check "a decoder's own field is searched by its name" seen_some m --where field.badge=4711 --where user=bob
line root >>"$T/log/gate.log"
sleep 1
check "the rules before are gone" seen m 0 --where user=root

# ---- what the host does not allow ----
ln -s "$T/outside/secret.log" "$T/log/link.log"
ln -s "$T/outside" "$T/log/sub"
mkfifo "$T/log/pipe.log"
gate outside >>"$T/outside/secret.log"
(gate fifo >"$T/log/pipe.log") &
fifo=$!
sleep 2
gate after-fifo >>"$T/log/gate.log"
happens 10 "a FIFO beside it does not hold up a log" seen m 1 --where user=after-fifo
gate outside >>"$T/outside/secret.log"
sleep 1
check "no link and no absolute path leads outside the log roots" seen m 0 --where user=outside
check "a FIFO is not read" seen m 0 --where user=fifo
check "an event says that a source was refused" seen_some m --where state=22
kill "$fifo" 2>/dev/null
exec 9<>"$T/log/pipe.log" # frees the writer, should it still wait
wait "$fifo" 2>/dev/null
exec 9>&-
ln "$T/log/gate.log" "$T/log/second-name.log"
gate twice >>"$T/log/gate.log"
sleep 2
check "a second name of a file does not double its lines" seen m 1 --where user=twice
rm "$T/log/second-name.log"

# ---- what is wrong changes nothing ----
cp "$T/set/decoder.xml" "$T/broken/"
printf '<group name="x,">\n  <rule id="100200" level="5">\n    <match>a</match>\n    <nonsense>b</nonsense>\n    <description>d</description>\n  </rule>\n</group>\n' >"$T/broken/rules/bad.xml"
rules_before=$(api m GET loginspectionrules | jq '.logInspectionRules | length')
check_not "rules check refuses it" cli m rules check "$T/broken"
like "with file, line and column" "$(cli m rules check "$T/broken" 2>&1)" 'bad\.xml:4:[0-9]+'
check_not "rules import refuses it" cli m rules import "$T/broken" --json
like "with file, line and column" "$(cli m rules import "$T/broken" --json 2>&1)" 'bad\.xml:4:[0-9]+'
is "and stores nothing" "$(api m GET loginspectionrules | jq '.logInspectionRules | length')" "$rules_before"
body=$(jq -n --rawfile x "$T/broken/rules/bad.xml" '{name: "bad.xml", identifier: "bad.xml", template: "custom", ruleXML: $x}')
like "storing it is refused with line and column" "$(api m POST loginspectionrules "$body" | jq -r .message)" 'bad\.xml:4:[0-9]+'
body=$(jq -n --rawfile x "$T/broken/rules/bad.xml" '{name: "bad.xml", identifier: "bad.xml", template: "custom", ruleXML: ($x | sub("<nonsense>b</nonsense>"; "<if_sid>424242</if_sid>"))}')
bad=$(api m POST loginspectionrules "$body" | jq .ID)
check "what it links to is not asked before it is assigned" [ "${bad:-null}" != null ]
is "assigning it is refused" "$(api_status m POST policies/1 "{\"logInspection\":{\"ruleIDs\":[$rule,$bad]}}")" 400
like "with file, line and column" "$(api m POST policies/1 "{\"logInspection\":{\"ruleIDs\":[$rule,$bad]}}" | jq -r .message)" 'bad\.xml:[24]:[0-9]+'
is "the policy is as it was" "$(api m GET policies/1 | jq -c .logInspection.ruleIDs)" "[$rule]"
is "a rule that does not exist is refused" "$(api_status m POST policies/1 '{"logInspection":{"ruleIDs":[99999]}}')" 400
like "text that is no XML is refused with line and column" "$(api m POST "loginspectionrules/$rule" '{"ruleXML":"<group name=\"x\">\n <rule id=\"1\">\n</group>"}' | jq -r .message)" ':[0-9]+:[0-9]+:'
# A rule in force is changed to what its set cannot load: the agent finds out, and keeps what it has.
body=$(jq -n --rawfile x "$T/set/rules/gate.xml" '{ruleXML: ($x | sub("<if_sid>100100<"; "<if_sid>424242<"))}')
status=$(api_status m POST "loginspectionrules/$rule" "$body")
note "changing a rule in force so that it no longer loads: HTTP $status"
if [ "$status" = 400 ]; then
    ok "it is refused where it is changed"
else
    happens 15 "an event says that the policy was refused" seen_some m --where state=10
    like "with file, line and column" "$(cli m events --format json --where state=10 | tail -1 | jq -r .status_detail)" 'gate\.xml:[0-9]+:[0-9]+'
    is "the rule is put right again" "$(api_status m POST "loginspectionrules/$rule" "$(jq -n --rawfile x "$T/set/rules/gate.xml" '{ruleXML: $x}')")" 200
fi
gate still >>"$T/log/gate.log"
happens 10 "the last good set is still in force" seen m 1 --where user=still

# ---- off and on ----
check "log inspection is switched off" assign '{"logInspection":{"state":"off"}}'
gate while-off >>"$T/log/gate.log"
sleep 2
check "then nothing is read" seen m 0 --where user=while-off
check "and on again" assign '{"logInspection":{"state":"on"}}'
gate on-again >>"$T/log/gate.log"
happens 10 "then it is" seen m 1 --where user=on-again
agent_stop a
check "the agent starts with the policy it has stored, without its manager" eval 'manager_stop m; launch a "$build/hinomi-agent" run --state "$T/a"; sleep 2; gate alone >>"$T/log/gate.log"; sleep 1; manager_start m'
happens 40 "and delivers when it is back" seen m 1 --where user=alone

# ---- policies of their own ----
policy=$(api m POST policies '{"name":"child","parentID":1,"logInspection":{"state":"inherited"}}' | jq .ID)
check "a policy inherits" [ "${policy:-null}" != null ]
computer=$(api m GET computers | jq '.computers[0].ID')
check "a computer is given it" api m POST "computers/$computer" "{\"policyID\":$policy}"
sleep 3
gate heir >>"$T/log/gate.log"
happens 10 "what it inherits fires" seen m 1 --where user=heir
is "no policy may inherit from itself" "$(api_status m POST "policies/1" "{\"parentID\":$policy}")" 400
done_testing
