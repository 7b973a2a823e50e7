# A state with data in it that the first format wrote, killed while it had a write-ahead log (tests/golden), is opened by
# this build: process after process is killed while it starts and moves forward, then it starts whole. Round after round.
golden=$here/tests/golden/manager_v1_$store.tar.xz
format=$(sed -n 's/^#define HIN_STORE_SCHEMA_VERSION *//p' "$here/src/store/store.h")
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
database_sql() { "$here/tools/postgres" sql "$P" "$1" >>"$T/server.log" 2>&1; }
tenants_of() { jq -r .tenant "$T/m/manager.json"; jq -r .guid "$T/red.tenant.json"; }
restore() { # the roles and schemas of the dump, and nothing else
    local guid
    for guid in $(tenants_of); do
        database_sql "DROP SCHEMA IF EXISTS \"hinomi_$guid\" CASCADE"
        database_sql "DROP ROLE IF EXISTS \"hinomi_$guid\""
    done
    PGPASSWORD=$(cat "$P/admin-password") "$psql" -X -q -v ON_ERROR_STOP=1 -h "$P/socket" -p "$(cat "$P/port")" -U admin -d hinomi \
        -f "$T/golden/roles.sql" -f "$T/golden/dump.sql" >>"$T/server.log" 2>&1
}
lay_out() {
    rm -rf "$T/m" "$T/m.keyring"
    cp -a "$T/golden/m" "$T/golden/m.keyring" "$T/"
    jq --arg ring "$T/m.keyring" --argjson api "$api_port" --argjson agents "$agents_port" --arg url "$(cat "$P/socket.url" 2>/dev/null)" \
        '.keyring = $ring | .api.port = $api | .agents.port = $agents | if has("store") then .store = $url else . end' \
        "$T/golden/m/manager.json" >"$T/settings" && cat "$T/settings" >"$T/m/manager.json"
    [ "$store" = sqlite ] || restore
}
formats() { # of each tenant's data, when nobody has it open
    local guid
    for guid in $(tenants_of); do
        if [ "$store" = postgres ]; then
            "$here/tools/postgres" sql "$P" "SELECT max(version) FROM \"hinomi_$guid\".migration"
        else
            python3 -c 'import sqlite3, sys; print(*sqlite3.connect(f"file:{sys.argv[1]}?immutable=1", uri=True).execute("SELECT max(version) FROM migration").fetchone())' "$T/m/db/$guid.db"
        fi
    done | tr '\n' ' '
}
whole_again() { # everything that stood in it
    all_there m golden 1 "$(counted events)" && all_there red golden-red 1 "$(counted red)" &&
        api m GET policies | grep -q 'golden policy' && api m GET administrators | grep -q 'Golden One' &&
        [ "$(api m GET 'audit?limit=1' | jq '.audit[0].ID')" -gt "$(counted audit)" ] && [ "$(api m GET health | jq -r .store)" = whole ]
}
counted() { jq ".$1" "$T/golden/counts"; }
judged() { # the record that the first format began, to its end
    rm -f "$T/record"
    cli m audit export "$T/record" && "$build/hinomi" audit verify "$T/record" -f "${fingerprints[m]}"
}
is_new() { local f; for f in $(formats); do [ "$f" = "$format" ] || { echo "formats: $(formats)"; return 1; }; done; }

one_round() { # KILLS
    local i victim
    lay_out || { echo "the sample cannot be laid out"; return 1; }
    launch m "$build/hinomi-manager" run --state "$T/m" "${run_options[@]}"
    for ((i = 0; i < $1; i++)); do
        # Another tenant's data move when somebody first asks for it.
        (curl -s --max-time 3 --retry 5 --retry-connrefused --retry-delay 0 --cacert "$T/m/ca.pem" -H @"$T/red.headers" "${urls[m]}/api/policies" >/dev/null 2>&1 &)
        sleep "0.$(printf '%03d' $((RANDOM % 500)))"
        mapfile -t all < <(descendants "${pids[m]}")
        victim=${all[RANDOM % ${#all[@]}]}
        killed=$((killed + 1))
        if [ $((RANDOM % 3)) = 0 ]; then # all of it, as by a power cut
            murder m
            launch m "$build/hinomi-manager" run --state "$T/m" "${run_options[@]}"
        else
            kill -KILL "$victim" 2>/dev/null
            sleep 0.05
            supervise
        fi
    done
    wait_for 40 serves || { echo "it does not serve"; return 1; }
    wait_for 20 whole_again || whole_again || { echo "not all is there"; return 1; }
    stop m || { echo "it does not end in order"; return 1; }
    is_new
}

whole() {
    local round=0 bad=0 killed=0
    [ -f "$golden" ] || bail "there is a sample"
    mkdir "$T/golden"
    tar -C "$T/golden" -xf "$golden" || bail "the sample is unpacked"
    cp "$T/golden/m.init.json" "$T/golden/red.tenant.json" "$T/"
    psql=$(ls /usr/lib/postgresql/*/bin/psql 2>/dev/null | tail -1)
    api_port=$(free_port) agents_port=$(free_port)
    urls[m]=https://127.0.0.1:$api_port agents_urls[m]=https://127.0.0.1:$agents_port
    fingerprints[m]=$(init_value m caFingerprint)
    printf 'api-version: v1\napi-secret-key: %s\n' "$(init_value m apiKey)" >"$T/m.headers"
    printf 'api-version: v1\napi-secret-key: %s\n' "$(jq -r .apiKey "$T/red.tenant.json")" >"$T/red.headers"
    jq --slurpfile m "$T/m.init.json" '$m[0] + {apiKey}' "$T/red.tenant.json" >"$T/red.init.json"
    urls[red]=${urls[m]} fingerprints[red]=${fingerprints[m]}
    check "the sample is laid out" lay_out || bail "nothing to test"
    is "it is of format 1" "$(formats)" "1 1 "
    check "a manager starts on it" manager_start m "${run_options[@]}" || bail "no manager"
    check "both tenants' keys open" eval 'sign_in m && sign_in red' || bail "no keys"
    check "all of it is there" whole_again
    check "the audit record holds from its first entry on" judged
    numbers_go_on() { cli m key rotate tenant && cli m key rewrap && api m POST policies '{"name":"later"}' >/dev/null && whole_again; }
    check "it is gone on with: keys rotate, things change" numbers_go_on
    check "it ends in order" stop m
    check "all is of format $format" is_new
    while [ $killed -lt "$kills" ]; do
        round=$((round + 1))
        if ! one_round $((RANDOM % 3 + 1)) >"$T/round" 2>&1; then
            bad=$((bad + 1))
            note "round $round: $(tail -5 "$T/round")"
            show_logs
            [ -z "${pids[m]:-}" ] || murder m
        fi
    done
    note "$round rounds, $killed kills"
    is "each round ended whole, and of format $format" $bad 0
    check "a last start" manager_start m "${run_options[@]}"
    check "the audit record holds over the kills" judged
    # What the first format sealed without data keys is sealed anew, and its keys are destroyed.
    is "a person's data is erased from it" "$(cli m person erase --where user=7 --yes --certificate "$T/certificate" --json 2>/dev/null | jq -c '[.state, .events]')" '["done",1]'
    is "all else is there" "$(tally m golden)" "$(($(counted events) - 1)) $(($(counted events) - 1)) 1 $(counted events)"
    check "and the record holds" judged
    check "it ends in order" stop m
    check_not "no process says that another broke the protocol" logged m 'broke the protocol'
}
