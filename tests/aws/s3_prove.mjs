// Proves the object store of the tests right: the real SDK does with it what Hinomi does, and meets the errors it is to meet.
// node s3_prove.mjs https://localhost:PORT CA-FILE
import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import assert from "node:assert";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { Agent } from "node:https";
import * as s3 from "@aws-sdk/client-s3";

const [endpoint, ca] = process.argv.slice(2);
const good = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
const client = (options = {}) => new s3.S3Client({ endpoint, region: "eu-test-1", credentials: good, maxAttempts: 1, forcePathStyle: true,
  requestChecksumCalculation: "WHEN_REQUIRED", responseChecksumValidation: "WHEN_REQUIRED",
  requestHandler: new NodeHttpHandler({ httpsAgent: new Agent({ ca: readFileSync(ca), keepAlive: true }) }), ...options });
const c = client();
const Bucket = "depot";
let count = 0;
const ok = (what) => console.log(`ok ${++count} - sdk: ${what}`);
const fails = async (what, name, promise) => {
  await assert.rejects(promise, (error) => { assert.equal(error.Code ?? error.name, name, error.stack); return true; });
  ok(`${what}: ${name}`);
};
const send = (command, input) => c.send(new s3[command]({ Bucket, ...input }));
const sha256 = (body) => createHash("sha256").update(body).digest("base64");
const read = async (Key) => Buffer.from(await (await send("GetObjectCommand", { Key })).Body.transformToByteArray());

const body = Buffer.from("what is put");
await send("PutObjectCommand", { Key: "sdk/one", Body: body, ChecksumSHA256: sha256(body), IfNoneMatch: "*" });
assert.deepEqual(await read("sdk/one"), body);
ok("puts with a checksum and a condition, and gets");
await fails("a second put under the condition", "PreconditionFailed", send("PutObjectCommand", { Key: "sdk/one", Body: "other", IfNoneMatch: "*" }));
assert.deepEqual(await read("sdk/one"), body);
ok("which changed nothing");
await fails("a wrong checksum", "BadDigest", send("PutObjectCommand", { Key: "sdk/two", Body: body, ChecksumSHA256: sha256("else") }));
await fails("nothing of it", "NoSuchKey", send("GetObjectCommand", { Key: "sdk/two" }));
await fails("another region", "AuthorizationHeaderMalformed", client({ region: "eu-test-2" }).send(new s3.ListObjectsV2Command({ Bucket })));
await fails("a wrong secret", "SignatureDoesNotMatch", client({ credentials: { ...good, secretAccessKey: "wrong" } }).send(new s3.ListObjectsV2Command({ Bucket })));
await fails("an unknown key", "InvalidAccessKeyId", client({ credentials: { ...good, accessKeyId: "AKIDNOBODY" } }).send(new s3.ListObjectsV2Command({ Bucket })));
await fails("another bucket", "NoSuchBucket", client().send(new s3.ListObjectsV2Command({ Bucket: "elsewhere" })));

const sealed = await send("PutObjectCommand", { Key: "sdk/sealed", Body: body, ServerSideEncryption: "aws:kms", SSEKMSKeyId: "alias/backup",
  SSEKMSEncryptionContext: Buffer.from('{"owner":"sdk"}').toString("base64") });
assert.equal(sealed.ServerSideEncryption, "aws:kms");
assert.equal(sealed.SSEKMSKeyId, "alias/backup");
ok("SSE-KMS is confirmed");

const { UploadId } = await send("CreateMultipartUploadCommand", { Key: "sdk/parts", ChecksumAlgorithm: "SHA256" });
const big = Buffer.alloc(5 << 20, 7);
const part = async (PartNumber, Body) => ({ PartNumber, ETag: (await send("UploadPartCommand", { Key: "sdk/parts", UploadId, PartNumber, Body, ChecksumSHA256: sha256(Body) })).ETag });
const Parts = [await part(1, big), await part(2, body)];
await fails("parts are no object", "NoSuchKey", send("GetObjectCommand", { Key: "sdk/parts" }));
assert.deepEqual((await send("ListMultipartUploadsCommand", { Prefix: "sdk/" })).Uploads.map((u) => [u.Key, u.UploadId]), [["sdk/parts", UploadId]]);
ok("an upload under way is listed");
await send("CompleteMultipartUploadCommand", { Key: "sdk/parts", UploadId, MultipartUpload: { Parts } });
assert.equal((await read("sdk/parts")).length, big.length + body.length);
ok("parts become an object");
const second = await send("CreateMultipartUploadCommand", { Key: "sdk/never" });
await send("AbortMultipartUploadCommand", { Key: "sdk/never", UploadId: second.UploadId });
assert.equal((await send("ListMultipartUploadsCommand", { Prefix: "sdk/" })).Uploads, undefined);
ok("an upload is given up");

for (let i = 0; i < 10; i++) await send("PutObjectCommand", { Key: `sdk/many/${i}`, Body: `${i}` });
const keys = [];
for await (const page of s3.paginateListObjectsV2({ client: c }, { Bucket, Prefix: "sdk/many/" })) keys.push(...page.Contents.map((o) => o.Key));
assert.equal(keys.length, 10);
ok("pages of a list follow each other");
for (const Key of [...keys, "sdk/one", "sdk/sealed", "sdk/parts"]) await send("DeleteObjectCommand", { Key });
await fails("what is deleted is gone", "NoSuchKey", send("GetObjectCommand", { Key: "sdk/one" }));
console.log(`1..${count}`);
