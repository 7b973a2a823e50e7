# The index key rotates again and again, names and tokens are made anew, former versions retire.
pause=14
act() {
    local version
    if [ $((RANDOM % 2)) = 0 ]; then
        hinomi key rotate index --json >"$T/rotated" && done_well index "$(index_version)"
    else
        version=$(former_versions | head -1)
        [ -n "$version" ] && hinomi key retire index "$version" >/dev/null && done_well retired "$version"
    fi
    sleep "0.$((RANDOM % 8))"
}
index_version() { hinomi key status --json | jq .indexKey.version; }
former_versions() { hinomi key status --json | jq '.indexKey | .version as $v | .versions[].version | select(. < $v)'; }
at_least() { [ "$(index_version)" -ge "$1" ] || { echo "the index key is version $(index_version), $1 was acknowledged"; return 1; }; }
stays_retired() {
    local version
    for version in $(acknowledged retired | sort -un); do ! former_versions | grep -qx "$version" || { echo "version $version came back"; return 1; }; done
}
retire_all() {
    local version
    for version in $(former_versions); do hinomi key retire index "$version" >/dev/null || return 1; done
    [ -z "$(former_versions)" ]
}
found() { hinomi person find --where url=torture --json | jq .events.count; }
all_found() { [ "$(found)" = "$lines" ] || { echo "a search by equality finds $(found) of $lines"; return 1; }; }
names_found() { hinomi computer list --json | jq -e '.computers | length == 1' && hinomi policy show 1 >/dev/null; }
judge() {
    local most
    note "acknowledged: $(cut -d' ' -f1 "$T/acknowledged" | sort | uniq -c | tr -s ' \n' ' ')"
    most=$(acknowledged index | sort -n | tail -1)
    [ -z "$most" ] || check "what was acknowledged is in force, or later" at_least "$most"
    check "what was retired stays so" stays_retired
    check "whatever is made anew, a search by equality finds all" all_found
    settles 120 "all former versions retire when all is made anew" retire_all
    check "a search by equality finds all with the last key alone" all_found
    murder m
    check "the manager starts again" manager_start m "${run_options[@]}"
    check "and finds all" all_found
    check "each number is there once" all_there m torture 0 $((lines - 1))
    check "resources are found by their names" names_found
    is "nothing is damaged" "$(api m GET events?limit=1 | jq -c .damaged)" null
}
