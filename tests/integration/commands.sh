#!/bin/bash
# The command line by itself: what it makes of hostile bytes, of files that are wrong, of names and values that are.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"
hinomi() { timeout 60 "$build/hinomi" "$@"; }
status_of() { "$@" >"$T/said" 2>&1; echo $?; }
raw() { grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$1"; } # controls that would reach a terminal

# ---- hostile bytes ----
mkdir -p "$T/set/rules"
echo '<decoder name="x"><program_name>^x$</program_name></decoder>' >"$T/set/decoder.xml"
printf 'Nov 20 10:00:00 web1 sshd[22]: Failed password for \033[31mroot\033]0;x\007 from 203.0.113.7 port 22 ssh2\r\n\233[2J\n' >"$T/hostile.log"
hinomi log test --explain "$T/hostile.log" >"$T/explained" 2>&1
check_not "what a line holds is escaped where it is explained" raw "$T/explained"
like "and readable" "$(cat "$T/explained")" '\\u001b\[31mroot'
printf '<group name="x,">\n  <rule id="1\033[31m" level="3">\n    <description>x</description>\n  </rule>\n</group>\n' >"$T/set/rules/a.xml"
printf '<group name="x,">\n  <rul\033[31me id="2">\n</group>\n' >"$T/set/rules/b.xml"
hinomi rules check "$T/set" >"$T/checked" 2>&1
check_not "what a rule file holds is escaped where it is refused" raw "$T/checked"
like "with its place" "$(cat "$T/checked")" '^a.xml:2:[0-9]+: error: '
printf '[x\033[2J]\nlog 1 pass = hello\nrule = 1\nalert = 1\ndecoder = \033[31m\n' >"$T/hostile.ini"
hinomi log conform "$T/hostile.ini" >"$T/conformed" 2>&1
check_not "what a test file holds is escaped where it fails" raw "$T/conformed"
hinomi "$(printf 'x\033[2J')" >"$T/unknown" 2>&1
check_not "so is a word of the command line" raw "$T/unknown"

is "a cut line is marked" "$(head -c 70000 /dev/zero | tr '\0' x | hinomi log test | jq -c '[.truncated, (.line | length)]')" '[true,65536]'
is "others are not" "$(echo short | hinomi log test | jq -c 'has("truncated")')" false
complete() { # WORDS...: what bash would offer for the last one
    bash -c 'source <("$1" completion bash); shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _hinomi; echo "${COMPREPLY[@]}"' - "$build/hinomi" "$@"
}
is "values of options are completed" "$(complete hinomi events --format c)" cef
is "of each command its own" "$(complete hinomi log test --time a)" arrival
like "options still are" "$(complete hinomi events --fo)" '--follow --format|--format --follow'

# ---- files that are no rule files ----
rule_file() { # PATTERN TEXT STATUS
    printf '%b' "$2" >"$T/none/rules/x.xml"
    is "rules check: ${2:0:20}: exit $3" "$(status_of hinomi rules check "$T/none")" "$3"
    like "and says so" "$(cat "$T/said")" "$1"
}
mkdir -p "$T/none/rules"
cp "$T/set/decoder.xml" "$T/none/"
rule_file 'x.xml:1:1: error: text stands outside' 'hello world\n' 1
rule_file 'x.xml:1:1: error: text stands outside' '\001\002\003' 1
rule_file 'x.xml:1:1: warning: there is no rule' '' 0
rule_file 'x.xml:1:1: warning: there is no rule' '<!-- nothing -->\n' 0
rm -r "$T/none"
printf '<decoder name="x"><program_name>^x$</program_name></decoder>\n<decoder name="y"><parent>x</parent><regex>^by (\\S+) (\\S*)</regex><order>user, url</order></decoder>\n' >"$T/set/decoder.xml"
rm "$T/set/rules/"*
printf '<group name="x,"><rule id="1" level="3"><decoded_as>x</decoded_as><description>$(user) at $(srcip), $(nothing).</description></rule></group>\n' >"$T/set/rules/a.xml"
is "what a line does not have is a dash in the description" "$(echo 'Nov 20 10:00:00 web1 x: by root y' | hinomi log test --rules "$T/set" | jq -r .rule.description)" 'root at -, -.'

# ---- test files ----
conform() { # PATTERN TEXT: refused as a whole, with the place
    printf '%b' "$2" >"$T/case.ini"
    is "log conform: ${2:0:40}: exit 2" "$(status_of hinomi log conform "$T/case.ini")" 2
    like "and says" "$(cat "$T/said")" "$1"
}
conform 'case.ini:2:1: rule = x: a number' '[a]\nrule = x\nalert = 1\ndecoder =\nlog 1 pass = y\n'
conform 'case.ini:1:1: this section has no .alert =' '[a]\nrule = 1\ndecoder =\nlog 1 pass = y\n'
conform 'case.ini:1:1: this section has no .decoder =.*empty one means none' '[a]\nrule = 1\nalert = 1\nlog 1 pass = y\n'
conform 'case.ini: no case' ''
conform 'case.ini:1:1: .*neither' 'hello world\n'
is "a test file that is not there: exit 2" "$(status_of hinomi log conform "$T/none.ini")" 2
printf '[a]\nrule = 1\nalert = 1\ndecoder =\nlog 1 fail = y\n' >"$T/case.ini"
is "a rule folder that is not there: exit 2" "$(status_of hinomi log conform --rules "$T/none" "$T/case.ini")" 2
is "a case that passes: exit 0" "$(status_of hinomi log conform "$T/case.ini")" 0
is "a zone that does not exist: exit 2" "$(status_of hinomi log test --zone Nope/Zone /dev/null)" 2
like "and is named" "$(cat "$T/said")" 'Nope/Zone: there is no such zone'
is "one that does" "$(status_of hinomi log test --zone UTC /dev/null)" 0

# ---- settings ----
settings() { # PATTERN SED: manager.json as sed makes it is refused
    cp "$T/s/manager.json" "$T/kept.json"
    sed -i "$2" "$T/s/manager.json"
    is "manager.json, $2: refused" "$(status_of timeout 20 "$build/hinomi-manager" run --state "$T/s")" 1
    like "by name" "$(cat "$T/said")" "$1"
    cp "$T/kept.json" "$T/s/manager.json"
}
manager_init s
settings 'manager.json: wrkers: unknown' 's/"workers"/"wrkers"/'
settings 'manager.json: api.prot: unknown' 's/"port"/"prot"/'
settings 'manager.json:[0-9]+:[0-9]+: ' 's/"workers"/x"workers"/'
settings 'manager.json: restartSeconds: ' 's/"restartSeconds": *[0-9]*/"restartSeconds": 0/'

# ---- where an installation may stand ----
init_at() { "$build/hinomi-manager" init --api 127.0.0.1:0 --agents 127.0.0.1:0 --json "$@"; }
is "a key ring inside the state folder is refused" "$(status_of init_at --state "$T/i" --keyring "$T/i/ring")" 1
like "with the reason" "$(cat "$T/said")" 'inside the state folder'
check "and nothing is left" [ ! -e "$T/i" ]
mkdir "$T/e" && ln -s "$T/e" "$T/link"
is "by a link too" "$(status_of init_at --state "$T/e" --keyring "$T/link/ring")" 1
chmod 755 "$T/e"
is "an empty folder is taken" "$(status_of init_at --state "$T/e")" 0
is "and closed to others" "$(stat -c %a "$T/e")" 700
like "which is said" "$(cat "$T/said")" 'was open to others'
mkdir "$T/f" && echo mine >"$T/f/file"
is "a folder that holds something else is refused" "$(status_of init_at --state "$T/f")" 1
like "with the reason" "$(cat "$T/said")" 'not empty'
is "and left as it was" "$(ls "$T/f")" file
for _ in 1 2 3 4 5 6 7 8 9; do # until one was killed in the middle of it
    rm -rf "$T/k" "$T/k.keyring"
    timeout -s KILL "0.0$((RANDOM % 9 + 1))" "$build/hinomi-manager" init --state "$T/k" --api 127.0.0.1:0 --agents 127.0.0.1:0 >/dev/null 2>&1
    [ -d "$T/k/db" ] && [ ! -e "$T/k/manager.json" ] && break
done
mkdir -p "$T/k/vault" "$T/k/db" && rm -f "$T/k/manager.json" # were it never met
is "one that a killed init left is refused" "$(status_of init_at --state "$T/k")" 1
like "and what to do is said" "$(cat "$T/said")" "cut off.*remove it, and $T/k.keyring if that is there"
rm -rf "$T/k" "$T/k.keyring"
is "which helps" "$(status_of init_at --state "$T/k")" 0

# ---- what a search understands, and what it refuses ----
manager_init m && manager_start m || bail "no manager"
sign_in m || bail "no profile"
watch m "$T/log/*.log" && agent_enrol m a && agent_start a || bail "no agent"
for i in 1 2 3 4 5 6; do line "u$i" "203.0.113.$i" "$((100 + i))"; done >>"$T/log/auth.log"
happens 20 "events to search" seen m 6 --where program=sshd
ids=($(cli m events --format json --where program=sshd | jq .ID))
before=${ids[5]}
page() { api m POST events/search "{\"maxItems\":2,\"searchCriteria\":[{\"fieldName\":\"program\",\"stringValue\":\"sshd\"},{\"idTest\":\"less-than\",\"idValue\":$before}]$1}" | jq -c '[.events[].ID]'; }
is "the page right before an ID, ascending by sortByObjectID" "$(page ',"sortByObjectID":true')" "[${ids[3]},${ids[4]}]"
is "newest first without it" "$(page '')" "[${ids[4]},${ids[3]}]"
is "by GET too" "$(api m GET "events?where=program%3Dsshd&limit=2&idTest=less-than&idValue=$before" | jq -c '[.events[].ID]')" "[${ids[3]},${ids[4]}]"
is "and descending" "$(api m GET "events?where=program%3Dsshd&limit=2&idTest=less-than&idValue=$before&sort=desc" | jq -c '[.events[].ID]')" "[${ids[4]},${ids[3]}]"
is "forward it goes on after an ID" "$(api m GET "events?where=program%3Dsshd&limit=2&idTest=greater-than&idValue=${ids[0]}" | jq -c '[.events[].ID]')" "[${ids[1]},${ids[2]}]"
rules=($(api m GET loginspectionrules | jq '.logInspectionRules[].ID'))
is "resources page backwards likewise" "$(api m POST loginspectionrules/search "{\"maxItems\":2,\"searchCriteria\":[{\"idTest\":\"less-than\",\"idValue\":${rules[4]}}],\"sortByObjectID\":true}" | jq -c '[.logInspectionRules[].ID]')" "[${rules[2]},${rules[3]}]"

refuses() { # DESCRIPTION PATTERN METHOD PATH [BODY]
    local what=$1 pattern=$2 text
    shift 2
    text=$(api m "$@" | jq -r .message)
    is "$what: 400" "$(cat "$T/status")" 400
    like "$what: says what" "$text" "$pattern"
}
refuses "a query parameter that does not exist" 'no query parameter bogus' GET 'events?bogus=1'
refuses "in a search too" 'no query parameter bogus' POST 'events/search?bogus=1' '{}'
refuses "and in a list" 'no query parameter limit' GET 'computers?limit=1'
check "what the reference's clients always send is taken" api m GET 'computers?expand=none&overrides=false'
refuses "idTest without idValue" 'idValue is missing' GET 'events?idTest=less-than'
refuses "an address that is none" 'srcip|src_ip: notanip is no IP address' GET 'events?where=srcip%3Dnotanip'
refuses "a broken address" '203.0.113.999 is no IP' GET 'events?where=srcip%3D203.0.113.999'
refuses "a network" 'network.*equality' GET 'events?where=srcip%3D203.0.113.0/24'
check "a host name may stand for an address" api m GET 'events?where=srcip%3Dweb1.example.com'
criterion() { api m POST events/search "{\"searchCriteria\":[$1]}" | jq '.events | length'; }
is "an OCSF path without [0] finds" "$(criterion '{"fieldName":"evidences.src_endpoint.ip","stringValue":"203.0.113.3"}')" 1
is "with it too" "$(criterion '{"fieldName":"evidences[0].src_endpoint.ip","stringValue":"203.0.113.3"}')" 1
is "by wildcard too" "$(criterion '{"fieldName":"evidences.user.name","stringValue":"u%","stringWildcards":true}')" 6
severity=$(cli m events --format json --where program=sshd | jq -r .severity | head -1)
of_word=$(criterion "{\"fieldName\":\"severity\",\"choiceTest\":\"equal\",\"choiceValue\":\"$severity\"},{\"fieldName\":\"program\",\"stringValue\":\"sshd\"}")
is "a severity by its word" "$of_word" 6
is "or not of that word" "$(criterion "{\"fieldName\":\"severity\",\"choiceTest\":\"not-equal\",\"choiceValue\":\"$severity\"},{\"fieldName\":\"program\",\"stringValue\":\"sshd\"}")" 0
check "and on the command line" seen m 6 --where "severity=${severity,,}" --where program=sshd
refuses "a rule of a name only" 'ruleXML.*pattern.*missing' POST loginspectionrules '{"name":"empty"}'
xml() { jq -n --arg x "$1" '{name: "r'$RANDOM'", template: "custom", identifier: "r.xml", ruleXML: $x}'; }
refuses "a rule with a broken pattern" 'r.xml:2:[0-9]+: ' POST loginspectionrules "$(xml '<group name="a,"><rule id="100300" level="3">
<pcre2>a(b</pcre2><description>x</description></rule></group>')"
refuses "a rule that is no rule" 'r.xml:1:1: text stands outside' POST loginspectionrules "$(xml 'hello world')"
refuses "a rule text without a rule" 'r.xml:1:1: there is no rule' POST loginspectionrules "$(xml '<!-- -->')"
check "a rule whose parents are elsewhere is stored" api m POST loginspectionrules "$(xml '<group name="a,"><rule id="100301" level="3"><if_sid>5700</if_sid><decoded_as>elsewhere</decoded_as><description>x</description></rule></group>')"
refuses "a key that has ended already" 'expiryDate: lies in the past' POST apikeys '{"keyName":"late","roleID":2,"expiryDate":1700000000000}'
check "one that ends later is made" api m POST apikeys "{\"keyName\":\"in time\",\"roleID\":2,\"expiryDate\":$((($(date +%s) + 3600) * 1000))}"
refuses "a severity that is none" 'severity: a number, or a word' GET 'events?where=severity%3Dloud'
like "a name that no table has is said" "$(cli m events --where bogus=1 2>&1 >/dev/null)" 'bogus.*decoder'
is "field.NAME is meant so" "$(cli m events --where field.bogus=1 2>&1 >/dev/null)" ""
is "and known names are silent" "$(cli m events --where srcip=203.0.113.3 --where dstuser=u3 2>&1 >/dev/null)" ""

# ---- what people read ----
like "status: a start that can be read" "$(cli m status)" '^started: [0-9]{4}-[0-9]{2}-[0-9]{2}T'
like "policy show: how many rules and which" "$(cli m policy show 1)" ' [0-9]+ \([0-9]+-[0-9]+'
is "no heading before an error" "$(HINOMI_PROFILE=$T/none.profile hinomi events 2>/dev/null)" ""

# ---- how long events are kept ----
in_force() { cli m retention show --json | jq -c '[.keepDays, .modules.logInspection, .installationKeepDays, .inForce.logInspection, .inForce.agent, .inForce.manager, .due.events]'; }
is "nothing is set at first: for ever, as the installation" "$(in_force)" '[null,null,0,0,0,0,0]'
is "the tenant's own time" "$(status_of cli m retention set --days 365)" 0
like "is shown" "$(cat "$T/said")" 'logInspection +365 days'
is "a module's" "$(status_of cli m retention set --module logInspection --days 90)" 0
is "holds for it alone" "$(in_force)" '[365,90,0,90,365,365,0]'
check "for ever" cli m retention set --module agent --forever
is "is longer than the tenant's" "$(in_force)" '[365,90,0,90,0,365,0]'
check "and goes again" cli m retention set --module agent --default
is "then it is the tenant's" "$(in_force)" '[365,90,0,90,365,365,0]'
is "old and new value are in the audit record" "$(audited m '"retention.modify"' | jq -c '[.changes[] | [.attribute, .old, .new]]' | tail -2)" \
    '[["modules",null,{"logInspection":90}]]
[["keepDays",null,365]]'
wrong_time() { # PATTERN OPTIONS...
    local pattern=$1
    shift
    is "retention set $*: exit 2" "$(status_of cli m retention set "$@")" 2
    like "and says" "$(cat "$T/said")" "$pattern"
}
wrong_time 'say one of --days N, --forever and --default'
wrong_time 'say one of' --days 3 --forever
wrong_time '1 to 36500' --days 0
wrong_time '1 to 36500' --days 36501
wrong_time 'logInspection, agent or manager' --module malware --days 3
refuses "more days than there may be" 'keepDays: .*36500' POST retention '{"keepDays":36501}'
refuses "days below none" 'modules.logInspection: ' POST retention '{"modules":{"logInspection":-1}}'
refuses "a module that does not exist" 'modules.malware: unknown' POST retention '{"modules":{"malware":3}}'
api m POST apikeys '{"keyName":"reads","roleID":2}' | jq -r '"api-version: v1\napi-secret-key: \(.secretKey)"' >"$T/reads.headers"
is "an auditor reads it, and changes nothing" \
    "$(HEADERS=$T/reads.headers api_status m GET retention) $(HEADERS=$T/reads.headers api_status m POST retention '{"keepDays":1}')" "200 403"

# ---- the agent's settings ----
agent_stop a
sed -i 's/"logRoots"/"logRots"/' "$T/a/agent.json"
check_not "agent.json with a name that does not exist is refused" timeout 20 "$build/hinomi-agent" run --state "$T/a"
like "by name" "$("$build/hinomi-agent" status --state "$T/a" 2>&1)" 'agent.json: logRots: unknown'

done_testing
