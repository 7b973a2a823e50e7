#!/bin/bash
# Log formats: several lines that are one record, and JSON lines; each record once, with the identity of its first line,
# also over a restart or a rotation in its middle. And what the host's allow-list refuses: told once.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"

mkdir -p "$T/rules/rules"
cat >"$T/rules/decoder.xml" <<'XML'
<decoder name="rec">
  <prematch>begin=</prematch>
</decoder>
<decoder name="rec-fields">
  <parent>rec</parent>
  <pcre2>begin=(\S+) .*end=(\S+)</pcre2>
  <order>user, url</order>
</decoder>
XML
cat >"$T/rules/rules/records.xml" <<'XML'
<group name="records,">
  <rule id="1" level="0" noalert="1">
    <category>syslog</category>
    <description>All lines.</description>
  </rule>
  <rule id="100001" level="3">
    <decoded_as>rec</decoded_as>
    <description>Record $(user).</description>
  </rule>
  <rule id="100002" level="3">
    <if_sid>1</if_sid>
    <field name="app.kind">^login/now$</field>
    <description>JSON $(app.kind).</description>
  </rule>
</group>
XML

# ---- without a manager ----
test_log() { cli m log test --no-cache --rules "$T/rules" --format "$1" | jq -c "$2"; }
is "log test joins PostgreSQL's continuation lines" "$(printf '2026-11-23 10:00:00.1 UTC [12] ERROR:  begin=1 x\n\tmore\n\tend=pg\n2026-11-23 10:00:01 UTC [12] LOG:  begin=2 y end=pg\n' |
    test_log postgresql-log '[.fields.dstuser // .fields.user, .fields.url]' | tr '\n' ' ')" '["1","pg"] ["2","pg"] '
is "and three lines of three" "$(printf 'begin=1\nx\nend=m\nbegin=2\n' | test_log multi-line:3 .line | tr '\n' ' ')" '"begin=1 x end=m" "begin=2" '
is "and a snort block" "$(printf '[**] [1:2:3] a [**]\n[Priority: 2]\n\n[**] [1:2:4] b [**]\n' | test_log snort-full .line | tr '\n' ' ')" '"[**] [1:2:3] a [**] [Priority: 2]" "[**] [1:2:4] b [**]" '
is "and MySQL's, as its rules see them" "$(printf '071112 15:30:02 [ERROR] x\nmore\n\t\t  5 Query z\n' | test_log mysql-log .line | tr '\n' ' ')" '"MySQL log: 071112 15:30:02 [ERROR] x more" "MySQL log: 5 Query z" '
is "rules see the members of a JSON line, unescaped" "$(printf '{"app":{"kind":"login\\/now"}}\nnot json\n' | test_log json '[.rule.id, .fields["app.kind"]]' | tr '\n' ' ')" '[100002,"login/now"] [null,null] '
check_not "a format that is none is refused" cli m log test --rules "$T/rules" --format multi-line:0

# ---- the house ----
check "a manager is made" manager_init m || bail "nothing to test"
check "the manager serves" manager_start m || bail "no manager"
check "the command line signs in" sign_in m
formats() { # LOCATION FORMAT ...
    local ids id files
    ids=$(cli m rules import "$T/rules" --json --location "$T/log/none.log" | jq -c .ruleIDs) || return 1
    files=$(jq -n '[$ARGS.positional | _nwise(2) | {location: .[0], format: .[1]}] | {logFiles: {logFiles: .}}' --args "$@")
    for id in $(jq '.[]' <<<"$ids"); do api m POST "loginspectionrules/$id" "$files" >/dev/null || return 1; done
    api m POST policies/1 "{\"logInspection\":{\"state\":\"on\",\"ruleIDs\":$ids}}" >/dev/null
}
L=$T/log
check "formats are assigned" formats "$L/pg.log" postgresql-log "$L/three.log" multi-line:3 "$L/app.json" json \
    /etc/pass\* syslog /root/\*.log syslog journald syslog || bail "no rules"
