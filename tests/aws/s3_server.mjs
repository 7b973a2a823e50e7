// An object store for tests: npm's s3rver (buckets, listing, ranges, parts, over TLS), and in front of it what Amazon S3 has
// and s3rver lacks: signatures (which the signer of the real SDK makes again), an object appears whole or not at all, payload
// and checksum are compared, If-None-Match, SSE-KMS headers, the region, AbortMultipartUpload, ListMultipartUploads.
// s3_prove.mjs proves these by the real SDK.
// node --openssl-legacy-provider s3_server.mjs FOLDER [PORT]: FOLDER has key.pem and cert.pem; FOLDER/port says where it listens. (s3rver seals its tokens by DES.)
// FOLDER/fault is what is wrong with it, read at each request:
//   CODE N      the next N requests are answered by this error (as "SlowDown 2")
//   hang        requests are never answered          cut    the connection is cut in the middle of an answer
//   lie         what is put is acknowledged and lost  plain  it knows no SSE-KMS
//   full        nothing more fits (507)               deny   nothing may be changed
//   late        puts are done but their answer is lost, once
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync, appendFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { AsyncLocalStorage } from "node:async_hooks";
import { createRequire } from "node:module";
import { SignatureV4 } from "@smithy/signature-v4";
import { Sha256 } from "@aws-crypto/sha256-js";

const require = createRequire(import.meta.url);
const S3rver = require("s3rver");
const S3Error = require("s3rver/lib/models/error.js");
const { DUMMY_ACCOUNT } = require("s3rver/lib/models/account.js");

const [folder, port] = process.argv.slice(2);
const region = "eu-test-1";
const bucket = "depot";
const accessKeyId = "AKIDEXAMPLE";
const secretAccessKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
DUMMY_ACCOUNT.createKeyPair(accessKeyId, secretAccessKey);

const fault = () => {
  const file = join(folder, "fault");
  const [name, count] = existsSync(file) ? readFileSync(file, "utf8").trim().split(" ") : [""];
  return { name, count: Number(count ?? 0), less: (left) => left > 0 ? writeFileSync(file, `${name} ${left}`) : rmSync(file) };
};
const fail = (code, status, message, detail = {}) => Object.assign(new S3Error(code, message, detail), { status });
const request = new AsyncLocalStorage();

const app = new S3rver({ address: "127.0.0.1", port: Number(port ?? 0), silent: true, directory: join(folder, "data"), vhostBuckets: true,
  serviceEndpoint: "localhost", configureBuckets: [{ name: bucket }], key: readFileSync(join(folder, "key.pem")), cert: readFileSync(join(folder, "cert.pem")) });
app.on("error", (error) => error.expose || console.error(error));
const store = app.store;

