#!/usr/bin/env python3
"""A double of AWS KMS for tests: the JSON 1.1 API over TLS, with signatures (SigV4) checked by code of its own.

    kms_double.py FOLDER [--port N]

FOLDER gets ca.pem, port (written when it serves), state.json (its keys, kept over restarts) and requests (one line each:
operation and outcome). What goes wrong is ordered there, too: each line of FOLDER/faults, "TYPE STATUS", answers one request;
"drop" closes the connection unanswered, "pass" lets one through; FOLDER/skew holds seconds that its clock is ahead.
The one user: AKIDEXAMPLE / wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY in region eu-test-1; with the session token "session"
also ASIDEXAMPLE (same secret); the token "expired" is expired.
tests/aws/prove.mjs holds it against the real SDK.
"""
import base64
import datetime
import hashlib
import hmac
import http.server
import json
import os
import re
import secrets
import ssl
import subprocess
import sys
import threading
import time

REGION, SERVICE = "eu-test-1", "kms"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
USERS = {"AKIDEXAMPLE": None, "ASIDEXAMPLE": "session"}
ACCOUNT = "111122223333"
ALIAS = re.compile(r"alias/[a-zA-Z0-9:/_-]{1,250}")
lock = threading.Lock()


class Refused(Exception):
    def __init__(self, kind, message="", status=400):
        super().__init__(message)
        self.kind, self.message, self.status = kind, message, status


# ---- signatures ----

def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def check_signature(request, body, now):
    header = request.headers.get("authorization")
    if header is None:
        raise Refused("MissingAuthenticationTokenException", "Missing Authentication Token")
    match = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?"
                         r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})", header)
    if match is None:
        raise Refused("IncompleteSignatureException", "Authorization header is not complete")
    user, day, region, service, names, signature = match.groups()
    if user not in USERS:
        raise Refused("UnrecognizedClientException", "The security token included in the request is invalid.")
    token = request.headers.get("x-amz-security-token")
    if token == "expired":
        raise Refused("ExpiredTokenException", "The security token included in the request is expired")
    if token != USERS[user]:
        raise Refused("UnrecognizedClientException", "The security token included in the request is invalid.")
    if (region, service) != (REGION, SERVICE):
        raise Refused("InvalidSignatureException", "Credential should be scoped to a valid region.")
    names = names.split(";")
    needed = {"host", "x-amz-date"} | ({"x-amz-security-token"} if token else set())
    if names != sorted(names) or not needed <= set(names):
        raise Refused("InvalidSignatureException", "headers are not signed")
    date = request.headers.get("x-amz-date", "")
    try:
        stamp = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc).timestamp()
    except ValueError:
        raise Refused("IncompleteSignatureException", "Date must be in ISO-8601 'basic format'.")
    if not date.startswith(day):
        raise Refused("InvalidSignatureException", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date")
    if abs(stamp - now) > 300:
        what = "Signature expired" if stamp < now else "Signature not yet current"
        raise Refused("InvalidSignatureException", f"{what}: {date}")
    lines = [request.command, request.path, ""]
    for name in names:
        values = request.headers.get_all(name) or []
        lines.append(name + ":" + ",".join(re.sub(" +", " ", v.strip()) for v in values))
    lines += ["", ";".join(names), hashlib.sha256(body).hexdigest()]
    canonical = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    key = mac(mac(mac(mac(("AWS4" + SECRET).encode(), day), region), service), "aws4_request")
    text = f"AWS4-HMAC-SHA256\n{date}\n{day}/{region}/{service}/aws4_request\n{canonical}"
    if not hmac.compare_digest(mac(key, text).hex(), signature):
        raise Refused("InvalidSignatureException", "The request signature we calculated does not match the signature you provided.")


# ---- keys ----

class Keys:
    def __init__(self, folder):
        self.file = os.path.join(folder, "state.json")
        self.keys, self.aliases = {}, {}
        if os.path.exists(self.file):
            with open(self.file) as file:
                self.keys, self.aliases = json.load(file)

    def save(self):
        with open(self.file + ".new", "w") as file:
            json.dump([self.keys, self.aliases], file)
        os.replace(self.file + ".new", self.file)

    def find(self, name, aliases=True):
        name = str(name)
        if name.startswith("arn:"):
            name = name.split(":", 5)[5].removeprefix("key/")
        if name.startswith("alias/"):
            if not aliases:
                raise Refused("NotFoundException", f"{name} is not a key")
            if name not in self.aliases:
                raise Refused("NotFoundException", f"Alias arn:aws:kms:{REGION}:{ACCOUNT}:{name} is not found.")
            name = self.aliases[name]
        if name not in self.keys:
            raise Refused("NotFoundException", f"Key 'arn:aws:kms:{REGION}:{ACCOUNT}:key/{name}' does not exist")
        return self.keys[name]

    def usable(self, key):
        if key["state"] == "Disabled":
            raise Refused("DisabledException", f"{arn(key)} is disabled.")
        if key["state"] != "Enabled":
            raise Refused("KMSInvalidStateException", f"{arn(key)} is pending deletion.")
        return key


def arn(key):
    return f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key['id']}"


