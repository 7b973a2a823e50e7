# PKCS#11 tokens by SoftHSM 2, for scripts of this folder; sourced after lib.sh and begin.
module=/usr/lib/softhsm/libsofthsm2.so

# token NAME PIN: a folder of SoftHSM's with one token in it, for the user that kms has
token() {
    mkdir -p "$T/$1/tokens"
    printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$T/$1" >"$T/$1/softhsm2.conf"
    SOFTHSM2_CONF="$T/$1/softhsm2.conf" softhsm2-util --init-token --free --label "hinomi test" --so-pin 87654321 --pin "$2" >/dev/null || return 1
    chmod 755 "$T/$1" && chmod 644 "$T/$1/softhsm2.conf"
    [ "$(id -u)" != 0 ] || chown -R 64901:64901 "$T/$1/tokens"
}

# on_token NAME [MODULE]: the options of init for it
on_token() {
    printf '%s\n' --kms pkcs11 --pkcs11-module "${2:-$module}" --pkcs11-token "hinomi test" --pkcs11-env "SOFTHSM2_CONF=$T/$1/softhsm2.conf" \
        --pkcs11-read "$T/$1/softhsm2.conf" --pkcs11-write "$T/$1/tokens"
}

# token_settings NAME: the same as settings in a file, without an installation
token_settings() {
    jq -n --arg path "$module" --arg conf "$T/$1/softhsm2.conf" --arg tokens "$T/$1/tokens" '{kms: {provider: "pkcs11", module: $path,
        token: "hinomi test", environment: ["SOFTHSM2_CONF=" + $conf], readable: [$conf], writable: [$tokens]}}'
}

# objects NAME: how many keys the token holds; a file that is empty is none, SoftHSM was killed while it made it
objects() { find "$T/$1"/tokens -name '*.object' ! -name token.object -size +0 2>/dev/null | wc -l; }
