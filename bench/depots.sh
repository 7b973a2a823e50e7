#!/bin/bash
# What putting and getting costs at each kind of destination, beside programs that do the same to the same server:
#   bench/depots.sh BUILD [MIB]     default 512
# The object store is s3rver, which is slow; the host over SSH is Debian's sshd on this machine. CPU is ours and ssh's, not the
# servers'.
. "$(dirname "$0")/../tests/integration/lib/lib.sh"
begin "$1"
. "$(dirname "$0")/../tests/integration/lib/aws.sh"
mib=${2:-512}
try=$build/tests/peer/depot_try
chmod 755 "$T"
dd if=/dev/urandom of="$T/some" bs=1M count="$mib" status=none
# beside NAME COMMAND...: MB/s and CPU seconds of one way
beside() {
    local name=$1 begun
    shift
    begun=$(now_msec)
    TIMEFORMAT='%U %S'
    { time "$@" >/dev/null 2>&1; } 2>"$T/time"
    awk -v name="$name" -v msec=$(($(now_msec) - begun)) -v mib="$mib" \
        '{printf "%-28s %.0f MB/s, CPU %.2f s\n", name, mib * 1.048576 * 1000 / msec, $1 + $2}' "$T/time"
}
ours() { # NAME SUBJECT
    printf '%-28s ' "$1"
    "$try" "$T/$2" speed bench/object "$mib" || show_logs
}

mkdir "$T/folder"
echo "file://$T/folder" >"$T/folder.subject"
ours "a folder" folder.subject
beside "cp and sync" sh -c "cp '$T/some' '$T/folder/copy' && sync -f '$T/folder/copy'"
rm -f "$T/folder/copy"

if daemon=$("$here/tools/sshd"); then
    user=$(id -un)
    as_user=()
    [ "$(id -u)" != 0 ] || { user=nobody && as_user=(setpriv --reuid nobody --regid nogroup --clear-groups --); }
    mkdir "$T/there"
    for key in host id; do ssh-keygen -q -t ed25519 -N '' -f "$T/$key"; done
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    printf '%s\n' "ListenAddress 127.0.0.1:$port" "HostKey $T/host" 'PidFile none' "AuthorizedKeysFile $T/id.pub" 'StrictModes no' 'UsePAM yes' \
        'Subsystem sftp internal-sftp' >"$T/sshd.config"
    [ "$(id -u)" != 0 ] || chown -R nobody: "$T/there" "$T/host"
    runner=("${as_user[@]}")
    launch sshd "$daemon" -D -e -f "$T/sshd.config"
    runner=()
    wait_for 10 bash -c "</dev/tcp/127.0.0.1/$port"
    printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 "$T/host.pub")" >"$T/known"
    printf '%s\n' "sftp://$user@127.0.0.1:$port$T/there" "identity-file=$T/id" "host-key-file=$T/known" >"$T/ssh.subject"
    ours "a host over SSH" ssh.subject
    by_hand() { sftp -q -F none -b "$1" -P "$port" -i "$T/id" -o UserKnownHostsFile="$T/known" -o Ciphers=aes256-gcm@openssh.com "$user@127.0.0.1"; }
    echo "put $T/some $T/there/copy" >"$T/put"
    echo "get $T/there/copy $T/back" >"$T/get"
    beside "sftp, putting" by_hand "$T/put"
    beside "sftp, getting" by_hand "$T/get"
    stop sshd
fi

if aws_sdk; then
    mkdir "$T/store"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$T/store/key.pem" -out "$T/store/cert.pem" -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost 2>/dev/null
    launch store "$sdk/node_modules/.bin/node" --no-warnings --openssl-legacy-provider "$sdk/s3_server.mjs" "$T/store"
    wait_for 30 test -s "$T/store/port"
    printf 'aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n' >"$T/credentials"
    printf '%s\n' s3://depot/bench region=eu-test-1 "endpoint=https://localhost:$(cat "$T/store/port")" "ca-file=$T/store/cert.pem" "@secret=$T/credentials" >"$T/s3.subject"
    ours "an object store" s3.subject
    stop store
fi
finished=yes
