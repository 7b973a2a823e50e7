#!/bin/bash
# Destinations of backups in a bad way, while what is new is shipped each second: full, read-only, removed, losing, cutting,
# silent, gone, lying. Each is told once when it begins and once when it is over, is tried again by itself and good again
# afterwards, and the other places go on meanwhile.
if [ -z "${HINOMI_PRIVATE:-}" ] && [ "$(id -u)" = 0 ]; then
    exec env HINOMI_PRIVATE=1 unshare --mount --propagation private "$0" "$@"
fi
. "$(dirname "$0")/lib/lib.sh"
begin "$@"
. "$(dirname "$0")/lib/aws.sh"
mkdir -m 700 "$T/good" "$T/small" "$T/away"
mkdir "$T/store"
chmod 755 "$T"
mounts=
[ "$(id -u)" != 0 ] || ! mount -t tmpfs -o size=96m,mode=700 none "$T/small" || mounts=yes
[ -n "$mounts" ] || note "skipped: 7 cases of full and read-only disks (no tmpfs can be mounted)"
destination() { "$build/hinomi-manager" destination --state "$T/m" "$@"; }
fault() { echo "$*" >"$T/store/fault"; }
well() { rm -f "$T/store/fault"; }
s3_start() { # [PORT]
    rm -f "$T/store/port"
    launch store "$sdk/node_modules/.bin/node" --no-warnings --openssl-legacy-provider "$sdk/s3_server.mjs" "$T/store" ${1:+"$1"}
    wait_for 30 test -s "$T/store/port"
}

check "a manager" manager_init m || bail "a manager"
check "it runs" eval 'manager_start m --workers 1 && sign_in m'
like "without a destination doctor warns" "$(cli m doctor --json | jq -r '.findings[] | select(.id == "backup.destinations") | .severity + ": " + .finding')" \
    'warning: no destination is set'
