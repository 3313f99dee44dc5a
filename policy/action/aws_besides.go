package action

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// awsBesides are actions of IAM that no operation has for its name: what requests do besides, or what their bodies tell.
var awsBesides = []struct {
	name, method, template string
	class                  Class
	resource, by           string
}{
	{"s3:GetObjectVersion", "GET", "/{Bucket}/{Key...}", Read, awsKey, ""},
	{"s3:DeleteObjectVersion", "DELETE", "/{Bucket}/{Key...}", Admin, awsKey, ""},
	{"s3:GetObjectVersionAcl", "GET", "/{Bucket}/{Key...}", Read, awsKey, ""},
	{"s3:PutObjectVersionAcl", "PUT", "/{Bucket}/{Key...}", Admin, awsKey, ""},
	{"s3:GetObjectVersionTagging", "GET", "/{Bucket}/{Key...}", Read, awsKey, ""},
	{"s3:PutObjectVersionTagging", "PUT", "/{Bucket}/{Key...}", Admin, awsKey, ""},
	{"s3:DeleteObjectVersionTagging", "DELETE", "/{Bucket}/{Key...}", Write, awsKey, ""},
	{"s3:GetObjectVersionAttributes", "GET", "/{Bucket}/{Key...}", Read, awsKey, ""},
	{"s3:BypassGovernanceRetention", "*", "/{Bucket}/{Key...}", Admin, awsKey, ""},
	{"dynamodb:ConditionCheckItem", "POST", "/", Read, "table:{TableName}", "JSON"},
	{"dynamodb:PartiQLSelect", "POST", "/", Read, "table:{TableName}", "JSON"},
	{"dynamodb:PartiQLInsert", "POST", "/", Write, "table:{TableName}", "JSON"},
	{"dynamodb:PartiQLUpdate", "POST", "/", Write, "table:{TableName}", "JSON"},
	{"dynamodb:PartiQLDelete", "POST", "/", Write, "table:{TableName}", "JSON"},
}

// awsVersioned are the actions that operations need besides their own where they name a version (IAM, "Actions defined by
// Amazon S3"). IAM wants them instead; both are more than either, so that no rule about the one lets the other through.
var awsVersioned = map[string]string{
	"s3:GetObject": "s3:GetObjectVersion", "s3:HeadObject": "s3:GetObjectVersion", "s3:DeleteObject": "s3:DeleteObjectVersion",
	"s3:GetObjectAcl": "s3:GetObjectVersionAcl", "s3:PutObjectAcl": "s3:PutObjectVersionAcl",
	"s3:GetObjectTagging": "s3:GetObjectVersionTagging", "s3:PutObjectTagging": "s3:PutObjectVersionTagging",
	"s3:DeleteObjectTagging": "s3:DeleteObjectVersionTagging", "s3:GetObjectAttributes": "s3:GetObjectVersionAttributes",
}

// awsByHeader are the actions that headers ask for (Amazon S3 API Reference, "Permissions" of each operation).
var awsByHeader = []awsHeader{
	{"x-amz-acl", awsUploads, "s3:PutObjectAcl", Admin},
	{"x-amz-grant-*", awsUploads, "s3:PutObjectAcl", Admin},
	{"x-amz-tagging", awsUploads, "s3:PutObjectTagging", Admin},
	{"x-amz-object-lock-mode", awsUploads, "s3:PutObjectRetention", Write},
	{"x-amz-object-lock-retain-until-date", awsUploads, "s3:PutObjectRetention", Write},
	{"x-amz-object-lock-legal-hold", awsUploads, "s3:PutObjectLegalHold", Write},
	{"x-amz-bypass-governance-retention", "s3:DeleteObject s3:DeleteObjects s3:PutObjectRetention", "s3:BypassGovernanceRetention", Admin},
	{"x-amz-acl", "s3:CreateBucket", "s3:PutBucketAcl", Admin},
	{"x-amz-grant-*", "s3:CreateBucket", "s3:PutBucketAcl", Admin},
	{"x-amz-object-ownership", "s3:CreateBucket", "s3:PutBucketOwnershipControls", Admin},
	{"x-amz-bucket-object-lock-enabled", "s3:CreateBucket", "s3:PutBucketObjectLockConfiguration", Admin},
	{"x-amz-bucket-object-lock-enabled", "s3:CreateBucket", "s3:PutBucketVersioning", Admin},
}

