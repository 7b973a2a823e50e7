# The real AWS SDK and s3rver (npm, at the versions of the lock file), installed once into the build folder. Sourced after lib.sh.
#   aws_sdk          false where the npm registry is not there
#   aws_node ARGS... runs node with them at hand; scripts of tests/aws stand in $sdk
sdk=$build/aws-sdk
aws_sdk() {
    aws_install 9>"$sdk.lock" # several scripts may begin at once
    cmp -s "$here/tests/aws/package-lock.json" "$sdk/installed"
}
aws_install() {
    local script
    flock 9
    if ! cmp -s "$here/tests/aws/package-lock.json" "$sdk/installed"; then
        mkdir -p "$sdk"
        cp "$here"/tests/aws/package*.json "$sdk"
        (cd "$sdk" && timeout 180 npm ci --no-audit --no-fund) >"$T/npm.out" 2>&1 9>&- && cp "$here/tests/aws/package-lock.json" "$sdk/installed"
    fi
    for script in "$here"/tests/aws/*.mjs; do # another may be reading it
        cmp -s "$script" "$sdk/$(basename "$script")" || cp "$script" "$sdk"
    done
}
aws_node() { "$sdk/node_modules/.bin/node" --no-warnings "$@"; }