manager_stop m
check "a good destination" destination --add good --url "file://$T/good" --region dc1
check "a small one" destination --add small --url "file://$T/small" --region dc1
check "one that will be removed" destination --add away --url "file://$T/away" --region dc1
places=(good small away)
if aws_sdk; then
    (
        cd "$T/store" || exit
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj "/CN=authority of the test" \
            -addext basicConstraints=critical,CA:TRUE
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out request.pem -subj /CN=localhost
        openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -days 2 -out cert.pem \
            -extfile <(printf 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n')
    ) 2>/dev/null
    (umask 077 && printf '[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n' >"$T/credentials")
    check "an object store" s3_start || bail "no store"
    port=$(cat "$T/store/port")
    check "as a destination" destination --add far --url s3://depot/m --secret-file "$T/credentials" --setting region=eu-test-1 \
        --setting "endpoint=https://localhost:$port" --setting "ca-file=$T/store/ca.pem" --region dc1
    places+=(far)
else
    note "skipped: 10 cases with an object store (the npm registry is not there)"
fi
jq '.backup += {shipSeconds: 1, loseSeconds: 2, lookSeconds: 4, lookTurns: 2, waitSeconds: 2}' "$T/m/manager.json" >"$T/x" && cat "$T/x" >"$T/m/manager.json"
check "the manager runs, and a tenant" eval 'manager_start m --workers 1 && sign_in m && tenant red' || bail "the manager"

number=0
live() { # what is new, of both tenants
    number=$((number + 1))
    api m POST apikeys "{\"keyName\":\"k$number\",\"roleID\":2}" >/dev/null
    api red POST apikeys "{\"keyName\":\"k$number\",\"roleID\":2}" >/dev/null
}
everywhere() { [ "$(cli m backup list --json | jq --argjson n ${#places[@]} '[.backups[] | select([.destinations[] | select(.state == "there")] | length == $n) | .tenantID] | unique | length')" = 2 ]; }
newest_everywhere() { # the one out of turn that mends a place is made
    [ "$(cli m backup list --json | jq --argjson n ${#places[@]} '[.backups | group_by(.tenantID)[] | max_by(.begun) | select([.destinations[] | select(.state == "there")] | length == $n)] | length')" = 2 ]
}
# told NAME STATUS PATTERN COUNT: so many events of these words; begun: severity High, over: the lowest. One that is not so says
# what was told.
messages() { cli "$1" events --format json --where "status=$2" | jq -r '"\(.severity_id) \(.message)"'; }
told() { # MESSAGES PATTERN COUNT
    [ "$(grep -cE "$2" <<<"$1")" = "$3" ] || { echo "told: $1"; return 1; }
}
begun() { told "$(messages "$1" "$2")" "^4 .*($3)" "$4"; }
over() { told "$(messages "$1" "$2")" "^1 .*is over.*($3)" "$4"; }
missing='[1-9][0-9]* objects are missing and'
altered='objects are missing and [1-9][0-9]* altered'
objects() { find "$T/$1/t" -path "*/$2/o/*" -type f; } # PLACE TENANT
shipped() { find "$T/$1" -path '*/s/*' -type f 2>/dev/null | wc -l; }
# The others get what is new now.
goes_on() { # PLACE
    local before
    before=$(shipped "$1")
    live
    wait_for 30 eval '[ "$(shipped '"$1"')" -gt '"$before"' ]'
}

happens 60 "the first backups make themselves, everywhere" everywhere
check "and what is new is shipped" goes_on good
is "nothing is told" "$(messages m destination; messages m backup-lost)" ""
doctor() { cli m doctor --json | jq -r ".findings[] | select(.id == \"backup.$1\") | .severity + \": \" + .finding"; }
like "doctor says that all lie in one region" "$(doctor destinations)" 'warning: all [0-9] destinations bear the region label dc1'
like "that backups are made" "$(doctor made)" '^ok: of 2 tenants'
like "that no drill was made yet" "$(doctor drill)" 'advice: no drill'
is "and of each thing what to do" "$(cli m doctor --json | jq '[.findings[] | select((.id | startswith("backup.")) and .severity != "ok" and .severity != "unseen" and .todo == "")] | length')" 0
is "a tenant is not told what is the installation's" "$(cli red doctor --json | jq '[.findings[] | select(.id | startswith("backup."))] | length')" 0

# ---- full, losing, silent: at three places at once, and the fourth goes on ----
far=$((${#places[@]} - 3))
if [ -n "$mounts" ]; then dd if=/dev/zero of="$T/small/filler" bs=64k 2>/dev/null; fi
[ $far = 0 ] || kill -STOP "${pids[store]}"
own=$(find "$T/good/t" -mindepth 1 -maxdepth 1 ! -name "$(guid red)" -printf '%f\n')
objects good "$(guid red)" | xargs rm # of one tenant: of two, one might be mended before the other is looked at
live
happens 40 "what a destination lost is told" begun m backup-lost "good: .*$missing" 1
happens 20 "to the tenant too, without the destination's name" begun red backup-lost 'one of the places' 1
is "(which is the installation's)" "$(cli red events --format json --where class=6002 | grep -c '"message":"[^"]*good')" 0
[ -z "$mounts" ] || happens 40 "a full disk is told" begun m destination 'small: .*no space' 1
[ $far = 0 ] || happens 30 "an object store that is silent is told" begun m destination 'far: .*(in time|too long)' 1
check "the other goes on" goes_on away
if [ -n "$mounts" ]; then rm "$T/small/filler"; fi
[ $far = 0 ] || kill -CONT "${pids[store]}"
happens 40 "what was lost is written again, and told when all was read" over m backup-lost good 1
happens 20 "to the tenant too" over red backup-lost 'one of the places' 1
[ -z "$mounts" ] || happens 20 "it is told when there is room" over m destination small 1
[ -z "$mounts" ] || check "and what is new gets there" goes_on small
[ $far = 0 ] || happens 40 "and when the object store answers" over m destination far 1

# ---- read-only, removed, gone ----
if [ -n "$mounts" ]; then mount -o remount,bind,ro "$T/small"; fi
[ $far = 0 ] || murder store
owner=$(stat -c %u "$T/good")
role=$(process m backup)
kill -STOP "$role" # else half of it may be seen, and told
until rm -rf "$T/away" 2>/dev/null; do :; done
kill -CONT "$role"
live
happens 20 "a folder that was removed is told" begun m destination 'away: .*(removed|cannot be opened)' 1
[ -z "$mounts" ] || happens 20 "a disk mounted read-only is told" begun m destination 'small: .*read-only' 1
[ -z "$mounts" ] || like "doctor says so" "$(doctor reach)" 'error: for 0 hours: small: .*read-only'
[ $far = 0 ] || happens 30 "an object store that is gone is told" begun m destination 'far: .*refused' 1
check "the other goes on" goes_on good
mkdir "$T/away" && chown "$owner" "$T/away"
if [ -n "$mounts" ]; then mount -o remount,bind,rw "$T/small"; fi
[ $far = 0 ] || check "the object store comes back" s3_start "$port"
[ -z "$mounts" ] || happens 20 "and when it can be written again" over m destination small 2
[ $far = 0 ] || happens 40 "and when the object store is there" over m destination far 2
happens 60 "and when the folder is" over m destination away 1
happens 60 "each has a backup of each tenant again" newest_everywhere
happens 60 "what lay in the folder is told to be lost" begun m backup-lost 'away: ' 1
happens 60 "and that it is over, when what came after it was read" over m backup-lost away 1
before=$(messages red backup-lost | grep -c '^4')
more_told() { [ "$(messages red backup-lost | grep -c '^4')" -gt "$before" ]; }

# ---- cutting, and lying ----
objects small "$own" | xargs truncate -s -1
[ $far = 0 ] || fault lie
live
sleep 1.5
live
happens 60 "what was cut is told" begun m backup-lost "small: .*$altered" 1
[ $far = 0 ] || happens 60 "an object store that acknowledges and loses is told" begun m backup-lost 'far: ' 1
[ $far = 0 ] || happens 60 "to the tenant too" more_told
like "doctor says so" "$(doctor verified | tr '\n' ' ')" 'error: for 0 hours: (far|small|away): '
check "the other goes on" goes_on good
well
happens 60 "it is told when what was cut was mended" over m backup-lost small 1
[ $far = 0 ] || happens 60 "and when it keeps what it is given" over m backup-lost far 1
check "then all of it is there" cli m backup verify
is "each was told as often as it was over" "$({ messages m destination; messages m backup-lost; } | cut -d' ' -f1 | sort | uniq -c | awk '{print $1}' | uniq | wc -l)" 1
manager_stop m
done_testing
