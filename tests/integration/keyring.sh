#!/bin/bash
# What guards the key ring: a pass phrase that systemd gives as a credential.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"

# ---- a systemd credential: what LoadCredential= leaves in $CREDENTIALS_DIRECTORY ----
(umask 077 && mkdir "$T/credentials" && printf 'by credential\n' >"$T/credentials/ring" && printf 'another\n' >"$T/credentials/other")
run_c() { timeout 20 "$build/hinomi-manager" run --state "$T/c" "$@"; }
unset CREDENTIALS_DIRECTORY
check_not "a credential without systemd is refused" manager_init c --passphrase-credential ring
like "and told what to do" "$(cat "$T/c.log")" 'CREDENTIALS_DIRECTORY is not set.*LoadCredentialEncrypted=ring'
is "nothing is made" "$(ls -d "$T/c" "$T/c.keyring" 2>/dev/null)" ""
export CREDENTIALS_DIRECTORY=$T/credentials
check_not "a name is no path" manager_init c --passphrase-credential ../credentials/ring
check_not "one that is not there is refused" manager_init c --passphrase-credential rung
like "by its name" "$(tail -1 "$T/c.log")" 'LoadCredential=rung'
check_not "one source, not two" manager_init c --passphrase-credential ring --passphrase-file "$T/credentials/ring"
check "a ring is sealed under a credential" manager_init c --passphrase-credential ring || bail "no manager"
check_not "another credential does not open it" run_c --passphrase-credential other
check_not "none does not either" run_c
check "it runs by the credential" manager_start c --passphrase-credential ring
check "which no process has in its environment" test -z "$(for p in $(descendants "${pids[c]}"); do cat "/proc/$p/environ"; done | tr '\0' '\n' | grep -F 'by credential')"
is "status says sealed" "$(api c GET status | jq .keyRing.sealed)" true
check "it stops in order" manager_stop c
unset CREDENTIALS_DIRECTORY
done_testing
