# Persons' events are erased, one after another: their segments are written anew, all keys made anew, the former destroyed.
pause=20
line_msec=40
persons=0
events_of() { hinomi person find --where "url=$1" --json | jq .events.count; }
holds() { [ "$(events_of "$1")" = "$2" ]; }
is_done() { [ "$(hinomi person erase --status "$1" --json | jq -r .state)" = done ]; }
act() {
    local name id
    persons=$((persons + 1))
    name=person$persons
    numbers 1 40 $name >>"$T/log/p.log"
    wait_for 60 holds $name 40 || { [ ! -e "$T/calm" ] || return 0; }
    done_well begun $name
    id=$(hinomi person erase --where "url=$name" --yes --no-wait --json | jq .ID)
    [ -n "$id" ] && [ "$id" != null ] && done_well accepted "$id" && done_well "person-$id" $name
    # One after another, or all at once.
    [ $((RANDOM % 3)) = 0 ] || wait_for 60 eval "[ -e '$T/calm' ] || is_done ${id:-0}"
}
all_accepted_are_done() {
    local id
    for id in $(acknowledged accepted); do is_done "$id" || { echo "erasure $id is $(hinomi person erase --status "$id" --json | jq -c .)"; return 1; }; done
    [ -z "$(hinomi person erase --status 0 2>/dev/null)" ]
}
none_under_way() { [ "$(api m GET persons/erasures | jq '[.erasures[] | select(.state != "done")] | length')" = 0 ]; }
gone_and_certified() {
    local id name
    for id in $(acknowledged accepted); do
        name=$(acknowledged "person-$id")
        holds "$name" 0 || { echo "$name has $(events_of "$name") events, erasure $id is done"; return 1; }
        rm -f "$T/certificate"
        hinomi person erase --status "$id" --certificate "$T/certificate" >/dev/null &&
            "$build/hinomi" certificate verify "$T/certificate" --fingerprint "${fingerprints[m]}" >/dev/null || { echo "no certificate of erasure $id"; return 1; }
    done
}
whole_or_gone() { # no answer came: done whole, or not at all
    local name count
    for name in $(acknowledged begun); do
        count=$(events_of "$name")
        [ "$count" = 0 ] || [ "$count" = 40 ] || { echo "$name has $count events of 40"; return 1; }
    done
}
opens() { # every event, document and audit entry
    rm -f "$T/m.export"
    hinomi tenant export --output "$T/m.export" --quiet && hinomi tenant open "$T/m.export" --quiet | tail -1 >"$T/end" && jq -e '.damaged == 0' "$T/end" >/dev/null || { cat "$T/end"; return 1; }
}
judge() {
    note "acknowledged: $(sed 's/-.*//; s/ .*//' "$T/acknowledged" | sort | uniq -c | tr -s ' \n' ' ')"
    settles 120 "all that were accepted end" all_accepted_are_done
    settles 60 "none is under way" none_under_way
    check "of each nothing is left, and that is certified" gone_and_certified
    check "an erasure that was not acknowledged took place whole or not at all" whole_or_gone
    check "everything else opens" opens
    murder m
    check "the manager starts again" manager_start m "${run_options[@]}"
    check "of each nothing is left still" gone_and_certified
    check "everything else opens" opens
    check "each number is there once" all_there m torture 0 $((lines - 1))
}
