#!/bin/bash
# Names, addresses, tokens, rule texts are planted, one in whatever the API takes (lib/plant.py goes by its OpenAPI document)
# and one in each field that a log line can fill; none is found on a disk, in a log, in a process title or an environment, nor
# in the files of a PostgreSQL server that logs all it is told; none of our processes leaves a core; a stolen state folder
# opens nothing.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"
chmod 711 "$T"
P=$T/pg
end_all() { "$here/tools/postgres" stop "$P" --now >/dev/null 2>&1; clean; }
trap end_all EXIT

mark=$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')
user=mallory$mark
source_user=eve$mark
address=198.51.100.$((RANDOM % 200 + 20))
address6=2001:db8:$(cut -c1-4 <<<"$mark"):$(cut -c5-8 <<<"$mark")::77
host=vault$mark
word=pineapple$mark      # in the raw line only
url=/private/$mark/plan.pdf
rule=watchword$mark
note_text=remark$mark
own=own-password-$mark
phrase="a pass phrase $mark"
printf '%s\n' "$phrase" >"$T/phrase"

# The host itself has a planted name as well.
[ "$(id -u)" != 0 ] || runner=(unshare --uts -- sh -c 'hostname "$0" && exec "$@"' "bunker$mark")
mkdir "$T/cwd"
cd "$T/cwd" || exit 2
ulimit -c unlimited
manager_init m --passphrase-file "$T/phrase" && manager_start m --passphrase-file "$T/phrase" || bail "a manager runs"
printf '%s\n%s\n' "$(init_value m oneTimePassword)" "$own" >"$T/password"
cli m login "${urls[m]}" --ca-fingerprint "${fingerprints[m]}" --password-file "$T/password" >/dev/null || bail "signed in"
watch m "$T/log/*.log" || bail "places"
printf '%s\n' "$phrase" >"$T/agent.phrase"
agent_enrol m a --passphrase-file "$T/phrase" || bail "enrolled"
agent_start a --passphrase-file "$T/phrase" || bail "an agent runs"
ok "manager and agent run, both key files under a pass phrase"

# ---- planting ----

# planted MANAGER: in every attribute that the API takes; each must be taken by at least one call
planted() {
    python3 "$here/tests/integration/lib/plant.py" plant "$T/$1/ca.pem" "${urls[$1]}" "$T/$1.headers" "$mark" "$T" >"$T/planted.$1" ||
        { cat "$T/planted.$1"; return 1; }
    grep -q '^refused' "$T/planted.$1" && { cat "$T/planted.$1"; return 1; }
    [ "$(grep -c '^taken .*\(sensitive\|personal\)$' "$T/planted.$1")" -ge 20 ]
}
# every_field MANAGER AGENT LOG: one line that fills each field a decoder can, and one of its own
every_field() {
    local name fields="user srcuser url id extra_data status system_name action protocol filename own.field" own line='' pattern='' order=''
    mkdir -p "$T/fields/rules"
    for name in $fields; do
        own=f$mark.$(tr -dc a-z <<<"$name")
        line="$line $own"
        pattern="$pattern (\S+)"
        order="$order, $name"
        echo "$own" >>"$T/fields/values"
    done
    cat >"$T/fields/decoder.xml" <<XML
<decoder name="every"><program_name>^every$mark</program_name></decoder>
<decoder name="every-field"><parent>every</parent><regex>^(\S+) (\d+) (\S+) (\d+)$pattern</regex><order>srcip, srcport, dstip, dstport$order</order></decoder>
XML
    cat >"$T/fields/rules/every.xml" <<XML
<group name="local,every$mark,"><rule id="100950" level="8"><decoded_as>every</decoded_as><description>Every field of \$(user) $mark.</description></rule></group>
XML
    local ids
    ids=$(cli "$1" rules import "$T/fields" --json --location "$T/log/*.log" | jq -c .ruleIDs) &&
        api "$1" POST policies/1 "{\"logInspection\":{\"state\":\"on\",\"ruleIDs\":$(jq -c --argjson more "$ids" '.logInspection.ruleIDs + $more' <<<"$(api "$1" GET policies/1)")}}" >/dev/null || return 1
    fields_line="every$mark[7]: $address6 4021 $address 4022$line"
}
body=$(jq -n --arg w "$rule" '{name: "planted", identifier: "planted.xml", template: "custom", ruleXML: "<group name=\"local,\">\n<rule id=\"100900\" level=\"8\">\n<if_sid>200200</if_sid>\n<match>\($w)</match>\n<description>The word \($w) was said.</description>\n</rule>\n</group>\n"}')
planted=$(api m POST loginspectionrules "$body" | jq .ID)
ids=$(api m GET policies/1 | jq -c ".logInspection.ruleIDs + [$planted]")
check "a rule with a secret word is in force" api m POST policies/1 "{\"logInspection\":{\"ruleIDs\":$ids}}"
wait_for 10 logged a 'policy [0-9]+ applied' 2
computer=$(api m GET computers | jq '.computers[0].ID')
[ "$(id -u)" != 0 ] || is "the manager knows the agent's host by name" "$(api m GET computers | jq -r '.computers[0].hostName')" "bunker$mark"
check "a computer has a name and a remark" api m POST "computers/$computer" "{\"displayName\":\"$host.example\",\"description\":\"$note_text\"}"
key=$(api m POST apikeys "{\"keyName\":\"key of $user\",\"roleID\":2,\"description\":\"$note_text\"}" | jq -r .secretKey)
token=$(cli m computer token --uses 3)
api m POST administrators "{\"username\":\"$user\",\"password\":\"secret-$mark-secret\",\"roleID\":2,\"fullName\":\"$source_user\"}" >/dev/null
for n in 1 2 3; do
    printf '%s %s sshd[22]: Failed password for %s from %s port 22 ssh2\n' "$(stamp)" "$host" "$user" "$address"
    printf '%s %s sshd[22]: Failed password for invalid user %s from %s port 22 ssh2\n' "$(stamp)" "$host" "$user" "$address6"
    printf '%s %s sudo[9]: %s : TTY=pts/1 ; PWD=/home ; USER=root ; COMMAND=/bin/echo %s\n' "$(stamp)" "$host" "$source_user" "$word"
    printf '%s %s sshd[22]: error: %s and %s\n' "$(stamp)" "$host" "$rule" "$word"
    printf '%s - - [%s] "GET %s HTTP/1.1" 403 1 "-" "%s"\n' "$address" "$(date '+%d/%b/%Y:%H:%M:%S +0000')" "$url" "$word"
