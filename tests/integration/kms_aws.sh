#!/bin/bash
# A whole manager on AWS KMS: on a double of it (tests/peer/kms_double.py), which the real SDK first proves right. Not run
# against AWS.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"
. "$(dirname "$0")/lib/aws.sh"
. "$(dirname "$0")/lib/softhsm.sh"
double=$here/tests/peer/kms_double.py

double_start() { # NAME [PORT]
    mkdir -p "$T/$1"
    rm -f "$T/$1/port"
    launch "$1" python3 "$double" "$T/$1" ${2:+--port "$2"}
    wait_for 30 test -s "$T/$1/port"
}
credentials() { printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$1" "$2"; }
# on_double NAME: the options of init for it
on_double() {
    printf '%s\n' --kms aws --aws-region "${2:-eu-test-1}" --aws-endpoint "localhost:$(cat "$T/$1/port")" --aws-ca-file "$T/$1/ca.pem"
}
secret=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
(umask 077 && credentials AKIDEXAMPLE $secret >"$T/credentials" && credentials AKIDEXAMPLE wrong >"$T/wrong" && credentials AKIDNOBODY $secret >"$T/nobody")
check "the double runs" double_start cloud || bail "no double"

# ---- the double, by the real SDK ----
if aws_sdk; then
    aws_node "$sdk/prove.mjs" "https://localhost:$(cat "$T/cloud/port")" "$T/cloud/ca.pem" >"$T/prove.out" 2>&1
    is "the real SDK finds in the double what it finds in AWS KMS" "$? $(grep -c '^ok' "$T/prove.out") $(tail -1 "$T/prove.out")" "0 20 1..20"
    is "and signs as the recorded vectors" "$(aws_node "$sdk/vectors.mjs")" "$(cat "$here/tests/golden/aws_sigv4.txt")"
else
    note "skipped: 2 cases with the real SDK (the npm registry is not there)"
fi

# ---- init ----
mapfile -t options < <(on_double cloud)
check_not "init without a region is refused" manager_init x --kms aws --kms-secret-file "$T/credentials"
like "and told what is missing" "$(cat "$T/x.log")" 'needs --aws-region'
check_not "init without credentials is refused" manager_init x "${options[@]}"
like "and told how to give them" "$(cat "$T/x.log")" 'aws_access_key_id'
check_not "init with a wrong secret is refused" manager_init x "${options[@]}" --kms-secret-file "$T/wrong"
like "and told what may be wrong" "$(cat "$T/x.log")" 'secret key or the region is wrong'
check_not "init with an unknown key is refused" manager_init x "${options[@]}" --kms-secret-file "$T/nobody"
like "and told so" "$(cat "$T/x.log")" 'does not know this access key'
mapfile -t elsewhere < <(on_double cloud eu-test-2)
check_not "init for another region is refused" manager_init x "${elsewhere[@]}" --kms-secret-file "$T/credentials"
like "by its word" "$(cat "$T/x.log")" 'valid region'
check_not "the system's authorities do not vouch for the double" manager_init x --kms aws --aws-region eu-test-1 \
    --aws-endpoint "localhost:$(cat "$T/cloud/port")" --kms-secret-file "$T/credentials"
like "and that is said" "$(cat "$T/x.log")" 'its certificate is not of an authority|CA file of AWS cannot be read'
before=$(grep -c '^CreateKey done' "$T/cloud/requests")
check "a manager is made on AWS KMS" manager_init m "${options[@]}" --kms-secret-file "$T/credentials" || bail "nothing to test"
is "with a key for the installation and one for the tenant" $(($(grep -c '^CreateKey done' "$T/cloud/requests") - before)) 2
check "the settings hold no credentials" test -z "$(grep -rE 'AKIDEXAMPLE|wJalrX' "$T/m" "$T/m.init.json")"

# ---- run ----
check_not "it does not start without credentials" timeout 30 "$build/hinomi-manager" run --state "$T/m"
check "the manager serves" manager_start m --kms-secret-file "$T/credentials" --workers 1 || bail "no manager"
is "status names the service" "$(api m GET status | jq -r '.keyRing.provider, .keyRing.sealed' | tr '\n' ' ')" "aws true "
check "credentials are no argument and no environment of any process" \
    test -z "$(for p in $(descendants "${pids[m]}"); do cat "/proc/$p/cmdline" "/proc/$p/environ"; done | tr '\0' '\n' | grep -E 'AKIDEXAMPLE|wJalrX')"
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
if [ "$(id -u)" = 0 ]; then
    check "keys holds the credentials" in_memory keys
    check_not "kms, which has the network, does not" in_memory kms
    is "keys has no network" "$([ "$(readlink "/proc/$(process m keys)/ns/net")" = "$(readlink /proc/self/ns/net)" ] || echo none)" none
fi
check "signed in" sign_in m
check "places are added" watch m "$T/log/*.log"
check "an agent enrols" agent_enrol m a || bail "no agent"
check "and runs" agent_start a || bail "no agent"
line first >>"$T/log/auth.log"
happens 15 "a line becomes an event" seen m 1 --where user=first

# ---- rotation ----
check "the provider passes its test" cli m kms test
check "no worker reaches it, and it holds the wrapping keys: both are tried" cli m trust run kms-reach kms-aws tenant-keys
is "and proven" "$(api m GET 'evidence?limit=3' | jq -r '.evidence[].outcome' | sort -u)" proven
before=$(grep -c '^ScheduleKeyDeletion done' "$T/cloud/requests")
for name in master wrapping; do
    check "the $name key rotates" cli m key rotate $name
    check "its old version retires" cli m key retire $name 1
done
is "the retired keys are on their way out" $(($(grep -c '^ScheduleKeyDeletion done' "$T/cloud/requests") - before)) 2
happens 10 "all is still read" seen m 1 --where user=first

# ---- a tenant is erased: AWS disables its key now and deletes it later ----
is_erased() { [ "$(cli m tenant show gone --json | jq -r .tenantState)" = erased ]; }
certificate() { # -> judged, as JSON
    cli m certificate show "$(cli m tenant show gone --json | jq .certificateID)" --output "$T/gone.certificate" &&
        "$build/hinomi" certificate verify "$T/gone.certificate" --fingerprint "${fingerprints[m]}" --json
}
check "a tenant is made" cli m tenant create gone
before=$(grep -c '^ScheduleKeyDeletion done' "$T/cloud/requests")
check "it is erased" cli m tenant erase gone --yes
is "its key is on its way out" $(($(grep -c '^ScheduleKeyDeletion done' "$T/cloud/requests") - before)) 1
happens 30 "its room is given back" is_erased
said=$(certificate)
is "the certificate says pending" "$(jq -c '.certificate.keys[0] | [.kind, .provider, .state]' <<<"$said")" '["wrapping","aws","pending"]'
check "until when" eval 'jq -e ".certificate | .keys[0].until > .done + 6 * 86400000" <<<"$said"'
like "and who could enable it until then" "$(jq -r '.certificate.remains[].why' <<<"$said")" 'could enable it again'

# ---- throttled, and gone ----
printf 'ThrottlingException 400\nKMSInternalException 500\n' >"$T/cloud/faults"
is "throttling and an error of the service pass by themselves" "$(api m GET status | jq -r .keyRing.provider)" aws
port=$(cat "$T/cloud/port")
murder cloud
line second >>"$T/log/auth.log"
happens 15 "the service gone, keys that are held still seal and open" seen m 1 --where user=second
is "and status says so" "$(api m GET status | jq -r '.keyRing.failure')" "not ready yet"
check "the log too, with its address" logged m "keys.*AWS KMS at localhost:$port cannot be reached"
kill -KILL "$(process m worker)"
sleep 2
check_not "a worker without keys serves nothing" manager_serves m
line third >>"$T/log/auth.log"
check "the service comes back" double_start cloud "$port"
check "the manager serves again by itself" wait_for 90 manager_serves m
happens 45 "what agents held comes in" seen m 1 --where user=third
manager_stop m

# ---- stop and start, expired and stolen ----
check "it starts again" manager_start m --kms-secret-file "$T/credentials"
happens 15 "what was sealed before opens" seen m 1 --where user=first
agent_stop a
manager_stop m

# ---- set back, and accepted ----
by_hand() { timeout 60 "$build/hinomi-manager" restore "$1" --state "$T/m" --kms-secret-file "$T/credentials" "${@:2}"; }
(umask 077 && init_value m apiKey >"$T/holder.key")
like "nothing is refused" "$(by_hand show)" 'Verdict +in order'
check_not "that takes the credentials" timeout 60 "$build/hinomi-manager" restore show --state "$T/m"
cp -a "$T/m/db" "$T/older"
check "it runs once more" eval 'manager_start m --kms-secret-file "$T/credentials" && manager_stop m'
rm -r "$T/m/db" && cp -a "$T/older" "$T/m/db"
is "an older store is refused" "$(by_hand show --json | jq -r .verdict)" 'store set back'
check "a key holder accepts it" by_hand accept --holder-key-file "$T/holder.key"

# ---- backups: restored with AWS KMS, into a token, and back into AWS KMS ----
[ -r $module ] || bail "SoftHSM is installed (tools/setup test)"
chmod 755 "$T" # the module runs as the user of kms
mkdir "$T/depot"
check "a destination of backups" "$build/hinomi-manager" destination --state "$T/m" --add one --url "file://$T/depot"
check "it runs" manager_start m --kms-secret-file "$T/credentials" --workers 1
check "another tenant, and a backup of both" eval 'tenant red && cli m backup now'
cp "$T/m/manager.json" "$T/kept.json"
made() { grep -c '^CreateKey done' "$T/cloud/requests"; }
of_aws=(--kms-settings "$T/kept.json" --kms-secret-file "$T/credentials")
drill() { timeout 60 "$build/hinomi-manager" drill --from "$T/depot" --state "$T/clean" "$@"; }
before=$(made)
check_not "no drill with wrong credentials" drill --kms-settings "$T/kept.json" --kms-secret-file "$T/wrong"
check "a drill with AWS KMS, beside the manager" drill "${of_aws[@]}" --report "$T/drill.json"
is "makes no key and leaves nothing" "$(made)$(ls -d "$T/clean" 2>/dev/null)" "$before"
check "and is good" cli m backup drill record "$T/drill.json"
manager_stop m
restore() { timeout 60 "$build/hinomi-manager" restore --from "$T/depot" --state "$T/m" "$@"; }
whole() { seen m 1 --where user=first && cli red audit verify; }
mv "$T/m" "$T/m.1"
check "all of it restored with AWS KMS" restore "${of_aws[@]}"
check "runs on it, with what it had" eval 'manager_start m --kms-secret-file "$T/credentials" --workers 1 && whole'
manager_stop m
mv "$T/m" "$T/m.2"
check "a token" token k 11223344
(umask 077 && printf '11223344\n' >"$T/pin" && token_settings k >"$T/k.json")
check "restored from AWS KMS into the token" restore "${of_aws[@]}" --new-kms-settings "$T/k.json" --new-kms-secret-file "$T/pin"
cp "$T/m/manager.json" "$T/kept-k.json"
murder cloud
check "which runs without AWS KMS, with what it had" eval 'manager_start m --kms-secret-file "$T/pin" --workers 1 && whole'
own_backups() { [ "$(cli m backup list --json | jq '[.backups[] | select(.state == "done" and (.former | not))] | length')" -ge 2 ]; }
happens 30 "it is backed up with the token's keys" own_backups
manager_stop m
mv "$T/m" "$T/m.3"
check "AWS KMS is back" double_start cloud "$port"
before=$(made)
of_token=(--kms-settings "$T/kept-k.json" --kms-secret-file "$T/pin")
into_aws() { restore "${of_token[@]}" --new-kms-settings "$T/kept.json" --new-kms-secret-file "$@"; }
check_not "credentials that are wrong make nothing" into_aws "$T/wrong"
is "not even a folder" "$(made)$(ls -d "$T/m" 2>/dev/null)" "$before"
check "restored from the token into AWS KMS" into_aws "$T/credentials"
is "as an installation of its own, with a key for it and for each tenant" "$(($(made) - before)) $(jq -r .kms.installation "$T/m/manager.json" "$T/kept.json" | sort -u | wc -l)" "3 2"
check "runs there, with what it had" eval 'manager_start m --kms-secret-file "$T/credentials" --workers 1 && whole'
manager_stop m
check "a tenant is put back there, out of what the first keys in AWS open" restore "${of_aws[@]}" --new-kms-secret-file "$T/credentials" --tenant "$(guid red)" --holder-key-file "$T/holder.key"
check "and is served" eval 'manager_start m --kms-secret-file "$T/credentials" --workers 1 && whole'
manager_stop m
rm -r "$T/m" && mv "$T/m.1" "$T/m"
(umask 077 && credentials AKIDEXAMPLE $secret >"$T/expired" && echo 'aws_session_token = expired' >>"$T/expired")
launch e "$build/hinomi-manager" run --state "$T/m" --kms-secret-file "$T/expired"
happens 30 "an expired session token is told by its name" logged e 'has expired: give new credentials'
stop e
check "another account" double_start other
cp -a "$T/m" "$T/stolen"
jq ".kms.endpoint = \"localhost:$(cat "$T/other/port")\" | .kms.caFile = \"$T/other/ca.pem\"" "$T/m/manager.json" >"$T/stolen/manager.json"
check_not "a stolen state folder opens with no other account" timeout 30 "$build/hinomi-manager" run --state "$T/stolen" --kms-secret-file "$T/credentials"
done_testing
