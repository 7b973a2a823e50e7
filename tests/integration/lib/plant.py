"""Plants a value of its own in whatever the API takes, as its OpenAPI document lists it, and finds planted values in files.

  plant.py plant CERTIFICATE URL HEADERS MARK FOLDER   plants; adds to FOLDER/needles (one a line), and to FOLDER/needles.manager
                                                       what a host may know of itself; prints one line an attribute:
                                                       taken|refused MODEL.ATTRIBUTE CLASS
  plant.py secret VALUE...                             prints needles for secrets that the manager made
  plant.py find NEEDLES FILE...                        prints FILE: NEEDLE (as what) for each find; folders are walked

Nothing here knows a resource by name but where a value must have a form: a new resource is planted in by itself, or turns
up as refused until a row of FORMS says what it wants.
"""
import base64
import hashlib
import json
import os
import ssl
import sys
import urllib.error
import urllib.request

RULE = """<group name="local,">
<rule id="%d" level="8">
<if_sid>200200</if_sid>
<match>%s</match>
<description>The word %s was said.</description>
</rule>
</group>
"""
BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's
DECODER = """<decoder name="own-%s">
  <program_name>^own$</program_name>
  <prematch>%s</prematch>
</decoder>
"""


def secret(value):
    """Needles for what the manager makes and shows once: its letters, the bytes behind them, the digest it is known by."""
    parts = value.split("_")  # hin_KIND_DIGITS[_TENANT]; or groups of digits between dashes
    letters = parts[2] if len(parts) > 2 else value
    digits = letters.replace("-", "")
    needles = {letters, digits}
    if all(digit in BASE32 for digit in digits):
        canonical = "_".join(parts[:2] + [letters]) if len(parts) > 2 else digits
        bits = "".join(format(BASE32.index(digit), "05b") for digit in digits)
        needles.add("bytes:" + hashlib.sha256(canonical.encode()).hexdigest())
        needles.add("bytes:" + bytes(int(bits[at:at + 8], 2) for at in range(0, len(bits) - 7, 8)).hex())
    return needles


