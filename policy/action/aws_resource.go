package action

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// resource names what the request works on: "bucket:NAME/KEY", "function:NAME", "table:NAME", "queue:ACCOUNT/NAME",
// "topic:ACCOUNT/NAME". A name stands for the one in the account and region of the credential; what is asked for by its
// ARN, which may be another account's, is "arn:...".
func (x *awsRequest) resource(m *awsModel, op *awsOp) (Resource, error) {
	if x.route != nil {
		for i, name := range x.route.params {
			switch m.iam + "." + name {
			case "s3.Bucket":
				return awsObject(x.path[0], strings.Join(x.path[1:], "/"))
			case "lambda.FunctionName":
				return awsResource("function", x.caps.value(i, x.path), "")
			case "lambda.ResourceArn", "lambda.ARN":
				if arn := x.caps.value(i, x.path); strings.HasPrefix(arn, "arn:") {
					return awsResource("arn", arn, "")
				}
			}
		}
		var err error
		if x.Method == "GET" {
			err = x.formFields(op, x.query)
		} else {
			err = x.jsonFields(op)
		}
		if err != nil {
			return Resource{}, err
		}
	}
	return x.named, nil
}

// awsObject is an object of S3, or a bucket where there is no key. Names that S3 keeps for the aliases of access points and for
// buckets of other kinds stand for other buckets ("General purpose bucket naming rules").
func awsObject(bucket, key string) (Resource, error) {
	if bucket == "" || strings.Trim(bucket, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") != "" {
		return Resource{}, fmt.Errorf("%q is no name of a bucket", clip(bucket))
	}
	for _, suffix := range [...]string{"-s3alias", "--ol-s3", "--x-s3", "--xa-s3", "--table-s3"} {
		if strings.HasSuffix(strings.ToLower(bucket), suffix) {
			return Resource{}, fmt.Errorf("%q is no bucket but stands for one; name the bucket", clip(bucket))
		}
	}
	if key != "" {
		bucket += "/" + key
	}
	return awsResource("bucket", bucket, "")
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
		if err != nil || u.Host != host || u.RawQuery != "" || strings.Count(u.Path, "/") != 2 || strings.ContainsAny(v, "%@#") {
			return Resource{}, fmt.Errorf("the queue's address %q is not of this host", clip(v))
		}
		return Resource{kind, u.Path[1:]}, nil
	case isARN:
		return Resource{"arn", strings.TrimPrefix(v, "arn:")}, nil
	case kind == "function" && (len(arn) > 2 || len(arn) == 2 && (arn[0] == "function" || awsRegion(arn[0]) || strings.Trim(arn[0], "0123456789") == "")):
		return Resource{}, errors.New("a function is named by its name, name and qualifier, or its ARN") // and not by a part of that
	case kind == "function", kind == "parameter": // behind a colon, a qualifier; a version or a label
		return Resource{kind, arn[0]}, nil
	}
	return Resource{kind, v}, nil
}

// arnNames are the names by which a rule may call what an ARN names. Whose it is and in which region they leave open.
func arnNames(arn string) []Resource {
	f := strings.SplitN(arn, ":", 5) // aws:SERVICE:REGION:ACCOUNT:WHAT
	if len(f) < 5 {
		return nil
	}
	what, account := f[4], f[3]
	name := what[strings.IndexAny(what, ":/")+1:] // behind "function:", "table/"
	first, _, _ := strings.Cut(name, ":")
	switch f[1] {
	case "lambda":
		return []Resource{{"function", first}}
	case "dynamodb":
		table, _, _ := strings.Cut(name, "/")
		return []Resource{{"table", table}}
	case "sqs":
		return []Resource{{"queue", account + "/" + what}, {"queue", what}}
	case "sns":
		topic, _, _ := strings.Cut(what, ":")
		return []Resource{{"topic", account + "/" + topic}}
	case "s3":
		return []Resource{{"bucket", what}}
	case "secretsmanager": // which adds a dash and six characters to the name
		return []Resource{{"secret", name}, {"secret", name[:max(0, len(name)-7)]}}
	case "ssm":
		return []Resource{{"parameter", name}, {"parameter", "/" + name}}
	case "kms":
		return []Resource{{"key", name}, {"key", what}}
	case "logs":
		return []Resource{{"log_group", first}}
	}
	return nil
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
	name, version, versioned := strings.Cut(source[0], "?")
	if versioned && (!strings.HasPrefix(version, "versionId=") || strings.ContainsAny(version, "?&")) || strings.ContainsRune(name, '+') {
		return errors.New("the source of the copy holds a ? or a + that not every reader takes alike; escape it")
	}
	name, err := url.PathUnescape(strings.TrimPrefix(name, "/"))
	bucket, key, ok := strings.Cut(name, "/")
	if err != nil || len(source) > 1 || !ok || bucket == "" || key == "" || strings.Contains(bucket, ":") {
		return errors.New("the source of the copy is not BUCKET/KEY")
	}
	r, err := awsObject(bucket, key)
	if err != nil {
		return err
	}
	m.aspect("s3:GetObject", a.Operation, Read, r)
	if versioned {
		m.beside("s3:GetObjectVersion", r)
	}
	return nil
}
