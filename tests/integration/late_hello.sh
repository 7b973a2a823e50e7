#!/bin/bash
# A hello that reaches the manager after the process that said it died, and after its successor was heard: no copy of the
# agent, nothing is held.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"
check "a manager runs" eval 'manager_init m && manager_start m && sign_in m && number_rules m "$T/log/*.log"' || bail "a manager"
mkdir "$T/proxy"
target=${agents_urls[m]#https://}
python3 "$(dirname "$0")/lib/late_proxy.py" "${target%:*}" "${target##*:}" "$T/proxy" >"$T/proxy/port" 2>"$T/proxy.log" &
pids[proxy]=$!
wait_for 10 test -s "$T/proxy/port"
agents_urls[m]=https://127.0.0.1:$(cat "$T/proxy/port")
check "an agent runs behind a relay" eval 'agent_enrol m a && agent_start a' || bail "an agent"
numbers 1 10 before >>"$T/log/n.log"
happens 10 "its events come" all_there m before 1 10

touch "$T/proxy/hold"
kill -KILL "$(process a uplink)"
check "the next one's hello is on its way" wait_for 10 test -e "$T/proxy/held"
rm "$T/proxy/hold"
connections=$(grep -c 'connected to' "$T/a.log")
kill -KILL "$(process a uplink)"
check "the one after it is heard first" wait_for 20 logged a 'connected to' $((connections + 1))
touch "$T/proxy/release"
sleep 2
is "the late hello is no copy" "$(events m --where state=6)" 0
is "nothing is held" "$(api m GET computers | jq -r '.computers[0].enrolment')" approved
numbers 1 10 after >>"$T/log/n.log"
happens 10 "and events come as before" all_there m after 1 10
happens 10 "it was heard, and counted" eval 'api m GET metrics | grep -qE "^hinomi_sessions_replaced_total{.*} [1-9]"'
check "the agent ends in order" stop a
stop proxy
check "the manager ends in order" stop m
done_testing
