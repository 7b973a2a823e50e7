#!/bin/sh
# The shipped rules: every rule's lines, stories for composite rules, and a day on which nothing is wrong. TAP.
set -u
cd "$(dirname "$0")/../.."
hinomi=${1:-build}/hinomi
rules=content/log
count=0
verdict() {
    count=$((count + 1))
    if [ "$1" = 0 ]; then echo "ok $count - $2"; else echo "not ok $count - $2"; fi
}

"$hinomi" rules check $rules | grep -v ': loaded$' | sed 's/^/# /'
"$hinomi" rules check $rules >/dev/null 2>&1
verdict $? "the set loads without a complaint"
for file in tests/content/log/*.ini; do
    out=$("$hinomi" log conform --rules $rules "$file")
    status=$?
    echo "$out" | sed 's/^/# /'
    verdict $status "$(basename "$file")"
done

# A description that names a field must have it: each is checked over every line of these tests.
named=$({ sed -n 's/^log [0-9]* pass = //p' tests/content/log/*.ini | sed 's/%%/%/g'; cat tests/content/log/sequences/*.log; } |
    "$hinomi" log test --rules $rules --time log | grep -o '"rule":{"id":[0-9]*,.*"description":"[^"]*$([^"]*"')
[ -z "$named" ]
verdict $? "no description shows the name of a field that is not there"
[ -z "$named" ] || printf '%s\n' "$named" | sort -u | sed 's/^/# /'

fired=$(grep -ho '<rule id="[0-9]*"' $rules/rules/*.xml | grep -o '[0-9]*')
for id in $fired; do
    case $id in [1-7]) continue ;; esac
    # Level 0 parents need no lines of their own; composite rules have stories.
    grep -q "^rule = $id\$" tests/content/log/*.ini || grep -qw "$id" tests/content/log/sequences/*.expect ||
        grep -h "<rule id=\"$id\"" $rules/rules/*.xml | grep -q 'level="0"' || { echo "# rule $id has no line"; missing=1; }
done
verdict ${missing:-0} "every rule that alerts has its lines or its story"

for story in tests/content/log/sequences/*.log; do
    result=0
    fired=$("$hinomi" log test --rules $rules --time log "$story" | grep -o '"rule":\({"id":[0-9]*\|null\)' | grep -o '[0-9]*$\|null' | cat -n | awk '{print $1, $2}')
    while read -r want; do
        echo "$fired" | grep -qx "$want" || { echo "# wanted line and rule: $want; got:"; echo "$fired" | sed 's/^/#   /'; result=1; }
    done <"${story%.log}.expect"
    verdict $result "story $(basename "$story" .log)"
done

high=$(LC_ALL=C awk -f tests/content/log/benign.awk </dev/null | sort -s -k3,3 | "$hinomi" log test --rules $rules --time log |
    grep -o '"rule":{"id":[0-9]*,"level":\([7-9]\|1[0-9]\)[,}]')
number=$(printf '%s' "$high" | grep -c .)
[ "$number" -le 5 ] || printf '%s\n' "$high" | sort | uniq -c | sed 's/^/# /'
[ "$number" -le 5 ]
verdict $? "a day without trouble raises level 7 or more $number times (at most 5)"
echo "1..$count"
