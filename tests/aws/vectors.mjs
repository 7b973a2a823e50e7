// Writes tests/golden/aws_sigv4.txt: signatures by the real SDK's signer, for tests/unit/aws/test_aws_sigv4.c.
// A line: microseconds|region|access key|secret key|session token|host|operation|body|Authorization
import { SignatureV4 } from "@smithy/signature-v4";
import { Sha256 } from "@aws-crypto/sha256-js";

const keys = ["wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "s", "0123456789+/=abcdefghijklmnopqrstuvwxyzABCD"];
const bodies = ["{}", '{"KeyId":"alias/hinomi/x/1"}', JSON.stringify({ Plaintext: "A".repeat(3000), EncryptionContext: { tenant: "*" } }), ""];
const dates = ["2015-08-30T12:36:00Z", "2026-12-31T23:59:59Z", "2028-02-29T00:00:00Z", "1999-01-01T01:01:01Z"];
const cases = [];
for (const [i, date] of dates.entries())
  for (const region of ["eu-central-1", "us-gov-east-1", "cn-north-1"])
    for (const token of ["", "IQoJb3JpZ2luX2VjEAMaDGV1LWNlbnRyYWwtMSJH" + "x/+=".repeat(100)])
      cases.push({ date, region, token, secret: keys[(i + cases.length) % keys.length], body: bodies[cases.length % bodies.length],
        operation: ["Encrypt", "DescribeKey", "ScheduleKeyDeletion"][cases.length % 3], host: i % 2 ? "localhost:8443" : `kms.${region}.amazonaws.com` });
for (const c of cases) {
  const signer = new SignatureV4({ service: "kms", region: c.region, sha256: Sha256, applyChecksum: false,
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: c.secret, ...(c.token && { sessionToken: c.token }) } });
  const signed = await signer.sign({ method: "POST", protocol: "https:", hostname: c.host, path: "/", query: {}, body: c.body,
    headers: { host: c.host, "content-type": "application/x-amz-json-1.1", "x-amz-target": `TrentService.${c.operation}` } },
    { signingDate: new Date(c.date) });
  console.log([Date.parse(c.date) * 1000, c.region, "AKIDEXAMPLE", c.secret, c.token, c.host, c.operation, c.body, signed.headers.authorization].join("|"));
}
