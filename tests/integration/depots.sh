#!/bin/bash
# Where backups lie, over the real thing: an object store (npm's s3rver, which the real AWS SDK proves right and shares a
# bucket with) and Debian's sshd; each whole, gone, full, slow, read-only, lying, and with the writer killed.
if [ -z "${HINOMI_PRIVATE:-}" ] && [ "$(id -u)" = 0 ]; then
    exec env HINOMI_PRIVATE=1 unshare --mount --propagation private "$0" "$@"
fi
. "$(dirname "$0")/lib/lib.sh"
begin "$@"
. "$(dirname "$0")/lib/aws.sh"
try=$build/tests/peer/depot_try
contract=$build/tests/unit/depot/test_depot
head -c 300000 /dev/urandom >"$T/some"
chmod 755 "$T"

# subject NAME URL LINE...: a destination
subject() {
    printf '%s\n' "${@:2}" @timeout=20 >"$T/$1"
}
on() { timeout 40 "$try" "$T/$1" "${@:2}"; }
# hasty SUBJECT SECONDS: the same with less patience, as subject "hasty"
hasty() { sed "s/^@timeout=.*/@timeout=$2/" "$T/$1" >"$T/hasty"; }
# refused DESCRIPTION CODE PATTERN SUBJECT ARGS...: it fails by this code and says so much
refused() {
    local said
    said=$(on "$4" "${@:5}" 2>&1 >/dev/null)
    like "$1" "$said" "^$2: .*($3)"
}
# A writer that is killed in the middle; its ssh, if it has one, goes too.
killed_writer() { # SUBJECT NAME MIB
    local pid child
    rm -f "$T/hold.out"
    "$try" "$T/$1" hold "$2" "$3" >"$T/hold.out" 2>"$T/hold.err" &
    pid=$!
    wait_for 20 grep -q holding "$T/hold.out" || return 1
    child=$(pgrep -P "$pid" ssh)
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null
    [ -z "$child" ] || wait_for 10 dead "$child"
}

