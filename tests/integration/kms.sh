#!/bin/bash
# Wrapping keys that are no file: a whole manager on a PKCS#11 token (SoftHSM 2).
. "$(dirname "$0")/lib/lib.sh"
begin "$@"
[ -x "$build/hinomi-kms-pkcs11" ] || bail "hinomi-kms-pkcs11 is built"
module=/usr/lib/softhsm/libsofthsm2.so
[ -r $module ] || bail "SoftHSM is installed (tools/setup test)"
chmod 755 "$T" # the module runs as the user of kms

# token NAME PIN: a folder of SoftHSM's with one token in it, for the user that kms has
token() {
    mkdir -p "$T/$1/tokens"
    printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$T/$1" >"$T/$1/softhsm2.conf"
    SOFTHSM2_CONF="$T/$1/softhsm2.conf" softhsm2-util --init-token --free --label "hinomi test" --so-pin 87654321 --pin "$2" >/dev/null || return 1
    [ "$(id -u)" != 0 ] || chown -R 64901:64901 "$T/$1/tokens"
}

# on_token NAME: the options of init for it
on_token() {
    printf '%s\n' --kms pkcs11 --pkcs11-module "${2:-$module}" --pkcs11-token "hinomi test" --pkcs11-env "SOFTHSM2_CONF=$T/$1/softhsm2.conf" \
        --pkcs11-read "$T/$1/softhsm2.conf" --pkcs11-write "$T/$1/tokens"
}

