#!/bin/bash
# What is made of claims, without a manager: published pages, exports for auditors (OSCAL, HTML, PDF), and what is refused.
# The claims are made by a program of the tests (trust_claims) from the shipped catalogue and made-up evidence.
. "$(dirname "$0")/lib/lib.sh"
begin "$@"
hinomi() { timeout 60 "$build/hinomi" "$@"; }
status_of() { "$@" >"$T/said" 2>&1; echo $?; }
claims() { "$build/tests/trust/trust_claims" "$here/content/trust" 1795950000000 "$@"; }
python=/usr/bin/python3 # Debian's, which has Debian's jsonschema
[ -x $python ] || python=python3
$python -c 'import jsonschema' 2>/dev/null || bail "python3-jsonschema is installed (tools/setup test)"
[ -x "$build/hinomi-pdf" ] || bail "hinomi-pdf is built (tools/setup test brings libpango1.0-dev)"
command -v pdftotext >/dev/null || bail "poppler-utils is installed (tools/setup test)"

claims tls-floor=failed tls-weak-ciphers=held schema-isolation=held tenant-keys=stale clock-offset=held password-hashing=held \
    sealing-canary=noted backup-made=held >"$T/claims.json" || bail "claims are made"

# ---- the catalogue ----
is "the shipped catalogue reads" "$(hinomi trust check --json | jq -c '[.claims, .probes >= 14, (.frameworks | length)]')" '[108,true,7]'
cp -r "$here/content/trust" "$T/content"
sed -i 's/^pci-dss-4.0.1: 4.2.1/pci-dss-4.0.1: 4.2.9/; s/8.3.9 8.3.10.1/8.3.9 8.3.99/' "$T/content/claims-security.txt"
is "a control that is none: exit 1" "$(status_of hinomi trust check "$T/content")" 1
like "and where" "$(cat "$T/said")" 'content/claims-security.txt:[0-9]+:[0-9]+: pci-dss-4.0.1 has no control "8.3.99"'
is "no folder: exit 1" "$(status_of hinomi trust check "$T/nowhere")" 1
like "and which" "$(cat "$T/said")" 'nowhere: the folder cannot be opened'

# ---- pages ----
like "pages are published" "$(hinomi trust publish "$T/site/deep" --claims "$T/claims.json")" \
    '18 files; as of 2026-11-29 11:00 UTC: 4 proven, 3 failed, [12] stale, (99|100) not assessed'
check "they are well made, whole, lead nowhere else, and count as the catalogue says" \
    python3 "$here/tests/trust/check_pages.py" "$T/site/deep" "$here/content/trust"
cp -r "$T/site/deep" "$T/before"
hinomi trust publish "$T/again" --quiet --claims "$T/site/deep/claims.json"
check "published again from what was published they are the same" diff -r "$T/again" "$T/before"
is "strangers are told that a claim failed, not how" "$(grep -rl 'TLS 1.0 was' "$T/site/deep" | wc -l)$(grep -c 'the record says how' "$T/site/deep/index.ja.html")" 03
is "and that something is to be known beside a proof, not what" "$(grep -c 'class="remark"' "$T/site/deep/index.en.html")$(grep -c '付記.*a loss of records is acknowledged' "$T/site/deep/index.ja.html")" 11
hinomi trust publish "$T/inside" --quiet --reasons --claims "$T/claims.json"
is "one's own people are, escaped" "$(grep -c 'TLS 1.0 was &lt;accepted&gt; &amp; &quot;kept&quot; by &#39;port&#39;' "$T/inside/index.en.html")" 4
check "those pages are well made too" python3 "$here/tests/trust/check_pages.py" "$T/inside" "$here/content/trust"
echo mine >"$T/again/mine.txt"
hinomi trust publish "$T/again" --quiet --claims - <"$T/claims.json"
is "what else is in the folder stays" "$(cat "$T/again/mine.txt")" mine
is "readable by a web server" "$(stat -c %a "$T/again/index.ja.html")" 644
check_not "nothing is left beside the files" sh -c "ls -A '$T/again' | grep -vE '^(mine.txt|trust.css|claims.json|.*\.(en|ja)\.html)\$'"
touch "$T/file"
is "a file where the folder should be: exit 1" "$(status_of hinomi trust publish "$T/file" --claims "$T/claims.json")" 1

