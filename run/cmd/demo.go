package cmd

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"

	"agentguard/policy"
	"agentguard/run"
	"agentguard/run/audit"
	"agentguard/run/origin"
	"agentguard/run/sandbox"
	"agentguard/vault"
)

func (p *program) demoCommand() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "show the whole story on this machine: no account, no network, nothing left behind",
		Description: `A throw-away token, an API on loopback that plays api.github.com, and an agent that does its work and then tries to get
at the token. What came of it is checked, not told: a claim that does not hold makes the exit code 1.

examples:
  agentguard demo
  agentguard demo > demo.txt`,
		Action: withoutArguments(func(c *cli.Context) error {
			return interruptible(c.Context, p.demo)
		}),
	}
}

// demoPolicy is a policy as anybody would write it; the way out is added below it.
const demoPolicy = `version = 1

[agent]
name = "github-pr-creator-001"

[credential.github-token]
from    = "env:` + demoVariable + `"
service = "github"
env     = ["GITHUB_TOKEN"]

[allow.open-prs]
service   = "github"
actions   = ["read", "create_pr"]
resources = ["repo:myorg/myrepo"]
limits    = { create_pr = "5/hour" }

[deny.dangerous]
actions = ["delete_repo"]

[network]
allow = ["` + demoPaste + `"]
`

// demoVariable is where the demo's vault, which is in memory, keeps its only secret.
const demoVariable = "AGENTGUARD_DEMO_SECRET"

// stage is what the demo plays on.
type stage struct {
	dir    string // ours alone, removed at the end
	secret string
	origin *origin.Origin
	mu     sync.Mutex
	pasted []string
}

func (p *program) demo(ctx context.Context) error {
	s, err := newStage()
	if err != nil {
		return err
	}
	defer s.strike()
	pol, err := s.policy()
	if err != nil {
		return err
	}
	p.heading("The policy")
	p.print("%s", indent(demoPolicy))

	p.heading("The agent, under agentguard run")
	e, err := p.play(ctx, s, pol)
	if err != nil {
		return err
	}
	p.heading("What arrived at the hosts")
	for _, r := range e.seen {
		p.print("  %s %s%s  %s\n", r.Method, r.Host, audit.SafeText(r.Path), p.dim(e.credentialOf(r)))
	}
	p.heading("The audit log")
	for _, r := range e.records {
		p.print("  %s\n", r.Line(p.effect))
	}
	p.heading("Is it true?")
	return p.verdict(e.claims())
}

func (p *program) heading(s string) { p.print("\n%s\n\n", p.bold("== "+s)) }

func indent(text string) string {
	text = "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ") + "\n"
	return strings.ReplaceAll(text, "\n  \n", "\n\n")
}

func (p *program) verdict(claims []claim) error {
	var lies int
	for _, c := range claims {
		if c.holds {
			p.print("  %s  %s\n", p.good("yes"), c.text)
			continue
		}
		lies++
		p.print("  %s   %s\n", p.bad("NO"), c.text)
	}
	p.print("\n")
	if lies > 0 {
		does := "do"
		if lies == 1 {
			does = "does"
		}
		p.fail("the demo: %s %s not hold", plural(lies, "claim"), does)
		return status(1)
	}
	p.say("next: agentguard init github")
	return nil
}

// newStage makes the token and puts the API up.
func newStage() (*stage, error) {
	dir, err := os.MkdirTemp("", "agentguard-demo-")
	if err != nil {
		return nil, err
	}
	s := &stage{dir: dir, secret: "ghp_" + randomText(36)}
	mux := http.NewServeMux()
	mux.HandleFunc(demoPaste+"/", s.paste)
	mux.Handle("/", origin.GitHub(s.secret))
	s.origin, err = origin.Start(origin.Options{Hosts: []string{demoAPI, demoPaste, demoUnknown}, Handler: mux})
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

// strike takes all of it down.
func (s *stage) strike() {
	s.origin.Close()
	os.RemoveAll(s.dir)
}

func (s *stage) paste(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	s.mu.Lock()
	s.pasted = append(s.pasted, string(body))
	s.mu.Unlock()
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintln(w, `{"url":"https://`+demoPaste+`/1"}`)
}

// policy adds the way to the embedded origin. The unknown host leads there too: if it were let through, it would show.
func (s *stage) policy() (*policy.Policy, error) {
	if err := os.WriteFile(filepath.Join(s.dir, "ca.pem"), s.origin.CAPEM(), 0o600); err != nil {
		return nil, err
	}
	text := demoPolicy + fmt.Sprintf(`
[upstream]
ca            = "ca.pem"
allow_private = ["127.0.0.1"]
resolve       = { "%[1]s:443" = "%[4]s", "%[2]s:443" = "%[4]s", "%[3]s:443" = "%[4]s" }
`, demoAPI, demoPaste, demoUnknown, s.origin.Addr())
	file := filepath.Join(s.dir, policyFile)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return policy.Load(file)
}

func randomText(n int) string {
	const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	b := make([]byte, n)
	rand.Read(b) // never fails (crypto/rand)
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)] // slightly uneven, and good enough for a token that nobody accepts
	}
	return string(b)
}

// play runs the agent and collects the evidence.
func (p *program) play(ctx context.Context, s *stage, pol *policy.Policy) (*evidence, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	v := vault.New(vault.Options{LookupEnv: func(name string) (string, bool) { return s.secret, name == demoVariable }})
	defer v.Close()
	transcriptFile := filepath.Join(s.dir, "transcript.json")
	config := p.session(pol, v, []string{self, "demo-agent", transcriptFile})
	config.StateHome = filepath.Join(s.dir, "state")
	config.Environ = p.env.without("http_proxy", "https_proxy", "all_proxy") // the origin is on this machine
	config.Say = nothing
	config.Isolation.Minimum = sandbox.Env // the claims are about credentials, and hold at any level
	config.Chosen = func(c sandbox.Choice) { p.print("  isolation %s: %s\n\n", c.Level, holds(c)) }
	output, result, err := p.runShown(ctx, config)
	if err != nil {
		return nil, err
	}
	e := &evidence{secret: s.secret, code: result.Code, output: output, seen: s.origin.Requests()}
	s.mu.Lock()
	e.pasted = s.pasted
	s.mu.Unlock()
	text, err := os.ReadFile(transcriptFile)
	if err != nil {
		return nil, fmt.Errorf("the demo's agent ended with %d and left no transcript", result.Code)
	}
	if err := json.Unmarshal(text, &e.transcript); err != nil {
		return nil, err
	}
	return e, e.readAudit(result.AuditFile, config.StateHome)
}

// runShown runs with the child's output indented as it comes, and kept.
func (p *program) runShown(ctx context.Context, c run.Config) (string, run.Result, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return "", run.Result{}, err
	}
	defer null.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return "", run.Result{}, err
	}
	defer r.Close()
	c.Stdin, c.Stdout, c.Stderr = null, w, w
	var output strings.Builder
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			fmt.Fprintln(&output, lines.Text())
			p.print("%s\n", strings.TrimRight("  "+audit.SafeText(lines.Text()), " "))
		}
	}()
	result, err := run.Run(ctx, c)
	w.Close()
	<-done
	return output.String(), result, err
}
