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
    mkdir -p "$T/fields"
    for name in $fields; do
        own=f$mark.$(tr -dc a-z <<<"$name")
        line="$line $own"
        pattern="$pattern (\S+)"
        order="$order, $name"
        echo "$own" >>"$T/fields/values"
    done
    local decoder rule
    decoder=$(jq -n --arg xml "<decoder name=\"every\"><program_name>^every$mark</program_name></decoder>
<decoder name=\"every-field\"><parent>every</parent><regex>^(\S+) (\d+) (\S+) (\d+)$pattern</regex><order>srcip, srcport, dstip, dstport$order</order></decoder>" \
        '{name: "every", identifier: "every.xml", decoderXML: $xml}')
    decoder=$(api "$1" POST loginspectiondecoders "$decoder" | jq .ID)
    rule=$(jq -n --argjson decoder "$decoder" --arg xml "<group name=\"local,every$mark,\"><rule id=\"100950\" level=\"8\"><decoded_as>every</decoded_as><description>Every field of \$(user) $mark.</description></rule></group>" \
        '{name: "every", identifier: "every.xml", template: "custom", ruleXML: $xml, decoderIDs: [$decoder]}')
    rule=$(api "$1" POST loginspectionrules "$rule" | jq .ID)
    api "$1" POST policies/1 "{\"logInspection\":{\"ruleIDs\":$(api "$1" GET policies/1 | jq -c ".logInspection.ruleIDs + [$rule]")}}" || return 1
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
check "a value is planted in every attribute of the API" planted m
like "(a control: it reads back)" "$(api m GET policies)" "${mark}x[0-9]"
check "a rule set that fills every field is in force" every_field m
happens 20 "at the agent" logged a 'policy [0-9]+ applied' 3
printf '%s %s %s\n' "$(stamp)" "$host" "$fields_line" >>"$T/log/auth.log"
happens 10 "the planted rule fires" seen_some m --where rule_id=100900
happens 10 "the planted name is found by searching" seen_some m --where "user=$user"
check "so is the address" seen_some m --where "src_ip=$address6"
check "and the host" seen_some m --where "host=$host"
fields_arrive() { # each planted field is in the event
    local value got
    got=$(cli "$1" events --format json --where rule_id=100950 --limit 1)
    while read -r value; do
        grep -qF "$value" <<<"$got" || { echo "no $value in $got"; return 1; }
    done <"$T/fields/values"
}
happens 10 "and what stands in every field" fields_arrive m
check "the tenant's export is made" cli m tenant export --quiet --output "$T/m.export"
check "it holds more than nothing" [ "$(stat -c %s "$T/m.export")" -gt 20000 ]
# A wrong password, key and token as well: what is refused must not be kept either.
api m POST sessions "{\"username\":\"$user\",\"password\":\"wrong-$mark-password\"}" >/dev/null
(umask 077; printf 'api-version: v1\napi-secret-key: hin_key_wrong%s\n' "$mark" >"$T/wrong.headers")
HEADERS=$T/wrong.headers api m GET computers >/dev/null
HEADERS=$T/wrong.headers api m GET "computers?name=$user" >/dev/null
TOKEN=wrong-$mark-token agent_enrol m nobody
spooled() { [ "$(find "$T/a/uplink/spool" -type f -printf '%s %T@ ')" != "$spool" ]; }
spool=$(find "$T/a/uplink/spool" -type f -printf '%s %T@ ')
# Two states of the spool: with the manager away things stay in it.
murder m
printf '%s %s sshd[22]: Failed password for %s from %s port 22 ssh2\n' "$(stamp)" "$host" "${user}spooled" "$address" >>"$T/log/auth.log"
wait_for 10 spooled
{
    printf '%s\n' "mark:$mark" "$address" "2001:0db8:" "${address6%::77}" "$own" "$phrase"
    python3 "$here/tests/integration/lib/plant.py" secret "$(init_value m oneTimePassword)" "$(init_value m apiKey)" \
        "$(init_value m enrolmentToken)" "$key" "$token"
} >>"$T/needles"
# find_in LIST PATH...: what of it lies there, in any of several writings
find_in() { python3 "$here/tests/integration/lib/plant.py" find "$@" | head -20; }
# search DESCRIPTION PATH...
search() { is "$1" "$(find_in "$T/needles" "${@:2}")" ""; }
search "nothing in the manager's state and its key ring (killed at once: its journals too)" "$T/m" "$T/m.keyring"
search "nothing in the agent's state, its spool and key file" "$T/a" "$T/a.key"
search "nothing in what they log" "$T/m.log" "$T/a.log" "$T/m.out" "$T/a.out" "$T/nobody.log"
search "nothing in its export" "$T/m.export"
is "and nothing of what the manager knows of a host" "$(find_in "$T/needles.manager" "$T/m" "$T/m.keyring" "$T/m.export" "$T/m.log" "$T/m.out")" ""
base64 -w0 "$T/log/auth.log" >"$T/control"
like "(a control: the search does find what is planted)" "$(find_in "$T/needles" "$T/log")" "$mark .as it is"
like "(also in base64)" "$(find_in "$T/needles" "$T/control")" "$mark .base64"
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
search "nothing in titles and environments" "$T/proc.txt"
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
# What a process may do to its own limits, root may do too: then only its not being dumpable stands between it and a core.
mkdir "$T/control.cwd"
(cd "$T/control.cwd" && exec sleep 60) 2>/dev/null &
control=$!
for pid in $(processes) $control; do prlimit --pid "$pid" --core=unlimited:unlimited 2>/dev/null; done
kill -ABRT $control
wait $control 2>/dev/null
[ -n "$(ls "$T/control.cwd")" ] || note "cores do not go where a process stands ($(cat /proc/sys/kernel/core_pattern)): that none is left shows nothing here"
all=$(processes)
for pid in $(tac <<<"$all"); do kill -ABRT "$pid" 2>/dev/null; done
wait_for 10 dead "$all"
is "an abort leaves no core, here nor in the state" "$(find "$T/cwd" "$T/m" "$T/a" -name '*core*' -type f)" ""
search "nothing in the manager's state after the crash of all" "$T/m" "$T/m.keyring"
search "nothing in the agent's state after the crash of all" "$T/a" "$T/a.key"
search "nothing in what they log of it" "$T/m.log" "$T/a.log"
stop m
stop a