const awsUploads = "s3:PutObject s3:CopyObject s3:CreateMultipartUpload"

type awsHeader struct {
	header, operations string
	action             string
	class              Class
}

// named says whether a header, in lower case, is the one; "*" at the end is any rest.
func (h *awsHeader) named(name string) bool {
	prefix, open := strings.CutSuffix(h.header, "*")
	return name == h.header || open && strings.HasPrefix(name, prefix)
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
	}
	if !strings.HasPrefix(operation, "s3:") {
		return nil
	}
	if operation == "s3:DeleteObjects" {
		if err := x.deletions(m); err != nil {
			return err
		}
	}
	if versioned := awsVersioned[operation]; versioned != "" && x.query.Has("versionId") {
		m.beside(versioned, m.Actions[0].Resource)
	}
	x.headers(m, operation)
	return nil
}

// beside adds an action of awsBesides.
func (m *Match) beside(name string, on Resource) {
	for _, b := range awsBesides {
		if b.name == name {
			m.Actions = append(m.Actions, Action{Name: name, Operation: name, Class: b.class, Resource: on, Also: true})
			return
		}
	}
}

// headers adds what headers ask for, each action once for each resource of the operation itself.
func (x *awsRequest) headers(m *Match, operation string) {
	for i := range awsByHeader {
		h := &awsByHeader[i]
		if !strings.Contains(" "+h.operations+" ", " "+operation+" ") || !x.hasHeader(h) {
			continue
		}
		for _, a := range m.Actions[:len(m.Actions):len(m.Actions)] {
			if a.Operation == operation && a.Name != "s3:GetObject" && !m.performs(h.action, a.Resource) {
				m.Actions = append(m.Actions, Action{Name: h.action, Operation: h.action, Class: h.class, Resource: a.Resource, Also: true})
			}
		}
	}
}

func (m *Match) performs(name string, on Resource) bool {
	for _, a := range m.Actions {
		if a.Name == name && a.Resource == on {
			return true
		}
	}
	return false
}

// hasHeader looks into the headers, and into the query, where a presigned URL has them.
func (x *awsRequest) hasHeader(h *awsHeader) bool {
	for name := range x.Header {
		if h.named(strings.ToLower(name)) {
			return true
		}
	}
	for name := range x.query {
		if h.named(strings.ToLower(name)) {
			return true
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
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		if base.Resource, err = awsResource("table", name, ""); err != nil {
			return err
		}
		m.Actions = append(m.Actions, base)
	}
	return nil
}

// awsItems are the actions of the parts of a transaction (Amazon DynamoDB Developer Guide, "IAM policy for transactions").
var awsItems = map[string]Action{
	"Get": {Name: "dynamodb:GetItem", Class: Read}, "Put": {Name: "dynamodb:PutItem", Class: Write}, "Update": {Name: "dynamodb:UpdateItem", Class: Write},
	"Delete": {Name: "dynamodb:DeleteItem", Class: Write}, "ConditionCheck": {Name: "dynamodb:ConditionCheckItem", Class: Read},
}

// transaction makes one action of each item.
func (x *awsRequest) transaction(m *Match) error {
	items, err := x.items("TransactItems")
	if err != nil {
		return err
	}
	operation := m.Actions[0].Operation
	m.Actions = nil
	for _, item := range items {
		parts, ok := item.(map[string]any)
		if !ok || len(parts) == 0 {
			return errAWSItems
		}
		for _, kind := range slices.Sorted(maps.Keys(parts)) {
			a, known := awsItems[kind]
			part, isObject := parts[kind].(map[string]any)
			if parts[kind] == nil {
				continue
			}
			table, named := part["TableName"].(string)
			if !known || !isObject || !named {
				return fmt.Errorf("an item of the transaction (%q) cannot be read", clip(kind))
			}
			a.Operation = operation
			if a.Resource, err = awsResource("table", table, ""); err != nil {
				return err
			}
			m.Actions = append(m.Actions, a)
		}
	}
	if len(m.Actions) == 0 {
		return errAWSItems
	}
	return nil
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
