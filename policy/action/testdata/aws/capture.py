#!/usr/bin/env python3
"""Keeps the requests that boto3 and the AWS SDK for JavaScript send for every operation of some services of AWS.

    capture.py SDKS

SDKS is a folder with a node_modules that has the clients; boto3.tsv.gz and js.tsv.gz are written beside this file. The SDKs
sign and send as they always do, but to a server on loopback that answers all with nothing. See README.md for the form.
What IAM calls for is told here from the parameters of an operation, by the Service Authorization Reference and the API
references; never from the request.
"""
import datetime, gzip, json, os, re, subprocess, sys, tempfile, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import boto3
from botocore.config import Config

SERVICES = ["s3", "lambda", "dynamodb", "sqs", "sts"]

# Values that name what a request works on, and those whose form a client checks.
KNOWN = {
    "Bucket": "my-bucket", "Key": "folder/my key+1.txt", "CopySource": "other-bucket/from/key.txt?versionId=v1", "FunctionName": "my-function",
    "TableName": "my-table", "QueueUrl": "http://sqs.us-east-1.amazonaws.com/123456789012/jobs", "QueueName": "jobs", "RequestRoute": "route",
    "UploadId": "upload1", "AccountId": "123456789012", "ContentMD5": "1B2M2Y8AsgTpgAmy7PhCfg==",
    "RoleArn": "arn:aws:iam::123456789012:role/deployer", "SSECustomerKey": "k" * 32, "CopySourceSSECustomerKey": "k" * 32,
    "Resource": "arn:aws:lambda:us-east-1:123456789012:function:my-function",
    "TableArn": "arn:aws:dynamodb:us-east-1:123456789012:table/my-table", "ResourceArn": "arn:aws:dynamodb:us-east-1:123456789012:table/my-table",
}

# Parameters that a generator would not make so that they mean something.
ITEM = {"id": {"S": "1"}}
GIVEN = {
    "BatchGetItem": [{"RequestItems": {"my-table": {"Keys": [ITEM]}, "other.table": {"Keys": [ITEM]}}}],
    "BatchWriteItem": [{"RequestItems": {"my-table": [{"PutRequest": {"Item": ITEM}}, {"DeleteRequest": {"Key": ITEM}}], "other.table": [{"DeleteRequest": {"Key": ITEM}}]}}],
    "TransactGetItems": [{"TransactItems": [{"Get": {"TableName": "my-table", "Key": ITEM}}, {"Get": {"TableName": "other.table", "Key": ITEM}}]}],
    "TransactWriteItems": [
        {"TransactItems": [{"Put": {"TableName": "my-table", "Item": ITEM}}]},
        {"TransactItems": [{"Delete": {"TableName": "my-table", "Key": ITEM}}, {"Update": {"TableName": "other.table", "Key": ITEM, "UpdateExpression": "SET a = b"}},
                           {"ConditionCheck": {"TableName": "my-table", "Key": ITEM, "ConditionExpression": "attribute_exists(id)"}}]},
    ],
    "ExecuteStatement": [{"Statement": s} for s in ("SELECT * FROM \"my-table\"", "insert into \"my-table\" value {'id': '1'}",
                                                    "  UPDATE \"my-table\" SET a = 1 WHERE id = '1'", "Delete\nFROM \"my-table\" WHERE id = '1'")],
    "BatchExecuteStatement": [{"Statements": [{"Statement": "SELECT * FROM \"a\" WHERE id = '1'"}, {"Statement": "DELETE FROM \"a\" WHERE id = '2'"}]}],
    "ExecuteTransaction": [{"TransactStatements": [{"Statement": "UPDATE \"a\" SET b = 1 WHERE id = '1'"}, {"Statement": "EXISTS(SELECT * FROM \"a\" WHERE id = '2')"}]}],
    "DeleteObjects": [
        {"Bucket": "my-bucket", "Delete": {"Objects": [{"Key": "a/1.txt"}, {"Key": "b & <c>\u00e9\"'.txt", "VersionId": "v1"}], "Quiet": True}},
        {"Bucket": "my-bucket", "BypassGovernanceRetention": True, "Delete": {"Objects": [{"Key": " spaced  twice"}]}},
    ],
}

