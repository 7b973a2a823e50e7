#!/bin/bash
# What guards the key ring: a pass phrase that systemd gives as a credential, and a TPM 2 (swtpm).
. "$(dirname "$0")/lib/lib.sh"
begin "$@"

# ---- a systemd credential: what LoadCredential= leaves in $CREDENTIALS_DIRECTORY ----
(umask 077 && mkdir "$T/credentials" && printf 'by credential\n' >"$T/credentials/ring" && printf 'another\n' >"$T/credentials/other")
run_c() { timeout 20 "$build/hinomi-manager" run --state "$T/c" "$@"; }
unset CREDENTIALS_DIRECTORY
check_not "a credential without systemd is refused" manager_init c --passphrase-credential ring
like "and told what to do" "$(cat "$T/c.log")" 'CREDENTIALS_DIRECTORY is not set.*LoadCredentialEncrypted=ring'
is "nothing is made" "$(ls -d "$T/c" "$T/c.keyring" 2>/dev/null)" ""
export CREDENTIALS_DIRECTORY=$T/credentials
check_not "a name is no path" manager_init c --passphrase-credential ../credentials/ring
check_not "one that is not there is refused" manager_init c --passphrase-credential rung
like "by its name" "$(tail -1 "$T/c.log")" 'LoadCredential=rung'
check_not "one source, not two" manager_init c --passphrase-credential ring --passphrase-file "$T/credentials/ring"
check "a ring is sealed under a credential" manager_init c --passphrase-credential ring || bail "no manager"
check_not "another credential does not open it" run_c --passphrase-credential other
check_not "none does not either" run_c
check "it runs by the credential" manager_start c --passphrase-credential ring
check "which no process has in its environment" test -z "$(for p in $(descendants "${pids[c]}"); do cat "/proc/$p/environ"; done | tr '\0' '\n' | grep -F 'by credential')"
is "status says sealed" "$(api c GET status | jq .keyRing.sealed)" true
check "it stops in order" manager_stop c
umask 077
mkdir "$T/depot"
chmod 755 "$T"
check "it is backed up" eval '"$build/hinomi-manager" destination --state "$T/c" --add one --url "file://$T/depot" &&
    manager_start c --passphrase-credential ring && sign_in c && cli c backup now'
from_depot() { timeout 60 "$build/hinomi-manager" "$1" --from "$T/depot" "${@:2}"; }
check_not "another credential recovers nothing" from_depot drill --state "$T/clean" --keyring "$T/c.keyring" --passphrase-credential other
check "a drill opens the ring by the credential, beside the manager" from_depot drill --state "$T/clean" --keyring "$T/c.keyring" --passphrase-credential ring
check "which goes on" cli c kms test
check_not "a restore does not take a ring that is in use" from_depot restore --state "$T/r" --keyring "$T/c.keyring" --passphrase-credential ring
like "which is said" "$(cat "$T/said")" 'stop the manager first'
check "it stops" manager_stop c
check_not "a file of something else is no settings" from_depot restore --state "$T/r" --kms-settings "$T/credentials/ring" --passphrase-credential ring
check "settings name the ring too" from_depot restore --state "$T/r" --kms-settings "$T/c/manager.json" --passphrase-credential ring
rm -r "$T/c" && mv "$T/r" "$T/c"
check "what was restored runs by the credential" eval 'manager_start c --passphrase-credential ring && cli c kms test && cli c backup now'
manager_stop c
unset CREDENTIALS_DIRECTORY

# ---- a TPM 2 ----
[ -x "$build/hinomi-tpm" ] || bail "hinomi-tpm is built (tools/setup test brings libtss2-dev)"
command -v swtpm >/dev/null || bail "swtpm is installed (tools/setup test)"

# tpm NAME: a TPM at $T/NAME/socket; the same one again when its folder is there
tpm() {
    mkdir -p "$T/$1"
    rm -f "$T/$1/socket"
    launch "$1" swtpm socket --tpm2 --tpmstate "dir=$T/$1" --server "type=unixio,path=$T/$1/socket" --flags not-need-init,startup-clear
    wait_for 10 test -S "$T/$1/socket"
}
tool() { # TPM COMMAND...
    local name=$1
    shift
    TPM2TOOLS_TCTI="cmd:python3 $T/relay.py $T/$name/socket" "$@"
}
runs() { timeout 60 "$build/hinomi-manager" run --state "$T/$1" "${@:2}"; }
refusal() { runs "$@" 2>&1; }
(umask 077 && printf '4711\n' >"$T/pin" && printf '4712\n' >"$T/wrong-pin" && head -c 40 /dev/zero | tr '\0' 9 >"$T/long-pin")

