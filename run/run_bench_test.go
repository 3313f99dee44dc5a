package run

import (
	"os"
	"testing"

	"agentguard/policy"
	"agentguard/run/environ"
	"agentguard/run/sandbox"
	"agentguard/vault"
)

// BenchmarkPrepare is everything that stands between the command line and the start of the child.
func BenchmarkPrepare(b *testing.B) {
	pol, err := policy.Parse("agentguard.toml", []byte(`version = 1
[agent]
name = "bench"
[credential.github-token]
from = "env:BENCH_SECRET"
service = "github"
env = ["GITHUB_TOKEN"]
[allow.read]
service = "github"
actions = ["read"]
`))
	if err != nil {
		b.Fatal(err)
	}
	ours := append(os.Environ(), "BENCH_SECRET=ghp_Zk3vQ9xT1bR7mN5cL8dW2fH6jP4sY0aUeG1i")
	v := vault.New(vault.Options{LookupEnv: environ.Of(ours).Lookup})
	defer v.Close()
	state := b.TempDir()
	b.ReportAllocs()
	for b.Loop() {
		s := newSession(Config{Policy: pol, Vault: v, Argv: []string{"true"}, Environ: ours, StateHome: state, Isolation: sandbox.Wish{Level: sandbox.Env}, Say: func(string, ...any) {}, Chosen: func(sandbox.Choice) {}})
		if err := s.prepare(b.Context()); err != nil {
			b.Fatal(err)
		}
		s.plan().Build()
		s.close()
	}
}
