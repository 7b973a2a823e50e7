// The real SDK beside Hinomi on one bucket: node s3_witness.mjs https://localhost:PORT CA-FILE list PREFIX | get KEY | put KEY (from stdin) | uploads
import { readFileSync } from "node:fs";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { Agent } from "node:https";
import * as s3 from "@aws-sdk/client-s3";

const [endpoint, ca, verb, name] = process.argv.slice(2);
const client = new s3.S3Client({ endpoint, region: "eu-test-1", forcePathStyle: true,
  credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
  requestChecksumCalculation: "WHEN_REQUIRED", responseChecksumValidation: "WHEN_REQUIRED",
  requestHandler: new NodeHttpHandler({ httpsAgent: new Agent({ ca: readFileSync(ca) }) }) });
const Bucket = "depot";
const verbs = {
  async list() {
    for await (const page of s3.paginateListObjectsV2({ client }, { Bucket, Prefix: name }))
      for (const { Key, Size } of page.Contents ?? []) console.log(Key, Size);
  },
  async get() {
    process.stdout.write(Buffer.from(await (await client.send(new s3.GetObjectCommand({ Bucket, Key: name }))).Body.transformToByteArray()));
  },
  async put() {
    await client.send(new s3.PutObjectCommand({ Bucket, Key: name, Body: readFileSync(0) }));
  },
  async uploads() {
    for (const { Key } of (await client.send(new s3.ListMultipartUploadsCommand({ Bucket }))).Uploads ?? []) console.log(Key);
  },
};
await verbs[verb]();
