"""Judges published pages (FOLDER) beside the catalogue they were made from (CONTENT), which is read here once more, by other means.

Each file: elements are closed in order, ids are there once, every link leads to something that is there, nothing comes from elsewhere,
no scripts, no styles of its own, a language, a title, one h1, no heading level left out, header cells with a scope, labels for regions.
All files: every claim and every control of every framework is there, and coverage is what the catalogue says.
"""
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
        if re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", data):
            fault(self.name, "a control character")


def catalogue(folder):
    frameworks, claims, current = {}, [], None
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
    return frameworks, claims


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
    frameworks, claims = catalogue(content)
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
    if len(json.loads((folder / "claims.json").read_text())["claims"]) != len(claims):
        fault("claims.json", "other claims")
    for line in faults[:20]:
        print(line)
    print(f"{len(pages)} pages, {len(claims)} claims, {len(frameworks)} frameworks, {len(faults)} faults")
    return 1 if faults else 0


sys.exit(main())
