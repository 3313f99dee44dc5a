package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

const awsRig = `version = 1
[agent]
name = "a"
[allow.deploy]
service = "aws"
actions = ["lambda:UpdateFunctionCode"]
resources = ["function:staging-*"]
limits = { "*" = "1/hour" }
`

// TestAWSRefusal: each protocol of AWS is refused in its own words, which are XML in most and may hold what a request named.
func TestAWSRefusal(t *testing.T) {
	r := graphQLProxy(t, awsRig, "lambda.us-east-1.amazonaws.com", func(w http.ResponseWriter, q *http.Request) { io.WriteString(w, "{}") })
	ask := func(method, host, scope, target, body string, header ...string) answer {
		header = append(header, "Authorization: AWS4-HMAC-SHA256 Credential=A/20260102/us-east-1/"+scope+"/aws4_request, SignedHeaders=host, Signature=0")
		return r.do(method, "https://"+host+target, body, header...)
	}
	const form = "Content-Type: application/x-www-form-urlencoded"
	for _, c := range []struct {
		a    answer
		kind string
		want string
	}{
		{ask("GET", "b.s3.us-east-1.amazonaws.com", "s3", "/%3Ck%3E%26", ""), "application/xml", "<Error><Code>AccessDenied</Code><Message>Action s3:GetObject is denied"},
		{ask("POST", "sts.us-east-1.amazonaws.com", "sts", "/", "Action=GetCallerIdentity", form), "application/xml", "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>Action sts:GetCallerIdentity is denied"},
		{ask("POST", "ec2.us-east-1.amazonaws.com", "ec2", "/", "Action=TerminateInstances", form), "application/xml", "<Response><Errors><Error><Code>AccessDenied</Code><Message>Action ec2:TerminateInstances is denied"},
		{ask("GET", "route53.amazonaws.com", "route53", "/2013-04-01/hostedzone", ""), "application/xml", "<ErrorResponse>"},
		{ask("POST", "sqs.us-east-1.amazonaws.com", "sqs", "/", "{}", "X-Amz-Target: AmazonSQS.ListQueues", "Content-Type: application/x-amz-json-1.0"), "application/json", `"__type":"AccessDeniedException"`},
		{ask("PUT", "lambda.us-east-1.amazonaws.com", "lambda", "/2015-03-31/functions/prod/code", "{}"), "application/json", `not on function:prod`},
		{ask("GET", "b.s3.us-east-1.amazonaws.com", "s3", "/?%3Cx%3E", ""), "application/xml", "&lt;x&gt;"},
	} {
		if c.a.StatusCode != 403 || c.a.Header.Get("Content-Type") != c.kind || !strings.Contains(c.a.body, c.want) || strings.Contains(c.a.body, "<x>") {
			t.Errorf("%d %v %s\nwant %s", c.a.StatusCode, c.a.Header, c.a.body, c.want)
		}
	}
	code := func() answer {
		return ask("PUT", "lambda.us-east-1.amazonaws.com", "lambda", "/2015-03-31/functions/staging-api/code", "{}")
	}
	if a := code(); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := code(); a.StatusCode != 429 || a.Header.Get("X-Amzn-Errortype") != "LimitExceededException" {
		t.Errorf("%d %v %s", a.StatusCode, a.Header, a.body)
	}
	if got := r.reached(); len(got) != 1 {
		t.Errorf("the service was asked %q", got)
	}
}
