#!/bin/bash
# Escrow copies of the key ring: agreed to by two key holders, written on the host beside a manager that runs, named by
# certificates of erasure and by doctor; and an installation restored with nothing but the backups and such a copy.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"
umask 077
mkdir "$T/depot"
printf 'the ring itself\n' >"$T/phrase"
printf 'kept in the safe at HQ\n' >"$T/safe"
printf 'too short\n' >"$T/short"
check "a manager whose ring has a pass phrase" manager_init m --passphrase-file "$T/phrase" || bail "a manager"
check "a destination of backups" "$build/hinomi-manager" destination --state "$T/m" --add one --url "file://$T/depot"
chmod 755 "$T"
check "it runs, and two tenants" eval 'manager_start m --passphrase-file "$T/phrase" && sign_in m && tenant red && tenant blue' || bail "the manager"

escrow() { timeout 60 "$build/hinomi-manager" escrow --state "$T/m" --fingerprint "${F:-${fingerprints[m]}}" --passphrase-file "$T/phrase" "$@"; }
looked() { api m GET doctor | jq -r ".findings[] | select(.id == \"key.escrow\" and $1) | .finding"; }
advice() { looked '.todo != ""'; }
listed() { cli m key escrow list --json | jq -c "[.escrows[] | $1]"; }
waiting() { cli m key holders --json | jq '.requests[-1].ID'; }

# ---- two of them ----
like "doctor warns while there is none" "$(advice)" 'no escrow copy of the key ring is known'
check_not "a tenant's key asks for none" cli red key escrow ask "under the mattress"
check "the second holder" eval 'cli m key holders add ada --json | jq -r .secretKey | cli ada login "${urls[m]}" --ca-fingerprint "${fingerprints[m]}" --api-key-file -'
like "one asks, another is waited for" "$(cli m key escrow ask "safe at HQ")" 'request [0-9]+ waits'
is "nothing is agreed yet" "$(listed .state)" '[]'
like "which can be seen" "$(cli ada key holders)" 'escrow +safe at HQ'
check_not "nobody confirms oneself" cli m key confirm "$(waiting)"
like "the other agrees" "$(cli ada key confirm "$(waiting)")" 'escrow copy 1 \(safe at HQ\): agreed'
like "agreed to and not written is told" "$(advice | tr '\n' ' ')" '1 escrow copies were agreed to'
check "the certificate of it is given away" cli m certificate show 1 --output "$T/consent"
like "and holds" "$(cli m certificate verify "$T/consent" --fingerprint "${fingerprints[m]}")" 'Agreed: a copy .* kept at: safe at HQ'