# ---- an object store ----
s3_start() { # [PORT]
    rm -f "$T/store/port"
    launch store "$sdk/node_modules/.bin/node" --no-warnings --openssl-legacy-provider "$sdk/s3_server.mjs" "$T/store" ${1:+"$1"}
    wait_for 30 test -s "$T/store/port"
}
s3_settings() { printf '%s\n' region=eu-test-1 "endpoint=https://localhost:$(cat "$T/store/port")" "ca-file=$T/store/ca.pem" "@secret=$T/credentials"; }
credentials() { printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$1" "$2"; }
witness() { aws_node "$sdk/s3_witness.mjs" "https://localhost:$(cat "$T/store/port")" "$T/store/ca.pem" "$@"; }
fault() { echo "$*" >"$T/store/fault"; }
well() { rm -f "$T/store/fault"; }
secret=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY

if aws_sdk; then
    mkdir "$T/store"
    (
        cd "$T/store" || exit
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj "/CN=authority of the test" \
            -addext basicConstraints=critical,CA:TRUE
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out request.pem -subj /CN=localhost
        openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -days 2 -out cert.pem \
            -extfile <(printf 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n')
    ) 2>/dev/null
    (umask 077 && credentials AKIDEXAMPLE $secret >"$T/credentials" && credentials AKIDEXAMPLE wrong >"$T/wrong" &&
        credentials AKIDNOBODY $secret >"$T/nobody" && { credentials AKIDEXAMPLE $secret && echo 'aws_session_token = expired'; } >"$T/expired")
    check "an object store runs" s3_start || bail "no store"
    aws_node "$sdk/s3_prove.mjs" "https://localhost:$(cat "$T/store/port")" "$T/store/ca.pem" >"$T/prove.out" 2>&1
    is "the real SDK finds in it what it finds in Amazon S3" "$? $(grep -c '^ok' "$T/prove.out") $(tail -1 "$T/prove.out")" "0 16 1..16"
    mapfile -t settings < <(s3_settings)
    subject s3 s3://depot/backups/here "${settings[@]}"
    subject sealed s3://depot/sealed "${settings[@]}" kms-key=alias/backup owner=0190-owner
    subject parts s3://depot/backups/here "${settings[@]}" part-mib=5
    is "the contract holds" "$(HIN_DEPOT_SUBJECT=$T/sealed "$contract" contract | grep -cE '^ok')" 11

    # the witness
    for i in 1 2 3 4 5 6 7 8 9; do on s3 put "w/$i" "$T/some"; done
    is "the SDK lists what we put" "$(witness list backups/here/w | sed 's|backups/here/||' | sort)" "$(on s3 list w/ | sort)"
    check "and reads the same bytes" cmp <(witness get backups/here/w/5) "$T/some"
    is "of both there are nine" "$(on s3 list w/ | grep -c ' 300000$')" 9
    witness put backups/here/w/theirs <"$T/some"
    check "and we read the same bytes" cmp <(on s3 get w/theirs) "$T/some"
    witness put 'backups/here/w/not & ours' <"$T/some"
    is "a name that is none of ours is nobody's business" "$(on s3 list w/ | wc -l)" 10
    refused "a second put under one name" EXISTS "w/theirs is there already" s3 put w/theirs "$T/some"
    check "the KMS key and the context that bind owner and tenant are sent" \
        test "$(on sealed put t/acme/o/1 "$T/some" && tail -1 "$T/store/sealed" | jq -c '[.key, .context]')" = \
        '["alias/backup",{"hinomi:owner":"0190-owner","hinomi:scope":"t/acme"}]'

    # large, and killed
    most=$(on s3 big large 40)
    check "40 MiB take less memory than that ($most KiB)" test "${most:-99999}" -lt 34000
    check "a writer is killed in the middle of the parts" killed_writer parts half 12
    is "nothing stands under the name" "$(on s3 list half)" ""
    is "its parts are an upload that nobody ends" "$(witness uploads)" "backups/here/half"
    check "while it is young, another writer leaves it" on s3 replace w/1 "$T/some"
    is "(it may be at work)" "$(witness uploads)" "backups/here/half"
    find "$T/store/data" -name key -exec touch -d '2 days ago' {} +
    check "a day later the next writer" on s3 replace w/1 "$T/some"
    is "ends it" "$(witness uploads)" ""

    # who, where
    for case in "wrong:AUTH:secret key is wrong" "nobody:AUTH:does not know this access key" "expired:AUTH:expired"; do
        sed "s|^@secret=.*|@secret=$T/${case%%:*}|" "$T/s3" >"$T/bad"
        refused "credentials: ${case%%:*}" "$(cut -d: -f2 <<<"$case")" "${case##*:}" bad list
    done
    sed '/^@secret/d' "$T/s3" >"$T/bad"
    refused "credentials: none" AUTH "a file with aws_access_key_id" bad list
    sed 's/^region=.*/region=eu-test-2/' "$T/s3" >"$T/bad"
    refused "another region, which is named" INVALID "region is eu-test-1" bad list
    sed '1s|depot|elsewhere|' "$T/s3" >"$T/bad"
    refused "a bucket that is not there" NOT_FOUND "make the bucket" bad list
    sed '/^ca-file/d' "$T/s3" >"$T/bad"
    refused "a server that nobody vouches for" AUTH "set ca-file=" bad list
    sed 's|localhost:|127.0.0.1:|' "$T/s3" >"$T/bad"
    refused "a certificate of another name" AUTH "certificate" bad list

    # in a bad way
    fault SlowDown 2
    check "an overloaded store is asked again" on s3 replace w/1 "$T/some"
    is "and its fault is over" "$(ls "$T/store/fault" 2>/dev/null)" ""
    fault InternalError 99
    hasty s3 3
    refused "one that stays out of order" IO "out of order" hasty list
    fault hang
    hasty s3 1
    refused "one that is silent" TIMEOUT "no answer in time" hasty list
    fault full
    refused "one that is full" NO_SPACE "give the store more room" s3 put w/more "$T/some"
    refused "also in the middle of a large object" NO_SPACE "give the store more room" s3 big more 20
    fault deny
    refused "one that may be read only" DENIED "lack a permission" s3 put w/more "$T/some"
    refused "also to remove" DENIED "lack a permission" s3 remove w/1
    fault cut
    hasty s3 3
    refused "one that breaks off in the middle of an answer" NETWORK "." hasty get w/1
    fault plain
    refused "one that takes an object and seals nothing" DENIED "without confirming" sealed put t/acme/o/2 "$T/some"
    fault late 1
    check "an answer that is lost is no second object" on s3 put w/late "$T/some"
    check "and the object is there" cmp <(on s3 get w/late) "$T/some"
    fault lie
    check "a store that lies acknowledges" on s3 put w/lie "$T/some"
    well
    refused "what it lost is seen by whoever reads" NOT_FOUND "w/lie" s3 get w/lie
    is "or lists" "$(on s3 list w/lie)" ""
    port=$(cat "$T/store/port")
    murder store
    refused "one that is gone" NETWORK "connection refused" hasty list
    check "it comes back" s3_start "$port"
    check "with all that it had" cmp <(on s3 get w/late) "$T/some"
    s3_port=$port
    stop store
else
    note "skipped: 70 cases with an object store (the npm registry is not there)"
fi

# ---- a host over SSH ----
# sshd as an ordinary user lets that user in, and takes nothing of the host's.
daemon=$("$here/tools/sshd" 2>"$T/sshd.out") || bail "Debian's sshd cannot be had: $(cat "$T/sshd.out")"
user=$(id -un)
as_user=()
[ "$(id -u)" != 0 ] || { user=nobody && as_user=(setpriv --reuid nobody --regid nogroup --clear-groups --); }
mkdir -p "$T/ssh" "$T/there/depot"
for key in host other id stranger; do ssh-keygen -q -t ed25519 -N '' -f "$T/ssh/$key"; done
sshd_start() {
    cat >"$T/ssh/config" <<EOF
ListenAddress 127.0.0.1:$port
HostKey $T/ssh/host
PidFile none
AuthorizedKeysFile $T/ssh/id.pub
StrictModes no
UsePAM yes
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
EOF
    runner=("${as_user[@]}")
    launch sshd "$daemon" -D -e -f "$T/ssh/config"
    runner=()
    wait_for 10 bash -c "</dev/tcp/127.0.0.1/$port"
}
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
small=
if [ "$(id -u)" = 0 ]; then
    chown -R nobody: "$T/there" "$T/ssh/host"
    mkdir "$T/there/small" && mount -t tmpfs -o size=8m,uid=65534,mode=700 none "$T/there/small" && small=yes
fi
check "sshd runs" sshd_start || bail "no sshd"
ssh_subject() { # NAME FOLDER [KEY [IDENTITY [PORT]]]
    printf '[127.0.0.1]:%s %s\n' "${5:-$port}" "$(cut -d' ' -f1,2 "$T/ssh/${3:-host}.pub")" >"$T/ssh/known.$1"
    subject "$1" "sftp://$user@127.0.0.1:${5:-$port}$2" "identity-file=$T/ssh/${4:-id}" "host-key-file=$T/ssh/known.$1"
}
ssh_subject far "$T/there/depot"
is "the contract holds over SSH" "$(HIN_DEPOT_SUBJECT=$T/far "$contract" contract | grep -cE '^ok')" 11

# the witness: Debian's sftp
sftp_by_hand() { sftp -q -F none -b - -P "$port" -i "$T/ssh/id" -o UserKnownHostsFile="$T/ssh/known.far" -o StrictHostKeyChecking=yes "$user@127.0.0.1"; }
check "we put" on far put w/ours "$T/some"
sftp_by_hand >/dev/null <<<"get $T/there/depot/w/ours $T/got
put $T/some $T/there/depot/w/theirs"
check "Debian's sftp reads the same bytes" cmp "$T/got" "$T/some"
check "and what it puts we read" cmp <(on far get w/theirs) "$T/some"
is "and list" "$(on far list w/ | sort | tr '\n' ' ')" "w/ours 300000 w/theirs 300000 "
is "the file is its owner's alone" "$(stat -c %a "$T/there/depot/w/ours")" 600

# large, and killed
most=$(on far big large 40)
check "40 MiB take less memory than that ($most KiB)" test "${most:-99999}" -lt 34000
check "a writer is killed in the middle" killed_writer far half 12
is "nothing stands under the name" "$(on far list half)" ""
is "what it left is no object" "$(find "$T/there/depot" -name '.part-*' | wc -l)" 1
find "$T/there/depot" -name '.part-*' -exec touch -d '2 days ago' {} +
check "a day later the next writer" on far replace w/ours "$T/some"
is "removes it" "$(find "$T/there/depot" -name '.part-*' | wc -l)" 0

# who, where
ssh_subject bad "$T/there/depot" other
refused "another host key than the one given" AUTH "is it really this host" bad list
: >"$T/ssh/known.bad"
refused "no host key given" AUTH "host-key-file= does not hold its key" bad list
ssh_subject bad "$T/there/depot" host stranger
refused "a key that the host does not know" AUTH "authorized_keys" bad list
cp "$T/ssh/id" "$T/ssh/open" && chmod 644 "$T/ssh/open"
ssh_subject bad "$T/there/depot" host open
refused "a key that everybody may read" AUTH "chmod 600" bad list
ssh_subject bad "$T/there/depot" host id 1
refused "nobody at that port" NETWORK "check the port" bad list
ssh_subject bad "$T/there/none"
refused "a folder that is not there" NOT_FOUND "make it there" bad list
if [ -n "$small" ]; then # a home of this mount namespace
    home=$(getent passwd root | cut -d: -f6)
    mount -t tmpfs -o mode=700 none "$home" && mkdir -m 700 "$home/.ssh"
    printf 'Host *\n  ProxyCommand false\n' >"$home/.ssh/config"
    check_not "a home whose settings of ssh lead nowhere" sh -c 'ssh -p "$0" 127.0.0.1 true || exit 1' "$port"
    check "is not read" on far list
    umount "$home"
fi

# in a bad way
chmod 500 "$T/there/depot/w"
refused "a folder that may be read only" DENIED "owner and mode" far put w/more "$T/some"
refused "also to remove" DENIED "owner and mode" far remove w/ours
chmod 700 "$T/there/depot/w"
if [ -n "$small" ]; then
    ssh_subject small "$T/there/small"
    refused "a disk that is full" NO_SPACE "free space there" small big large 20
    is "nothing of it is left" "$(ls -A "$T/there/small")" ""
    check "what fits is taken" on small put one "$T/some"
    mount -o remount,ro "$T/there/small"
    refused "a disk mounted read-only" DENIED "not mounted read-only" small put two "$T/some"
    check "may be read" cmp <(on small get one) "$T/some"
else
    note "skipped: 5 cases of full and read-only disks (no tmpfs can be mounted)"
fi
# The connection dies in the middle: told, and the next call makes another.
rm -f "$T/hold.out"
"$try" "$T/far" hold slow 12 >"$T/hold.out" 2>&1 &
holder=$!
wait_for 20 grep -q holding "$T/hold.out"
sessions=$(descendants "${pids[sshd]}" | tail -n +2)
check "the host keeps a session" test -n "$sessions"
kill -KILL "$holder"
wait "$holder" 2>/dev/null
hasty far 1
kill -STOP "${pids[sshd]}"
refused "a host that is silent" TIMEOUT "no answer in time|check that it runs" hasty list
kill -CONT "${pids[sshd]}"
check "it comes back" on far list
truncate -s 100000 "$T/there/depot/w/ours"
check "a file that the host lost a part of is shorter, which whoever reads compares" test "$(on far get w/ours | wc -c)" = 100000
stop sshd
refused "a host that is gone" NETWORK "check the port" hasty list
check "it comes back too" sshd_start

# ---- a manager whose backups go to both ----
# in_memory PROCESS: is the secret key in its memory?
in_memory() {
    python3 - "$(process m "$1")" $secret <<'PY'
import re, sys
pid, secret = sys.argv[1], sys.argv[2].encode()
with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
    for line in maps:
        start, end, mode = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()
        if mode.startswith("rw"):
            try:
                memory.seek(int(start, 16))
                if secret in memory.read(int(end, 16) - int(start, 16)):
                    sys.exit(0)
            except OSError:
                pass
sys.exit(1)
PY
}
network_of() { readlink "/proc/$1/ns/net"; }
places() { cli m backup list --json | jq -r '[.backups[-1].destinations[] | .state] | sort | unique | join(" ")'; }
made() { [ "$(cli m backup list --json | jq '[.backups[] | select(.state == "done")] | length')" -ge "$1" ]; }
destination() { "$build/hinomi-manager" destination --state "$T/m" "$@"; }
if aws_sdk; then
    check "the store is back" s3_start "$s3_port"
    check "a manager" manager_init m || bail "a manager"
    mapfile -t at_s3 < <(s3_settings | sed '/^@/d; s/^/--setting=/')
    at_s3+=(--secret-file "$T/credentials")
    at_ssh=(--setting "identity-file=$T/ssh/id" --setting "host-key-file=$T/ssh/known.far")
    check_not "a destination with wrong credentials is not taken" destination --add far --url s3://depot/m "${at_s3[@]/credentials/wrong}"
    like "and told what is wrong" "$(cat "$T/said")" 'the secret key is wrong'
    check_not "nor one with a setting that is none" destination --add far --url s3://depot/m "${at_s3[@]}" --setting color=red
    printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 "$T/ssh/other.pub")" >"$T/ssh/known.wrong"
    check_not "nor a host of another key" destination --add there --url "sftp://$user@127.0.0.1:$port$T/there/depot" "${at_ssh[@]/known.far/known.wrong}"
    check "an object store is" destination --add far --url s3://depot/m "${at_s3[@]}" --region dc3
    check "a host over SSH is" destination --add there --url "sftp://$user@127.0.0.1:$port$T/there/depot" "${at_ssh[@]}" --region dc4
    is "settings hold no credentials" "$(grep -c -e AKIDEXAMPLE -e "$secret" "$T/m/manager.json")" 0
    check "the manager runs" manager_start m --workers 1 || bail "the manager"
    sign_in m
    check "with an agent" eval 'number_rules m "$T/log/*.log" && agent_enrol m a && agent_start a'
    numbers 1 40 first >>"$T/log/n.log"
    happens 20 "events are there" all_there m first 1 40
    happens 60 "the first backup makes itself" made 1
    is "at both" "$(places)" "there"
    check "it is read back from both" cli m backup verify
    check "credentials are no argument and no environment of any process" \
        test -z "$(for p in $(descendants "${pids[m]}"); do cat "/proc/$p/cmdline" "/proc/$p/environ"; done 2>/dev/null | tr '\0' '\n' | grep -e AKIDEXAMPLE -e "$secret")"
    if [ "$(id -u)" = 0 ]; then
        check "depot holds the credentials" in_memory depot
        check_not "backup does not" in_memory backup
        check_not "nor does the depot of the host over SSH" in_memory depot/1
        own=$(network_of self)
        is "backup has no network, nor has who speaks SFTP" "$(for p in backup depot/1; do [ "$(network_of "$(process m $p)")" = "$own" ] || echo none; done | xargs)" "none none"
        is "ssh runs as the user of the role" "$(stat -c %u "/proc/$(pgrep -P "$(process m depot/1)" ssh)")" "$(stat -c %u "/proc/$(process m depot/1)")"
    fi
    stop sshd
    cli m backup now >"$T/now.out" 2>&1
    is "one destination gone, the other has it" "$(places)" "failed there"
    like "and it is said which" "$(cli m backup list | tr '\n' ' ')" 'there +failed'
    check "the host is back" sshd_start
    happens 40 "and the next backup is at both again" eval 'cli m backup now >/dev/null; [ "$(places)" = there ]'
    names() { cli m backup list --json | jq -r '.backups[] | select(.state == "done") | .ID' | sort; }
    was=$(names)
    check "a person is erased" cli m person erase --where url=first --where user=5 --yes --certificate "$T/person.json"
    now=$(names)
    is "each backup is sealed anew, at both" "$(wc -l <<<"$now") $(sort <<<"$was"$'\n'"$now" | uniq -d | wc -l)" "$(wc -l <<<"$was") 0"
    is "nothing is pending" "$(jq -c '[.. | .what? // empty | select(startswith("pending"))]' "$T/person.json")" "[]"
    check "and reads back from both" cli m backup verify
    agent_stop a
    manager_stop m
    check_not "a clean stop leaves nothing unshipped" logged m 'was not shipped to far'
    for from in far there; do
        url=s3://depot/m with=("${at_s3[@]}")
        [ $from = far ] || { url=sftp://$user@127.0.0.1:$port$T/there/depot with=("${at_ssh[@]}"); }
        check "an installation is made out of it: $from" eval '"$build/hinomi-manager" restore --from "$url" "${with[@]}" --keyring "$T/m.keyring" --state "$T/m.$from" --json >"$T/$from.json"'
        is "of the last backup" "$(jq -c '[.tenants[] | .restored]' "$T/$from.json")" "[true]"
        jq 'del(.backup)' "$T/m.$from/manager.json" >"$T/x" && cat "$T/x" >"$T/m.$from/manager.json"
        check "it runs" eval 'mv "$T/m" "$T/m.kept" && mv "$T/m.$from" "$T/m" && manager_start m --workers 1'
        is "with everybody but that person" "$(events m --where url=first) $(cli m person find --where user=5 --json | jq .events.count)" "39 0"
        check "and ends" eval 'manager_stop m && mv "$T/m" "$T/m.$from" && mv "$T/m.kept" "$T/m"'
    done
    stop store
fi
done_testing
