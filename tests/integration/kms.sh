#!/bin/bash
# Wrapping keys that are no file: a whole manager on a PKCS#11 token (SoftHSM 2).
. "$(dirname "$0")/lib/lib.sh"
begin "$@"
[ -x "$build/hinomi-kms-pkcs11" ] || bail "hinomi-kms-pkcs11 is built"
. "$(dirname "$0")/lib/softhsm.sh"
[ -r $module ] || bail "SoftHSM is installed (tools/setup test)"
chmod 755 "$T" # the module runs as the user of kms

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

# ---- set back, and accepted ----
by_hand() { timeout 30 "$build/hinomi-manager" restore "$1" --state "$T/m" --kms-secret-file "$T/pin" "${@:2}"; }
(umask 077 && init_value m apiKey >"$T/holder.key")
like "nothing is refused" "$(by_hand show)" 'Verdict +in order'
check_not "the token wants its PIN for that too" timeout 30 "$build/hinomi-manager" restore show --state "$T/m"
cp -a "$T/m/db" "$T/older"
check "it runs once more" eval 'manager_start m --kms-secret-file "$T/pin" && manager_stop m'
rm -r "$T/m/db" && cp -a "$T/older" "$T/m/db"
timeout 20 "$build/hinomi-manager" run --state "$T/m" --kms-secret-file "$T/pin" 2>"$T/refused" </dev/null
is "an older store is refused" "$? $(grep -o 'the store was set back' "$T/refused" | sort -u)" "4 the store was set back"
is "shown" "$(by_hand show --json | jq -r .verdict)" 'store set back'
check_not "not accepted by a key of nobody" by_hand accept
check "a key holder accepts it" by_hand accept --holder-key-file "$T/holder.key"

# ---- backups: restored with the token, and into other services ----
mkdir "$T/depot"
check "a destination of backups" "$build/hinomi-manager" destination --state "$T/m" --add one --url "file://$T/depot"
check "it runs" manager_start m --kms-secret-file "$T/pin"
check "with another tenant" tenant red
check "which is backed up" cli m backup now
cp "$T/m/manager.json" "$T/kept.json"
held=$(objects h)
left() { ls -d "$T/clean" 2>/dev/null; }
drill() { timeout 60 "$build/hinomi-manager" drill --from "$T/depot" --state "$T/clean" "$@"; }
check_not "no drill without keys" drill
like "which are asked for" "$(cat "$T/said")" 'which keys were the backups made with'
check_not "nor without the PIN" drill --kms-settings "$T/kept.json"
check_not "nor with a wrong one" drill --kms-settings "$T/kept.json" --kms-secret-file "$T/wrong-pin"
check_not "a ring and a token at once are refused" drill --kms-settings "$T/kept.json" --keyring "$T/x.keyring" --kms-secret-file "$T/pin"
check_not "settings that name no installation too" drill --kms-settings <(token_settings h) --kms-secret-file "$T/pin"
like "and where its number stands is said" "$(drill --kms-settings <(token_settings h) --kms-secret-file "$T/pin" 2>&1)" 'labels of the token.s keys begin with .hinomi/UUID/'
check "a drill with the token, beside the manager" drill --kms-settings "$T/kept.json" --kms-secret-file "$T/pin" --report "$T/drill.json"
is "makes no key and leaves nothing" "$(objects h)$(left)" "$held"
check "and is good" cli m backup drill record "$T/drill.json"
jq '{kms: (.kms | .installation = "00000000-0000-4000-8000-000000000000")}' "$T/kept.json" >"$T/nobody.json"
check_not "another installation's number opens nothing" drill --kms-settings "$T/nobody.json" --kms-secret-file "$T/pin"
api red POST administrators '{"username":"ada","fullName":"Ada","password":"a long pass phrase","roleID":1}' >/dev/null
check "one more backup" cli m backup now
manager_stop m

restore() { timeout 60 "$build/hinomi-manager" restore --from "$T/depot" --state "$T/m" "$@"; }
of_token() { restore --kms-settings "$T/kept.json" --kms-secret-file "$T/pin" "$@"; }
away() { mv "$T/m" "$T/m.$1"; }
red_is_whole() { cli red audit verify && api red GET administrators | grep -q '"Ada"'; }
away 1
check "all of it restored with the token" of_token
check "runs on the token" manager_start m --kms-secret-file "$T/pin"
check "with what it had" eval 'seen m 1 --where user=third && red_is_whole'
check "and is backed up there" cli m backup now
names() { cli m backup list --json | jq -r '.backups[] | select(.state == "done" and .tenantID == 0) | .ID' | sort; }
was=$(names)
check "a person is erased there, in backups too" cli m person erase --where user=first --yes --certificate "$T/person-1.json"
now=$(names)
is "each is sealed anew, under a key of the token" "$(wc -l <<<"$now") $(sort <<<"$was"$'\n'"$now" | uniq -d | wc -l)" "$(wc -l <<<"$was") 0"
is "nothing is pending" "$(jq -c '[.. | .what? // empty | select(startswith("pending"))]' "$T/person-1.json")" "[]"
check "and reads back" cli m backup verify
manager_stop m