// ---- storing: whole, compared, conditional ----
const whole = async (content, headers) => {
  const pieces = [];
  for await (const piece of content) pieces.push(piece);
  const body = Buffer.concat(pieces);
  const digest = createHash("sha256").update(body);
  const [hex, base64] = [digest.copy().digest("hex"), digest.digest("base64")];
  if (headers["content-length"] !== undefined && Number(headers["content-length"]) !== body.length) throw fail("IncompleteBody", 400, "The request body terminated unexpectedly");
  if (/^[0-9a-f]{64}$/.test(headers["x-amz-content-sha256"]) && headers["x-amz-content-sha256"] !== hex)
    throw fail("XAmzContentSHA256Mismatch", 400, "The provided 'x-amz-content-sha256' header does not match what was computed.");
  if (headers["x-amz-checksum-sha256"] && headers["x-amz-checksum-sha256"] !== base64) throw fail("BadDigest", 400, "The SHA256 you specified did not match the calculated checksum.");
  return body;
};
const refuse_writes = () => {
  const { name } = fault();
  if (name === "full") throw fail("XMinioStorageFull", 507, "Storage backend has reached its minimum free drive threshold.");
  if (name === "deny") throw fail("AccessDenied", 403, "Access Denied");
};
const condition = async (bucket, key) => {
  const { headers } = request.getStore();
  if (headers["if-none-match"] === "*" && (await store.existsObject(bucket, key)))
    throw fail("PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold", { Condition: "If-None-Match" });
};
const md5 = (body) => createHash("md5").update(body).digest("hex");
const original = { putObject: store.putObject, putPart: store.putPart, putObjectMultipart: store.putObjectMultipart, listObjects: store.listObjects, deleteObject: store.deleteObject };
store.putObject = async function (object) {
  const { headers } = request.getStore();
  const content = Buffer.isBuffer(object.content) ? object.content : await whole(object.content, object.assembled ? {} : headers);
  refuse_writes();
  await condition(object.bucket, object.key);
  if (fault().name === "lie") return { size: content.length, md5: md5(content) };
  object.content = content;
  return original.putObject.call(store, object);
};
store.putPart = async function (bucket, upload, number, content) {
  const body = await whole(content, request.getStore().headers);
  refuse_writes();
  return original.putPart.call(store, bucket, upload, number, Readable.from([body]));
};
store.putObjectMultipart = async function (bucket, upload, parts) {
  const { params } = { params: { key: readFileSync(join(uploads(bucket), upload, "key"), "utf8") } };
  refuse_writes();
  await condition(bucket, params.key);
  const inner = store.putObject;
  store.putObject = (object) => inner.call(store, Object.assign(object, { assembled: true }));
  try {
    return await original.putObjectMultipart.call(store, bucket, upload, parts);
  } finally {
    store.putObject = inner;
  }
};
store.deleteObject = async function (bucket, key) {
  refuse_writes();
  return original.deleteObject.call(store, bucket, key);
};
// of an empty object no range can be had
const get = store.getObject;
store.getObject = async function (bucket, key, options) {
  const object = await get.call(store, bucket, key, options);
  if (object?.range && object.size === 0) {
    object.content?.destroy();
    object.content = null;
  }
  return object;
};
// short pages, so that whoever lists must go on
store.listObjects = (bucket, options) => original.listObjects.call(store, bucket, { ...options, maxKeys: Math.min(options.maxKeys, 7) });

// ---- uploads under way ----
const uploads = (bucket) => store.getResourcePath(bucket, undefined, "uploads");
const escape = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const list_uploads = (ctx) => {
  const place = uploads(bucket);
  const found = existsSync(place) ? readdirSync(place) : [];
  const rows = found.map((id) => ({ id, key: readFileSync(join(place, id, "key"), "utf8"), begun: statSync(join(place, id, "key")).mtime }))
    .filter(({ key }) => key.startsWith(ctx.query.prefix ?? ""));
  ctx.status = 200;
  ctx.type = "application/xml";
  ctx.body = `<?xml version="1.0" encoding="UTF-8"?>\n<ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>${bucket}</Bucket>` +
    "<KeyMarker/><UploadIdMarker/><MaxUploads>1000</MaxUploads><IsTruncated>false</IsTruncated>" +
    rows.map((row) => `<Upload><Key>${escape(row.key)}</Key><UploadId>${row.id}</UploadId><Initiated>${row.begun.toISOString()}</Initiated></Upload>`).join("") +
    "</ListMultipartUploadsResult>";
};
const abort_upload = (ctx) => {
  const place = join(uploads(bucket), String(ctx.query.uploadId).replace(/[^0-9a-f]/g, ""));
  if (!existsSync(place)) throw fail("NoSuchUpload", 404, "The specified upload does not exist.");
  rmSync(place, { recursive: true });
  ctx.status = 204;
};
const lacking = async (ctx, next) => {
  const wants = ctx.method === "DELETE" && "uploadId" in ctx.query ? abort_upload : ctx.method === "GET" && "uploads" in ctx.query ? list_uploads : null;
  try {
    if (!wants) return await next();
    await next();
  } catch (error) {
    if (!wants || !["NotImplemented", "MethodNotAllowed"].includes(error.code)) throw error;
  }
  wants(ctx);
};

// ---- who asks, SSE-KMS, what is wrong ----
const signer = (sessionToken) => new SignatureV4({ service: "s3", region, sha256: Sha256, uriEscapePath: false, applyChecksum: false,
  credentials: { accessKeyId, secretAccessKey, sessionToken } });