cat >"$T/relay.py" <<'RELAY'
import os, socket, sys
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
while True:
    command = os.read(0, 4096)
    if not command:
        break
    peer.sendall(command)
    os.write(1, peer.recv(4096))
RELAY
check "a TPM runs" tpm t1 || bail "no TPM"
check_not "PCRs go with a TPM" manager_init x --tpm-pcrs 7
check_not "there are 24 of them" manager_init x --tpm "swtpm:path=$T/t1/socket" --tpm-pcrs 7,24
check_not "a TPM that is not there seals nothing" manager_init x --tpm "$T/nothing"
like "and that is said" "$(tail -1 "$T/x.log")" 'nothing: the TPM cannot be reached'
check_not "a file is no TPM" manager_init x --tpm "device:$T/pin"
is "and nothing is written into it" "$(cat "$T/pin")" 4711
check_not "a PIN that is too long is refused" manager_init x --tpm "swtpm:path=$T/t1/socket" --passphrase-file "$T/long-pin"
like "by its length" "$(tail -1 "$T/x.log")" 'at most 32 bytes'
is "what failed left nothing" "$(ls -d "$T/x" "$T/x.keyring" 2>/dev/null)" ""

# Neither PCRs nor PIN.
check "a ring is sealed by the TPM" manager_init m --tpm "swtpm:path=$T/t1/socket" || bail "no manager"
like "what that does not guard against is said" "$(cat "$T/m.log")" 'whatever starts on this machine'
check_not "it takes no pass phrase" runs m --passphrase-file "$T/pin"
check "it runs" manager_start m || bail "no manager"
is "status says who guards the ring" "$(api m GET status | jq -r '.keyRing | [.provider, .sealed] | @csv')" '"file (TPM)",true'
like "and what is weak about it" "$(api m GET status | jq -r .keyRing.advice)" 'no PCRs, no PIN'
sign_in m
like "key status too" "$(cli m key status)" 'provider: file \(TPM\), sealed'
is "hinomi-tpm is gone, and the TPM's library is in no process" "$(for p in $(descendants "${pids[m]}"); do grep -l libtss2 "/proc/$p/maps"; done)" ""
check "keys are made and rotated" cli m key rotate master
stop t1
check "the TPM gone, the manager goes on" cli m kms test
kill -KILL "$(process m kms)"
happens 20 "and its kms comes back" cli m kms test
manager_stop m
like "started again it says what is missing" "$(refusal m)" 'the TPM cannot be reached.*[Ww]ithout it the key ring does not open'
check "another TPM" tpm t2
ln -sf "$T/t2/socket" "$T/t1/socket"
like "does not open it, and is told" "$(refusal m)" 'another TPM sealed this key ring'
check "the TPM is back" tpm t1
check "so is the manager" manager_start m
check "with its rotated keys" cli m kms test
manager_stop m

# From one guard to another; the keys stay.
guard() { timeout 60 "$build/hinomi-manager" protect --state "$T/m" "$@"; }
(umask 077 && printf 'a new phrase\n' >"$T/phrase")
manager_start m
check_not "not while the manager runs" guard --to mode
like "which is said" "$(cat "$T/said")" 'stop the manager first'
manager_stop m
check_not "a pass phrase has to be given" guard --to passphrase
check "from the TPM to a pass phrase" guard --to passphrase --new-passphrase-file "$T/phrase"
stop t1
check_not "without it the ring does not open" runs m
check "with it it does, without a TPM" manager_start m --passphrase-file "$T/phrase"
check "and has the same keys" cli m kms test
is "status tells" "$(api m GET status | jq -r '.keyRing | [.provider, .sealed] | @csv')" '"file",true'
manager_stop m
check_not "a TPM that is away seals nothing" guard --to tpm --tpm "swtpm:path=$T/t1/socket" --passphrase-file "$T/phrase"
check "and the pass phrase still opens" guard --to mode --passphrase-file "$T/phrase"
is "nothing lies beside the ring" "$(ls "$T"/m.keyring?* 2>/dev/null)" ""
check "the TPM is there once more" tpm t1
check "from the mode alone to the TPM" guard --to tpm --tpm "swtpm:path=$T/t1/socket"
# Killed at random times while the guard changes to and fro: one of the two holds, and the manager starts by itself.
RANDOM=${SEED:=$$}
note "SEED=$SEED"
opens=0 changed=0
for round in $(seq 16); do
    # This TPM has no resource manager: what a killed one left in it goes with a reset, as in the kernel by closing.
    stop t1
    tpm t1
    if [ "$(od -An -tu4 -j4 -N4 "$T/m.keyring" | tr -d ' ')" = 2 ]; then
        args=(--to passphrase --new-passphrase-file "$T/phrase")
    else
        args=(--to tpm --tpm "swtpm:path=$T/t1/socket" --passphrase-file "$T/phrase")
    fi
    before=$(od -An -tx1 -N40 "$T/m.keyring")
    { timeout -s KILL "0.$(printf %03d $((RANDOM % 500 + 20)))" "$build/hinomi-manager" protect --state "$T/m" "${args[@]}"; } >/dev/null 2>&1
    [ "$before" = "$(od -An -tx1 -N40 "$T/m.keyring")" ] || changed=$((changed + 1))
    case "$(od -An -tu4 -j4 -N4 "$T/m.keyring" | tr -d ' ')" in
    1) open_with=(--passphrase-file "$T/phrase") ;;
    *) open_with=() ;;
    esac
    [ $((round % 4)) != 0 ] || { stop t1; tpm t1; } 2>/dev/null
    [ $((round % 4)) != 0 ] || { manager_start m "${open_with[@]}" && cli m kms test >/dev/null && opens=$((opens + 1)); manager_stop m; }
