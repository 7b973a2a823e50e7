# The house for a test: a manager and agents in a temporary folder, a command line signed in to it, TAP on standard
# output. Sourced by the scripts beside this folder:
#
#   . "$(dirname "$0")/lib/lib.sh"
#   begin "$@"                 # BUILD folder; makes $T, sets traps
#   manager_init m             # $T/m, $T/m.init.json; nothing is started
#   manager_start m            # stderr in $T/m.log
#   agent_enrol m a            # $T/a, with the token of m's init, logs under $T/log
#   agent_start a
#   sign_in m                  # cli m ARGS... is `hinomi` under its profile
#   check "what holds" COMMAND...
#   done_testing
#
# Only what was started here is ended, by its process id. BASH, since a script needs arrays and EPOCHREALTIME.
set -u
umask 022
export LC_ALL=C TZ=UTC
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)

count=0
failures=0
declare -A pids=()     # name -> process id of a parent
declare -A urls=()     # manager -> address of its API
declare -A agents_urls=()
declare -A fingerprints=()
runner=()              # prefix of every program: setpriv for the unprivileged path
T=

# ---- TAP ----

note() { printf '%s\n' "$*" | sed 's/^/# /'; }

ok() { # DESCRIPTION
    count=$((count + 1))
    echo "ok $count - $1"
}

not_ok() { # DESCRIPTION
    count=$((count + 1))
    failures=$((failures + 1))
    echo "not ok $count - $1"
}

said() { # STATUS COMMAND...
    local status=$1
    shift
    note "exit status $status: $*"
    note "$(head -c 2000 "$T/said")"
}

# check DESCRIPTION COMMAND...: the exit status is the verdict; what the command prints is shown when it fails.
check() {
    local what=$1 status
    shift
    "$@" >"$T/said" 2>&1 </dev/null # in this shell: what a command starts is remembered
    status=$?
    if [ $status = 0 ]; then
        ok "$what"
    else
        said "$status" "$@"
        not_ok "$what"
    fi
    return $status
}

# check_not DESCRIPTION COMMAND...: it must fail, and not by a signal.
check_not() {
    local what=$1 status
    shift
    "$@" >"$T/said" 2>&1 </dev/null
    status=$?
    if [ $status != 0 ] && [ $status -lt 124 ]; then # 124 is timeout's: silence is no refusal
        ok "$what"
        return 0
    fi
    said "$status" "$@"
    not_ok "$what"
    return 1
}

# is DESCRIPTION GOT WANTED
is() {
    if [ "$2" = "$3" ]; then
        ok "$1"
    else
        note "got    $(printf '%s' "$2" | head -c 1000)"
        note "wanted $(printf '%s' "$3" | head -c 1000)"
        not_ok "$1"
    fi
}

# like DESCRIPTION GOT PATTERN (extended regular expression)
like() {
    if printf '%s' "$2" | grep -qE -- "$3"; then
        ok "$1"
    else
        note "got    $(printf '%s' "$2" | head -c 1500)"
        note "wanted $3"
        not_ok "$1"
    fi
}

