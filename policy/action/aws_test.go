package action

import (
	"net/http"
	"strings"
	"sync"
	"testing"
)

// Every template of every API of AWS resolves to itself, and each operation with its flags to itself or to one that is
// the same to IAM.
func TestAWSTemplatesResolveToThemselves(t *testing.T) {
	operations := 0
	for endpoint, models := range awsTable().models {
		for _, m := range models {
			operations += len(m.ops)
			for i, r := range m.routes {
				segments := strings.Split(r.Template[1:], "/")
				for j, s := range segments {
					if param, _, _, _ := templateSegment(s); param != "" {
						segments[j] = "~" + param
					}
				}
				var c captures
				if got := m.router().find(r.Method, segments, &c); got == nil || got.at != i {
					t.Errorf("%s: %s %s resolves to %v", endpoint, r.Method, r.Template, got)
				}
				for _, op := range m.variants[i] {
					operations++
					query := map[string][]string{}
					for _, f := range op.flags {
						key, value, _ := strings.Cut(f, "=")
						query[key] = []string{value}
					}
					got, err := pickByFlags(m.variants[i], query)
					if err != nil || got.action != op.action && strings.Join(got.flags, ",") != strings.Join(op.flags, ",") || got.class < op.class {
						t.Errorf("%s: %s resolves to %+v, %v", endpoint, op.name, got, err)
					}
				}
			}
		}
	}
	if operations < 3500 || len(awsTable().models) < 32 {
		t.Errorf("%d operations of %d endpoints", operations, len(awsTable().models))
	}
}

// A request that is not signed, or signed twice, or for something else, is not read.
func TestAWSScope(t *testing.T) {
	const scope = "AWS4-HMAC-SHA256 Credential=AKID/20250101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
	s := Lookup("aws")
	for _, c := range []struct {
		host, target string
		headers      []string
		reason       string
	}{
		{"s3.us-east-1.amazonaws.com", "/b/k", []string{scope}, ""},
		{"s3.amazonaws.com", "/b/k", []string{scope}, ""},
		{"s3.us-east-1.amazonaws.com", "/b/k?X-Amz-Credential=AKID%2F20250101%2Fus-east-1%2Fs3%2Faws4_request", nil, ""},
		{"s3.us-east-1.amazonaws.com", "/b/k", nil, "0 signatures"},
		{"s3.us-east-1.amazonaws.com", "/b/k", []string{scope, scope}, "2 signatures"},
		{"s3.us-east-1.amazonaws.com", "/b/k?X-Amz-Credential=AKID%2F20250101%2Fus-east-1%2Fs3%2Faws4_request", []string{scope}, "2 signatures"},
		{"s3.us-east-1.amazonaws.com", "/b/k", []string{strings.Replace(scope, "Signature=", "Credential=x, Signature=", 1)}, "2 signatures"},
		{"s3.us-east-1.amazonaws.com", "/b/k", []string{"AWS4-ECDSA-P256-SHA256 Credential=AKID/20250101/s3/aws4_request"}, "not signed with"},
		{"s3.us-east-1.amazonaws.com", "/b/k", []string{"AWS AKID:sig"}, "not signed with"},
		{"s3.eu-west-1.amazonaws.com", "/b/k", []string{scope}, "region"},
		{"iam.amazonaws.com", "/", []string{scope}, "the signature is for"},
		{"s3.s3.s3.amazonaws.com", "/b", []string{scope}, "no service"},
		{"s3.us-east-1.amazonaws.com", "/b/k", []string{strings.Replace(scope, "aws4_request", "x", 1)}, "malformed"},
	} {
		raw, query, _ := strings.Cut(c.target, "?")
		p, err := ParsePath(raw, true)
		if err != nil {
			t.Fatal(err)
		}
		r := &Request{Authority: Authority{c.host, 443}, Method: "GET", Path: p, Query: query, Header: http.Header{"Authorization": c.headers}}
		m := Classify(s, s.Host(r.Authority), r)
		if a := m.Actions[0]; c.reason == "" && a.Name != "s3:GetObject" || c.reason != "" && (a.Class != Unknown || !strings.Contains(m.Reason, c.reason)) {
			t.Errorf("%s%s: %s, %q; want %q", c.host, c.target, a.Name, m.Reason, c.reason)
		}
	}
}

// What answers with credentials is not in the table; what reads secrets is no read.
func TestAWSHandsOutNoSecretsAsReads(t *testing.T) {
	s := Lookup("aws")
	for _, name := range []string{"sts:AssumeRole", "sts:GetSessionToken", "sts:GetFederationToken", "sts:AssumeRoleWithWebIdentity"} {
		if class, ok := s.Knows(name); ok {
			t.Errorf("%s is %s", name, class)
		}
	}
	for _, name := range []string{"secretsmanager:GetSecretValue", "ssm:GetParameter", "ssm:GetParametersByPath", "kms:Decrypt", "ec2:GetPasswordData",
		"ecr:GetAuthorizationToken", "iam:CreateAccessKey", "iam:AttachUserPolicy", "s3:DeleteBucket", "s3:PutBucketPolicy", "dynamodb:DeleteTable",
		"ec2:TerminateInstances", "rds:DeleteDBInstance", "kms:ScheduleKeyDeletion", "lambda:AddPermission", "organizations:CreateAccount"} {
		if class, ok := s.Knows(name); !ok || class != Admin {
			t.Errorf("%s is %s", name, class)
		}
	}
	for _, name := range []string{"s3:GetObject", "s3:ListBucket", "dynamodb:GetItem", "sqs:GetQueueAttributes", "lambda:ListFunctions", "sts:GetCallerIdentity"} {
		if class, ok := s.Knows(name); !ok || class != Read {
			t.Errorf("%s is %s", name, class)
		}
	}
}

func TestAWSTableDoesNotRace(t *testing.T) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, ok := builtin("aws", aws).get().Knows("s3:HeadObject"); !ok {
				t.Error("s3:HeadObject is not known")
			}
		})
	}
	wg.Wait()
}

func BenchmarkClassifyAWS(b *testing.B) {
	s := Lookup("aws")
	p, _ := ParsePath("/", true)
	r := &Request{Authority: Authority{"dynamodb.us-east-1.amazonaws.com", 443}, Method: "POST", Path: p, Header: http.Header{}}
	setBody(r, `{"TableName":"t","Key":{"id":{"S":"1"}}}`)
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810.GetItem")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20250101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	b.ReportAllocs()
	for b.Loop() {
		if m := Classify(s, &s.Hosts[0], r); m.Actions[0].Class != Read {
			b.Fatal(m.Reason)
		}
	}
}