# ---- claims that are none ----
jq '.catalogue = "00"' "$T/claims.json" >"$T/other.json"
is "claims of another catalogue: exit 1" "$(status_of hinomi trust publish "$T/no" --claims "$T/other.json")" 1
like "and what to do" "$(cat "$T/said")" 'other.json: the claims were made with another catalogue .* of the manager.s version'
jq '.version = 2' "$T/claims.json" >"$T/newer.json"
is "claims of a newer version: exit 1" "$(status_of hinomi trust publish "$T/no" --claims "$T/newer.json")" 1
jq '.claims[0].status = "green"' "$T/claims.json" >"$T/green.json"
is "a claim set to what is no status: exit 1" "$(status_of hinomi trust publish "$T/no" --claims "$T/green.json")" 1
jq '.installation = " ab"' "$T/claims.json" >"$T/stranger.json"
is "claims of what is no installation: exit 1" "$(status_of hinomi trust publish "$T/no" --claims "$T/stranger.json")" 1
jq '.at = 32503680000000' "$T/claims.json" >"$T/later.json"
is "claims of the year 3000: exit 1" "$(status_of hinomi trust publish "$T/no" --claims "$T/later.json")" 1
head -c 1000 "$T/claims.json" >"$T/cut.json"
is "claims that are cut off: exit 1" "$(status_of hinomi trust publish "$T/no" --claims "$T/cut.json")" 1
check_not "nothing was published of them" test -e "$T/no"

# ---- exports ----
for framework in pci-dss-4.0.1 pci-dss-3.2.1 iso-27001-2022 iso-27014-2020 iso-27017-2015 soc2-2017 gdpr; do
    hinomi trust export --framework $framework --language ja --claims "$T/claims.json" >"$T/$framework.json"
    check "$framework as OSCAL: shaped as NIST's schema of the release has it" $python "$here/tests/trust/check_oscal.py" "$T/$framework.json"
done
is "satisfied is what is automated and proven" \
    "$(jq -c '[."assessment-results".results[0].findings[] | select(.target.status.state == "satisfied").target."target-id"]' "$T/pci-dss-4.0.1.json")" \
    '["pci-dss-4.0.1_10.6.1"]'
