#!/bin/bash
# Where lines come from: real systemd-journald and rsyslogd in a private mount namespace, and what the agent must not follow.
if [ -z "${HINOMI_PRIVATE:-}" ]; then
    exec env HINOMI_PRIVATE=1 unshare --mount --propagation private "$0" "$@"
fi
. "$(dirname "$0")/lib/lib.sh"
begin "$@"

# A /run and /dev of our own: journald makes its sockets there, and nothing of the host's is touched.
mount -t tmpfs -o mode=755 none /run || bail "a private /run (this test needs root)"
mkdir -p /run/log/journal /run/systemd/journal /run/lock
[ ! -d /var/log/journal ] || mount -t tmpfs none /var/log/journal
/lib/systemd/systemd-journald >"$T/journald.out" 2>&1 &
pids[journald]=$!
check "systemd-journald runs" wait_for 10 test -S /run/systemd/journal/dev-log || bail "no journald"
cat >"$T/rsyslog.conf" <<CONF
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="/run/syslog-test")
template(name="old" type="string" string="%TIMESTAMP% %HOSTNAME% %syslogtag%%msg:::sp-if-no-1st-sp%%msg:::drop-last-lf%\n")
*.* action(type="omfile" file="$T/log/syslog.log" template="old" fileCreateMode="0640")
CONF
rsyslogd -n -f "$T/rsyslog.conf" -i "$T/rsyslog.pid" >"$T/rsyslogd.out" 2>&1 &
pids[rsyslogd]=$!
check "rsyslogd runs" wait_for 10 test -S /run/syslog-test || bail "no rsyslogd"

check "a manager is made" manager_init m || bail "nothing to test"
check "the manager serves" manager_start m || bail "no manager"
check "the command line signs in" sign_in m
check "files and the journal are watched" number_rules m "$T/log/*.log" journald || bail "no rules"
check "the agent enrols" agent_enrol m a --log-root journald || bail "no agent"
check "the agent runs" agent_start a || bail "no agent"

into_journal() { logger --socket /run/systemd/journal/dev-log -t "${2:-number}" "$1"; }
into_syslog() { logger --socket /run/syslog-test -t number "$1"; }
arrived() { all_there m "$@"; }

for i in 1 2 3 4 5; do into_journal "line $i of journal"; done
check "what journald takes becomes events" wait_for 15 arrived journal 1 5
for i in 1 2 3 4 5; do into_syslog "line $i of syslog"; done
check "what rsyslogd writes becomes events" wait_for 15 arrived syslog 1 5
is "a journal entry says where it is from" "$(cli m events --format json --where url=journal | jq -r '.metadata.log_source' | sort -u)" journald

into_journal "line 1 of ourselves" hinomi-agent
into_journal "line 6 of journal"
check "the agent's own output makes no event" wait_for 15 arrived journal 1 6
is "none at all" "$(tally m ourselves)" "0 0 0 0"

check "the agent stops" agent_stop a
for i in 7 8 9; do into_journal "line $i of journal"; done
into_syslog "line 6 of syslog"
check "the agent starts again" agent_start a
check "entries made meanwhile come, each once" wait_for 15 arrived journal 1 9
check "lines written meanwhile come, each once" wait_for 15 arrived syslog 1 6

# ---- rotation by journald and by the log writer ----
kill -USR2 "${pids[journald]}" # rotate
sleep 1
for i in 10 11 12; do into_journal "line $i of journal"; done
check "the journal is followed over its rotation" wait_for 40 arrived journal 1 12
mv "$T/log/syslog.log" "$T/log/syslog.log.1"
into_syslog "line 7 of syslog" # rsyslogd still writes into the renamed file
kill -HUP "${pids[rsyslogd]}"
sleep 0.5
into_syslog "line 8 of syslog"
check "a file is followed over its rotation" wait_for 15 arrived syslog 1 8

# ---- what is not followed ----
ln -s /etc/passwd "$T/log/link.log"
mkfifo "$T/log/pipe.log"
numbers 1 3 hostile >"$T/outside"
ln "$T/outside" "$T/log/hard.log" # a second name is a file like any other
check "a regular file under another name is read" wait_for 15 arrived hostile 1 3
refused() { cli m events --format json | grep -q 'log source lies outside'; }
check "a place outside the log roots is assigned" number_rules m "$T/log/*.log" "/etc/pass*" journald
check "the agent refuses it and says so" wait_for 20 refused
check "the agent stops in order" agent_stop a
check "the manager stops in order" manager_stop m
done_testing