# ---- on PostgreSQL, whose server logs all that it is told ----

server_says() { "$here/tools/postgres" sql "$P" "$1" >>"$T/server.log" 2>&1; }
talkative() {
    local setting
    "$here/tools/postgres" start "$P" >>"$T/server.log" 2>&1 || return 1
    for setting in "log_statement = 'all'" "log_min_error_statement = 'debug5'" "log_parameter_max_length = -1" \
        "log_parameter_max_length_on_error = -1" "log_connections = on" "log_min_duration_statement = 0" "full_page_writes = on"; do
        server_says "ALTER SYSTEM SET $setting" || return 1
    done
    server_says 'SELECT pg_reload_conf()'
}
on_postgres() {
    talkative && manager_init p --store "$(cat "$P/socket.url")" --store-password-file "$P/password" &&
        manager_start p --store-password-file "$P/password" && sign_in p && watch p "$T/log/*.log" && agent_enrol p b && agent_start b
}
rm -f "$T/needles.manager"
check "manager and agent run on it" on_postgres
check "a value is planted in every attribute of the API there" planted p
check "and in every field" every_field p
happens 20 "at the agent" logged b 'policy [0-9]+ applied' 2
printf '%s %s %s\n' "$(stamp)" "$host" "$fields_line" >>"$T/log/auth.log"
happens 20 "it arrives" fields_arrive p
check "the tenant's export is made there" cli p tenant export --quiet --output "$T/p.export"
{
    cat "$P/password"
    echo
    python3 "$here/tests/integration/lib/plant.py" secret "$(init_value p oneTimePassword)" "$(init_value p apiKey)" "$(init_value p enrolmentToken)"
} >>"$T/needles"
for pid in $(descendants "$("$here/tools/postgres" pid "$P")"); do tr '\0' ' ' <"/proc/$pid/cmdline"; done >"$T/server.titles"
server_says 'SELECT query FROM pg_stat_activity'
check "(a control: the server's log has the statements)" grep -q 'INSERT INTO audit' "$P/data/log"
search "nothing in the server's titles, nor in what it runs" "$T/server.titles" "$T/server.log"
"$here/tools/postgres" stop "$P" --now
search "nothing in its files: tables, write-ahead log, log (killed at once)" "$P/data"
is "nothing of what the manager knows of a host either" "$(find_in "$T/needles.manager" "$P/data" "$T/p" "$T/p.keyring" "$T/p.log")" ""
search "nothing in the manager's state, its export, what it logs when the server goes" "$T/p" "$T/p.keyring" "$T/p.export" "$T/p.log" "$T/p.out" "$T/b"
stop b
stop p

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