done >>"$T/log/auth.log"
happens 10 "the planted rule fires" seen_some m --where rule_id=100900
happens 10 "the planted name is found by searching" seen_some m --where "user=$user"
check "so is the address" seen_some m --where "src_ip=$address6"
check "and the host" seen_some m --where "host=$host"
# A wrong password, key and token as well: what is refused must not be kept either.
api m POST sessions "{\"username\":\"$user\",\"password\":\"wrong-$mark-password\"}" >/dev/null
(umask 077; printf 'api-version: v1\napi-secret-key: hin_key_wrong%s\n' "$mark" >"$T/wrong.headers")
HEADERS=$T/wrong.headers api m GET computers >/dev/null
HEADERS=$T/wrong.headers api m GET "computers?name=$user" >/dev/null
TOKEN=wrong-$mark-token agent_enrol m nobody
# Two states of the spool: with the manager away things stay in it.
murder m
printf '%s %s sshd[22]: Failed password for %s from %s port 22 ssh2\n' "$(stamp)" "$host" "${user}spooled" "$address" >>"$T/log/auth.log"
sleep 2
needles() {
    printf '%s\n' "$mark" "$address" "$(init_value m oneTimePassword)" "$(init_value m apiKey)" "$(init_value m enrolmentToken)" \
        "$key" "$token" "$own" "$phrase" "2001:0db8:" "${address6%::77}"
    # The bytes behind what is written in letters.
    init_value m apiKey | sed 's/^hin_[a-z]*_//'
    init_value m enrolmentToken | sed 's/^hin_[a-z]*_//'
    # In UTF-16 and turned to base64 nothing should stand either; the plain mark covers most.
    printf '%s' "$user" | base64 | tr -d '=\n' | cut -c3-16
    echo
}
needles | grep . | sort -u >"$T/needles"
# search DESCRIPTION PATH...
search() {
    local what=$1 found
    shift
    found=$(grep -raFl -f "$T/needles" -- "$@" 2>/dev/null)
    if [ -n "$found" ]; then
        note "$(grep -raFo -f "$T/needles" -- "$@" 2>/dev/null | sort | uniq -c | head -20)"
    fi
    is "$what" "$found" ""
}
search "nothing in the manager's state and its key ring (killed at once: its journals too)" "$T/m" "$T/m.keyring"
search "nothing in the agent's state, its spool and key file" "$T/a" "$T/a.key"
search "nothing in what they log" "$T/m.log" "$T/a.log" "$T/m.out" "$T/a.out" "$T/nobody.log"
check "(a control: the search does find what is planted)" grep -raFq -f "$T/needles" "$T/log"
launch m "$build/hinomi-manager" run --state "$T/m" --passphrase-file "$T/phrase"
wait_for 20 manager_serves m
happens 30 "what was spooled arrives" seen_some m --where "user=${user}spooled"
# With the command line in use: a token on it is accepted, warned about and wiped.
for pid in $(descendants "${pids[m]}"); do kill -STOP "$pid"; done # takes connections and says nothing
"$build/hinomi-agent" enrol --state "$T/slow" --manager "${agents_urls[m]}" --ca-fingerprint "${fingerprints[m]}" --token "$token" \
    --log-root "$T/log" >/dev/null 2>"$T/slow.err" &
