# Master, wrapping, tenant and table keys rotate, are wrapped anew, and retire.
pause=12
act() {
    local verbs=("rotate master" "rotate wrapping" "rotate tenant" "rotate data" rewrap rewrap "retire master" "retire wrapping" "retire tenant")
    local verb=${verbs[RANDOM % ${#verbs[@]}]} name version
    name=${verb#* }
    case $verb in
    rotate*) hinomi key rotate "$name" --json >"$T/rotated" && done_well "$name" "$(version_of "$name")" ;;
    retire*)
        version=$(old_versions "$name" | head -1)
        [ -n "$version" ] && hinomi key retire "$name" "$version" && done_well "retired-$name" "$version"
        ;;
    *) hinomi key rewrap && done_well rewrap 1 ;;
    esac
    sleep "0.$((RANDOM % 5))"
}
declare -A members=([master]=master [wrapping]=wrapping [tenant]=tenantKey [data]=dataKeys)
version_of() { hinomi key status --json | jq ".${members[$1]}.version"; }
# Master and wrapping keys have no list of versions: those before the one in force are tried, the oldest first.
old_versions() {
    if [ "$1" = tenant ]; then
        hinomi key status --json | jq '.tenantKey | .version as $v | .versions[].version | select(. < $v)'
    else
        hinomi key status --json | jq ".${members[$1]} | select(.versionCount > 1) | .version - .versionCount + 1"
    fi
}
retire_all() { # KIND: until the one in force is left
    local version
    for version in $(old_versions "$1"); do hinomi key retire "$1" "$version" || return 1; done
    [ -z "$(old_versions "$1")" ]
}
at_least() { [ "$(version_of "$1")" -ge "$2" ] || { echo "$1 is version $(version_of "$1"), $2 was acknowledged"; return 1; }; }
is_retired() { ! old_versions "$1" | grep -qx "$2"; }
judge() {
    local name most
    note "acknowledged: $(cut -d' ' -f1 "$T/acknowledged" | sort | uniq -c | tr -s ' \n' ' ')"
    settled() { hinomi key rewrap && hinomi kms test; }
    settles 90 "keys are wrapped anew" settled
    for name in master wrapping tenant data; do
        most=$(acknowledged $name | sort -n | tail -1)
        [ -z "$most" ] || check "$name: what was acknowledged is in force, or later" at_least $name "$most"
    done
    for name in master wrapping tenant; do
        for most in $(acknowledged "retired-$name" | sort -un); do is_retired $name "$most" || { not_ok "$name $most came back"; }; done
        settles 60 "all old versions retire: $name" retire_all $name
    done
    murder m
    check "the manager starts again" manager_start m "${run_options[@]}"
    check "and reads all with what is left" all_there m torture 0 $((lines - 1))
    is "nothing is damaged" "$(api m GET events?limit=1 | jq -c .damaged)" null
}