done
note "$changed of 16 changes were done before the kill"
is "killed at random it opens each time" "$opens" 4
is "and what a kill left beside it is gone" "$(ls "$T"/m.keyring?* 2>/dev/null)" ""
[ "${#open_with[@]}" = 0 ] || check "back to the TPM" guard --to tpm --passphrase-file "$T/phrase" --tpm "swtpm:path=$T/t1/socket"

# PCRs and a PIN: `hinomi-manager` opens the ring while both hold.
check "a ring under PCRs and a PIN" manager_init p --tpm "swtpm:path=$T/t1/socket" --tpm-pcrs 7,16 --passphrase-file "$T/pin" || bail "no manager"
check "it runs" manager_start p --passphrase-file "$T/pin" || bail "no manager"
is "and says so" "$(api p GET status | jq -r '.keyRing | [.provider, .advice] | @csv')" '"file (TPM, PCRs and PIN)",""'
is "the PIN is in no process's title or environment" "$(for p in $(descendants "${pids[p]}"); do cat "/proc/$p/cmdline" "/proc/$p/environ"; done | tr '\0' '\n' | grep -w 4711)" ""
manager_stop p
like "without the PIN it does not start" "$(refusal p)" 'under a PIN: give it'
like "nor with a wrong one" "$(refusal p --passphrase-file "$T/wrong-pin")" 'refuses the PIN, and counts'
runs p --passphrase-file "$T/wrong-pin" >/dev/null 2>&1
is "which systemd does not try again" $? 3
check "PCR 16 is another than it was" tool t1 tpm2_pcrextend "16:sha256=$(printf 'x' | sha256sum | cut -d' ' -f1)"
like "then it is refused, and told why" "$(refusal p --passphrase-file "$T/pin")" 'PCRs hold something else'
check "PCR 16 as it was" tool t1 tpm2_pcrreset 16
check "opens it" manager_start p --passphrase-file "$T/pin"
manager_stop p
# This TPM locks itself after three wrong ones (a shipped one after some thirty).
check "the TPM is strict" tool t1 tpm2_dictionarylockout --setup-parameters --max-tries=3 --recovery-time=600 --lockout-recovery-time=600
for _ in 1 2 3 4; do locked=$(refusal p --passphrase-file "$T/wrong-pin"); done
like "after too many wrong PINs it is locked, which is said" "$locked" 'locked after too many wrong PINs'
like "for the right one too" "$(refusal p --passphrase-file "$T/pin")" 'locked after too many wrong PINs'
check "a ring without a PIN opens all the same" manager_start m
manager_stop m
check "the TPM is unlocked" tool t1 tpm2_dictionarylockout --clear-lockout
check "and the right PIN opens" manager_start p --passphrase-file "$T/pin"
manager_stop p
# Restored out of backups: into a ring that this TPM seals, with it, and without it from an escrow copy.
to_tpm=(--new-keyring "$T/q.keyring" --new-tpm "swtpm:path=$T/t1/socket")
by_phrase=(--keyring "$T/c.keyring" --passphrase-file "$T/credentials/ring")
check_not "PCRs go with a TPM" from_depot restore --state "$T/q" "${by_phrase[@]}" --new-keyring "$T/q.keyring" --new-tpm-pcrs 7
check_not "a TPM goes with a new ring" from_depot restore --state "$T/q" "${by_phrase[@]}" --new-tpm "swtpm:path=$T/t1/socket"
check "restored into a ring that the TPM seals" from_depot restore --state "$T/q" "${by_phrase[@]}" "${to_tpm[@]}" --new-tpm-pcrs 7 --new-passphrase-file "$T/pin"
mkdir "$T/was" && mv "$T/c" "$T/was/c" && mv "$T/q" "$T/c" && sed -i 's|depot"|depot-q"|' "$T/c/manager.json" && mkdir "$T/depot-q" && { [ "$(id -u)" != 0 ] || chown 64903:64903 "$T/depot-q"; }
check "it runs, and is backed up" eval 'manager_start c --passphrase-file "$T/pin" && cli c backup now'
is "status says who guards the ring" "$(api c GET status | jq -r '.keyRing.provider')" 'file (TPM, PCRs and PIN)'
manager_stop c
from_q() { timeout 60 "$build/hinomi-manager" "$1" --from "$T/depot-q" --keyring "${RING:-$T/q.keyring}" "${@:2}"; }
by_tpm=(--tpm "swtpm:path=$T/t1/socket")
check_not "which TPM has to be said" from_q drill --state "$T/clean" --passphrase-file "$T/pin"
like "and how" "$(cat "$T/said")" 'give --tpm'
from_q drill --state "$T/clean" "${by_tpm[@]}" --passphrase-file "$T/wrong-pin" >/dev/null 2>&1
is "a wrong PIN has its own status" $? 3
check "a drill asks the TPM" from_q drill --state "$T/clean" "${by_tpm[@]}" --passphrase-file "$T/pin"
check_not "a ring that is there is not made anew" from_q restore --state "$T/q" "${by_tpm[@]}" --passphrase-file "$T/pin" "${to_tpm[@]}"
like "but named" "$(cat "$T/said")" 'q.keyring: a file stands here already'
check "a restore does too" from_q restore --state "$T/q" "${by_tpm[@]}" --passphrase-file "$T/pin"
rm -r "$T/c" && mv "$T/q" "$T/c"
check "and what it made runs with the TPM" eval 'manager_start c --passphrase-file "$T/pin" && cli c kms test'
cli c key escrow ask safe >/dev/null
id=$(cli c key escrow list --json | jq '.escrows[-1].certificateID')
check "an escrow copy of that ring" eval 'cli c certificate show "$id" --output "$T/consent" && "$build/hinomi-manager" escrow --state "$T/c" --consent "$T/consent" \
    --fingerprint "${fingerprints[c]}" --to "$T/copy" --escrow-passphrase-file "$T/phrase" --passphrase-file "$T/pin"'
