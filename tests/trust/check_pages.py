"""Judges published pages (FOLDER) beside the catalogue they were made from (CONTENT), which is read here once more, by other means.

Each file: elements are closed in order, ids are there once, every link leads to something that is there, nothing comes from elsewhere,
no scripts, no styles of its own, a language, a title, one h1, no heading level left out, header cells with a scope, labels for regions.
All files: every claim and every control of every framework is there, and coverage is what the catalogue says.

Each claim, in each language: what is promised, its state, when it was last proven (or that it never was), how (by each of its probes in the
catalogue's words, or what is missing), by which evidence (the very IDs of claims.json, or that there is none), who answers, how often.
"""
import datetime
import html as html_module
import html.parser
import json
import pathlib
import re
import sys

VOID = {"meta", "link", "br", "img", "rect", "hr", "input"}
faults = []


def fault(where, what):
    faults.append(f"{where}: {what}")


class Page(html.parser.HTMLParser):
    def __init__(self, name):
        super().__init__(convert_charrefs=True)
        self.name, self.open, self.ids, self.links, self.level, self.h1 = name, [], set(), [], 0, 0
        self.lang = self.title = None
        self.texts, self.named, self.labels = {}, None, []

    def handle_starttag(self, tag, attributes):
        at = dict(attributes)
        if tag not in VOID:
            self.open.append(tag)
        if len(at) != len(attributes):
            fault(self.name, f"<{tag}> says an attribute twice")
        if tag in {"script", "iframe", "object", "embed", "img", "form", "base"} or "style" in at:
            fault(self.name, f"<{tag} {attributes}>")
        if any(name.startswith("on") for name in at):
            fault(self.name, f"<{tag}> has a handler")
        if "id" in at:
            if at["id"] in self.ids:
                fault(self.name, f"id {at['id']} twice")
            self.ids.add(at["id"])
        if tag == "html":
            self.lang = at.get("lang")
        if tag in {"a", "link"}:
            self.links.append(at.get("href", ""))
        if re.fullmatch("h[1-6]", tag):
            level = int(tag[1])
            self.h1 += level == 1
            if level > self.level + 1:
                fault(self.name, f"{tag} after h{self.level}")
            self.level = level
        if tag == "th" and at.get("scope") not in {"row", "col"}:
            fault(self.name, "a th without a scope")
        self.labels += [at[name] for name in ("aria-labelledby",) if name in at]
        self.named = tag

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            fault(self.name, f"</{tag}> closes something else, line {self.getpos()[0]}")

    def handle_data(self, data):
        if self.named == "title" and self.title is None:
            self.title = data
        if re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", data):
            fault(self.name, "a control character, or one that turns text around")


def catalogue(folder):
    frameworks, claims, probes, current = {}, [], {}, None
    for name in (folder / "order.txt").read_text().split("\n"):
        if not name or name.startswith("#"):
            continue
        for paragraph in re.split(r"\n\s*\n", (folder / name).read_text()):
            lines = [line for line in paragraph.split("\n") if line and not line.startswith("#")]
            fields = {}
            for line in lines:
                if line[0] in " \t":
                    fields[key] += " " + line.strip()
                else:
                    key, value = line.split(":", 1)
                    fields[key] = value.strip()
            if "framework" in fields:
                current = frameworks[fields["framework"]] = []
            if "section" in fields:
                current += fields["controls"].split()
            if "claim" in fields:
                claims.append(fields)
            if "probe" in fields:
                probes[fields["probe"]] = fields
    return frameworks, claims, probes


def readable(fragment):
    text = re.sub("<[^>]+>", "", re.sub("<br>", " ", fragment))
    return re.sub(r"\s+", " ", html_module.unescape(text)).strip()


def says(text, wanted):
    """Lines of Japanese are joined without a blank."""
    return re.sub(r"\s", "", readable(wanted)) in re.sub(r"\s", "", text)


WORDS = {
    "en": {"proven": "proven", "failed": "failed", "stale": "stale", "not assessed": "not assessed", "last": "Last proven: ", "never": "never",
           "failing": "Found failing: ", "how": "How it is proven", "evidence": "Evidence", "none": "none"},
    "ja": {"proven": "証明済み", "failed": "不合格", "stale": "期限切れ", "not assessed": "未評価", "last": "最終証明日時: ", "never": "なし",
           "failing": "不合格の検出日時: ", "how": "証明の方法", "evidence": "証拠", "none": "なし"},
}