objects() { ls "$T/$1"/tokens/*/*.object 2>/dev/null | grep -vc token.object; }

check "a token is made" token h 24681357 || bail "no token"
mapfile -t options < <(on_token h)
(umask 077 && printf '24681357\n' >"$T/pin" && printf '24681358\n' >"$T/wrong-pin")

# ---- init ----
check_not "init without the module is refused" manager_init x --kms pkcs11 --pkcs11-token t --kms-secret-file "$T/pin"
like "and told what is missing" "$(cat "$T/x.log")" 'needs --pkcs11-module'
check_not "options of a token go with it alone" manager_init x --pkcs11-token t
check_not "a pass phrase is no PIN" manager_init x "${options[@]}" --passphrase-file "$T/pin"
check_not "init with a wrong PIN is refused" manager_init x "${options[@]}" --kms-secret-file "$T/wrong-pin"
like "by the token's own word" "$(cat "$T/x.log")" 'CKR_PIN_INCORRECT'
check_not "init on another label is refused" manager_init x "${options[@]/#hinomi test/hinomi text}" --kms-secret-file "$T/pin"
like "by its name" "$(cat "$T/x.log")" 'no token has the label "hinomi text"'
is "what failed left no state and no key" "$(ls -d "$T/x" 2>/dev/null; objects h)" 0
check "a manager is made on the token" manager_init m "${options[@]}" --kms-secret-file "$T/pin" || bail "nothing to test"
is "the token holds the keys of installation and tenant" "$(objects h)" 2
is "there is no key ring" "$(ls "$T/m.keyring" 2>/dev/null)" ""
check "the settings hold no PIN" test -z "$(grep -r 24681357 "$T/m" "$T/m.init.json")"

# ---- run ----
check_not "it does not start without the PIN" timeout 20 "$build/hinomi-manager" run --state "$T/m"
check_not "nor with a wrong one" timeout 20 "$build/hinomi-manager" run --state "$T/m" --kms-secret-file "$T/wrong-pin"
check "the manager serves" manager_start m --kms-secret-file "$T/pin" || bail "no manager"
kms=$(process m kms)
is "the token is spoken to by a program of its own" "$(readlink "/proc/$kms/exe")" "$build/hinomi-kms-pkcs11"
check "into which OpenSSL comes with the module alone" test -z "$(readelf -d "$build/hinomi-kms-pkcs11" | grep -E 'NEEDED.*(crypto|ssl)')"
check "the module is in that process and in no other" test "$(for p in $(descendants "${pids[m]}"); do grep -l libsofthsm2 "/proc/$p/maps"; done)" = "/proc/$kms/maps"
check "a PIN is no argument and no environment of any process" test -z "$(for p in $(descendants "${pids[m]}"); do cat "/proc/$p/cmdline" "/proc/$p/environ"; done | tr '\0' '\n' | grep 24681357)"
check "signed in" sign_in m
check "no worker reaches the token's module" cli m trust run kms-reach
is "which is proven" "$(api m GET 'evidence?limit=1' | jq -r '.evidence[0].outcome')" proven
is "status names the service" "$(api m GET status | jq -r '.keyRing.provider, .keyRing.sealed' | tr '\n' ' ')" "pkcs11 true "

check "places are added" watch m "$T/log/*.log"
check "an agent enrols" agent_enrol m a || bail "no agent"
check "and runs" agent_start a || bail "no agent"
line first >>"$T/log/auth.log"
happens 15 "a line becomes an event" seen m 1 --where user=first

# ---- rotation ----
key() { cli m key status --json | jq -r "$1"; }
is "no copy of its keys can be kept" "$(key '[.provider.name, (.provider.sealed | tostring), (.provider.exportable | tostring)] | join(" ")')" "pkcs11 true false"
check "the provider passes its test" cli m kms test
for name in master wrapping; do
    check "the $name key rotates" cli m key rotate $name
done
is "each new version is one more key in the token" "$(objects h)" 4
for name in master wrapping; do
    check "the old $name key retires" cli m key retire $name 1
done
is "and is destroyed in the token" "$(objects h)" 2
happens 10 "all is still read" seen m 1 --where user=first

# ---- a tenant is erased ----
is_erased() { [ "$(cli m tenant show gone --json | jq -r .tenantState)" = erased ]; }
certificate() { # -> judged, as JSON
    cli m certificate show "$(cli m tenant show gone --json | jq .certificateID)" --output "$T/gone.certificate" &&
        "$build/hinomi" certificate verify "$T/gone.certificate" --fingerprint "${fingerprints[m]}" --json
}
check "a tenant is made" cli m tenant create gone
is "its key is one more in the token" "$(objects h)" 3
check "it is erased" cli m tenant erase gone --yes
is "and the key is destroyed in the token" "$(objects h)" 2
happens 30 "its room is given back" is_erased
is "the certificate says so, and of no copy of a ring" \
    "$(certificate | jq -c '.certificate | [(.keys[0] | .provider, .state), ([.remains[].what | select(test("ring"))] | length)]')" '["pkcs11","destroyed",0]'

# ---- stop and start ----
manager_stop m
check "it starts again" manager_start m --kms-secret-file "$T/pin"
happens 10 "what was sealed before opens" seen m 1 --where user=first
exec {pin}<"$T/pin"
manager_stop m
launch m "$build/hinomi-manager" run --state "$T/m" --kms-secret-fd "$pin" --workers 1
exec {pin}<&-
check "a descriptor does as well" wait_for 20 manager_serves m

# ---- the token is gone while we run ----
line before >>"$T/log/auth.log"
happens 30 "the agent is back" seen m 1 --where user=before
mv "$T/h/tokens" "$T/h/away"
line second >>"$T/log/auth.log"
happens 15 "the token gone, keys that are held still seal and open" seen m 1 --where user=second
is "and the service says that it is not there" "$(api m GET status | jq -r '.keyRing.failure')" "not ready yet"
check "once in the log" logged m 'kms.*the token is not there'
for worker in $(descendants "${pids[m]}"); do
    case "$(tr '\0' ' ' <"/proc/$worker/cmdline" 2>/dev/null)" in *": worker"*) kill -KILL "$worker" ;; esac
done
sleep 2
check_not "a worker without keys serves nothing" manager_serves m
check "and no key is invented: the token has none" test ! -e "$T/h/tokens"
line third >>"$T/log/auth.log"
mv "$T/h/away" "$T/h/tokens"
check "the token back, the manager serves again by itself" wait_for 60 manager_serves m
happens 45 "what agents held comes in" seen m 1 --where user=third
agent_stop a
manager_stop m

# ---- stolen ----
cp -a "$T/m" "$T/stolen"
check "another token of the same label and PIN" token other 24681357
sed -i "s|$T/h/|$T/other/|g" "$T/stolen/manager.json"
check_not "a stolen state folder opens with no other token" timeout 30 "$build/hinomi-manager" run --state "$T/stolen" --kms-secret-file "$T/pin"
jq '.kms = {provider: "file", installation: .kms.installation} | .keyring = "'"$T/x.keyring"'"' "$T/m/manager.json" >"$T/stolen/manager.json"
check "a key ring from elsewhere" manager_init x --keyring "$T/x.keyring"
check_not "nor with a key ring" timeout 30 "$build/hinomi-manager" run --state "$T/stolen"

# ---- a module that is an attacker ----
mkdir -p "$T/rude/tokens"
[ "$(id -u)" != 0 ] || chown 64901:64901 "$T/rude/tokens"
mapfile -t rude < <(on_token h "$build/tests/peer/rude_module.so")
check_not "a module that gives no functions is refused" manager_init r "${rude[@]}" --pkcs11-write "$T/rude/tokens" \
    --pkcs11-env "RUDE_LOG=$T/rude/tokens/log" --kms-secret-file "$T/pin"
is "behind its lock it reached nothing" "$(sed 's/: Operation not permitted$\|: Permission denied$\|: Resource temporarily unavailable$//' "$T/rude/tokens/log" | tr '\n' ',')" \
    "uid 0,read /etc/passwd,list /,write /tmp,socket inet,socket unix,connect,kill the parent,fork,"
done_testing
