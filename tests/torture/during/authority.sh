# The certificate authority rolls over to an heir, that one to its own; listeners get new certificates; the former retires.
pause=15
act() {
    case $((RANDOM % 4)) in
    0 | 1) hinomi ca rotate --json >"$T/rotated" && done_well rotated "$(hinomi ca status --json | jq -r .authority.fingerprint)" ;;
    2) hinomi ca renew && done_well renewed 1 ;;
    3) hinomi ca retire && done_well retired 1 ;;
    esac
    sleep "0.$((RANDOM % 9))"
}
ca() { hinomi ca status --json | jq -r "$1"; }
# curl trusts a file: the test's tools follow as an administrator would.
trust() { hinomi ca status --json | jq -r .authority.pem >"$T/pem" && [ -s "$T/pem" ] && cp "$T/pem" "$T/m/ca.pem"; }
answers() { curl -sf --max-time 2 --cacert "$T/m/ca.pem" "${urls[m]}/api/health" | grep -q ok; }
manager_serves() { answers || { [ -e "$T/m.profile" ] && trust && answers; }; }
retired() { [ "$(ca .former)" = null ] || hinomi ca retire; }
judge() {
    local last
    note "acknowledged: $(cut -d' ' -f1 "$T/acknowledged" | sort | uniq -c | tr -s ' \n' ' ')"
    is "one authority is in force" "$(ca '.authority.fingerprint | length')" 64
    last=$(acknowledged rotated | grep . | tail -1)
    # One that began later may have taken over without its answer.
    [ -z "$last" ] || check "what was acknowledged took place" eval 'audited_roll '"$last"
    settles 120 "the former one retires: the agent has a certificate of the present one" retired
    is "and is gone" "$(ca .former)" null
    check "it can roll over again" hinomi ca rotate
    settles 120 "and retire" retired
    numbers 1 50 afterwards >>"$T/log/n.log"
    settles 60 "the agent delivers" all_there m afterwards 1 50
    LOG_ROOT=$T/log check "a new agent enrols by the first fingerprint of all" agent_enrol m b
    murder m
    check "the manager starts again" manager_start m "${run_options[@]}"
    check "and reads all" all_there m torture 0 $((lines - 1))
}
audited_roll() {
    [ "$(ca .authority.fingerprint)" = "$1" ] || [ "$(ca '.former.fingerprint // empty')" = "$1" ] ||
        hinomi audit list --action ca.rotate --json --limit 5000 2>/dev/null | grep -q "$1"
}
