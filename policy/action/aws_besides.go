package action

import (
	"errors"
	"fmt"
	"sort"
	"strings"
)

// awsKey is how the resource of an object of S3 is shown.
const awsKey = "bucket:{Bucket}/{Key}"

// awsBesides are the routes of the service, and actions that the catalogue has no operation for: what requests do besides, and what
// their headers and bodies tell.
var awsBesides = []Route{
	{Method: "*", Template: "/"}, {Method: "*", Template: "/{path...}"},
	{Method: "PUT", Template: "/{Bucket}/{Key...}", Action: "s3:PutObject", Operation: "s3:CopyObject", Class: Write, Resource: awsKey},
	{Method: "PUT", Template: "/{Bucket}/{Key...}", Action: "s3:PutObject", Operation: "s3:UploadPartCopy", Class: Write, Resource: awsKey},
	{Method: "GET", Template: "/{Bucket}/{Key...}", Operation: "s3:GetObjectVersion", Class: Read, Resource: awsKey},
	{Method: "DELETE", Template: "/{Bucket}/{Key...}", Operation: "s3:DeleteObjectVersion", Class: Admin, Resource: awsKey},
	{Method: "GET", Template: "/{Bucket}/{Key...}", Operation: "s3:GetObjectVersionAcl", Class: Read, Resource: awsKey},
	{Method: "PUT", Template: "/{Bucket}/{Key...}", Operation: "s3:PutObjectVersionAcl", Class: Admin, Resource: awsKey},
	{Method: "GET", Template: "/{Bucket}/{Key...}", Operation: "s3:GetObjectVersionTagging", Class: Read, Resource: awsKey},
	{Method: "PUT", Template: "/{Bucket}/{Key...}", Operation: "s3:PutObjectVersionTagging", Class: Admin, Resource: awsKey},
	{Method: "DELETE", Template: "/{Bucket}/{Key...}", Operation: "s3:DeleteObjectVersionTagging", Class: Write, Resource: awsKey},
	{Method: "GET", Template: "/{Bucket}/{Key...}", Operation: "s3:GetObjectVersionAttributes", Class: Read, Resource: awsKey},
	{Method: "*", Template: "/{Bucket}/{Key...}", Operation: "s3:BypassGovernanceRetention", Class: Admin, Resource: awsKey},
	{Method: "POST", Template: "/", Operation: "dynamodb:ConditionCheckItem", Class: Read, Resource: "table:{TableName}", By: "JSON"},
	{Method: "POST", Template: "/", Operation: "dynamodb:PartiQLSelect", Class: Read, Resource: "table:{TableName}", By: "JSON"},
	{Method: "POST", Template: "/", Operation: "dynamodb:PartiQLInsert", Class: Write, Resource: "table:{TableName}", By: "JSON"},
	{Method: "POST", Template: "/", Operation: "dynamodb:PartiQLUpdate", Class: Write, Resource: "table:{TableName}", By: "JSON"},
	{Method: "POST", Template: "/", Operation: "dynamodb:PartiQLDelete", Class: Write, Resource: "table:{TableName}", By: "JSON"},
}

// awsHeader are headers, in lower case, that ask for another action of IAM's besides those of some operations; "*" at the end
// is any rest.
type awsHeader struct {
	headers, operations string
	action              string
	class               Class
}

const awsUploads = " s3:PutObject s3:CopyObject s3:CreateMultipartUpload "

// awsByHeader: Amazon S3 API Reference, "Permissions" of each operation.
var awsByHeader = []awsHeader{
	{"x-amz-acl x-amz-grant-*", awsUploads, "s3:PutObjectAcl", Admin},
	{"x-amz-tagging", awsUploads, "s3:PutObjectTagging", Admin},
	{"x-amz-object-lock-mode x-amz-object-lock-retain-until-date", awsUploads, "s3:PutObjectRetention", Write},
	{"x-amz-object-lock-legal-hold", awsUploads, "s3:PutObjectLegalHold", Write},
	{"x-amz-bypass-governance-retention", " s3:DeleteObject s3:DeleteObjects s3:PutObjectRetention ", "s3:BypassGovernanceRetention", Admin},
	{"x-amz-acl x-amz-grant-*", " s3:CreateBucket ", "s3:PutBucketAcl", Admin},
	{"x-amz-object-ownership", " s3:CreateBucket ", "s3:PutBucketOwnershipControls", Admin},
	{"x-amz-bucket-object-lock-enabled", " s3:CreateBucket ", "s3:PutBucketObjectLockConfiguration", Admin},
	{"x-amz-bucket-object-lock-enabled", " s3:CreateBucket ", "s3:PutBucketVersioning", Admin},
}

