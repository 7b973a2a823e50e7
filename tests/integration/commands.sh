#!/bin/bash
# The command line by itself: what it makes of hostile bytes, of files that are wrong, of names and values that are.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"
hinomi() { timeout 60 "$build/hinomi" "$@"; }
status_of() { "$@" >"$T/said" 2>&1; echo $?; }
raw() { grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$1"; } # controls that would reach a terminal

# ---- hostile bytes ----
mkdir -p "$T/set/rules"
echo '<decoder name="x"><program_name>^x$</program_name></decoder>' >"$T/set/decoder.xml"
printf 'Nov 20 10:00:00 web1 sshd[22]: Failed password for \033[31mroot\033]0;x\007 from 203.0.113.7 port 22 ssh2\r\n\233[2J\n' >"$T/hostile.log"
hinomi log test --explain "$T/hostile.log" >"$T/explained" 2>&1
check_not "what a line holds is escaped where it is explained" raw "$T/explained"
like "and readable" "$(cat "$T/explained")" '\\u001b\[31mroot'
printf '<group name="x,">\n  <rule id="1\033[31m" level="3">\n    <description>x</description>\n  </rule>\n</group>\n' >"$T/set/rules/a.xml"
printf '<group name="x,">\n  <rul\033[31me id="2">\n</group>\n' >"$T/set/rules/b.xml"
hinomi rules check "$T/set" >"$T/checked" 2>&1
check_not "what a rule file holds is escaped where it is refused" raw "$T/checked"
like "with its place" "$(cat "$T/checked")" '^a.xml:2:[0-9]+: error: '
printf '[x\033[2J]\nlog 1 pass = hello\nrule = 1\nalert = 1\ndecoder = \033[31m\n' >"$T/hostile.ini"
hinomi log conform "$T/hostile.ini" >"$T/conformed" 2>&1
check_not "what a test file holds is escaped where it fails" raw "$T/conformed"
hinomi "$(printf 'x\033[2J')" >"$T/unknown" 2>&1
check_not "so is a word of the command line" raw "$T/unknown"

done_testing
