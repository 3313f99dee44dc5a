package run_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"agentguard/run/testbed"
)

// TestAWSDeployer runs boto3 under the policy of examples/aws-deployer, with keys of its own: what is allowed arrives as it was signed,
// what is not never leaves, and boto3 says why after one attempt.
func TestAWSDeployer(t *testing.T) {
	testbed.NeedsPython("boto3")(t)
	o := testbed.Start(t)
	s := testbed.NewSession(t, o, testbed.Build(t, t.TempDir(), "agentguard"), filepath.Join("testdata", "e2e", "policy.toml"))
	example, err := os.ReadFile(filepath.Join("..", "examples", "aws-deployer", "agentguard.toml"))
	if err != nil {
		t.Fatal(err)
	}
	policy := strings.Replace(string(example), `minimum = "sealed"`, `minimum = "env"`, 1) +
		"[upstream]\nca = \"origin-ca.pem\"\nallow_private = [\"127.0.0.1\"]\n[upstream.resolve]\n"
	for _, h := range o.Hosts() {
		policy += `"` + h + `:443" = "` + o.Addr + "\"\n"
	}
	s.Write(t, "agentguard.toml", policy)
	s.Env = append(s.Env, "AWS_ACCESS_KEY_ID=ASIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY="+o.Secrets["aws"], "AWS_SESSION_TOKEN=token")
	script, err := filepath.Abs(filepath.Join("testdata", "e2e", "py", "client_boto3.py"))
	if err != nil {
		t.Fatal(err)
	}
	r := s.Run(t, time.Minute, testbed.Python, script)
	wantAll(t, r, []string{"upload done", "code done", "public An error occurred (AccessDenied)", "Action s3:PutObjectAcl is denied",
		"elsewhere An error occurred (AccessDenied)", "not on bucket:prod-bucket/app.zip", "Action s3:ListAllMyBuckets is denied", "Action s3:DeleteObject is denied",
		"production An error occurred (AccessDeniedException)", "not on function:prod-api"})
	arrived := []string{"PUT staging-bucket.s3.us-east-1.amazonaws.com/releases/app%201.zip", "PUT lambda.us-east-1.amazonaws.com/2015-03-31/functions/staging-api/code"}
	if len(r.Seen) != len(arrived) {
		t.Fatalf("%s", r)
	}
	for i, request := range arrived {
		if !r.Seen[i].Is(request) || !r.Seen[i].Good {
			t.Errorf("%s %s%s is %s", r.Seen[i].Method, r.Seen[i].Host, r.Seen[i].Path, r.Seen[i].Key)
		}
	}
	refused := 0
	for _, a := range r.Audit {
		if a["effect"] == "deny" {
			refused++
		}
	}
	if refused != 5 {
		t.Errorf("%d requests were refused, not 5\n%s", refused, r)
	}
}