done_testing() {
    # A build with sanitizers tells on standard error what it found.
    if grep -qE 'ERROR: (Address|Memory)Sanitizer|: runtime error: ' "$T"/*.log 2>/dev/null; then
        note "$(grep -hE -A12 'ERROR: (Address|Memory)Sanitizer|: runtime error: ' "$T"/*.log | head -60)"
        not_ok "no sanitizer has anything to say"
    fi
    echo "1..$count"
    finished=yes
    [ "$failures" = 0 ]
    exit $?
}

# Nothing after this can be judged.
bail() {
    not_ok "$1"
    show_logs
    done_testing
}

show_logs() {
    local log
    for log in "$T"/*.log; do
        [ -s "$log" ] || continue
        note "--- $(basename "$log")"
        note "$(tail -25 "$log" | cut -c1-400)"
    done
}

# ---- life ----

begin() { # BUILD
    build=$(cd "${1:?usage: $0 BUILD}" && pwd) || exit 2
    finished=
    T=$(mktemp -d "${TMPDIR:-/tmp}/hinomi-it.XXXXXX") || exit 2
    mkdir "$T/log"
    trap clean EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    key_of_tool
}

# Everything below runs as an ordinary user: nobody's number, no groups, no capabilities, state in a folder of its own.
as_nobody() {
    runner=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --no-new-privs --)
    chmod 755 "$T"
    chown -R 65534:65534 "$T"
}

key_of_tool() {
    local program
    for program in hinomi hinomi-manager hinomi-agent; do
        [ -x "$build/$program" ] || { echo "# $build/$program is not there"; not_ok "built"; done_testing; }
    done
}

descendants() { # PID -> it and all below, one a line
    local child
    echo "$1"
    for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do
        descendants "$child"
    done
}

clean() {
    local name pid all
    trap - EXIT
    trap '' INT TERM
    for name in "${!pids[@]}"; do
        pid=${pids[$name]}
        all="${all:-} $(descendants "$pid")"
        kill -TERM "$pid" 2>/dev/null
    done
    for _ in $(seq 50); do
        alive "${all:-}" || break
        sleep 0.1
    done
    for pid in ${all:-}; do
        kill -KILL "$pid" 2>/dev/null
    done
    wait 2>/dev/null
    if [ -z "${finished:-}" ]; then
        not_ok "the script came to its end"
        show_logs
        echo "1..$count"
        failures=1
    fi
    if [ -n "${HINOMI_KEEP:-}" ] && [ "$failures" != 0 ]; then
        note "kept: $T"
    else
        cd /
        # What was mounted in there, in a namespace of its own; the innermost first.
        awk -v t="$T/" 'index($2, t) == 1 { print $2 }' /proc/mounts | sort -r | while read -r name; do umount "$name" 2>/dev/null; done
        rm -rf --one-file-system "$T"
    fi
    [ "$failures" = 0 ]
    exit $?
}

alive() { # "PID..." -> true when one of them is
    local pid
    for pid in $1; do
        [ -d "/proc/$pid" ] && ! grep -q '^State:	Z' "/proc/$pid/status" 2>/dev/null && return 0
    done
    return 1
}

# wait_for SECONDS COMMAND...: until it succeeds. So long on an idle machine; other tests may keep this one busy, so four times that.
wait_for() {
    local until=$((SECONDS + 4 * $1))
    shift
    while ! "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $until ] || return 1
        sleep 0.1
    done
}

now_msec() { echo $((${EPOCHREALTIME/./} / 1000)); }

# launch NAME COMMAND...: in the background, in a session of its own, stderr appended to $T/NAME.log
launch() {
    local name=$1
    shift
    setsid "${runner[@]}" "$@" >>"$T/$name.out" 2>>"$T/$name.log" </dev/null &
    pids[$name]=$!
}

# stop NAME: politely, 15 s at most; the exit status is the program's.
stop() {
    local pid=${pids[$1]:-} all status
    [ -n "$pid" ] || return 0
    all=$(descendants "$pid")
    kill -TERM "$pid" 2>/dev/null
    wait_for 15 dead "$all" || { for pid in $all; do kill -KILL "$pid" 2>/dev/null; done; }
    wait "${pids[$1]}" 2>/dev/null
    status=$?
    unset "pids[$1]"
    return $status
}

dead() { ! alive "$1"; }

# murder NAME: the parent and all its processes at once, as a power cut would.
murder() {
    local pid=${pids[$1]} all
    all=$(descendants "$pid")
    # The parent stops first, or it would start again what dies.
    kill -STOP "$pid"
    for pid in $all; do kill -KILL "$pid" 2>/dev/null; done
    wait_for 10 dead "$all"
    wait "${pids[$1]}" 2>/dev/null
    unset "pids[$1]"
    return 0
}

# process NAME ROLE -> its process id; by the title that the role gives itself
process() {
    local pid
    for pid in $(descendants "${pids[$1]}"); do
        case "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)" in
        *": $2"*) echo "$pid"; return 0 ;;
        esac
    done
    return 1
}

# ---- the manager ----

manager_init() { # NAME [OPTIONS...]
    local name=$1
    shift
    (umask 077 && "${runner[@]}" "$build/hinomi-manager" init --state "$T/$name" --api 127.0.0.1:0 --agents 127.0.0.1:0 \
        --json "$@" >"$T/$name.init.json" 2>>"$T/$name.log") || return 1
    urls[$name]=$(init_value "$name" api)
    agents_urls[$name]=$(init_value "$name" agents)
    fingerprints[$name]=$(init_value "$name" caFingerprint)
    (umask 077 && printf 'api-version: v1\napi-secret-key: %s\n' "$(init_value "$name" apiKey)" >"$T/$name.headers")
}

init_value() { jq -r ".$2" "$T/$1.init.json"; }

manager_serves() { curl -sf --max-time 2 --cacert "$T/$1/ca.pem" "${urls[$1]}/api/health" | grep -q ok; }

manager_start() { # NAME [OPTIONS...]
    local name=$1
    shift
    launch "$name" "$build/hinomi-manager" run --state "$T/$name" "$@"
    wait_for 20 manager_serves "$name"
}

manager_stop() { stop "$1"; }

# edit_database FILE CODE: Python with `db`, the database, which nobody has open; by a hand that knows of page checksums
edit_database() {
    python3 - "$1" "$2" <<'PY'
import sqlite3, struct, sys
path, code = sys.argv[1:]
db = sqlite3.connect(path)
exec(code)
db.commit()
db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
db.close()
PAGE, MASK = 8192, (1 << 64) - 1
with open(path, "r+b") as f:
    at = 0
    while len(page := f.read(PAGE)) == PAGE:
        total = 0x9E3779B97F4A7C15 ^ at
        for word in struct.unpack("<1023Q", page[:-8]):
            total = ((total ^ word) * 0xFF51AFD7ED558CCD) & MASK
            total = (total << 29 | total >> 35) & MASK
        if struct.unpack("<Q", page[-8:])[0] != total:
            f.seek(at + PAGE - 8)
            f.write(struct.pack("<Q", total))
            f.seek(at + PAGE)
        at += PAGE
PY
}

# api NAME METHOD PATH [BODY]: the answer's body; the HTTP status in $T/status. Fails from 400 on.
api() {
    local name=$1 method=$2 path=$3 status answer=$T/answer.$BASHPID
    shift 3
    status=$(curl -s --max-time 20 --cacert "$T/$name/ca.pem" -H @"${HEADERS:-$T/$name.headers}" -X "$method" ${1+--data-binary "$1"} \
        ${1+-H "content-type: application/json"} -o "$answer" -w '%{http_code}' "${urls[$name]}/api/$path")
    echo "$status" >"$T/status"
    cat "$answer" 2>/dev/null
    rm -f "$answer"
    [ "$status" -ge 200 ] && [ "$status" -lt 400 ]
}

# api_status NAME METHOD PATH [BODY]: only the HTTP status
api_status() {
    api "$@" >/dev/null
    cat "$T/status"
}

# A profile for the command line, by the key that init printed.
sign_in() {
    init_value "$1" apiKey | cli "$1" login "${urls[$1]}" --ca-fingerprint "${fingerprints[$1]}" --api-key-file - >/dev/null
}

cli() { # NAME ARGS...
    local name=$1
    shift
    HINOMI_PROFILE="$T/$name.profile" "${runner[@]}" "$build/hinomi" "$@"
}

# watch NAME GLOB...: the default policy's rules also read these places (the shipped ones are those of /var/log). The
# rules as such stay as they are.
watch() {
    local name=$1 id files
    shift
    id=$(api "$name" GET policies/1 | jq '.logInspection.ruleIDs[0]') || return 1
    files=$(jq -n '{logFiles: {logFiles: [$ARGS.positional[] | {location: ., format: "syslog"}]}}' --args "$@")
    api "$name" POST "loginspectionrules/$id" "$files" >/dev/null
}

# number_rules NAME GLOB...: in place of the shipped rules, one that makes each line "... number: line N of RUN" an event
# with user N and url RUN, and nothing else: for counting.
number_rules() {
    local name=$1 ids place places=()
    shift
    mkdir -p "$T/number/rules"
    cat >"$T/number/decoder.xml" <<'XML'
<decoder name="number">
  <program_name>^number$</program_name>
</decoder>
<decoder name="number-line">
  <parent>number</parent>
  <regex>^line (\S+) of (\S+)</regex>
  <order>user, url</order>
</decoder>
XML
    cat >"$T/number/rules/number.xml" <<'XML'
<group name="number,">
  <rule id="1" level="0" noalert="1">
    <category>syslog</category>
    <description>All lines of syslog.</description>
  </rule>
  <rule id="100001" level="3">
    <decoded_as>number</decoded_as>
    <description>Line $(user).</description>
  </rule>
</group>
XML
    for place; do places+=(--location "$place"); done
    ids=$(cli "$name" rules import "$T/number" --json "${places[@]}" | jq -c .ruleIDs) || return 1
    api "$name" POST policies/1 "{\"logInspection\":{\"state\":\"on\",\"ruleIDs\":$ids}}" >/dev/null
}

# numbers FROM TO RUN: lines for number_rules
numbers() {
    local head i
    head="$(stamp) counter number:"
    for ((i = $1; i <= $2; i++)); do printf '%s line %d of %s\n' "$head" "$i" "$3"; done
}

# tally NAME RUN -> "COUNT DISTINCT FIRST LAST", by the store
tally() {
    cli "$1" events --format json --where "url=$2" 2>>"$T/tally.log" | jq -r '.evidences[0].user.name' |
        awk '{ n++; if (!seen[$1]++) d++; if (n == 1 || $1 < min) min = $1; if ($1 > max) max = $1 } END { print n + 0, d + 0, min + 0, max + 0 }'
}

# all_there NAME RUN FROM TO: each number once and nothing else
all_there() {
    local got wanted
    wanted="$(($4 - $3 + 1)) $(($4 - $3 + 1)) $3 $4"
    got=$(tally "$1" "$2")
    [ "$got" = "$wanted" ] || { echo "count, distinct, first, last: $got; wanted $wanted"; return 1; }
}

# ---- the agent ----

agent_enrol() { # MANAGER NAME [OPTIONS...]: with the token of init unless TOKEN is set
    local manager=$1 name=$2 token
    shift 2
    token=${TOKEN-$(init_value "$manager" enrolmentToken)}
    printf '%s\n' "$token" | "${runner[@]}" "$build/hinomi-agent" enrol --state "$T/$name" --manager "${agents_urls[$manager]}" \
        --token-file - --ca-fingerprint "${fingerprints[$manager]}" --log-root "${LOG_ROOT:-$T/log}" "$@" \
        >>"$T/$name.out" 2>>"$T/$name.log"
}

# logged NAME PATTERN [COUNT]: the program said so, that often
logged() { [ "$(grep -cE -- "$2" "$T/$1.log")" -ge "${3:-1}" ]; }

# Connected and watching: waits for what it says since this start.
agent_start() { # NAME [OPTIONS...]
    local name=$1 before
    shift
    before=$(grep -cE 'connected to ' "$T/$name.log" 2>/dev/null)
    launch "$name" "$build/hinomi-agent" run --state "$T/$name" "$@"
    wait_for 20 logged "$name" ']: connected to ' $((${before:-0} + 1)) || return 1
    [ -e "$T/$name.watches" ] || wait_for 20 logged "$name" 'policy [0-9]+ applied' || return 1
    # What lies there before the first look is history: no line may be written until it was taken.
    wait_for 5 looks "$name"
    sleep 0.3
    touch "$T/$name.watches"
}

looks() { # the process that reads logs has a folder under its eye
    local pid
    pid=$(process "$1" log) && cat /proc/"$pid"/fdinfo/* 2>/dev/null | grep -q '^inotify wd'
}

agent_stop() { stop "$1"; }

# ---- lines and events ----

stamp() { date '+%b %e %H:%M:%S'; }

# line USER [ADDRESS [PROGRAM-NUMBER]]: a failed sign-in, as sshd writes it
line() { printf '%s web1 sshd[%s]: Failed password for %s from %s port 22 ssh2\n' "$(stamp)" "${3:-22}" "$1" "${2:-203.0.113.7}"; }

# events NAME OPTIONS... -> how many
events() {
    local name=$1
    shift
    cli "$name" events --format json "$@" | grep -c .
}

# seen NAME COUNT OPTIONS...: that many events, exactly
seen() {
    local name=$1 wanted=$2 got
    shift 2
    got=$(events "$name" "$@")
    [ "$got" = "$wanted" ] || { echo "$got events, not $wanted: $*"; return 1; }
}

seen_some() {
    local name=$1
    shift
    [ "$(events "$name" "$@")" -gt 0 ]
}

# happens SECONDS DESCRIPTION COMMAND...: holds within that time
happens() {
    local limit=$1 what=$2
    shift 2
    wait_for "$limit" "$@"
    check "$what" "$@"
}

# audited NAME PATTERN: an entry of the audit record that matches
audited() { api "$1" GET 'audit?limit=5000' | jq -c '.audit[].entry' | grep -E -- "$2"; }

# tenant NAME: one more on manager m; $T/NAME.init.json in the form of init, so that all helpers of a manager take its name too.
tenant() {
    cli m tenant create "$1" --json >"$T/$1.tenant.json" || return 1
    jq --slurpfile m "$T/m.init.json" '$m[0] + {apiKey, oneTimePassword, enrolmentToken}' "$T/$1.tenant.json" >"$T/$1.init.json"
    urls[$1]=${urls[m]}
    agents_urls[$1]=${agents_urls[m]}
    fingerprints[$1]=${fingerprints[m]}
    mkdir -p "$T/$1" && cp "$T/m/ca.pem" "$T/$1/ca.pem"
    printf 'api-version: v1\napi-secret-key: %s\n' "$(init_value "$1" apiKey)" >"$T/$1.headers"
    sign_in "$1"
}
guid() { jq -r .guid "$T/$1.tenant.json"; }
number() { jq -r .ID "$T/$1.tenant.json"; }
