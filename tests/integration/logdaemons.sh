#!/bin/bash
# What a user does first: `logger` on a host with rsyslogd, on one with systemd-journald, and on one with both. The real
# daemons run in a mount namespace with a /dev, /run and /var/log of its own; the policy is the shipped one, as it is.
if [ -z "${HINOMI_PRIVATE:-}" ]; then
    exec env HINOMI_PRIVATE=1 unshare --mount --propagation private "$0" "$@"
fi
. "$(dirname "$0")/lib/lib.sh"
begin "$@"

mount -t tmpfs -o mode=755 none /run && mount -t tmpfs -o mode=755 none /var/log || bail "a private /run and /var/log (this test needs root)"
mkdir "$T/dev"
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty "$T/dev/"
mount -t tmpfs -o mode=755 none /dev && cp -a "$T/dev/." /dev/ && mkdir /dev/shm || bail "a private /dev"
mkdir -p /run/log/journal /run/systemd/journal /run/lock

# As Debian 12 sets it up, without the kernel's messages.
cat >"$T/rsyslog.conf" <<'CONF'
module(load="imuxsock" SysSock.Name="/dev/log" SysSock.Use="on")
$FileCreateMode 0640
*.*;auth,authpriv.none -/var/log/syslog
auth,authpriv.*         /var/log/auth.log
cron.*                 -/var/log/cron.log
kern.*                 -/var/log/kern.log
mail.*                 -/var/log/mail.log
user.*                 -/var/log/user.log
CONF
rsyslogd_start() {
    rsyslogd -n -f "$T/rsyslog.conf" -i "$T/rsyslog.pid" >"$T/rsyslogd.out" 2>&1 &
    pids[rsyslogd]=$!
    wait_for 10 test -S "$1"
}
journald_start() {
    printf '[Journal]\nForwardToSyslog=%s\nStorage=persistent\nRateLimitIntervalSec=0\n' "$1" >"$T/journald.conf"
    mkdir -p /run/systemd/journald.conf.d
    cp "$T/journald.conf" /run/systemd/journald.conf.d/test.conf
    mkdir -p /var/log/journal
    /lib/systemd/systemd-journald >"$T/journald.out" 2>&1 &
    pids[journald]=$!
    wait_for 10 test -S /run/systemd/journal/dev-log && ln -sfn /run/systemd/journal/dev-log /dev/log
}
try() { logger -p auth.warning -t sshd "Failed password for $1 from $2 port 22 ssh2"; }

check "rsyslogd runs" rsyslogd_start /dev/log || bail "no rsyslogd"
check "a manager with the shipped rules" manager_init m || bail "no manager"
check "serves" manager_start m || bail "no manager"
sign_in m
LOG_ROOT=/var/log
check "an agent enrols" agent_enrol m a || bail "no agent"
check "and runs" agent_start a || bail "no agent"

try root 203.0.113.7
began=$(now_msec)
wait_for 10 seen m 1 --where user=root
note "$(($(now_msec) - began)) ms from logger to search, by rsyslogd"
check "by rsyslogd: the line is an event" seen m 1 --where user=root
event=$(cli m events --format json --where user=root)
is "with its rule" "$(jq -r .finding_info.analytic.uid <<<"$event")" 200201
is "its level" "$(jq -r .vendor_attributes.severity <<<"$event")" 5
like "its groups" "$(jq -c .finding_info.types <<<"$event")" 'authentication_failed'
is "the address" "$(jq -r '.evidences[0].src_endpoint.ip' <<<"$event")" 203.0.113.7
is "the file" "$(jq -r .metadata.log_source <<<"$event")" /var/log/auth.log
logger -p cron.info -t CRON "(root) CMD (true)"
mv /var/log/auth.log /var/log/auth.log.1
kill -HUP "${pids[rsyslogd]}"
sleep 0.5
try rotated 203.0.113.8
happens 10 "after logrotate and a HUP too" seen m 1 --where user=rotated
stop rsyslogd
rm -f /dev/log

check "systemd-journald runs" journald_start no || bail "no journald"
agent_stop a
agent_start a
try journal 203.0.113.9
began=$(now_msec)
wait_for 10 seen m 1 --where user=journal
note "$(($(now_msec) - began)) ms from logger to search, by journald"
check "by journald: the line is an event" seen m 1 --where user=journal
event=$(cli m events --format json --where user=journal)
is "with its rule" "$(jq -r .finding_info.analytic.uid <<<"$event")" 200201
is "the program" "$(jq -r .metadata.log_provider <<<"$event")" sshd
is "and where it is from" "$(jq -r .metadata.log_source <<<"$event")" journald
is "searched by that as well" "$(events m --where location=journald --where user=journal)" 1
logger -p auth.warning -t hinomi-manager "Failed password for ourselves from 203.0.113.10 port 22 ssh2"
try after 203.0.113.11
happens 10 "a line after it" seen m 1 --where user=after
check "what our own programs log makes no event" seen m 0 --where user=ourselves

# A host with both, as a Debian server has it.
rm -f /dev/log
stop journald
sed -i 's#SysSock.Name="/dev/log" SysSock.Use="on"#SysSock.Name="/run/systemd/journal/syslog" SysSock.Use="on"#' "$T/rsyslog.conf"
check "rsyslogd behind journald" rsyslogd_start /run/systemd/journal/syslog
check "journald in front of it" journald_start yes
agent_stop a
agent_start a
try both 203.0.113.12
happens 10 "the line is an event" seen_some m --where user=both
sleep 2
check "once, although two sources hold it" seen m 1 --where user=both
# Two lines that are the same are two: no attack is made smaller.
try again 203.0.113.13
try again 203.0.113.13
happens 10 "the same line twice is two events" seen m 2 --where user=again
sleep 1
check "and no more" seen m 2 --where user=again
check "the agent ends cleanly" agent_stop a
check "the manager ends cleanly" manager_stop m
done_testing