# Into a key ring of its own, under a pass phrase.
away 2
(umask 077 && echo 'a phrase of its own' >"$T/phrase")
held=$(objects h)
check_not "not over a file that is there" of_token --new-keyring "$T/wrong-pin"
check_not "nor inside the state folder" of_token --new-keyring "$T/m/ring"
check_not "a pass phrase for the new one goes with it" of_token --new-passphrase-file "$T/phrase"
check "restored into a key ring" of_token --new-keyring "$T/ring" --new-passphrase-file "$T/phrase"
is "it has a pass phrase, and the token not one key more" "$(jq -r .kms.provider "$T/m/manager.json") $(objects h)" "file $held"
check "without the token" mv "$T/h" "$T/h.away"
check "it runs" manager_start m --passphrase-file "$T/phrase"
check "with what it had" eval 'seen m 1 --where user=third && red_is_whole'
is "but the person that was erased" "$(cli m person find --where user=first --json | jq .events.count)" 0
manager_stop m
mv "$T/h.away" "$T/h"
check_not "a tenant is not put back with the wrong phrase for here" of_token --tenant "$(guid red)" --new-passphrase-file "$T/pin" --holder-key-file "$T/holder.key"
check "one tenant is, out of what the token opens" of_token --tenant "$(guid red)" --new-passphrase-file "$T/phrase" --holder-key-file "$T/holder.key"
check "and is served" eval 'manager_start m --passphrase-file "$T/phrase" && red_is_whole'
manager_stop m

# Into another token; cut off, the same command makes no keys twice.
away 3
check "another token" token k 11223344
(umask 077 && printf '11223344\n' >"$T/pin-k" && token_settings k >"$T/k.json")
into_k() { of_token --new-kms-settings "$T/k.json" --new-kms-secret-file "$T/pin-k" "$@"; }
check_not "a wrong PIN for it" of_token --new-kms-settings "$T/k.json" --new-kms-secret-file "$T/pin"
is "makes nothing" "$(ls -d "$T/m" 2>/dev/null)$(objects k)" 0
mv "$T/depot/t/$(guid red)/o" "$T/o.away"
check_not "what does not restore" into_k
is "leaves no keys there" "$(ls -d "$T/m" 2>/dev/null)$(objects k)" 0
mv "$T/o.away" "$T/depot/t/$(guid red)/o"
into_k >/dev/null 2>&1 &
cut=$!
wait_for 10 test -e "$T/m/vault/vault" # not sooner: SoftHSM loses a token when it is killed in the middle of a login
kill -KILL $(descendants $cut)
{ wait $cut; } 2>/dev/null
number=$(sed -n 's/^pkcs11 //p' "$T/m/restore.unfinished" 2>/dev/null)
note "cut off: ${number:-after its end}"
[ -e "$T/m/manager.json" ] || check "restored into another token" into_k
is "under the number that the one which was cut off had there" "$(jq -r .kms.installation "$T/m/manager.json")" "${number:-$(jq -r .kms.installation "$T/m/manager.json")}"
check "with a key for each of three (and one that SoftHSM was killed in the middle of, perhaps)" eval '[ "$(objects k)" -ge 3 ] && [ "$(objects k)" -le 4 ]'
check "it runs on that" manager_start m --kms-secret-file "$T/pin-k"
check "with what it had" eval 'seen m 1 --where user=third && red_is_whole'
check "as an installation of its own" [ "$(jq -r .kms.installation "$T/m/manager.json")" != "$(jq -r .kms.installation "$T/kept.json")" ]
check "it is backed up by itself, since the former's backups are not its own" wait_for 30 eval '[ "$(cli m backup list --json | jq "[.backups[] | select(.state == \"done\" and (.former | not))] | length")" -ge 2 ]'
check "read back, and restored beside" eval 'cli m backup verify && cli m backup rehearse'
check "a person is erased; the former's backups are not sealed anew, and say whose they are" eval 'cli red person erase --where user=nobody --yes --certificate "$T/person.json"'
check "and no key of a new one goes for them" eval 'cli m backup verify && cli m backup list | grep -q former'
cp "$T/m/manager.json" "$T/kept-k.json"
check "which opens with the new keys" eval 'drill --kms-settings "$T/kept-k.json" --kms-secret-file "$T/pin-k" --report "$T/drill-k.json" && jq -e "[.tenants[] | select(.verified)] | length == 2" "$T/drill-k.json"'
manager_stop m
check "a tenant comes back with its own keys, which need not be named" eval 'timeout 60 "$build/hinomi-manager" restore --from "$T/depot" --state "$T/m" \
    --kms-secret-file "$T/pin-k" --tenant "$(guid red)" --holder-key-file "$T/holder.key"'
check "and is served" eval 'manager_start m --kms-secret-file "$T/pin-k" && red_is_whole'
manager_stop m
rm -r "$T/m" && mv "$T/m.1" "$T/m"

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
