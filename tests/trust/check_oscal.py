"""Validates OSCAL assessment results (FILE) by Debian's jsonschema with the schema beside this file, and what a schema cannot say: UUIDs
are there once, references lead to something, each reviewed control has one finding and each finding is of a reviewed control, and what
is satisfied has an observation that is proven."""
import datetime
import json
import pathlib
import sys

import jsonschema

document = json.load(open(sys.argv[1], encoding="utf-8"))
schema = json.loads((pathlib.Path(__file__).parent / "assessment-results.schema.json").read_text())
jsonschema.Draft7Validator.check_schema(schema)
faults = [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in jsonschema.Draft7Validator(schema).iter_errors(document)]

root = document["assessment-results"]
result = root["results"][0]
observations = {one["uuid"]: one for one in result.get("observations", [])}
resources = [one["uuid"] for one in root["back-matter"]["resources"]]
uuids = [root["uuid"], result["uuid"], *observations, *resources, *(one["uuid"] for one in result["findings"])]
if len(set(uuids)) != len(uuids):
    faults.append("a UUID twice")
references = [root["import-ap"]["href"]] + [e["href"] for one in observations.values() for e in one.get("relevant-evidence", [])]
faults += [f"{href} is nowhere" for href in references if href[1:] not in resources]
reviewed = [one["control-id"] for one in result["reviewed-controls"]["control-selections"][0]["include-controls"]]
found = [one["target"]["target-id"] for one in result["findings"]]
if sorted(reviewed) != sorted(found) or len(set(found)) != len(found):
    faults.append("reviewed controls and findings differ")
counts = {prop["name"]: int(prop["value"]) for prop in result["props"]}
if counts["automated"] + counts["in-part"] + counts["needs-a-person"] != len(reviewed) or counts["controls"] - counts["not-mapped"] != len(reviewed):
    faults.append(f"counts {counts}")
for one in result["findings"]:
    related = [observations[ref["observation-uuid"]] for ref in one.get("related-observations", []) if ref["observation-uuid"] in observations]
    if len(related) != len(one.get("related-observations", [])):
        faults.append(f"{one['title']}: an observation is nowhere")
    states = {prop["value"] for each in related for prop in each["props"] if prop["name"] == "status"}
    if one["target"]["status"]["state"] == "satisfied" and ("proven" not in states or "failed" in states):
        faults.append(f"{one['title']}: satisfied by {states}")
    if "failed" in states and one["target"]["status"]["reason"] != "fail":
        faults.append(f"{one['title']}: a failure is not told")
when = lambda text: datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
if not when(result["start"]) <= when(result["end"]) == when(root["metadata"]["last-modified"]):
    faults.append(f"start {result['start']}, end {result['end']}, last modified {root['metadata']['last-modified']}")
for one in observations.values():
    if not when(result["start"]) <= when(one["collected"]) <= when(one.get("expires", one["collected"])):
        faults.append(f"{one['title']}: collected {one['collected']}, expires {one.get('expires')}")
for line in faults[:20]:
    print(line)
satisfied = sum(one["target"]["status"]["state"] == "satisfied" for one in result["findings"])
print(f"{len(found)} findings, {satisfied} satisfied, {len(observations)} observations, {len(faults)} faults")
sys.exit(1 if faults else 0)
