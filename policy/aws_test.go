package policy

import (
	"strings"
	"testing"

	"agentguard/policy/action"
)

const awsPolicy = `version = 1
[agent]
name = "a"
[allow.all]
service = "aws"
actions = ["*"]
[deny.production]
service = "aws"
actions = ["*"]
resources = ["function:prod-*", "table:users", "queue:1/jobs", "topic:1/alarms", "bucket:prod/*", "secret:db", "parameter:/prod/*", "key:k1",
	"key:alias/k", "log_group:/prod/*"]
`

// TestDenialsByNameForbidARNs: what a deny rule names is forbidden by its ARN as well, in whatever region and account.
func TestDenialsByNameForbidARNs(t *testing.T) {
	p, err := Parse("agentguard.toml", []byte(awsPolicy))
	if err != nil {
		t.Fatal(err)
	}
	for arn, denied := range map[string]bool{
		"aws:lambda:eu-west-1:2:function:prod-api": true, "aws:lambda:eu-west-1:2:function:prod-api:live": true, "aws:lambda:eu-west-1:2:function:staging": false,
		"aws:dynamodb:us-east-1:1:table/users": true, "aws:dynamodb:us-east-1:1:table/users/index/i": true, "aws:dynamodb:us-east-1:1:table/usersx": false,
		"aws:sqs:us-east-1:1:jobs": true, "aws:sqs:us-east-1:2:jobs": false,
		"aws:sns:us-east-1:1:alarms": true, "aws:sns:us-east-1:1:alarms:sub": true, "aws:s3:::prod/k": true, "aws:s3:::staging/k": false,
		"aws:secretsmanager:us-east-1:1:secret:db-AbCdEf": true, "aws:secretsmanager:us-east-1:1:secret:db": true, "aws:secretsmanager:us-east-1:1:secret:x": false,
		"aws:ssm:us-east-1:1:parameter/prod/x": true, "aws:ssm:us-east-1:1:parameter/x": false,
		"aws:kms:us-east-1:1:key/k1": true, "aws:kms:us-east-1:1:alias/k": true, "aws:logs:us-east-1:1:log-group:/prod/x:*": true,
		"aws:lambda": false, "": true,
	} {
		m := action.Match{Service: p.Services["aws"], Path: "/", Actions: []action.Action{{Name: "x", Class: action.Write, Resource: action.Resource{Kind: "arn", Name: arn}}}}
		if d := p.Decide(&m, nil); (d.Effect == Deny) != denied {
			t.Errorf("%q: %s by %s", arn, d.Effect, d.Rule)
		}
	}
	_, err = Parse("agentguard.toml", []byte(strings.Replace(awsPolicy, `"key:k1"`, `"arn:aws:kms:*"`, 1)))
	if err == nil || !strings.Contains(err.Error(), "would forbid nothing") {
		t.Errorf("%v", err)
	}
}

// TestDenialsByShorterNames: so is what the request names with its account, or as the root of a hierarchy.
func TestDenialsByShorterNames(t *testing.T) {
	p, err := Parse("agentguard.toml", []byte(strings.Replace(awsPolicy, `"table:users"`, `"queue:mail", "topic:news", "parameter:db", "parameter:/key", "bucket:prod"`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	for name, denied := range map[string]bool{
		"queue:1/mail": true, "queue:mail": true, "queue:1/other": false, "queue:2/jobs": false, "topic:1/news": true, "topic:1/other": false,
		"bucket:prod/a/b": true, "bucket:prod": true, "bucket:prod-2/a": false,
		"parameter:/db": true, "parameter:db": true, "parameter:key": true, "parameter:/prod/x": true, "parameter:/x": false,
	} {
		kind, name, _ := strings.Cut(name, ":")
		m := action.Match{Service: p.Services["aws"], Path: "/", Actions: []action.Action{{Name: "x", Class: action.Write, Resource: action.Resource{Kind: kind, Name: name}}}}
		if d := p.Decide(&m, nil); (d.Effect == Deny) != denied {
			t.Errorf("%s:%s: %s by %s", kind, name, d.Effect, d.Rule)
		}
	}
}

// TestDenialsReachTheBucket: what is done to a bucket may be what a rule about its objects names, or comes to the same; a rule of a
// bucket's lifecycle deletes them.
func TestDenialsReachTheBucket(t *testing.T) {
	p, err := Parse("agentguard.toml", []byte(strings.NewReplacer(`actions = ["*"]
resources`, `actions = ["s3:DeleteObject", "s3:PutBucketPolicy", "read"]
resources`, `"bucket:prod/*"`, `"bucket:prod/logs/*", "bucket:main*"`).Replace(awsPolicy)))
	if err != nil {
		t.Fatal(err)
	}
	for request, denied := range map[string]bool{
		"PUT lifecycle prod": true, "PUT lifecycle main-2": true, "PUT lifecycle other": false, "PUT lifecycle pro": false,
		"PUT policy prod": true, "PUT policy other": false, "PUT tagging prod": false, "GET list-type=2 prod": false, "GET list-type=2 main": true,
	} {
		f := strings.Fields(request)
		path, _ := action.ParsePath("/"+f[2], true)
		r := &action.Request{Authority: action.Authority{Host: "s3.us-east-1.amazonaws.com", Port: 443}, Method: f[0], Path: path, Query: f[1],
			Header: map[string][]string{"Authorization": {"AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"}}}
		s := p.Services["aws"]
		m := action.Classify(s, s.Host(r.Authority), r)
		if d := p.Decide(&m, r); (d.Effect == Deny) != denied || d.Effect == Deny && d.Rule != "deny.production" {
			t.Errorf("%s: %s is %s by %s: %s", request, m.Actions[0].Name, d.Effect, d.Rule, d.Hint)
		}
	}
}
