#!/bin/bash
# Composite rules on the agent: evidence is remembered over restarts, kills, a reboot (the monotonic clock begins anew) and a
# change of policy, and not longer than its time frame.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"

mkdir -p "$T/set/rules"
cat >"$T/set/decoder.xml" <<'XML'
<decoder name="gate">
  <program_name>^gate$</program_name>
</decoder>
<decoder name="gate-visit">
  <parent>gate</parent>
  <regex>visitor (\S+) from (\S+)</regex>
  <order>user, srcip</order>
</decoder>
XML
cat >"$T/set/rules/gate.xml" <<'XML'
<group name="gate,">
  <rule id="1" level="0" noalert="1">
    <category>syslog</category>
    <description>All lines of syslog.</description>
  </rule>
  <rule id="100101" level="3">
    <decoded_as>gate</decoded_as>
    <description>Gate: $(user) was refused.</description>
  </rule>
  <rule id="100102" level="10" frequency="4" timeframe="600">
    <if_matched_sid>100101</if_matched_sid>
    <same_source_ip />
    <description>Gate: $(srcip) is refused again and again.</description>
  </rule>
  <rule id="100103" level="9" frequency="2" timeframe="4">
    <if_matched_sid>100101</if_matched_sid>
    <same_user />
    <description>Gate: $(user) hurries.</description>
  </rule>
</group>
XML
gate() { printf '%s gatehouse gate[7]: refused visitor %s from %s\n' "$(stamp)" "$1" "$2" >>"$T/log/gate.log"; }
manager_init m && manager_start m && sign_in m || bail "a manager runs"
ids=$(cli m rules import "$T/set" --json --location "$T/log/*.log" | jq -c .ruleIDs)
api m POST policies/1 "{\"logInspection\":{\"ruleIDs\":$ids}}" >/dev/null && agent_enrol m a && agent_start a || bail "manager and agent run"
ok "manager and agent run"
visits=0
visit() { # ADDRESS COUNT: different people from one address, each line seen before the next step
    local n
    for ((n = 0; n < $2; n++)); do
        visits=$((visits + 1))
        gate "p$visits" "$1"
    done
    wait_for 10 seen_some m --where "user=p$visits"
}
fired() { seen m "$2" --where rule_id=100102 --where "src_ip=$1"; }

visit 192.0.2.1 5
check "one line less than frequency + 2 is not enough" fired 192.0.2.1 0
visit 192.0.2.1 1
happens 5 "frequency + 2 lines are" fired 192.0.2.1 1
is "the event names the address" "$(cli m events --format json --where rule_id=100102 | jq -r .finding_info.title)" "Gate: 192.0.2.1 is refused again and again."

visit 192.0.2.2 3
agent_stop a
visits=$((visits + 1))
gate "p$visits" 192.0.2.2 # while it is away
agent_start a
happens 10 "what was written while it was away is read" seen m 1 --where "user=p$visits"
visit 192.0.2.2 1
check "over a restart nothing is forgotten and nothing counted twice" fired 192.0.2.2 0
visit 192.0.2.2 1
happens 5 "and then it fires" fired 192.0.2.2 1

visit 192.0.2.3 5
touch "$T/mark"
visit 192.0.2.9 1 # what is remembered is saved every 10 s, if it is another
saved() { [ "$T/a/uplink/log.state" -nt "$T/mark" ]; }
check "what is remembered is saved" wait_for 15 saved
murder a
agent_start a
visit 192.0.2.3 1
happens 5 "over a kill neither" fired 192.0.2.3 1

visit 192.0.2.4 3
api m POST policies/1 '{"description":"touched"}' >/dev/null
sed -i 's/hurries/is in a hurry/' "$T/set/rules/gate.xml"
before=$(grep -cE 'policy [0-9]+ applied' "$T/a.log")
api m POST "loginspectionrules/$(jq '.[0]' <<<"$ids")" "$(jq -n --rawfile x "$T/set/rules/gate.xml" '{ruleXML: $x}')" >/dev/null
happens 10 "a changed rule set comes into force" logged a 'policy [0-9]+ applied' $((before + 1))
visit 192.0.2.4 3
happens 5 "what was remembered goes over to it" fired 192.0.2.4 1

# A machine that starts anew: the monotonic clock begins at nothing, the wall clock goes on.
later() { unshare --time --monotonic 100000 --boottime 100000 "$@"; }
if [ "$(later cut -d. -f1 /proc/uptime 2>/dev/null || echo 0)" -gt 100000 ]; then
    agent_stop a
    runner=(unshare --time --monotonic 100000 --boottime 100000 --)
    agent_start a
    visit 192.0.2.5 3
    agent_stop a
    runner=()
    agent_start a
    visit 192.0.2.5 2
    check "over a reboot nothing is counted twice" fired 192.0.2.5 0
    visit 192.0.2.5 1
    happens 5 "nor forgotten" fired 192.0.2.5 1
else
    note "no time namespaces here: a reboot is not played"
fi

# The time frame is one of receipt: 4 lines of one user within 4 s.
for _ in 1 2 3; do gate slow 198.51.100.1; done
wait_for 10 seen m 3 --where user=slow
sleep 5
gate slow 198.51.100.2
happens 10 "a line later" seen m 4 --where user=slow
check "what is older than the time frame does not count" seen m 0 --where rule_id=100103 --where user=slow
for n in 1 2 3 4; do gate quick 198.51.100.$((n + 2)); done
happens 10 "within it it does" seen m 1 --where rule_id=100103 --where user=quick
# Stamps of the lines' own do not matter: a log from last year is no attack in slow motion, and no old one either.
for n in 1 2 3 4; do printf 'Jan  %d 00:00:0%d gatehouse gate[7]: refused visitor old from 198.51.100.%d\n' "$n" "$n" "$((n + 10))" >>"$T/log/gate.log"; done
happens 10 "lines with stamps days apart, read at once, are one burst" seen m 1 --where rule_id=100103 --where user=old
happens 5 "and keep their own times" eval '[ "$(cli m events --format json --where user=old | jq ".time" | sort -u | wc -l)" -ge 3 ]'
done_testing