def minute(msec):
    return datetime.datetime.fromtimestamp(msec / 1000, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def check_claim(page, language, fields, data, probes):
    """One claim on the page of all, beside what the catalogue and the data say."""
    words = WORDS[language]
    where = f"{page.name} {data['ID']}"
    article = re.search(rf'<article id="{data["ID"]}">(.*?)</article>', page.text, re.S)
    if not article:
        fault(where, "is not there")
        return
    rows = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", article.group(1), re.S))
    when = re.search(r'<p class="when">(.*?)</p>', article.group(1), re.S)
    when = readable(when.group(1)) if when else ""
    if not says(readable(article.group(1)), fields[language]):
        fault(where, "another statement")
    if words[data["status"]] not in readable(re.search(r"<h4>(.*?)</h4>", article.group(1), re.S).group(1)):
        fault(where, f"not {words[data['status']]}")
    wanted = {"not assessed": words["last"] + words["never"], "failed": words["failing"]}.get(data["status"], words["last"])
    if not when.startswith(wanted) or (data["observed"] and data["status"] != "not assessed" and minute(data["observed"]) not in when):
        fault(where, f"when: {when!r}, not {wanted!r}")
    if data["status"] in {"proven", "stale"} and minute(data["validUntil"]) not in when:
        fault(where, f"until when: {when!r}")
    how = readable(rows.get(words["how"], ""))
    names = fields.get("probes", "").split()
    if not how or any(not says(how, f"{name} {probes[name][language]}") for name in names):
        fault(where, f"how: {how!r}")
    evidence = re.findall(r'<code class="long">(.*?)</code>', rows.get(words["evidence"], ""))
    if evidence != data["evidenceIDs"] or (not evidence and words["none"] not in rows.get(words["evidence"], "")):
        fault(where, f"evidence: {rows.get(words['evidence'])!r}")
    if len(rows) < 6 or any(not readable(value) for key, value in rows.items() if key != list(rows)[-1]):
        fault(where, f"rows: {list(rows)}")


DEGREES = ["automated", "in part", "needs a person"]


def coverage(framework, controls, claims):
    best = {}
    for claim in claims:
        for group in claim.get(framework, "").split(";"):
            for number, degree in enumerate(DEGREES):
                if group.strip().endswith(" " + degree):
                    for control in group.strip()[: -len(degree)].split():
                        best[control] = min(best.get(control, 9), number)
    counts = [sum(1 for value in best.values() if value == number) for number in range(3)]
    return [len(controls), *counts, len(controls) - len(best)]


def main():
    folder, content = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    pages = {}
    for path in sorted(folder.glob("*.html")):
        page = pages[path.name] = Page(path.name)
        text = path.read_bytes().decode("utf-8")
        page.feed(text)
        page.text = text
        if page.open:
            fault(path.name, f"never closed: {page.open}")
        if page.lang != path.name.split(".")[-2]:
            fault(path.name, f"lang {page.lang}")
        if not page.title or page.h1 != 1:
            fault(path.name, f"title {page.title!r}, {page.h1} h1")
        for label in page.labels:
            if label not in page.ids:
                fault(path.name, f"aria-labelledby {label} is nowhere")
    for page in pages.values():
        for link in page.links:
            target, _, fragment = link.partition("#")
            if re.match("[a-z]+:|/", target):
                fault(page.name, f"leads elsewhere: {link}")
            elif target and not (folder / target).is_file():
                fault(page.name, f"leads nowhere: {link}")
            elif fragment and fragment not in pages[target or page.name].ids:
                fault(page.name, f"no such place: {link}")
    frameworks, claims, probes = catalogue(content)
    for language in "en", "ja":
        index = pages[f"index.{language}.html"]
        for claim in claims:
            if claim["claim"] not in index.ids:
                fault(index.name, f"lacks {claim['claim']}")
        for framework, controls in frameworks.items():
            page = pages[f"{framework}.{language}.html"]
            for control in controls:
                if f"c-{control}" not in page.ids:
                    fault(page.name, f"lacks {control}")
            wanted = coverage(framework, controls, claims)
            row = re.search(rf'href="{re.escape(page.name)}">[^<]*</a></th>((?:<td>\d+</td>)+)', index.text)
            got = [int(number) for number in re.findall(r"\d+", row.group(1))]
            if got[:5] != wanted:
                fault(index.name, f"{framework}: {got[:5]}, not {wanted}")
    data = json.loads((folder / "claims.json").read_text())["claims"]
    if [one["ID"] for one in data] != [claim["claim"] for claim in claims]:
        fault("claims.json", "other claims")
    for language in "en", "ja":
        for fields, one in zip(claims, data):
            check_claim(pages[f"index.{language}.html"], language, fields, one, probes)
    for line in faults[:20]:
        print(line)
    print(f"{len(pages)} pages, {len(claims)} claims, {len(frameworks)} frameworks, {len(faults)} faults")
    return 1 if faults else 0


sys.exit(main())