check_not "a number of lines that is none is refused" formats "$L/x.log" multi-line:1025
check_not "a format that is none is refused" formats "$L/x.log" xml
check "formats are assigned again" formats "$L/pg.log" postgresql-log "$L/three.log" multi-line:3 "$L/app.json" json \
    /etc/pass\* syslog /root/\*.log syslog journald syslog
check "the agent enrols" agent_enrol m a || bail "no agent"
check "the agent runs" agent_start a || bail "no agent"

refusals() { cli m events --format json | grep -c 'log source lies outside'; }
refused() { [ "$(refusals)" = "$1" ]; }
happens 15 "what the host does not allow is one event" refused 1
like "it names all, the journal too" "$(cli m events --format json | grep 'log source lies outside')" '3 locations of the policy.*(journald.*/etc/pass|/etc/pass.*journald)'

arrived() { all_there m "$@"; }
pg() { printf '2026-11-23 10:00:00.1 UTC [%d] ERROR:  begin=%d x\n' "$1" "$1"; }
pg_end() { printf '\tmore\n\tend=pg\n'; }

# ---- records that come whole, slowly, and not at all ----
{ pg 1; pg_end; pg 2; pg_end; } >>"$L/pg.log"
printf 'begin=1\nx\nend=three\nbegin=2\nx\nend=three\n' >>"$L/three.log"
for i in 1 2; do printf '{"user":"%d","url":"json","app":{"kind":"login\\/now"}}\n' $i; done >>"$L/app.json"
happens 15 "PostgreSQL records come, the last one by its time-out" arrived pg 1 2
happens 15 "records of three lines come" arrived three 1 2
happens 15 "JSON lines come" arrived json 1 2
{ printf 'begin=3\nx\n'; sleep 1; printf 'end=three\n'; } >>"$L/three.log"
happens 15 "a record written slowly is one" arrived three 1 3

# ---- a restart in the middle of a record: in order, and by a power cut ----
pg 3 >>"$L/pg.log"; printf 'begin=4\nx\n' >>"$L/three.log"
sleep 0.2
check "the agent stops" agent_stop a
pg_end >>"$L/pg.log"; printf 'end=three\n' >>"$L/three.log"
check "the agent starts again" agent_start a
happens 15 "a record cut by a restart is one" arrived pg 1 3
happens 15 "of a number of lines too" arrived three 1 4
pg 4 >>"$L/pg.log"; printf 'begin=5\nx\n' >>"$L/three.log"
sleep 0.2
murder a
pg_end >>"$L/pg.log"; printf 'end=three\n' >>"$L/three.log"
check "the agent starts after a kill" agent_start a
happens 15 "a record cut by a kill is one" arrived pg 1 4
happens 15 "of a number of lines too" arrived three 1 5
is "restarts tell nothing new about refused places" "$(refusals)" 1

# ---- rotation in the middle of a record ----
pg 5 >>"$L/pg.log"; exec 5>>"$L/pg.log"
sleep 0.2
mv "$L/pg.log" "$L/pg.log.1"
pg_end >&5 # the writer has the renamed file still
exec 5>&-
{ pg 6; pg_end; } >>"$L/pg.log"
happens 15 "a record goes on in a renamed file" arrived pg 1 6
printf 'begin=6\nx\n' >>"$L/three.log"
sleep 0.2
printf 'end=three\n' >>"$L/three.log"; cp "$L/three.log" "$L/three.log.1"; : >"$L/three.log"
printf 'begin=7\nx\nend=three\n' >>"$L/three.log"
happens 15 "and in a copy of a truncated one" arrived three 1 7
pg 7 >>"$L/pg.log"
sleep 0.2
check "the agent stops" agent_stop a
pg_end >>"$L/pg.log"; mv "$L/pg.log" "$L/pg.log.1"
{ pg 8; pg_end; } >>"$L/pg.log"
check "the agent starts again" agent_start a
happens 20 "restart and rotation at once: each record is one" arrived pg 1 8

check "fewer places are refused" formats "$L/pg.log" postgresql-log /etc/pass\* syslog
happens 20 "a new set of refused places is one more event" refused 2
check "the agent stops in order" agent_stop a
check "the manager stops in order" manager_stop m
done_testing
