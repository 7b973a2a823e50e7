# Tenants are made, something is written into them, and most of them are erased.
pause=12
made=0
tenant_status() { curl -s --max-time 10 --cacert "$T/m/ca.pem" -H @"$T/$1.headers" -o "${2:-/dev/null}" -w '%{http_code}' "${urls[m]}/api/policies"; }
write_into() { # TENANT NUMBER
    [ "$(curl -s --max-time 10 --cacert "$T/m/ca.pem" -H @"$T/$1.headers" -H 'content-type: application/json' -o /dev/null -w '%{http_code}' \
        --data-binary "{\"name\":\"own $2 of $1\"}" "${urls[m]}/api/policies")" = 200 ]
}
act() {
    local name n
    made=$((made + 1))
    name=e$made
    if hinomi tenant create $name --json >"$T/$name.tenant.json"; then
        printf 'api-version: v1\napi-secret-key: %s\n' "$(jq -r .apiKey "$T/$name.tenant.json")" >"$T/$name.headers"
        done_well made $name
        for n in 1 2 3; do write_into $name $n && done_well "wrote-$name" $n; done
        if [ $((RANDOM % 4)) != 0 ]; then
            done_well begun $name
            hinomi tenant erase $name --yes --json >"$T/$name.erased.json" && done_well erased $name
        fi
    fi
    sleep "0.$((RANDOM % 4))"
}
prepare() { :; }
tenants() { hinomi tenant list --json | jq -r ".tenants[] | select(.tenantState == \"$1\") | .name" | sort -V; }
none_is_erasing() { [ -z "$(tenants erasing)" ]; }
all_of() { # TENANT: what was acknowledged in it is there
    local n
    [ "$(tenant_status "$1" "$T/found")" = 200 ] || { echo "$1 answers $(cat "$T/found")"; return 1; }
    for n in $(acknowledged "wrote-$1"); do grep -q "own $n of $1\"" "$T/found" || { echo "own $n of $1 is gone"; return 1; }; done
}
certified() { # TENANT
    local id
    id=$(hinomi tenant show "$1" --json | jq .certificateID)
    rm -f "$T/certificate"
    hinomi certificate show "$id" --output "$T/certificate" && "$build/hinomi" certificate verify "$T/certificate" --fingerprint "${fingerprints[m]}" | grep -q "all data of tenant $1 "
}
judge_tenants() {
    local name state
    while read -r name; do
        state=$(hinomi tenant show "$name" --json | jq -r .tenantState)
        if acknowledged erased | grep -qx "$name"; then
            [ "$state" = erased ] && certified "$name" && [ "$(tenant_status "$name")" = 401 ] || { echo "$name: erased, acknowledged; is $state"; return 1; }
        elif acknowledged begun | grep -qx "$name"; then # no answer came: done whole, or not at all
            case $state in
            erased) certified "$name" && [ "$(tenant_status "$name")" = 401 ] ;;
            active) all_of "$name" ;;
            *) false ;;
            esac || { echo "$name: erasure was begun; is $state"; return 1; }
        else
            [ "$state" = active ] && all_of "$name" || { echo "$name: is $state"; return 1; }
        fi
    done < <(acknowledged made)
}
# What there is of tenants on the store, and which of them the register does not name: name by name.
stored() {
    if [ "$store" = postgres ]; then
        "$here/tools/postgres" sql "$P" "SELECT substr(nspname, 8) FROM pg_namespace WHERE nspname LIKE 'hinomi\_%' UNION SELECT substr(rolname, 8) FROM pg_roles WHERE rolname LIKE 'hinomi\_%'"
    else
        find "$T/m/db" -type f -printf '%f\n' | sed 's/\..*//' | sort -u
    fi
}
named() { hinomi tenant list --json | jq -r '.tenants[] | select(.tenantState != "erased") | .guid'; jq -r .tenant "$T/m/manager.json"; }
unnamed() { stored | grep -vxFf <(named); }
nothing_unnamed() { [ -z "$(unnamed)" ] || { echo "nobody names $(unnamed)"; return 1; }; }
# In the vault and in the ring, which no pass phrase seals here; the installation's own wrapping key is under no tenant's name.
keys_are_of_tenants() {
    local left
    left=$(grep -ahoE '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}' "$T/m/vault/vault" "$T/m.keyring" | sort -u | grep -vxFf <(named))
    [ -z "$left" ] || { echo "there are keys of $left"; return 1; }
}
judge() {
    note "acknowledged: $(sed 's/-.*//; s/ .*//' "$T/acknowledged" | sort | uniq -c | tr -s ' \n' ' ')"
    settles 120 "no erasure is left half done" none_is_erasing
    check "each tenant is what was acknowledged, and whole" judge_tenants
    settles 40 "no store is left that no tenant has" nothing_unnamed
    check "nor a key" keys_are_of_tenants
    note "$(grep -c 'the making of tenant .* was cut off' "$T/m.log") makings were cut off and cleared away"
    murder m
    check "the manager starts again" manager_start m "${run_options[@]}"
    check "and all is as before" judge_tenants
    check "the first tenant has all it had" all_there m torture 0 $((lines - 1))
}
