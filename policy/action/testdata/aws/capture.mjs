// Sends the operations that capture.py names, with their parameters, through the AWS SDK for JavaScript to a server on
// loopback, whatever host they are for; prints the versions of the clients. It is run by capture.py:
//
//     node capture.mjs PORT PARAMS.json
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { createRequire } from "node:module";
import net from "node:net";

const require = createRequire(process.cwd() + "/");
const clients = { s3: "S3", lambda: "Lambda", dynamodb: "DynamoDB", sqs: "SQS", sts: "STS" };
const port = Number(process.argv[2]);
const made = JSON.parse(readFileSync(process.argv[3], "utf8"));
// Enough for every operation that only this SDK has.
const table = "arn:aws:dynamodb:us-east-1:123456789012:table/my-table";
const lambda = "arn:aws:lambda:us-east-1:123456789012:function:my-function";
const anything = {
  Bucket: "my-bucket", Key: "folder/my key+1.txt", FunctionName: "my-function", TableName: "my-table", RenameSource: "my-bucket/old", AnnotationName: "note",
  CapacityProviderName: "x", DurableExecutionArn: lambda + ":1/durable-execution/a/b", CallbackId: "x",
  CheckpointToken: "x", Qualifier: "1", Policy: "{}", ResourceArn: table, SourceArn: "arn:aws:sqs:us-east-1:123456789012:jobs", TaskHandle: "x", StreamArn: "x",
  BulkOperationArn: "x", TargetArn: table, RecursiveLoop: "Allow", UpdateRuntimeOn: "Auto", ObjectEncryption: { SSES3: {} }, MaxBuckets: 5, BucketRegion: "us-east-1",
  InventoryTableConfiguration: { ConfigurationState: "DISABLED" }, JournalTableConfiguration: { RecordExpiration: { Expiration: "DISABLED" } },
  MetadataConfiguration: {}, MetadataTableConfiguration: {}, AbacStatus: {}, IndexName: "x", AnnotationPayload: "x",
};
http.Agent.prototype.createConnection = https.Agent.prototype.createConnection = () => net.connect(port, "127.0.0.1"); // in the clear

function real(v) {
  if (Array.isArray(v)) return v.map(real);
  if (!v || typeof v !== "object") return v;
  if ("$bytes" in v) return new TextEncoder().encode(v.$bytes);
  if ("$date" in v) return new Date(v.$date);
  return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, real(x)]));
}

// announce tells the server what comes next, in a way that no SDK does.
function announce(...what) {
  return new Promise((done, fail) => {
    http.get({ host: "operation.invalid", path: "/" + what.join("/") }, (r) => r.resume().on("end", done)).on("error", fail);
  });
}

for (const [service, name] of Object.entries(clients)) {
  const sdk = require("@aws-sdk/client-" + service);
  console.log("@aws-sdk/client-" + service + " " + require("@aws-sdk/client-" + service + "/package.json").version);
  const client = new sdk[name + "Client"]({
    region: "us-east-1", credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" }, maxAttempts: 1,
  });
  const operations = Object.keys(sdk).filter((k) => /^[A-Z].*Command$/.test(k) && typeof sdk[k] === "function").map((k) => k.slice(0, -"Command".length));
  for (const operation of operations.sort()) {
    if (!made[service][operation]) console.error(service, operation, "is not expected");
    for (const [n, { params }] of (made[service][operation] ?? []).entries()) {
      await announce(service, operation, n);
      try {
        await client.send(new sdk[operation + "Command"](params ? real(params) : service === "lambda" ? { ...anything, ResourceArn: lambda } : anything));
      } catch (e) {
        // Nothing is no answer that every operation can read.
        if (process.env.CAPTURE_VERBOSE) console.error(service, operation, e.message);
      }
    }
  }
  client.destroy();
}
process.exit(); // the agents keep their connections
