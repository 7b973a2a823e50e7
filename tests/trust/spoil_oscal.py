"""Is the schema beside this file as strict as NIST's? Spoils sound assessment results (FILE) in every way that NIST's schema of release 1.1.3
(or, for titles and selections, 1.2.2) refuses, one by one, and says which way ours lets pass. The rules below are NIST's, not read out of our
schema; a member that has none is a fault, so that what the export learns to write gets one."""
import copy
import json
import pathlib
import sys

import jsonschema

REQUIRED = {  # by the name of the member that holds the object, or the list of objects
    "": ["assessment-results"],
    "assessment-results": ["uuid", "metadata", "import-ap", "results"],
    "metadata": ["title", "last-modified", "version", "oscal-version"],
    "import-ap": ["href"],
    "results": ["uuid", "title", "description", "start", "reviewed-controls"],
    "reviewed-controls": ["control-selections"],
    "control-selections": ["include-controls"],
    "include-controls": ["control-id"],
    "props": ["name", "value"],
    "observations": ["uuid", "description", "methods", "collected"],
    "relevant-evidence": ["description"],
    "findings": ["uuid", "title", "description", "target"],
    "target": ["type", "target-id", "status"],
    "status": ["state"],
    "related-observations": ["observation-uuid"],
    "back-matter": [],
    "resources": ["uuid"],
}
UUID = ["", "x", "00000000-0000-4000-8000-00000000000", "00000000-0000-1000-8000-000000000001", "00000000-0000-4000-7000-000000000001",
        "00000000-0000-4000-8000-000000000001\n", "{00000000-0000-4000-8000-000000000001}"]
TIME = ["", "2026-11-29", "2026-11-29T11:00:00", "2026-11-29 11:00:00Z", "2026-11-29T24:00:00Z", "2026-11-29T11:60:00Z", "2026-11-29T11:00:60Z",
        "2026-11-29T11:00Z", "2026-11-29T11:00:00z", "2026-11-31T11:00:00Z", "2026-02-30T11:00:00Z", "2026-02-29T11:00:00Z", "2100-02-29T11:00:00Z",
        "2026-13-01T11:00:00Z", "2026-00-01T11:00:00Z", "1899-01-01T00:00:00Z", "3000-01-01T00:00:00Z", "10000-01-01T00:00:00Z",
        "2026-11-29T11:00:00.Z", "2026-11-29T11:00:00Z\n", "2026-11-29T11:00:00+15:00"]
TOKEN = ["", "9a", "-a", ".a", "a b", "a:b", "a/b", "a(b)", "a\n"]
STRING = ["", " ", " a", "a ", "\ta", "a\n", "a\nb", "a\u2028b", "\u3000a"]
LINE = ["", "a\nb", "a\n"]
REFERENCE = ["#a b", "<a>", "a\\b", "a^b", "#\n"]
NO_TEXT = [None, 7, True, {}, []]
WRONG = {  # by the member's name
    "uuid": UUID, "observation-uuid": UUID, "start": TIME, "end": TIME, "last-modified": TIME, "collected": TIME, "expires": TIME,
    "name": TOKEN, "control-id": TOKEN, "target-id": TOKEN, "reason": TOKEN, "types": TOKEN, "state": TOKEN + ["other", "Satisfied"],
    "version": STRING, "oscal-version": STRING, "value": STRING, "methods": STRING, "type": STRING + ["control-id", "objective"],
    "title": LINE, "description": [], "remarks": [], "href": REFERENCE, "ns": ["", "hinomi", ":a", "9:a", "a:", "hinomi:a b"],
}


def cut(value):
    """The same with one element in each list: the one with the most members."""
    if isinstance(value, dict):
        return {key: cut(member) for key, member in value.items()}
    return [cut(max(value, key=len))] if isinstance(value, list) else value


def places(value, path=()):
    yield path, value
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, path + (key,))


def ways(path, value):
    """(what, its new value; ... to take it away) for what stands at path."""
    name = next((key for key in reversed(path) if isinstance(key, str)), "")
    if isinstance(value, dict):
        yield from ((path + (key,), ...) for key in REQUIRED[name])
        yield path + ("hinomi",), "a"
        yield from ((path, other) for other in (None, "a", [value]))
    elif isinstance(value, list):
        yield from ((path, other) for other in ([], None, "a", {}, [None], [value]))
    else:
        yield from ((path, other) for other in WRONG[name] + NO_TEXT)


def spoilt(document):
    """(path, new value, spoilt document) one after the other."""
    sound = cut(document)
    for path, other in [way for place in places(sound) for way in ways(*place)]:
        one = copy.deepcopy({"": sound})
        holder, keys = one, ("",) + path
        for key in keys[:-1]:
            holder = holder[key]
        if other is ...:
            del holder[keys[-1]]
        else:
            holder[keys[-1]] = other
        yield path, other, one[""]


if __name__ == "__main__":
    schema = json.loads((pathlib.Path(__file__).parent / "assessment-results.schema.json").read_text())
    validator = jsonschema.Draft7Validator(schema)
    whole = json.load(open(sys.argv[1], encoding="utf-8"))
    faults = ["what is sound is refused"] if list(validator.iter_errors(cut(whole))) else []
    count = 0
    for path, other, one in spoilt(whole):
        count += 1
        if next(validator.iter_errors(one), None) is None:
            faults.append(f"passes: {'/'.join(map(str, path))} {'taken away' if other is ... else repr(other)}")
    print("\n".join(faults[:40] + [f"{count} ways to spoil it, {len(faults)} faults"]))
    sys.exit(1 if faults or count < 500 else 0)