manager_stop c
cp -a "$T/p" "$T/p.keyring" "$T/t2/"
check "the TPM is cleared" tool t1 tpm2_clear -c p
like "then nothing opens any more" "$(refusal p --passphrase-file "$T/pin")" 'or this one was cleared'
stop t1
stop t2
check_not "nor is restored with the ring" from_q restore --state "$T/q" "${by_tpm[@]}" --passphrase-file "$T/pin"
rm -r "$T/c"
RING=$T/copy
check "with the escrow copy it is, without a TPM" from_q restore --state "$T/c" --passphrase-file "$T/phrase"
check "and runs" eval 'manager_start c --passphrase-file "$T/phrase" && cli c kms test'
manager_stop c

# ---- a state of before, with its TPM (tests/golden): later versions are held to open it ----
mkdir "$T/golden"
tar -C "$T/golden" -xf "$here/tests/golden/manager_v2_tpm.tar.xz" || bail "the sample is unpacked"
cp -a "$T/golden/m" "$T/g" && cp -a "$T/golden/m.keyring" "$T/g.keyring" && cp "$T/golden/m.init.json" "$T/g.init.json" && mkdir "$T/t3" && cp -a "$T"/golden/tpm/* "$T/t3/"
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
jq --arg ring "$T/g.keyring" --arg tpm "swtpm:path=$T/t3/socket" --argjson api "$(free_port)" --argjson agents "$(free_port)" \
    '.keyring = $ring | .kms.tpm = $tpm | .api.port = $api | .agents.port = $agents' "$T/golden/m/manager.json" >"$T/g/manager.json"
urls[g]=https://127.0.0.1:$(jq .api.port "$T/g/manager.json")
fingerprints[g]=$(init_value g caFingerprint)
printf 'api-version: v1\napi-secret-key: %s\n' "$(init_value g apiKey)" >"$T/g.headers"
check "the sample's TPM runs" tpm t3
check "and opens its ring" manager_start g
check "its keys open" eval 'sign_in g && cli g kms test'
check "all that stood in it" eval 'all_there g golden 1 "$(jq .events "$T/golden/counts")" && api g GET policies | grep -q "golden policy"'
check "it goes on" eval 'cli g key rotate master && cli g key rotate tenant && cli g key rewrap'
stop g
check "and opens again" manager_start g
stop g
stop t3
done_testing
