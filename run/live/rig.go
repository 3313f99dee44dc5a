package live

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"sort"
	"strings"
	"sync"

	"agentguard/policy"
	"agentguard/policy/action"
	"agentguard/policy/limit"
	"agentguard/proxy"
	"agentguard/run/origin"
	"agentguard/vault"
	"agentguard/vault/cred"
)

// rig is the service on loopback and, for each agent, a proxy that leads there.
type rig struct {
	echo     *origin.Echo
	origin   *origin.Origin
	resolve  map[string]string
	roots    *x509.CertPool // the service's, for the proxies and for tunnels
	originCA []byte
	secrets  map[string]string // by credential
	spelt    map[string][]origin.Spelling
	agents   []*agent
	dir      string
}

// agent is one agent and its proxy.
type agent struct {
	name   string
	proxy  *proxy.Proxy
	addr   string
	token  string
	ca     []byte
	creds  *cred.Set
	limits *renewable
	client *client
}

// renewable is a store whose limits can be made unused: each case begins with such.
type renewable struct {
	mu    sync.Mutex
	store limit.Store
}

func (r *renewable) Take(ctx context.Context, takes []limit.Take) (limit.Verdict, error) {
	r.mu.Lock()
	store := r.store
	r.mu.Unlock()
	return store.Take(ctx, takes)
}

func (r *renewable) renew() {
	r.mu.Lock()
	r.store = limit.NewMemory(nil)
	r.mu.Unlock()
}

func newRig(c *Config, shots []shot) (*rig, error) {
	g := &rig{secrets: map[string]string{}, spelt: map[string][]origin.Spelling{}, resolve: map[string]string{}, roots: x509.NewCertPool()}
	for name, pc := range c.Policy.Credentials {
		g.secrets[name] = throwAway(pc.Service)
		g.spelt[name] = origin.Spellings(g.secrets[name])
	}
	g.echo = origin.NewEcho(g.secrets)
	if err := g.serve(c, shots); err != nil {
		return nil, err
	}
	var err error
	if g.dir, err = os.MkdirTemp(c.TempDir, "agentguard-live-"); err != nil {
		g.close()
		return nil, err
	}
	for i := range c.Agents {
		a, err := g.newAgent(c, fmt.Sprintf("agent-%03d", i+1))
		if err != nil {
			g.close()
			return nil, err
		}
		g.agents = append(g.agents, a)
	}
	return g, nil
}

// serve has the service play every host that a case names: those that are to be refused too, so that it shows if they are
// not.
func (g *rig) serve(c *Config, shots []shot) error {
	hosts := map[string]bool{"localhost": true}
	authorities := map[string]bool{}
	for i := range shots {
		if a := shots[i].answer; a.Authority != (action.Authority{}) {
			hosts[a.Authority.Host] = true
			authorities[a.Authority.String()] = a.Plain
		}
	}
	var names []string
	for h := range hosts {
		names = append(names, h)
	}
	sort.Strings(names)
	facts, err := factsOf(c.Cases)
	if err != nil {
		return err
	}
	service := knowing(facts, g.echo)
	if c.testOnlyService != nil {
		service = c.testOnlyService(service)
	}
	if g.origin, err = origin.Start(origin.Options{Hosts: names, Handler: service, Plain: true}); err != nil {
		return err
	}
	for a, plain := range authorities {
		if g.resolve[a] = g.origin.Addr(); plain {
			g.resolve[a] = g.origin.PlainAddr()
		}
	}
	g.originCA = g.origin.CAPEM()
	g.roots.AppendCertsFromPEM(g.originCA)
	return nil
}

func (g *rig) newAgent(c *Config, name string) (*agent, error) {
	a := &agent{name: name, token: random(43), limits: &renewable{}}
	a.limits.renew()
	var err error
	if a.creds, err = g.credentials(c.Policy); err != nil {
		return nil, err
	}
	ca, err := proxy.NewCA(nil)
	if err != nil {
		return nil, err
	}
	a.ca = ca.PEM()
	up, err := proxy.NewUpstream(proxy.UpstreamConfig{Roots: g.roots, Resolve: g.resolve})
	if err != nil {
		return nil, err
	}
	config := proxy.Config{
		Policy: c.Policy, Credentials: a.creds, Limits: a.limits, Upstream: up, CA: ca, Token: a.token, Agent: name, TempDir: g.dir,
		Record: func(*proxy.Exchange, bool) error { return nil },
	}
	if c.testOnlyProxy != nil {
		c.testOnlyProxy(&config)
	}
	if a.proxy, err = proxy.New(config); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a.addr = listener.Addr().String()
	go a.proxy.Serve(listener)
	a.client, err = newClient(a, g.originCA)
	return a, err
}

// credentials are the policy's, with secrets that open nothing.
func (g *rig) credentials(p *policy.Policy) (*cred.Set, error) {
	var all []*cred.Credential
	for name, pc := range p.Credentials {
		secret, err := vault.NewSecret([]byte(g.secrets[name]))
		if err != nil {
			return nil, err
		}
		c := &cred.Credential{Name: name, Service: pc.Service, Slots: pc.Slots, Swap: pc.Swap, Inject: pc.Inject}
		c.Read = func(context.Context) (vault.Secret, error) { return secret, nil }
		if c.Placeholder, err = cred.NewPlaceholder(nil, []byte(g.secrets[name])); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	set, err := cred.NewSet(all...)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if _, err := c.Secret(context.Background()); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// placeholders are those of all agents in every spelling, in lower case: a part of them may look like a credential and opens
// nothing.
func (g *rig) placeholders() string {
	var out []string
	for _, a := range g.agents {
		for name := range g.secrets {
			for _, s := range origin.Spellings(a.creds.Get(name).Placeholder) {
				out = append(out, strings.ToLower(s.Whole))
			}
		}
	}
	return strings.Join(out, "\n")
}

func (g *rig) close() {
	for _, a := range g.agents {
		a.client.close()
		a.proxy.Close()
	}
	g.origin.Close()
	if g.dir != "" {
		os.RemoveAll(g.dir)
	}
}

// throwAway makes a value of the shape that a service gives its credentials.
func throwAway(service string) string {
	switch service {
	case "github":
		return "ghp_" + random(36)
	case "openai":
		return "sk-" + random(48)
	case "anthropic":
		return "sk-ant-api03-" + random(80)
	case "slack":
		return "xoxb-" + random(40)
	case "stripe":
		return "sk_live_" + random(40)
	case "google", "gemini":
		return "AIza" + random(35)
	}
	return random(40)
}

// random is text of n letters and digits.
func random(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails (crypto/rand)
	s := base64.RawURLEncoding.EncodeToString(b)
	return strings.NewReplacer("-", "x", "_", "y").Replace(s)[:n]
}