class Planter:
    # MODEL.ATTRIBUTE -> what it takes, around or in place of a planted value; None: left out. A list: one body for each.
    FORMS = {
        "ApiKey.roleID": lambda self, needle: 2,
        "Administrator.roleID": lambda self, needle: 2,
        "Administrator.password": lambda self, needle: "Pass-" + needle,
        "LogInspectionRule.ruleXML": [lambda self, needle: RULE % (self.rule_id(), needle, needle), None],
        "LogInspectionRule.template": ["custom", "basic-rule"],
        "LogInspectionRule.patternType": [None, "string"],
        "LogInspectionRule.pattern": [None, lambda self, needle: needle],
        "LogInspectionRule.ruleDescription": [None, lambda self, needle: needle],
        "LogInspectionRule.groups": [None, lambda self, needle: [needle]],
        "LogInspectionRule.dependency": [None, "group"],
        "LogInspectionRule.dependencyGroup": [None, lambda self, needle: needle],
        "LogInspectionRule.level": [None, 7],
        "LogFile.location": lambda self, needle: "/var/log/%s.log" % needle,
        "LogFile.format": "syslog",
        "LogInspectionDecoder.decoderXML": lambda self, needle: DECODER % (needle, needle),
        "Tenant.name": lambda self, needle: "Tenant " + needle,
        "Tenant.adminEmail": lambda self, needle: needle + "@planted.example",
        "BackupDrill.report": lambda self, needle: json.dumps(
            {"hinomiDrill": 1, "begun": 1, "tookMsec": 1, "host": needle, "from": "file:///" + needle, "tenants": [
                {"guid": "0" * 8 + "-0000-0000-0000-" + "0" * 12, "restored": True, "verified": True, "at": 1, "lastEventID": 1,
                 "lastAuditID": 1, "auditHash": "0" * 64, "bytes": 1, "error": needle}]}),
        # Names of probes: nothing of a user's goes in, and to run them is another test's work.
        "ProbeRequest.probes": None,
        "SearchFilter.maxItems": 10,
        "SearchCriteria.fieldName": lambda self, needle: self.searched,
        "SearchCriteria.stringTest": "equal",
        "SearchCriteria.choiceValue": None,
        "SearchCriteria.versionValue": None,
        "PersonCondition.field": "user",
        # Signing in as who was planted, at a tenant that was, and as who does not exist.
        "SignIn.username": [lambda self, needle: self.last["Administrator.username"],
                            lambda self, needle: self.last["Tenant.administrator"], lambda self, needle: needle],
        "SignIn.password": [lambda self, needle: self.last["Administrator.password"],
                            lambda self, needle: self.last["Tenant.oneTimePassword"], lambda self, needle: needle],
        "SignIn.newPassword": lambda self, needle: "New-" + needle,
        "SignIn.tenant": [None, lambda self, needle: self.last["Tenant.name"], lambda self, needle: needle],
        "TenantErasure.tenant": [lambda self, needle: self.last["Tenant.name"], lambda self, needle: needle],
        "KeyHolder.name": lambda self, needle: self.last.get("KeyHolder.name", needle),
        "KeyHolderNames.names": lambda self, needle: [self.last["KeyHolder.name"]],
        "ExportCursor.record": 1, "ExportCursor.kind": 1, "ExportCursor.after": 0, "ExportCursor.documents": 0,
        "ExportCursor.events": 0, "ExportCursor.audit": 0, "ExportCursor.damaged": 0,
    }
    # What ends other things comes last, in this order; so does what these planted values go into.
    LATE = ["/sessions", "/tenants/erase", "/keys/holders", "/keys/holders/remove", "/keys/holders/review"]
    # Used at creation alone, and not given back.
    ONCE = ["Tenant.administrator", "Tenant.adminName", "Tenant.adminEmail"]
    # Turns keys, takes what a program printed, puts a tenant back, or says why a record is lost: other tests' work, which needs what
    # is not here. The last two are the only ones that take a word of a user's: online.sh and trust.sh look for those.
    NOT_ASKED = ["/trust/run", "/escrows/written", "/keys/rotate", "/keys/rewrap", "/keys/retire", "/ca/rotate", "/ca/renew", "/ca/retire", "/keys/holders/limit", "/backups/restores", "/trust/losses"]

    def __init__(self, certificate, url, headers, mark):
        self.url, self.mark = url, mark
        self.context = ssl.create_default_context(cafile=certificate)
        with open(headers, encoding="utf-8") as file:
            self.headers = dict(line.strip().split(": ", 1) for line in file if ": " in line)
        self.count = 0
        self.rules = 100800
        self.last = {}     # MODEL.ATTRIBUTE -> the last value that was taken
        self.objects = {}  # collection path -> the last ID
        self.needles, self.given = set(), set()
        self.taken, self.met = set(), {}
        self.searched = ""
        status, self.api = self.ask("GET", "/openapi.json")
        assert status == 200, status

    # ---- the API ----

    def ask(self, method, path, body=None, headers=None):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + "/api" + path, data=data, method=method, headers={
            **self.headers, "content-type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=20) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    def model(self, reference):
        name = reference["$ref"].rsplit("/", 1)[1]
        return name, self.api["components"]["schemas"][name]["properties"]

    @staticmethod
    def body_of(operation):
        body = operation.get("requestBody")
        return body and body["content"]["application/json"]["schema"]

    def answer_of(self, operation):
        schema = operation["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema")
        return self.model(schema) if schema else (None, {})

    # ---- values ----

    def needle(self, most=None):
        self.count += 1
        needle = "%sx%03d" % (self.mark, self.count)
        assert most is None or len(needle) <= most - 8, most
        return needle

    def rule_id(self):
        self.rules += 1
        return self.rules

    def value(self, name, attribute, variant):
        """-> the value, or None; notes which needle went where."""
        if attribute.get("readOnly"):
            return None
        kind, form = attribute.get("type"), self.FORMS.get(name)
        words = kind == "string" and "enum" not in attribute or kind == "array" and attribute["items"].get("type") == "string"
        if words and (name not in self.FORMS or any(map(callable, form if isinstance(form, list) else [form]))):
            self.met.setdefault(name, attribute["x-data-class"])
        if isinstance(form, list):
            form = form[min(variant, len(form) - 1)]
        if name in self.FORMS:
            if not callable(form):
                return form
            value = form(self, self.needle(attribute.get("maxLength")))
        elif kind == "array" and "$ref" in attribute["items"]:
            return [self.body(attribute["items"], variant)]
        elif "allOf" in attribute:
            return self.body(attribute["allOf"][0], variant)
        elif words:
            value = self.needle(attribute.get("maxLength"))
            value = [value] if kind == "array" else value
        else:
            return None
        if words:
            self.sent[name] = value
        return value

    def body(self, reference, variant):
        name, attributes = self.model(reference)
        body = {key: self.value(name + "." + key, attribute, variant) for key, attribute in attributes.items()}
        return {key: value for key, value in body.items() if value not in (None, {}, [{}])}

    def variants(self, reference, seen=()):
        """How many bodies a model wants."""
        name, attributes = self.model(reference)
        most = 1
        for key, attribute in attributes.items():
            form = self.FORMS.get(name + "." + key)
            most = max(most, len(form) if isinstance(form, list) else 1)
            inner = attribute.get("items") if "$ref" in attribute.get("items", {}) else (attribute.get("allOf") or [None])[0]
            if inner and inner["$ref"] not in seen:
                most = max(most, self.variants(inner, (*seen, inner["$ref"])))
        return most

    def identity(self, value):
        """What the manager tells of a host: itself, and the bytes when it is a number in hexadecimal."""
        self.given.add("bytes:" + value.encode().hex() if "\n" in value else value)
        digits = value.translate(str.maketrans("", "", ":-")).lower()
        if len(digits) >= 32 and all(digit in "0123456789abcdef" for digit in digits):
            self.given.add("bytes:" + digits)

    def given_out(self, model, attributes, answer):
        """Values that the manager itself made, of a class that must be sealed."""
        if isinstance(answer, list):
            for item in answer:
                self.given_out(model, attributes, item)
        if not isinstance(answer, dict):
            return
        for key, attribute in attributes.items():
            value = answer.get(key)
            if "$ref" in attribute.get("items", {}):
                self.given_out(*self.model(attribute["items"]), value)
            elif attribute.get("readOnly") and attribute["x-data-class"] != "plain" and isinstance(value, str) and len(value) >= 12:
                if attribute["description"].endswith("shown once at creation."):
                    self.needles.update(secret(value))
                else:
                    self.identity(value)
                self.last[model + "." + key] = value

    # ---- going over all of it ----

    def post(self, path, operation, variant):
        collection = path.split("/{id}")[0]
        reference = self.body_of(operation)
        self.sent = {}
        if "SearchFilter" in reference["$ref"]:
            _, answer = self.answer_of(operation)
            items = next(iter(answer.values()), {}).get("items")
            texts = [key for key, attribute in (self.model(items)[1] if items else {}).items()
                     if attribute.get("type") == "string" and "enum" not in attribute]
            self.searched = texts[0] if texts else "user"
        body = self.body(reference, variant)
        status, answer = self.ask("POST", path.replace("{id}", str(self.objects.get(collection, 1))), body)
        if status < 300:
            model, attributes = self.answer_of(operation)
            for name, value in self.sent.items():
                of, key = name.split(".")
                # What is given back must be what was given; an attribute that is fixed once made is not changed.
                if of != model or attributes[key].get("writeOnly") or answer.get(key) == value:
                    self.taken.add(name)
                    if name not in self.ONCE or path == collection:
                        self.last[name] = value if isinstance(value, str) else value[0]
            if isinstance(answer, dict) and "ID" in answer and path == collection:
                self.objects[collection] = answer["ID"]
            if isinstance(answer, dict) and isinstance(answer.get("secretKey"), str):
                self.needles.update(secret(answer["secretKey"]))
            self.given_out(model, attributes, answer)
        else:
            print("note %s %s: %d %s" % (path, sorted(self.sent), status, str(answer)[:300]))
        # Refused for a member that is not there: by name, which is a user's word too.
        self.ask("POST", path.replace("{id}", str(self.objects.get(collection, 1))), {**body, self.needle(): self.needle()})

    def run(self):
        posts = [(path, operations["post"]) for path, operations in self.api["paths"].items() if "post" in operations]
        for path, operation in posts:  # what is made by asking alone: an export
            if not self.body_of(operation) and path in self.api["paths"] and path + "/{id}" in self.api["paths"]:
                _, answer = self.ask("POST", path)
                if isinstance(answer, dict):
                    self.objects[path] = answer.get("ID", 1)
        posts = [(path, operation) for path, operation in posts if self.body_of(operation) and path not in self.NOT_ASKED]
        posts.sort(key=lambda item: self.LATE.index(item[0]) if item[0] in self.LATE else -1)
        for path, operation in posts:
            for variant in range(self.variants(self.body_of(operation))):
                self.post(path, operation, variant)
        for path, operations in self.api["paths"].items():
            if "get" in operations and "stream" not in path:
                here = path.replace("{id}", str(self.objects.get(path.split("/{id}")[0], 1)))
                status, answer = self.ask("GET", here)
                if status == 200 and "{id}" not in path:
                    model, attributes = self.answer_of(operations["get"])
                    self.given_out(model, attributes, answer)
                self.ask("GET", here + "?%s=%s" % (self.needle(), self.needle()), headers={"user-agent": self.needle()})
        # What is no call at all.
        self.ask("GET", "/" + self.needle(), headers={"user-agent": self.needle(), "referer": self.needle()})
        self.ask("POST", "/policies", ('{"name":"%s","name":"%s"}' % (self.needle(), self.needle())).encode())
        self.ask("POST", "/policies", ('{"name":"%s' % self.needle()).encode())
        self.ask("GET", "/computers", headers={"api-secret-key": "hin_key_%s_1" % self.needle()})
        self.ask("GET", "/computers", headers={"authorization": "Basic " + base64.b64encode(self.needle().encode()).decode()})
        self.ask("GET", "/events?where=user=%s&where=own.%s=%s" % (self.needle(), self.needle(), self.needle()))
        self.ask("GET", "/audit?actor=%s&action=%s" % (self.needle(), self.needle()))


def shapes(line):
    """A line of needles -> {bytes: as what}. "bytes:" stands before hexadecimal; "mark:" before what is looked for in
    any writing, since it stands in all that is planted."""
    kind, _, rest = line.partition(":")
    if kind == "bytes":
        raw = bytes.fromhex(rest)
        return {raw: "raw", raw.hex().encode(): "hex"}
    if kind != "mark":
        return {line.encode(): "as it is"}
    raw = rest.encode()
    found = {raw: "as it is", raw.hex().encode(): "hex", rest.encode("utf-16-le"): "UTF-16", rest.encode("utf-16-be"): "UTF-16"}
    for first in range(3):  # the whole groups of four that do not depend on what stands around it
        found[base64.b64encode(raw[first:len(raw) - (len(raw) - first) % 3])] = "base64"
    return found


def files_below(paths):
    for path in paths:
        if not os.path.isdir(path) or os.path.islink(path):
            yield path
            continue
        for folder, _, names in os.walk(path):
            for name in names:
                yield os.path.join(folder, name)


def find(needles, paths):
    with open(needles, encoding="utf-8") as file:
        wanted = {}
        for line in file:
            if line.strip():
                wanted.update({shape: (what, line.strip()) for shape, what in shapes(line.strip()).items()})
    for path in files_below(paths):
        try:
            if not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                content = file.read()
        except OSError:
            continue
        for shape, (what, needle) in wanted.items():
            at = content.find(shape)
            if at >= 0:
                print("%s: %s (%s) ...%r..." % (path, needle, what, content[max(0, at - 40):at + 60]))


def main():
    if sys.argv[1] == "plant":
        planter = Planter(*sys.argv[2:6])
        planter.run()
        planter.needles.add("mark:" + planter.mark)
        for name, needles in (("needles", planter.needles), ("needles.manager", planter.given)):
            with open(os.path.join(sys.argv[6], name), "a", encoding="utf-8") as file:
                file.write("".join(needle + "\n" for needle in sorted(needles)))
        for name, data_class in sorted(planter.met.items()):
            print("taken" if name in planter.taken else "refused", name, data_class)
    elif sys.argv[1] == "secret":
        print("\n".join(sorted(set().union(*map(secret, sys.argv[2:])))))
    else:
        find(sys.argv[2], sys.argv[3:])


main()