slow=$!
sleep 0.5
titles=$(tr '\0' ' ' <"/proc/$slow/cmdline" 2>/dev/null)
kill -KILL "$slow" 2>/dev/null
wait "$slow" 2>/dev/null
for pid in $(descendants "${pids[m]}"); do kill -CONT "$pid"; done
like "a secret on the command line is warned about" "$(cat "$T/slow.err")" 'seen by others|token-file'
like "its title stays readable" "$titles" 'hinomi-agent'
is "and wiped from the title" "$(grep -F "$token" <<<"$titles")" ""

# ---- processes ----
processes() { descendants "${pids[m]}"; descendants "${pids[a]}"; }
check "there are all the processes" [ "$(processes | wc -l)" -ge 7 ]
for pid in $(processes); do
    cat "/proc/$pid/cmdline" 2>/dev/null | tr '\0' '\n'
    cat "/proc/$pid/environ" 2>/dev/null | tr '\0' '\n'
done >"$T/proc.txt"
is "nothing in titles and environments" "$(grep -aFf "$T/needles" "$T/proc.txt")" ""
dumpable=
for pid in $(processes); do
    # Files of a process that may not be dumped belong to root, whoever it runs as; and its memory limit says no core.
    [ "$(stat -c %u "/proc/$pid/environ")" = 0 ] || dumpable="$dumpable $pid"
    [ "$(awk '/Max core file size/ {print $5}' "/proc/$pid/limits")" = 0 ] || dumpable="$dumpable core:$pid"
done
is "no process may be dumped" "$dumpable" ""
if command -v gdb >/dev/null; then
    worker=$(process m worker)
    owner=$(awk '/^Uid:/ {print $2}' "/proc/$worker/status")
    setpriv --reuid "$owner" --regid "$owner" --clear-groups gdb -p "$worker" -batch -ex "generate-core-file $T/cwd/stolen" >"$T/gdb.out" 2>&1
    is "its own user may not attach to it" "$(ls "$T/cwd")" ""
else
    worker=$(process m worker)
    owner=$(awk '/^Uid:/ {print $2}' "/proc/$worker/status")
    check_not "its own user may not read its memory" setpriv --reuid "$owner" --regid "$owner" --clear-groups head -c1 "/proc/$worker/mem"
fi
for pid in $(processes | tac); do kill -ABRT "$pid" 2>/dev/null; done
sleep 3
is "an abort leaves no core, here nor in the state" "$(find "$T/cwd" "$T/m" "$T/a" -name '*core*' -type f)" ""
search "nothing in the manager's state after the crash of all" "$T/m" "$T/m.keyring"
search "nothing in the agent's state after the crash of all" "$T/a" "$T/a.key"
search "nothing in what they log of it" "$T/m.log" "$T/a.log"
stop m
stop a

# ---- modes ----
is "no file of the state is open to others" "$(find "$T/m" "$T/a" "$T/m.keyring" "$T/a.key" -type f -perm /077 ! -name ca.pem)" ""
is "no folder either" "$(find "$T/m" "$T/a" -type d -perm /077)" ""
search "after a clean end" "$T/m" "$T/a" "$T/m.log" "$T/a.log"

# ---- stolen ----
mkdir "$T/thief"
cp -a "$T/m" "$T/thief/m"
cp -a "$T/a" "$T/thief/a"
sed -i "s#$T/m.keyring#$T/thief/m.keyring#" "$T/thief/m/manager.json"
check_not "a manager's folder without its key ring does not start" timeout 20 "$build/hinomi-manager" run --state "$T/thief/m"
check_not "an agent's folder without its key file does not start" timeout 20 "$build/hinomi-agent" run --state "$T/thief/a"
manager_init n || bail "another installation"
cp "$T/n.keyring" "$T/thief/m.keyring"
check_not "nor with the key ring of another installation" timeout 20 "$build/hinomi-manager" run --state "$T/thief/m"
cp -a "$T/m.keyring" "$T/thief/m.keyring"
cp -a "$T/a.key" "$T/thief/a.key"
check_not "nor with the right one and no pass phrase" timeout 20 "$build/hinomi-manager" run --state "$T/thief/m"
check_not "the agent's neither" timeout 20 "$build/hinomi-agent" run --state "$T/thief/a"
done_testing
