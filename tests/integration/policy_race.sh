#!/bin/bash
# Policies that follow each other faster than processes change hands, and one that comes while the log module waits to be
# started again: afterwards lines are still read, under the newest.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"

manager_init m && manager_start m && sign_in m && watch m "$T/log/*.log" || bail "a manager runs"
check "an agent runs" eval 'agent_enrol m a && agent_start a' || bail "an agent runs"
id=$(api m GET policies/1 | jq '.logInspection.ruleIDs[0]')

n=0
change() { # another file that is watched: another policy
    n=$((n + 1))
    api m POST "loginspectionrules/$id" "$(jq -n --arg a "$T/log/*.log" --arg b "$T/log/$n.txt" \
        '{logFiles: {logFiles: [{location: $a, format: "syslog"}, {location: $b, format: "syslog"}]}}')" >/dev/null
}
in_force() { # WHO: a line in the file that only the newest policy names becomes an event
    line "$1" >>"$T/log/$n.txt"
    wait_for 10 seen_some m --where "user=$1"
}

for pause in 0 0.05 0.1 0.2 0.3 0.4; do
    for _ in 1 2 3 4; do
        change
        sleep "$pause"
    done
    check "four changes, $pause s apart: the newest is in force" in_force "u$n"
done

# The module dies again and again, so that it waits longer and longer; a new policy finds it waiting.
for _ in 1 2 3 4 5; do
    wait_for 10 process a log && kill -KILL "$(process a log)"
    sleep 0.3
done
change
check "a policy that comes while the module waits for its restart" in_force "v$n"
agent_stop a
done_testing
