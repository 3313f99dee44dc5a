package action

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// awsFields are the fields of a service's requests that name what it works on, and as which kind. Operations on several
// at once (BatchWriteItem) have them elsewhere: no resource is known of those.
var awsFields = map[string][]struct{ field, kind string }{
	"dynamodb":       {{"TableName", "table"}},
	"sqs":            {{"QueueUrl", "queue"}, {"QueueName", "queue"}},
	"sns":            {{"TopicArn", "topic"}},
	"secretsmanager": {{"SecretId", "secret"}, {"Name", "secret"}},
	"ssm":            {{"Name", "parameter"}},
	"kms":            {{"KeyId", "key"}},
	"logs":           {{"logGroupName", "log_group"}},
}

// resource names what the request works on: "bucket:NAME/KEY", "function:NAME", "table:NAME", "queue:ACCOUNT/NAME",
// "topic:ACCOUNT/NAME". A name stands for the one in the account and region of the credential; what is asked for by its
// ARN, which may be another account's, is "arn:...".
func (x *awsRequest) resource(m *awsModel) (Resource, error) {
	if x.route == nil {
		for _, f := range awsFields[m.iam] {
			if v := x.fields[f.field]; v != "" {
				return awsResource(f.kind, v, x.Authority.Host)
			}
		}
		return Resource{}, nil
	}
	bucket, key, function := "", "", ""
	for i, name := range x.route.params {
		switch name {
		case "Bucket":
			bucket = x.caps.value(i, x.path)
		case "Key":
			key = "/" + x.caps.value(i, x.path)
		case "FunctionName":
			function = x.caps.value(i, x.path)
		}
	}
	switch {
	case m.iam == "s3" && bucket != "":
		return awsResource("bucket", bucket+key, "")
	case m.iam == "lambda" && function != "":
		return awsResource("function", function, "")
	}
	return Resource{}, nil
}

func awsResource(kind, v, host string) (Resource, error) {
	if strings.ContainsAny(v, "*?\\") && kind != "bucket" || len(v) > 2048 {
		return Resource{}, fmt.Errorf("%q is no name that AWS gives", clip(v))
	}
	for i := 0; i < len(v); i++ {
		if v[i] < ' ' || v[i] == 0x7f {
			return Resource{}, errors.New("a name with a control character")
		}
	}
	arn := strings.Split(v, ":")
	switch isARN := strings.HasPrefix(v, "arn:"); {
	case kind == "topic" && isARN && len(arn) == 6:
		return Resource{kind, arn[4] + "/" + arn[5]}, nil
	case kind == "queue" && strings.Contains(v, "/"):
		u, err := url.Parse(v)
		if err != nil || u.Host != host || u.RawQuery != "" || strings.Count(u.Path, "/") != 2 {
			return Resource{}, fmt.Errorf("the queue's address %q is not of this host", clip(v))
		}
		return Resource{kind, u.Path[1:]}, nil
	case isARN:
		return Resource{"arn", strings.TrimPrefix(v, "arn:")}, nil
	case kind == "function" && len(arn) > 2:
		return Resource{}, errors.New("a function is named by its name, name and qualifier, or its ARN")
	case kind == "function":
		return Resource{kind, arn[0]}, nil
	}
	return Resource{kind, v}, nil
}

// copies adds the reading of the source to an upload that is a copy.
func (x *awsRequest) copies(m *Match) error {
	source := x.Header.Values("X-Amz-Copy-Source")
	if len(source) == 0 {
		return nil
	}
	a := &m.Actions[0]
	switch a.Operation {
	case "s3:PutObject":
		a.Operation = "s3:CopyObject"
	case "s3:UploadPart":
		a.Operation = "s3:UploadPartCopy"
	default:
		return errors.New("only an upload may name a source to copy")
	}
	name, _, _ := strings.Cut(source[0], "?")
	name, err := url.PathUnescape(strings.TrimPrefix(name, "/"))
	bucket, key, ok := strings.Cut(name, "/")
	if err != nil || len(source) > 1 || !ok || bucket == "" || key == "" || strings.Contains(bucket, ":") {
		return errors.New("the source of the copy is not BUCKET/KEY")
	}
	r, err := awsResource("bucket", name, "")
	if err != nil {
		return err
	}
	m.Actions = append(m.Actions, Action{Name: "s3:GetObject", Operation: a.Operation, Class: Read, Resource: r})
	return nil
}