check "and the schema that judges this lets nothing pass that NIST's refuses" $python "$here/tests/trust/spoil_oscal.py" "$T/pci-dss-4.0.1.json"
cp -r "$here/content/trust" "$T/odd"
sed -i "s/^framework: gdpr$/framework: 2016-679/; s/^ja: GDPR.*/ja: $(printf '規則%.0s' $(seq 99))/" "$T/odd/gdpr.txt"
sed -i 's/^gdpr:/2016-679:/; s/33(5)/33(5)第5項_x/' "$T/odd"/*.txt
"$build/tests/trust/trust_claims" "$T/odd" 1795950000000 backup-made=held >"$T/odd.json"
hinomi trust export --framework 2016-679 --language ja --claims "$T/odd.json" --content "$T/odd" >"$T/odd.oscal"
check "names that are no tokens of OSCAL become some, a long title stays whole" $python "$here/tests/trust/check_oscal.py" "$T/odd.oscal"
is "and each its own" "$(jq -r '."assessment-results".results[0].findings[] | select(.props[0].value | startswith("33(5)")) | .target."target-id", (.title | length)' "$T/odd.oscal" | tr '\n' ' ')" \
    "_2016-679_33.5_e7_ac_ac5_e9_a0_85_5fx 209 "
claims >"$T/none.json"
hinomi trust export --framework gdpr --claims "$T/none.json" >"$T/none.oscal"
check "without any evidence OSCAL is sound as well" $python "$here/tests/trust/check_oscal.py" "$T/none.oscal"
is "and says nothing is satisfied" "$(jq '[."assessment-results".results[0].findings[] | select(.target.status.state == "satisfied")] | length' "$T/none.oscal")" 0

hinomi trust export --framework gdpr --format html --language en --claims "$T/claims.json" -o "$T/gdpr.html"
is "HTML is one file that needs no other" "$(grep -cE 'rel="(stylesheet|alternate)"|index\.en\.html|<script' "$T/gdpr.html")" 0
is "with the claims it names" "$(grep -oE 'href="#S[0-9]+"' "$T/gdpr.html" | sort -u | wc -l)" "$(grep -cE '<article id="S[0-9]+">' "$T/gdpr.html")"
is "an export that is there already is not overwritten" "$(status_of hinomi trust export --framework gdpr --claims "$T/claims.json" -o "$T/gdpr.html")" 1
is "a framework that is none: exit 1" "$(status_of hinomi trust export --framework pci-dss-5 --claims "$T/claims.json")" 1
like "and which there are" "$(cat "$T/said")" 'no framework "pci-dss-5": there are pci-dss-3.2.1, pci-dss-4.0.1'
is "a format that is none: exit 2" "$(status_of hinomi trust export --framework gdpr --format doc --claims "$T/claims.json")" 2

# ---- PDF ----
for language in en ja; do
    hinomi trust export --framework pci-dss-4.0.1 --format pdf --language $language --claims "$T/claims.json" -o "$T/pci.$language.pdf"
    pdftotext -layout "$T/pci.$language.pdf" "$T/pci.$language.txt"
done
pdftotext -raw "$T/pci.ja.pdf" - | tr -d '\n ' >"$T/pci.ja.joined"
check "PDF in Japanese: its text is text" grep -q '認証を受けていることを意味しない。' "$T/pci.ja.joined"
check "whole statements stand in it" grep -q '利用者、ソフトウェア、インフラストラクチャの間のすべての通信を、広く認められた暗号方式で暗号化する。' "$T/pci.ja.joined"
like "PDF in English" "$(tr -s " \n" " " <"$T/pci.en.txt")" 'It does not say that anybody is certified'
is "each control has a row" "$(grep -ohE '^ *(A?[0-9]+(\.[0-9]+)+) ' "$T/pci.en.txt" | tr -d ' ' | sort -u | wc -l)" 257
is "fonts are within" "$(pdffonts "$T/pci.ja.pdf" | awk 'NR > 2 && $(NF - 4) != "yes"' | wc -l)" 0
is "made at the time of the claims" "$(TZ=UTC pdfinfo "$T/pci.ja.pdf" | sed -n 's/^CreationDate: *//p')" "Sun Nov 29 11:00:00 2026 UTC"
hinomi trust export --framework pci-dss-4.0.1 --format pdf --language ja --claims "$T/claims.json" >"$T/again.pdf"
check "the same claims give the same bytes" cmp "$T/again.pdf" "$T/pci.ja.pdf"
mkdir "$T/bare" "$T/fonts"
printf '<fontconfig><dir>/usr/share/fonts/truetype/dejavu</dir><cachedir>%s</cachedir></fontconfig>' "$T/fonts" >"$T/fonts.conf"
is "without a font that has Japanese: exit 1" \
    "$(FONTCONFIG_FILE=$T/fonts.conf status_of hinomi trust export --framework gdpr --format pdf --language ja --claims "$T/claims.json" -o "$T/no.pdf")" 1
like "and which to install" "$(cat "$T/said")" 'install one with Japanese, such as fonts-ipafont-gothic'
check_not "and no half file" test -e "$T/no.pdf"
cp "$build/hinomi" "$T/bare/"
is "without hinomi-pdf: exit 1" "$(status_of "$T/bare/hinomi" trust export --framework gdpr --format pdf --claims "$T/claims.json" --content "$here/content/trust")" 1
like "and where it comes from" "$(cat "$T/said")" 'built where libpango1.0-dev is'
is "hinomi-pdf refuses what is no printout" "$(echo '{"format":"hinomi-printout","version":1,"language":"ja","title":"x","at":0,"footer":"x","blocks":[["row","x"]]}' | "$build/hinomi-pdf" 2>&1 >/dev/null)" \
    "hinomi-pdf: blocks[0]: no block of a printout"
done_testing