def metadata(key):
    told = {"AWSAccountId": ACCOUNT, "KeyId": key["id"], "Arn": arn(key), "CreationDate": key["created"], "Enabled": key["state"] == "Enabled",
            "Description": key["description"], "KeyUsage": "ENCRYPT_DECRYPT", "KeyState": key["state"], "Origin": "AWS_KMS", "KeyManager": "CUSTOMER",
            "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT", "KeySpec": "SYMMETRIC_DEFAULT", "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"], "MultiRegion": False}
    if key["state"] == "PendingDeletion":
        told["DeletionDate"] = key["deletion"]
    return told


def bytes_of(body, member, most):
    try:
        value = base64.b64decode(body[member], validate=True)
    except (KeyError, ValueError):
        raise Refused("ValidationException", f"{member}: not base64")
    if not 1 <= len(value) <= most:
        raise Refused("ValidationException", f"{member}: length {len(value)}")
    return value


def context_of(body):
    context = body.get("EncryptionContext", {})
    if not isinstance(context, dict) or not all(isinstance(v, str) and v for v in context.values()):
        raise Refused("ValidationException", "EncryptionContext: texts")
    return json.dumps(context, sort_keys=True).encode()


def stream(key, nonce, size):
    blocks = (hmac.new(bytes.fromhex(key["material"]), b"stream" + nonce + i.to_bytes(4, "big"), hashlib.sha256).digest() for i in range(size // 32 + 1))
    return b"".join(blocks)[:size]


def tag(key, context, blob):
    return hmac.new(bytes.fromhex(key["material"]), b"tag" + len(context).to_bytes(4, "big") + context + blob, hashlib.sha256).digest()[:16]


def create_key(keys, body, now):
    if body.get("KeySpec", "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT" or body.get("KeyUsage", "ENCRYPT_DECRYPT") != "ENCRYPT_DECRYPT":
        raise Refused("UnsupportedOperationException")
    for entry in body.get("Tags", []):
        if not re.fullmatch(r"[\w .:/=+@-]{1,128}", entry["TagKey"]) or not re.fullmatch(r"[\w .:/=+@-]{0,256}", entry["TagValue"]):
            raise Refused("TagException", "invalid tag")
    u = secrets.token_hex(16)
    key = {"id": f"{u[:8]}-{u[8:12]}-{u[12:16]}-{u[16:20]}-{u[20:]}", "state": "Enabled", "description": body.get("Description", ""), "created": now,
           "tags": body.get("Tags", []), "material": secrets.token_hex(32)}
    keys.keys[key["id"]] = key
    return {"KeyMetadata": metadata(key)}


def create_alias(keys, body, now):
    if not ALIAS.fullmatch(body["AliasName"]) or body["AliasName"].startswith("alias/aws/"):
        raise Refused("InvalidAliasNameException", "invalid alias")
    if body["AliasName"] in keys.aliases:
        raise Refused("AlreadyExistsException", "An alias with this name already exists")
    keys.aliases[body["AliasName"]] = keys.usable(keys.find(body["TargetKeyId"], aliases=False))["id"]


def update_alias(keys, body, now):
    keys.find(body["AliasName"])
    keys.aliases[body["AliasName"]] = keys.usable(keys.find(body["TargetKeyId"], aliases=False))["id"]


def encrypt(keys, body, now):
    key = keys.usable(keys.find(body["KeyId"]))
    plain, nonce = bytes_of(body, "Plaintext", 4096), secrets.token_bytes(12)
    blob = b"\x01\x02\x02\x00" + bytes.fromhex(key["id"].replace("-", "")) + nonce + bytes(a ^ b for a, b in zip(plain, stream(key, nonce, len(plain))))
    blob += tag(key, context_of(body), blob)
    return {"CiphertextBlob": base64.b64encode(blob).decode(), "KeyId": arn(key), "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}


def decrypt(keys, body, now):
    blob = bytes_of(body, "CiphertextBlob", 6144)
    wanted = keys.find(body["KeyId"]) if "KeyId" in body else None
    name = blob[4:20].hex()
    key = keys.keys.get(f"{name[:8]}-{name[8:12]}-{name[12:16]}-{name[16:20]}-{name[20:]}") if len(blob) > 48 else None
    if key is None or blob[:4] != b"\x01\x02\x02\x00":
        raise Refused("InvalidCiphertextException")
    if wanted is not None and wanted is not key:
        raise Refused("IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.")
    keys.usable(key)
    if not hmac.compare_digest(tag(key, context_of(body), blob[:-16]), blob[-16:]):
        raise Refused("InvalidCiphertextException")
    sealed = blob[32:-16]
    plain = bytes(a ^ b for a, b in zip(sealed, stream(key, blob[20:32], len(sealed))))
    return {"Plaintext": base64.b64encode(plain).decode(), "KeyId": arn(key), "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}


def switch(keys, body, state):
    key = keys.find(body["KeyId"], aliases=False)
    if key["state"] == "PendingDeletion":
        raise Refused("KMSInvalidStateException", f"{arn(key)} is pending deletion.")
    key["state"] = state


def schedule_deletion(keys, body, now):
    key = keys.find(body["KeyId"], aliases=False)
    days = body.get("PendingWindowInDays", 30)
    if not 7 <= days <= 30:
        raise Refused("ValidationException", "PendingWindowInDays: 7 to 30")
    if key["state"] == "PendingDeletion":
        raise Refused("KMSInvalidStateException", f"{arn(key)} is pending deletion.")
    key["state"], key["deletion"] = "PendingDeletion", now + days * 86400
    return {"KeyId": arn(key), "DeletionDate": key["deletion"], "KeyState": "PendingDeletion", "PendingWindowInDays": days}


OPERATIONS = {
    "CreateKey": create_key, "CreateAlias": create_alias, "UpdateAlias": update_alias, "Encrypt": encrypt, "Decrypt": decrypt,
    "DescribeKey": lambda keys, body, now: {"KeyMetadata": metadata(keys.find(body["KeyId"]))},
    "DisableKey": lambda keys, body, now: switch(keys, body, "Disabled"),
    "EnableKey": lambda keys, body, now: switch(keys, body, "Enabled"),
    "ScheduleKeyDeletion": schedule_deletion,
}


# ---- serving ----

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60

    def setup(self):
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)  # in this connection's thread
        super().setup()

    def log_message(self, *args):
        pass

    def fault(self):
        path = os.path.join(self.server.folder, "faults")
        try:
            with open(path) as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            return None
        if not lines:
            return None
        with open(path, "w") as file:
            file.write("".join(line + "\n" for line in lines[1:]))
        return lines[0]

    def now(self):
        try:
            with open(os.path.join(self.server.folder, "skew")) as file:
                return time.time() + float(file.read())
        except FileNotFoundError:
            return time.time()

    def answer_to(self, operation, body, now):
        if self.path != "/" or not self.headers.get("content-type", "").startswith("application/x-amz-json-1.1"):
            raise Refused("ValidationException", "not JSON 1.1")
        check_signature(self, body, now)
        if operation not in OPERATIONS:
            raise Refused("UnknownOperationException", operation)
        try:
            answer = OPERATIONS[operation](self.server.keys, json.loads(body), round(now, 3))
        except (KeyError, TypeError, ValueError) as error:
            raise Refused("ValidationException", repr(error))
        self.server.keys.save()
        return answer

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        operation = self.headers.get("x-amz-target", "").removeprefix("TrentService.")
        status, outcome = 200, "done"
        with lock:
            fault = self.fault()
            fault = None if fault == "pass" else fault
            try:
                if fault is not None and fault != "drop":
                    kind, code = fault.split()
                    raise Refused(kind, "as ordered", int(code))
                answer = None if fault == "drop" else self.answer_to(operation, body, self.now())
            except Refused as refused:
                status, outcome = refused.status, refused.kind
                answer = {"__type": refused.kind, "message": refused.message}
            with open(os.path.join(self.server.folder, "requests"), "a") as file:
                file.write(f"{operation} {fault or outcome}\n")
        if fault == "drop":
            self.close_connection = True
            return
        text = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("x-amzn-RequestId", secrets.token_hex(16))
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a peer that goes away in the middle of a handshake is nothing to tell


def make_certificates(folder):
    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=authority of the double")
    openssl("req", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    with open(os.path.join(folder, "names"), "w") as file:
        file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.pem")


def main():
    folder = os.path.abspath(sys.argv[1])
    port = int(sys.argv[3]) if len(sys.argv) > 3 and sys.argv[2] == "--port" else 0
    if not os.path.exists(os.path.join(folder, "server.pem")):
        make_certificates(folder)
    server = Server(("127.0.0.1", port), Handler)
    server.folder, server.keys = folder, Keys(folder)
    server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.tls.load_cert_chain(os.path.join(folder, "server.pem"), os.path.join(folder, "server.key"))
    with open(os.path.join(folder, "port.new"), "w") as file:
        file.write(f"{server.server_address[1]}\n")
    os.replace(os.path.join(folder, "port.new"), os.path.join(folder, "port"))
    server.serve_forever()


main()
