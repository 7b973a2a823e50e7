#!/bin/bash
# The whole path as an ordinary user: number 65534, no groups, no capabilities, state under a folder of its own. It works,
# and says what is weaker.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"
[ "$(id -u)" != 0 ] || as_nobody

# The programs and rules must be where that user can read them, wherever the tree lies.
mkdir "$T/bin" "$T/content"
cp "$build/hinomi" "$build/hinomi-manager" "$build/hinomi-agent" "$T/bin/"
cp -r "$here/content/log" "$T/content/"
chmod -R a+rX "$T/bin" "$T/content"
build=$T/bin
[ "$(id -u)" != 0 ] || chown -R 65534:65534 "$T"

# Into a folder that belongs to that user, files of root would show nothing: stdout and stderr are ours, state is not.
check "init" manager_init m || bail "no manager"
check "run" manager_start m || bail "no manager"
check "a profile" sign_in m || bail "no profile"
is "the profile is the user's own, 600" "$(stat -c '%a %u' "$T/m.profile")" "600 $([ "$(id -u)" = 0 ] && echo 65534 || id -u)"
check "the shipped rules are there" eval '[ "$(api m GET policies/1 | jq ".logInspection.ruleIDs | length")" -gt 5 ]'
check "places" watch m "$T/log/*.log"
check "enrol" agent_enrol m a || bail "no agent"
check "run" agent_start a || bail "no agent"

users=
for pid in $(descendants "${pids[m]}") $(descendants "${pids[a]}"); do
    users="$users $(awk '/^Uid:/ {print $2}' "/proc/$pid/status")"
done
is "nothing runs as root" "$(tr ' ' '\n' <<<"$users" | grep -cx 0)" 0

line root >>"$T/log/auth.log"
happens 10 "a line becomes an event" seen m 1 --where user=root
is "with the rule" "$(cli m events --format json --where user=root | jq -r .finding_info.analytic.uid)" 200201
# What this user may not read.
line hidden 198.51.100.9 >"$T/hidden"
chmod 000 "$T/hidden"
[ "$(id -u)" != 0 ] || chown 0:0 "$T/hidden"
mv "$T/hidden" "$T/log/hidden.log"
line shown 198.51.100.10 >>"$T/log/auth.log"
happens 10 "a file it may not read is no hindrance" seen m 1 --where user=shown
check "nor is it read" seen m 0 --where user=hidden

status=$(cli m status --json | jq -r '.processes[]')
like "status of the manager says what is weaker" "$status" 'weaker: '
like "so does the agent's" "$("${runner[@]}" "$build/hinomi-agent" status --state "$T/a")" 'weaker: '
like "and what it prints at its start" "$(cat "$T/a.log")" 'ordinary user'
note "$(grep -o 'weaker: .*' <<<"$status" | sort | uniq -c)"
# Weaker, not open: the sandbox stands all the same.
loose=
for pid in $(descendants "${pids[m]}" | tail -n +2) $(descendants "${pids[a]}" | tail -n +2); do
    grep -q '^Seccomp:	2' "/proc/$pid/status" || loose="$loose seccomp:$pid"
    grep -q '^NoNewPrivs:	1' "/proc/$pid/status" || loose="$loose privs:$pid"
    grep -qE '^Cap(Eff|Prm|Bnd):	0*[1-9a-f]' <(grep -E '^Cap(Eff|Prm)' "/proc/$pid/status") && loose="$loose caps:$pid"
done
is "every role has its system calls filtered and no capability" "$loose" ""
check "files and folders are the user's alone" test -z "$(find "$T/m" "$T/a" "$T/m.keyring" "$T/a.key" -perm /077 ! -name ca.pem)"

victim=$(process a uplink)
kill -KILL "$victim"
line again 198.51.100.11 >>"$T/log/auth.log"
happens 20 "a process that is killed comes back" seen m 1 --where user=again
check "the agent ends" agent_stop a
check "the manager ends" manager_stop m
check "and both start again" eval 'manager_start m && agent_start a'
line third 198.51.100.12 >>"$T/log/auth.log"
happens 10 "with the same state" seen m 1 --where user=third
check "what was there is there, once" seen m 1 --where user=root

# Where user namespaces are allowed, and where not.
if [ "$(id -u)" = 0 ]; then
    agent_stop a
    plain=("${runner[@]}")
    # Inside a namespace that maps one number only, nothing can be mapped any further: as on hosts that forbid it.
    runner=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --no-new-privs -- unshare --user --map-current-user --)
    if "${runner[@]}" true 2>/dev/null; then
        check "inside another user namespace it runs too" agent_start a
        line nested 198.51.100.13 >>"$T/log/auth.log"
        happens 10 "and watches" seen m 1 --where user=nested
    else
        note "user namespaces are not allowed here: the path above was the one without"
    fi
    runner=("${plain[@]}")
fi
done_testing
