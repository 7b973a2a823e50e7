// Proves the double of AWS KMS right: the real SDK does with it what Hinomi does, and meets the errors it is to meet.
// node prove.mjs https://localhost:PORT CA-FILE
import { readFileSync } from "node:fs";
import assert from "node:assert";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { Agent } from "node:https";
import * as kms from "@aws-sdk/client-kms";

const [endpoint, ca] = process.argv.slice(2);
const good = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
const client = (credentials = good, options = {}) => new kms.KMSClient({ endpoint, region: "eu-test-1", credentials, maxAttempts: 1,
  requestHandler: new NodeHttpHandler({ httpsAgent: new Agent({ ca: readFileSync(ca), keepAlive: true }) }), ...options });
const c = client();
let count = 0;
const ok = (what) => console.log(`ok ${++count} - sdk: ${what}`);
const fails = async (what, name, promise) => {
  await assert.rejects(promise, (error) => { assert.equal(error.name, name, error.stack); return true; });
  ok(`${what}: ${name}`);
};

const alias = `alias/hinomi/sdk/${process.pid}`;
const made = (await c.send(new kms.CreateKeyCommand({ Description: "sdk", Tags: [{ TagKey: "hinomi:tenant", TagValue: "t" }] }))).KeyMetadata;
assert.equal(made.KeyState, "Enabled");
assert.equal(made.KeySpec, "SYMMETRIC_DEFAULT");
assert(Math.abs(made.CreationDate.getTime() - Date.now()) < 60000);
ok("CreateKey");
await c.send(new kms.CreateAliasCommand({ AliasName: alias, TargetKeyId: made.KeyId }));
ok("CreateAlias");
await fails("the same alias again", "AlreadyExistsException", c.send(new kms.CreateAliasCommand({ AliasName: alias, TargetKeyId: made.KeyId })));
await fails("a dot in an alias", "InvalidAliasNameException", c.send(new kms.CreateAliasCommand({ AliasName: "alias/a.b", TargetKeyId: made.KeyId })));
const told = (await c.send(new kms.DescribeKeyCommand({ KeyId: alias }))).KeyMetadata;
assert.equal(told.KeyId, made.KeyId);
assert.equal(told.Description, "sdk");
ok("DescribeKey by alias");
await fails("an unknown alias", "NotFoundException", c.send(new kms.DescribeKeyCommand({ KeyId: "alias/none" })));
const Plaintext = Buffer.from("thirty-two bytes of key material");
const EncryptionContext = { tenant: "t", keyId: "00ff" };
const { CiphertextBlob } = await c.send(new kms.EncryptCommand({ KeyId: made.KeyId, Plaintext, EncryptionContext }));
assert(!Buffer.from(CiphertextBlob).includes(Plaintext));
const back = await c.send(new kms.DecryptCommand({ KeyId: alias, CiphertextBlob, EncryptionContext: { keyId: "00ff", tenant: "t" } }));
assert.deepEqual(Buffer.from(back.Plaintext), Plaintext);
ok("Encrypt and Decrypt, the context in any order");
await fails("another context", "InvalidCiphertextException", c.send(new kms.DecryptCommand({ CiphertextBlob, EncryptionContext: { tenant: "u", keyId: "00ff" } })));
const other = (await c.send(new kms.CreateKeyCommand({}))).KeyMetadata;
await fails("another key", "IncorrectKeyException", c.send(new kms.DecryptCommand({ KeyId: other.KeyId, CiphertextBlob, EncryptionContext })));
await c.send(new kms.UpdateAliasCommand({ AliasName: alias, TargetKeyId: other.KeyId }));
assert.equal((await c.send(new kms.DescribeKeyCommand({ KeyId: alias }))).KeyMetadata.KeyId, other.KeyId);
ok("UpdateAlias");
await c.send(new kms.DisableKeyCommand({ KeyId: made.KeyId }));
assert.equal((await c.send(new kms.DescribeKeyCommand({ KeyId: made.KeyId }))).KeyMetadata.KeyState, "Disabled");
await fails("a disabled key", "DisabledException", c.send(new kms.DecryptCommand({ CiphertextBlob, EncryptionContext })));
const gone = await c.send(new kms.ScheduleKeyDeletionCommand({ KeyId: made.KeyId, PendingWindowInDays: 7 }));
assert(Math.abs(gone.DeletionDate.getTime() - Date.now() - 7 * 86400e3) < 60000);
const pending = (await c.send(new kms.DescribeKeyCommand({ KeyId: made.KeyId }))).KeyMetadata;
assert.equal(pending.KeyState, "PendingDeletion");
assert.equal(pending.DeletionDate.getTime(), gone.DeletionDate.getTime());
ok("DisableKey and ScheduleKeyDeletion");
await fails("deleting twice", "KMSInvalidStateException", c.send(new kms.ScheduleKeyDeletionCommand({ KeyId: made.KeyId, PendingWindowInDays: 7 })));
await fails("a key on its way out", "KMSInvalidStateException", c.send(new kms.EncryptCommand({ KeyId: made.KeyId, Plaintext })));
await client({ ...good, accessKeyId: "ASIDEXAMPLE", sessionToken: "session" }).send(new kms.DescribeKeyCommand({ KeyId: alias }));
ok("a session token");
const describe = new kms.DescribeKeyCommand({ KeyId: alias });
await fails("an expired session token", "ExpiredTokenException", client({ ...good, sessionToken: "expired" }).send(describe));
await fails("an unknown access key", "UnrecognizedClientException", client({ ...good, accessKeyId: "AKIDNOBODY" }).send(describe));
await fails("a wrong secret", "InvalidSignatureException", client({ ...good, secretAccessKey: "other" }).send(describe));
await fails("another region", "InvalidSignatureException", client(good, { region: "us-east-1" }).send(describe));
await fails("a clock ten minutes slow", "InvalidSignatureException", client(good, { systemClockOffset: -600000 }).send(describe));
console.log(`1..${count}`);
