#!/bin/sh
# OSSEC's own rule set and test cases, where the shared corpus is there. Six cases fail in OSSEC's own engine as well
# (the corpus' NOTICE names them); they must fail here in the same way, every other one must pass. TAP.
set -u
cd "$(dirname "$0")/../.."
hinomi=${1:-build}/hinomi
corpus=${HIN_CORPUS:-../shared/corpus}/ossec
if [ ! -d "$corpus/tests" ]; then
    echo "skipped: 186 cases (no corpus at $corpus)"
    echo "ok 1 - nothing to judge"
    echo "1..1"
    exit 0
fi
count=0
verdict() {
    count=$((count + 1))
    if [ "$1" = 0 ]; then echo "ok $count - $2"; else echo "not ok $count - $2"; fi
}
"$hinomi" rules check "$corpus" >/dev/null
verdict $? "the 70 files of order.txt load without a complaint"
all=$(mktemp -d)
trap 'rm -rf "$all"' EXIT
cp -r "$corpus/decoder.xml" "$corpus/rules" "$all/"
"$hinomi" rules check "$all" | grep -v ': loaded$' | sed 's/^/# /'
"$hinomi" rules check "$all" >/dev/null
verdict $? "all 87 files load without order.txt"

out=$("$hinomi" log conform --rules "$corpus" "$corpus"/tests/*.ini)
known='msauth.ini:[23]:|snort.ini:[28]:|web_appsec.ini:(65|136):'
unexpected=$(echo "$out" | grep '\.ini:' | grep -vE "$known")
[ -z "$unexpected" ]
verdict $? "no case fails but those that OSSEC's engine fails"
[ -z "$unexpected" ] || echo "$unexpected" | sed 's/^/# /'
for wanted in 'msauth.ini:2:.*no rule' 'msauth.ini:3:.*no rule' 'snort.ini:2:.*got rule 20100' 'snort.ini:8:.*got rule 20100' \
    'web_appsec.ini:65:.*got rule 31101' 'web_appsec.ini:136:.*got rule 31101'; do
    echo "$out" | grep -q "$wanted"
    verdict $? "answers as OSSEC's engine does: $wanted"
done
passed=$(echo "$out" | sed -n 's/^\([0-9]*\) passed.*/\1/p' | tail -1)
for _ in $(seq "${passed:-0}"); do
    count=$((count + 1))
    echo "ok $count - a case of the corpus"
done
echo "1..$count"