const signed = async (ctx, next) => {
  const given = ctx.get("authorization");
  const [, key, scope, names] = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d+\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=[0-9a-f]{64}$/.exec(given) ?? [];
  if (!key) throw fail("AccessDenied", 403, "Access Denied");
  if (scope !== region)
    throw fail("AuthorizationHeaderMalformed", 400, `The authorization header is malformed; the region '${scope}' is wrong; expecting '${region}'`, { Region: region });
  if (key !== accessKeyId) throw fail("InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records.");
  const signingDate = new Date(ctx.get("x-amz-date").replace(/^(....)(..)(..T..)(..)/, "$1-$2-$3:$4:"));
  if (!(Math.abs(Date.now() - signingDate) < 900000)) throw fail("RequestTimeTooSkewed", 403, "The difference between the request time and the current time is too large.");
  if (ctx.get("x-amz-security-token") === "expired") throw fail("ExpiredToken", 400, "The provided token has expired.");
  const [path, query] = ctx.req.url.split("?");
  const headers = Object.fromEntries(names.split(";").filter((name) => name !== "x-amz-security-token").map((name) => [name, ctx.get(name)]));
  const again = await signer(ctx.get("x-amz-security-token") || undefined).sign(
    { method: ctx.method, path, query: Object.fromEntries(new URLSearchParams(query)), headers, protocol: "https:", hostname: "localhost" }, { signingDate });
  const must = Object.keys(ctx.headers).filter((name) => name === "host" || name.startsWith("x-amz-"));
  if (again.headers.authorization.replace(/, /g, ",") !== given.replace(/, /g, ",") || must.some((name) => !names.split(";").includes(name)))
    throw fail("SignatureDoesNotMatch", 403, "The request signature we calculated does not match the signature you provided. Check your key and signing method.");
  await next();
};
const sealing = async (ctx, next) => {
  const kind = ctx.get("x-amz-server-side-encryption");
  const context = ctx.get("x-amz-server-side-encryption-context");
  const makes = ctx.method === "PUT" && !("partNumber" in ctx.query) || ctx.method === "POST" && "uploads" in ctx.query;
  if (!kind || fault().name === "plain") return next();
  if (!makes || kind !== "aws:kms") throw fail("InvalidArgument", 400, "x-amz-server-side-encryption header is not supported for this operation.");
  const pairs = context ? JSON.parse(Buffer.from(context, "base64").toString("utf8")) : {};
  if (Object.values(pairs).some((value) => typeof value !== "string")) throw fail("InvalidArgument", 400, "The header 'x-amz-server-side-encryption-context' is invalid.");
  await next();
  if (ctx.status < 300) {
    ctx.set("x-amz-server-side-encryption", kind);
    const key = ctx.get("x-amz-server-side-encryption-aws-kms-key-id");
    if (key) ctx.set("x-amz-server-side-encryption-aws-kms-key-id", key);
    appendFileSync(join(folder, "sealed"), JSON.stringify({ path: ctx.path, key, context: pairs }) + "\n");
  }
};
const faulty = async (ctx, next) => {
  const { name, count, less } = fault();
  appendFileSync(join(folder, "requests"), `${ctx.method} ${ctx.url}\n`);
  if (name === "hang") return new Promise(() => {});
  if (count > 0 && name !== "late") {
    less(count - 1);
    throw fail(name, name === "SlowDown" ? 503 : 500, "a fault that was asked for");
  }
  await next();
  if (name === "late" && ["PUT", "POST"].includes(ctx.method) && !("uploads" in ctx.query) && !("partNumber" in ctx.query)) {
    less(0);
    ctx.req.socket.destroy();
  }
  if (name === "cut" && ctx.method === "GET" && ctx.body?.pipe) {
    ctx.respond = false;
    ctx.res.writeHead(ctx.status, { ...ctx.response.headers, "content-length": ctx.length });
    ctx.res.write("half");
    setTimeout(() => ctx.req.socket.destroy(), 100);
  }
};
app.middleware.unshift((ctx, next) => request.run(ctx, next), faulty, signed, sealing, lacking);

const address = await app.run();
writeFileSync(join(folder, "port.new"), String(address.port));
renameSync(join(folder, "port.new"), join(folder, "port"));