# ---- written on the host, while the manager runs ----
check_not "no copy without a consent" escrow --to "$T/copy" --escrow-passphrase-file "$T/safe" --consent "$T/phrase"
sed 's/safe at HQ/safe at me/' "$T/consent" >"$T/changed"
check_not "nor with one that was changed" escrow --to "$T/copy" --escrow-passphrase-file "$T/safe" --consent "$T/changed"
like "which is said" "$(escrow --to "$T/copy" --escrow-passphrase-file "$T/safe" --consent "$T/changed" 2>&1)" 'altered'
like "nor of another installation" "$(F=$(printf 'a%.0s' {1..64}) escrow --to "$T/copy" --escrow-passphrase-file "$T/safe" --consent "$T/consent" 2>&1)" 'another installation'
check_not "nor without a pass phrase" escrow --to "$T/copy" --consent "$T/consent"
check_not "nor under one that is soon guessed" escrow --to "$T/copy" --consent "$T/consent" --escrow-passphrase-file "$T/short"
check_not "nothing was written" test -e "$T/copy"
ring_before=$(sha256sum <"$T/m.keyring")
check "with it there is one" escrow --to "$T/copy" --escrow-passphrase-file "$T/safe" --consent "$T/consent" --json
receipt=$(jq -r .receipt "$T/said")
is "only its owner reads it" "$(stat -c %a "$T/copy")" 400
is "the ring is as it was" "$(sha256sum <"$T/m.keyring")" "$ring_before"
check_not "nothing is overwritten" escrow --to "$T/copy" --escrow-passphrase-file "$T/safe" --consent "$T/consent"
check_not "no tenant's name stands in it in the clear" grep -aq "$(guid red)" "$T/copy"
check_not "what is no receipt is refused" cli m key escrow written "${receipt%?}x"
like "nor one of something else" "$(cli m key escrow written "00000000-0000-4000-8000-000000000000:${receipt#*:}" 2>&1)" 'about nothing'
check "it is noted" cli m key escrow written "$receipt"
check_not "once" cli m key escrow written "$receipt"
is "with what identifies it" "$(listed '[.state, .label, .digest]')" "[[\"written\",\"safe at HQ\",\"$(sha256sum <"$T/copy" | cut -d' ' -f1)\"]]"
check "all of it is in the record" eval 'audited m "\"key.escrow\".*safe at HQ" && audited m key.escrow.written && audited m "holder.ask.*escrow safe at HQ"'
is "doctor is content" "$(advice)" ""
like "and says so" "$(looked '.todo == ""')" 'newest escrow copy is 0 days old \(safe at HQ\)'

# ---- certificates of erasure name it ----
check "a tenant is erased" eval 'cli m tenant erase blue --yes && cli ada key confirm "$(waiting)"'
is_erased() { [ "$(cli m tenant show blue --json | jq -r .tenantState)" = erased ]; }
check "and certified" wait_for 30 is_erased
id=$(cli m tenant show blue --json | jq .certificateID)
like "the certificate names the copy" "$(cli m certificate show "$id")" 'Remains: escrow copy 1 of the key ring: safe at HQ: made 20..-'
check "it is given away" cli m certificate show "$id" --output "$T/erased"
like "and judged elsewhere" "$(env -i "$build/hinomi" certificate verify "$T/erased" --fingerprint "${fingerprints[m]}")" 'escrow copy 1 of the key ring: safe at HQ'

# ---- what came later is not in it ----
check "a key is rotated" cli m key rotate wrapping
like "doctor says that the copy lacks it" "$(advice | tr '\n' ' ')" 'made or rotated since the newest escrow copy \(1, safe at HQ\)'
check "backups are made" cli m backup now
like "and that it does not open later backups" "$(advice | tr '\n' ' ')" 'backups were begun since the newest escrow copy'
check "a second copy" eval 'cli m key escrow ask "bank" && cli ada key confirm "$(waiting)" && cli m certificate show "$(listed .certificateID | jq ".[-1]")" --output "$T/consent2" &&
    escrow --to "$T/copy2" --escrow-passphrase-file "$T/safe" --consent "$T/consent2" --json >"$T/second" && cli m key escrow written "$(jq -r .receipt "$T/second")"'
is "has it, and the backups' keys" "$(advice)" ""
check_not "forgetting one takes a note" cli m key escrow forget 1
check "one is destroyed" cli m key escrow forget 1 "shredded, minutes 4/26"
check_not "once" cli m key escrow forget 1 again
is "it stays listed" "$(listed '[.state, .note]')" '[["forgotten","shredded, minutes 4/26"],["written",null]]'
check "that is recorded with the note" audited m 'key.escrow.forget.*minutes 4/26'

# ---- all is lost but backups and a copy ----
seen_before=$(api m GET computers; cli red key status --json | jq -S .tenantKey.version)
check "the manager ends in order" stop m
rm -rf "$T/m" "$T/m.keyring"
restore() { timeout 60 "$build/hinomi-manager" restore --from "$T/depot" --state "$T/m" "$@"; }
check_not "the wrong pass phrase opens no copy" restore --keyring "$T/copy2" --passphrase-file "$T/phrase"
check "the newest one does" restore --keyring "$T/copy2" --passphrase-file "$T/safe" --json
check "a manager runs on it" manager_start m --passphrase-file "$T/safe" || bail "the restored manager"
is "it shows what the former did" "$(api m GET computers; cli red key status --json | jq -S .tenantKey.version)" "$seen_before"
check "its audit record verifies" cli m audit verify
check "and it makes keys" cli red key rotate tenant
done_testing