func (h *awsHeader) named(name string) bool {
	for _, one := range strings.Fields(h.headers) {
		prefix, open := strings.CutSuffix(one, "*")
		if name == one || open && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// besides adds what a request does besides its operation, and puts what its body tells in the operation's place.
func (x *awsRequest) besides(m *Match) error {
	operation := m.Actions[0].Operation
	switch operation {
	case "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem":
		return x.batch(m)
	case "dynamodb:TransactGetItems", "dynamodb:TransactWriteItems":
		return x.transaction(m)
	case "dynamodb:ExecuteStatement", "dynamodb:BatchExecuteStatement", "dynamodb:ExecuteTransaction":
		return x.statements(m)
	case "sqs:SendMessageBatch", "sqs:DeleteMessageBatch", "sqs:ChangeMessageVisibilityBatch", "sns:PublishBatch":
		return x.entries(m)
	case "ssm:GetParameter", "ssm:GetParameters":
		return x.references(m)
	case "s3:DeleteObjects":
		if err := x.deletions(m); err != nil {
			return err
		}
	}
	if !strings.HasPrefix(operation, "s3:") {
		return nil
	}
	// Where a version is named, IAM asks for another action instead ("Actions defined by Amazon S3"). Both are more than
	// either, so that no rule about the one lets the other through.
	if x.query.Has("versionId") {
		m.beside(strings.Replace(m.Actions[0].Name, "Object", "ObjectVersion", 1), m.Actions[0].Resource)
	}
	of := m.Actions
	for i := range awsByHeader {
		h := &awsByHeader[i]
		if !strings.Contains(h.operations, " "+operation+" ") || !x.hasHeader(h) {
			continue
		}
		for _, a := range of {
			if a.Operation == operation && a.Name != "s3:GetObject" { // of the source of a copy
				m.aspect(h.action, h.action, h.class, a.Resource)
			}
		}
	}
	return nil
}

// beside adds an action of awsBesides, if it is one.
//
//go:noinline
func (m *Match) beside(name string, on Resource) {
	for i := range awsBesides {
		if r := &awsBesides[i]; r.Operation == name {
			m.aspect(name, name, r.Class, on)
		}
	}
}

// aspect adds what belongs to the action before it.
func (m *Match) aspect(name, operation string, class Class, on Resource) {
	m.add(Action{Name: name, Operation: operation, Class: class, Resource: on, Also: true})
}

//go:noinline
func (m *Match) add(a Action) { m.Actions = append(m.Actions, a) }

// hasHeader looks into the headers, and into the query, where a presigned URL has them.
func (x *awsRequest) hasHeader(h *awsHeader) bool {
	for _, names := range [...]map[string][]string{x.Header, x.query} {
		for name := range names {
			if h.named(strings.ToLower(name)) {
				return true
			}
		}
	}
	return false
}

// maxAWSItems bounds what one request may be about; the services' own limits are 25 to 1,000.
const maxAWSItems = 1000

var errAWSItems = errors.New("the body does not tell what the request is about")

// batch makes one action of each table.
func (x *awsRequest) batch(m *Match) error {
	fields, err := x.body("RequestItems")
	if err != nil {
		return err
	}
	tables, _ := fields["RequestItems"].(map[string]any)
	if len(tables) == 0 || len(tables) > maxAWSItems {
		return errAWSItems
	}
	base := m.Actions[0]
	m.Actions = nil
	for _, name := range keysOf(tables) {
		if base.Resource, err = awsResource("table", name, ""); err != nil {
			return err
		}
		m.add(base)
	}
	return nil
}

// entries counts what a batch sends, deletes or changes; to IAM a batch is what one of them is.
func (x *awsRequest) entries(m *Match) error {
	if x.Header.Get("X-Amz-Target") != "" {
		list, err := x.items("Entries")
		if err != nil {
			return err
		}
		return m.times(len(list))
	}
	form, err := x.form()
	if err != nil {
		return err
	}
	n := 0
	for _, fields := range [...]map[string][]string{x.query, form} {
		for name := range fields {
			if strings.HasSuffix(name, ".Id") { // SendMessageBatchRequestEntry.1.Id, PublishBatchRequestEntries.member.1.Id
				n++
			}
		}
	}
	if n == 0 || n > maxAWSItems {
		return errAWSItems
	}
	return m.times(n)
}

// secretByReference begins the names of parameters that are secrets of Secrets Manager, for which IAM asks for GetSecretValue
// besides (AWS Systems Manager User Guide, "Referencing AWS Secrets Manager secrets").
const secretByReference = "/aws/reference/secretsmanager/"

// references adds the secrets that parameters stand for.
func (x *awsRequest) references(m *Match) error {
	fields, err := x.body("Name", "Names")
	if err != nil {
		return err
	}
	names, _ := fields["Names"].([]any)
	for _, v := range append(names, fields["Name"]) {
		name, _ := v.(string)
		if _, secret, ok := strings.Cut(name, secretByReference); ok { // behind the beginning of an ARN, too
			of, err := awsResource("secret", secret, "")
			if err != nil {
				return err
			}
			m.aspect("secretsmanager:GetSecretValue", "secretsmanager:GetSecretValue", Admin, of)
		}
	}
	return nil
}

// transaction makes one action of each item (Amazon DynamoDB Developer Guide, "IAM policy for transactions").
func (x *awsRequest) transaction(m *Match) error {
	items, err := x.items("TransactItems")
	if err != nil {
		return err
	}
	a := m.Actions[0]
	m.Actions = nil
	for _, item := range items {
		parts, _ := item.(map[string]any)
		for _, kind := range keysOf(parts) {
			part, _ := parts[kind].(map[string]any)
			table, named := part["TableName"].(string)
			switch a.Class = Write; kind {
			case "Get", "ConditionCheck":
				a.Class = Read
			case "Put", "Update", "Delete":
			default:
				named = false
			}
			if !named {
				return fmt.Errorf("an item of the transaction (%q) cannot be read", clip(kind))
			}
			a.Name = "dynamodb:" + kind + "Item"
			if a.Resource, err = awsResource("table", table, ""); err != nil {
				return err
			}
			m.add(a)
		}
	}
	if len(m.Actions) < len(items) {
		return errAWSItems
	}
	return nil
}

// keysOf gives the keys of an object in order; what is null is left out.
func keysOf(object map[string]any) (keys []string) {
	for k, v := range object {
		if v != nil {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	return keys
}

// items is a list of a JSON body, not empty and bounded.
func (x *awsRequest) items(name string) ([]any, error) {
	fields, err := x.body(name)
	if err != nil {
		return nil, err
	}
	list, _ := fields[name].([]any)
	if len(list) == 0 || len(list) > maxAWSItems {
		return nil, errAWSItems
	}
	return list, nil
}