# What IAM calls operations of another name.
IAM = {
    "s3": {
        "HeadObject": "GetObject", "SelectObjectContent": "GetObject", "HeadBucket": "ListBucket", "ListObjects": "ListBucket", "ListObjectsV2": "ListBucket",
        "ListObjectVersions": "ListBucketVersions", "ListBuckets": "ListAllMyBuckets", "CreateMultipartUpload": "PutObject", "UploadPart": "PutObject",
        "CompleteMultipartUpload": "PutObject", "CopyObject": "PutObject", "UploadPartCopy": "PutObject", "ListParts": "ListMultipartUploadParts",
        "ListMultipartUploads": "ListBucketMultipartUploads", "DeleteBucketTagging": "PutBucketTagging",
        "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration", "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
        "GetBucketCors": "GetBucketCORS", "PutBucketCors": "PutBucketCORS", "DeleteBucketCors": "PutBucketCORS",
        "GetBucketEncryption": "GetEncryptionConfiguration", "PutBucketEncryption": "PutEncryptionConfiguration", "DeleteBucketEncryption": "PutEncryptionConfiguration",
        "GetBucketLifecycle": "GetLifecycleConfiguration", "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
        "PutBucketLifecycle": "PutLifecycleConfiguration", "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration", "DeleteBucketLifecycle": "PutLifecycleConfiguration",
        "GetBucketNotificationConfiguration": "GetBucketNotification", "PutBucketNotificationConfiguration": "PutBucketNotification",
        "GetBucketReplication": "GetReplicationConfiguration", "PutBucketReplication": "PutReplicationConfiguration", "DeleteBucketReplication": "PutReplicationConfiguration",
        "GetPublicAccessBlock": "GetBucketPublicAccessBlock", "PutPublicAccessBlock": "PutBucketPublicAccessBlock", "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
        "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration", "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
        "GetBucketAnalyticsConfiguration": "GetAnalyticsConfiguration", "ListBucketAnalyticsConfigurations": "GetAnalyticsConfiguration",
        "PutBucketAnalyticsConfiguration": "PutAnalyticsConfiguration", "DeleteBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
        "GetBucketInventoryConfiguration": "GetInventoryConfiguration", "ListBucketInventoryConfigurations": "GetInventoryConfiguration",
        "PutBucketInventoryConfiguration": "PutInventoryConfiguration", "DeleteBucketInventoryConfiguration": "PutInventoryConfiguration",
        "GetBucketMetricsConfiguration": "GetMetricsConfiguration", "ListBucketMetricsConfigurations": "GetMetricsConfiguration",
        "PutBucketMetricsConfiguration": "PutMetricsConfiguration", "DeleteBucketMetricsConfiguration": "PutMetricsConfiguration",
        "GetBucketIntelligentTieringConfiguration": "GetIntelligentTieringConfiguration", "ListBucketIntelligentTieringConfigurations": "GetIntelligentTieringConfiguration",
        "PutBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration", "DeleteBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
        "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    },
    "lambda": {"Invoke": "InvokeFunction", "InvokeAsync": "InvokeFunction", "GetLayerVersionByArn": "GetLayerVersion"},
    "sqs": {"SendMessageBatch": "SendMessage", "DeleteMessageBatch": "DeleteMessage", "ChangeMessageVisibilityBatch": "ChangeMessageVisibility"},
}
# What needs another action besides where a version is named.
VERSIONED = {
    "GetObject": "GetObjectVersion", "HeadObject": "GetObjectVersion", "DeleteObject": "DeleteObjectVersion", "GetObjectAcl": "GetObjectVersionAcl",
    "PutObjectAcl": "PutObjectVersionAcl", "GetObjectTagging": "GetObjectVersionTagging", "PutObjectTagging": "PutObjectVersionTagging",
    "DeleteObjectTagging": "DeleteObjectVersionTagging", "GetObjectAttributes": "GetObjectVersionAttributes",
}
UPLOADS = {"PutObject", "CopyObject", "CreateMultipartUpload"}
# What hands out credentials, or is not of this host, is no action of the catalogue.
UNKNOWN = {"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "AssumeRoot", "GetSessionToken", "GetFederationToken", "WriteGetObjectResponse"}

# What only younger clients than boto3's have.
FUNCTION, TABLE, BUCKET, OBJECT = "function:my-function", "arn:aws:dynamodb:us-east-1:123456789012:table/my-table", "bucket:my-bucket", "bucket:my-bucket/folder/my key+1.txt"
YOUNGER = {
    "s3": {
        "CreateSession": "unknown", "RenameObject": "unknown", "ListDirectoryBuckets": "unknown",  # of directory buckets, which are at other hosts
        "CreateBucketMetadataConfiguration": "s3:CreateBucketMetadataTableConfiguration " + BUCKET,
        "CreateBucketMetadataTableConfiguration": "s3:CreateBucketMetadataTableConfiguration " + BUCKET,
        "DeleteBucketMetadataConfiguration": "s3:DeleteBucketMetadataTableConfiguration " + BUCKET,
        "DeleteBucketMetadataTableConfiguration": "s3:DeleteBucketMetadataTableConfiguration " + BUCKET,
        "GetBucketMetadataConfiguration": "s3:GetBucketMetadataTableConfiguration " + BUCKET,
        "GetBucketMetadataTableConfiguration": "s3:GetBucketMetadataTableConfiguration " + BUCKET,
        "UpdateBucketMetadataAnnotationTableConfiguration": "s3:UpdateBucketMetadataAnnotationTableConfiguration " + BUCKET,
        "UpdateBucketMetadataInventoryTableConfiguration": "s3:UpdateBucketMetadataInventoryTableConfiguration " + BUCKET,
        "UpdateBucketMetadataJournalTableConfiguration": "s3:UpdateBucketMetadataJournalTableConfiguration " + BUCKET,
        "ListBuckets": "s3:ListAllMyBuckets", "GetBucketAbac": "s3:GetBucketAbac " + BUCKET, "PutBucketAbac": "s3:PutBucketAbac " + BUCKET,
        "GetObjectAnnotation": "s3:GetObjectAnnotation " + OBJECT, "PutObjectAnnotation": "s3:PutObjectAnnotation " + OBJECT,
        "DeleteObjectAnnotation": "s3:DeleteObjectAnnotation " + OBJECT, "ListObjectAnnotations": "s3:ListObjectAnnotations " + OBJECT,
        "UpdateObjectEncryption": "s3:UpdateObjectEncryption " + OBJECT,
    },
    "lambda": {"InvokeWithResponseStream": "lambda:InvokeFunction " + FUNCTION} | {
        o: "lambda:" + o + " " + FUNCTION for o in """GetFunctionRecursionConfig PutFunctionRecursionConfig GetFunctionScalingConfig PutFunctionScalingConfig
        GetRuntimeManagementConfig PutRuntimeManagementConfig ListDurableExecutionsByFunction""".split()} | {
        o: "unknown" for o in """CheckpointDurableExecution GetDurableExecution GetDurableExecutionHistory GetDurableExecutionState
        StopDurableExecution""".split()} | {  # their ARNs hold slashes
        o: "lambda:" + o for o in """SendDurableExecutionCallbackFailure SendDurableExecutionCallbackHeartbeat SendDurableExecutionCallbackSuccess CreateCapacityProvider
        GetCapacityProvider UpdateCapacityProvider DeleteCapacityProvider ListCapacityProviders ListFunctionVersionsByCapacityProvider""".split()} | {
        o: "lambda:" + o + " " + KNOWN["Resource"] for o in "GetResourcePolicy PutResourcePolicy DeleteResourcePolicy".split()},
    "dynamodb": {o: "dynamodb:" + o + " " + TABLE for o in "GetResourcePolicy PutResourcePolicy DeleteResourcePolicy".split()} | {
        "UpdateKinesisStreamingDestination": "dynamodb:UpdateKinesisStreamingDestination table:my-table", "SearchVectors": "unknown",  # at a host of its own
        "CancelBulkOperation": "unknown", "DescribeBulkOperation": "unknown", "ListBulkOperations": "unknown", "StartBulkPutItems": "unknown"},
    "sqs": {o: "sqs:" + o for o in "StartMessageMoveTask CancelMessageMoveTask ListMessageMoveTasks".split()},
    "sts": dict.fromkeys("AssumeRoot GetDelegatedAccessToken GetScopedCredentials GetWebIdentityToken".split(), "unknown"),
}


def expect(service, operation, p):
    """Says what a policy must be asked for: actions on resources."""
    if operation in UNKNOWN:
        return "unknown"
    name, on, more = IAM.get(service, {}).get(operation, operation), "", []
    if service == "s3":
        return join("s3", s3(operation, name, p))
    if operation in ("BatchGetItem", "BatchWriteItem"):
        return join(service, [(operation, "table:" + t) for t in p["RequestItems"]])
    if operation in ("TransactGetItems", "TransactWriteItems"):
        names = {"Get": "GetItem", "Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
        return join(service, [(names[k], "table:" + v["TableName"]) for item in p["TransactItems"] for k, v in item.items()])
    if operation in ("ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"):
        statements = p.get("Statements") or p.get("TransactStatements") or [p]
        words = {"SELECT": "Select", "EXISTS": "Select", "INSERT": "Insert", "UPDATE": "Update", "DELETE": "Delete"}
        return join(service, [("PartiQL" + words[re.match(r"\s*(\w+)", s["Statement"]).group(1).upper()], "table:" + s["Statement"].split('"')[1]) for s in statements])
    if service == "lambda" and "Resource" in p:
        on = p["Resource"]
    elif service == "lambda" and "FunctionName" in p and operation != "UpdateEventSourceMapping":  # a mapping may be another function's
        on = "function:" + p["FunctionName"]
    elif service == "dynamodb" and "TableName" in p:
        on = "table:" + p["TableName"]
    elif service == "dynamodb" and ("TableArn" in p or "ResourceArn" in p):
        on = p.get("TableArn") or p["ResourceArn"]
    elif service == "sqs" and "QueueUrl" in p:
        on = "queue:" + p["QueueUrl"].split("amazonaws.com/")[1]
    elif service == "sqs" and "QueueName" in p:
        on = "queue:" + p["QueueName"]
    return join(service, [(name, on)])


def s3(operation, name, p):
    bucket = "bucket:" + p["Bucket"] if "Bucket" in p else ""
    on = bucket + ("/" + p["Key"] if "Key" in p else "")
    if operation == "DeleteObjects":
        out = []
        for o in p["Delete"]["Objects"]:
            out.append(("DeleteObject", bucket + "/" + o["Key"]))
            if "VersionId" in o:
                out.append(("DeleteObjectVersion", bucket + "/" + o["Key"]))
            if p.get("BypassGovernanceRetention"):
                out.append(("BypassGovernanceRetention", bucket + "/" + o["Key"]))
        return out
    out = [(name, on)]
    if "VersionId" in p and operation in VERSIONED:
        out.append((VERSIONED[operation], on))
    if "CopySource" in p:
        source, _, version = p["CopySource"].partition("?")
        out.append(("GetObject", "bucket:" + source))
        if version:
            out.append(("GetObjectVersion", "bucket:" + source))
    if operation in UPLOADS:
        if "ACL" in p or any(k.startswith("Grant") for k in p):
            out.append(("PutObjectAcl", on))
        if "Tagging" in p:
            out.append(("PutObjectTagging", on))
        if "ObjectLockMode" in p or "ObjectLockRetainUntilDate" in p:
            out.append(("PutObjectRetention", on))
        if "ObjectLockLegalHoldStatus" in p:
            out.append(("PutObjectLegalHold", on))
    if operation == "CreateBucket":
        if "ACL" in p or any(k.startswith("Grant") for k in p):
            out.append(("PutBucketAcl", on))
        if p.get("ObjectLockEnabledForBucket"):
            out += [("PutBucketObjectLockConfiguration", on), ("PutBucketVersioning", on)]
        if "ObjectOwnership" in p:
            out.append(("PutBucketOwnershipControls", on))
    if p.get("BypassGovernanceRetention"):
        out.append(("BypassGovernanceRetention", on))
    return out


def join(service, actions):
    return "; ".join((service + ":" + name + " " + on).strip() for name, on in actions)


def value(shape, name, full, depth=0):
    """Makes a value of a shape: all of it, or only what must be there."""
    kind = shape.type_name
    if name in KNOWN and kind == "string":
        return KNOWN[name]
    if kind == "structure":
        if shape.name == "AttributeValue":
            return {"S": "x"}
        return {m: value(s, m, full, depth + 1) for m, s in shape.members.items() if m in shape.required_members or full and depth < 3}
    if kind == "list":
        return [value(shape.member, name, full, depth + 1)]
    if kind == "map":
        return {value(shape.key, "key", full, depth + 1): value(shape.value, "value", full, depth + 1)}
    if kind == "string":
        return shape.enum[0] if shape.enum else "x" * max(1, shape.metadata.get("min", 1))
    if kind in ("integer", "long"):
        return max(1, shape.metadata.get("min", 1))
    return {
        "float": 1.5, "double": 1.5, "boolean": True, "blob": b"x",
        "timestamp": datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
    }[kind]


def variants(operation, shape):
    if operation in GIVEN:
        return GIVEN[operation]
    if not shape:
        return [{}]
    small, large = value(shape, operation, False), value(shape, operation, True)
    return [small] if small == large else [small, large]


class Recorder(BaseHTTPRequestHandler):
    """Keeps each request: a proxy to boto3, every host to the other SDK, which tells beforehand which operation comes."""

    protocol_version = "HTTP/1.1"
    kept, operation = [], None

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        while self.headers.get("Transfer-Encoding") == "chunked":
            size = int(self.rfile.readline(), 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if not size:
                break
        host = self.headers["Host"]
        target = self.path.removeprefix("http://" + host)
        if host == "operation.invalid":
            Recorder.operation = target[1:]
        else:
            self.kept.append((self.operation, self.command, "http://" + host + target, self.headers, body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer

    def log_message(self, *args):
        pass


def line(service, operation, expected, request):
    """Is one line of the table: what is expected, and what of a request tells it."""
    _, method, url, headers, body = request
    scope = re.search(r"Credential=[^/]+/\d+/([^,]+)/aws4_request", headers.get("Authorization", ""))
    kept = sorted({k.lower() for k in headers if re.match("content-(type|encoding)$|x-amz(n)?-", k.lower()) and not re.search(
        "date$|security-token|content-sha256|sdk-|user-agent|md5|customer|checksum|decoded", k.lower())})
    text = body.decode("utf-8", "replace")
    if service == "s3" and "delete" not in re.split("[?&=]", url):
        text = "(not kept)" if text else ""
    values = [service, operation, expected, method, url, scope and scope.group(1), " | ".join(k + ": " + headers[k] for k in kept), text.replace("\\", "\\\\").replace("\n", "\\n")]
    return "\t".join(x or "-" for x in values)


def plain(v):
    """Makes parameters JSON: bytes and dates as marked objects."""
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items()}
    if isinstance(v, list):
        return [plain(x) for x in v]
    if isinstance(v, bytes):
        return {"$bytes": v.decode()}
    if isinstance(v, datetime.datetime):
        return {"$date": v.isoformat()}
    return v


def python(port):
    """Sends all that boto3 can, and gives the lines and what the other SDK is to send."""
    lines, made = ["# boto3 " + boto3.__version__], {}
    for service in SERVICES:
        for style in ("virtual", "path") if service == "s3" else ("auto",):
            config = Config(s3={"addressing_style": style}, retries={"max_attempts": 0}, proxies={"http": "http://127.0.0.1:%d" % port})
            client = boto3.client(service, region_name="us-east-1", use_ssl=False, aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret", config=config)
            for operation in sorted(client.meta.service_model.operation_names):
                for params in variants(operation, client.meta.service_model.operation_model(operation).input_shape):
                    expected = expect(service, operation, params)
                    if style != "path":
                        made.setdefault(service, {}).setdefault(operation, []).append({"params": plain(params), "expect": expected})
                    del Recorder.kept[:]
                    error = None
                    try:
                        client._make_api_call(operation, params)
                    except Exception as e:  # nothing is no answer that every operation can read
                        error = e
                    if Recorder.kept:
                        lines.append(line(service, operation, expected, Recorder.kept[0]))
                    else:
                        print("%s %s: %s" % (service, operation, error), file=sys.stderr)
    return lines, made


def javascript(port, sdks, made):
    """Sends the same and what only the SDK for JavaScript has."""
    for service, operations in YOUNGER.items():
        for operation, expected in operations.items():
            made[service].setdefault(operation, []).append({"params": None, "expect": expected})
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        json.dump(made, f)
        f.flush()
        del Recorder.kept[:]
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "capture.mjs")
        versions = subprocess.run(["node", script, str(port), f.name], cwd=sdks, check=True, stdout=subprocess.PIPE, text=True, timeout=300).stdout
    lines = ["# " + versions.strip().replace("\n", ", ")]
    for request in Recorder.kept:
        service, operation, n = request[0].split("/")
        lines.append(line(service, operation, made[service][operation][int(n)]["expect"], request))
    return lines


def main(sdks):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    lines, made = python(server.server_port)
    for name, lines in ("boto3", lines), ("js", javascript(server.server_port, sdks, made)):
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".tsv.gz"), "wb") as f:
            f.write(gzip.compress(("\n".join(lines) + "\n").encode(), 9, mtime=0))
        print("%s: %d requests" % (name, len(lines) - 1))


main(sys.argv[1])
