package proxy

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"agentguard/policy"
	"agentguard/policy/action"
)

const gatewayPrefix = "/proxy/"

// serveGateway answers /proxy/<service>/<path> for clients that cannot use a proxy variable: the service's base URL is
// put before the path, and the exchange goes the way of all others.
func (p *Proxy) serveGateway(w http.ResponseWriter, r *http.Request) {
	if !p.gatewayAuthorized(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="agentguard"`)
		p.refuse(w, r, "gateway", &Refusal{Status: http.StatusUnauthorized, Effect: "deny", Reason: "this gateway serves one agentguard run only",
			Hint: "use the URL in AGENTGUARD_URL, with its user and password"})
		return
	}
	path, query, _ := strings.Cut(r.RequestURI, "?")
	name, rest, ok := strings.Cut(strings.TrimPrefix(path, gatewayPrefix), "/")
	if !strings.HasPrefix(path, gatewayPrefix) || name == "" {
		p.refuse(w, r, "gateway", &Refusal{Status: http.StatusNotFound, Effect: "deny", Reason: "nothing is served here", Hint: "use /proxy/<service>/<path>, or this address as a proxy"})
		return
	}
	base, authority, plain := p.base(name)
	if base == nil {
		p.refuse(w, r, "gateway", &Refusal{Status: http.StatusUnauthorized, Effect: "deny", Reason: "Unknown service", Hint: "the policy " + p.Policy.Source + " uses no service " + quote(name)})
		return
	}
	if slices.ContainsFunc(r.Header.Values("X-Agent-ID"), func(agent string) bool { return agent != "" && agent != p.Agent }) {
		p.refuse(w, r, "gateway", deny("X-Agent-ID is not the agent of this run", "this run's agent is "+p.Agent))
		return
	}
	r.RequestURI = strings.TrimSuffix(base.EscapedPath(), "/")
	if ok {
		r.RequestURI += "/" + rest
	}
	if r.RequestURI == "" {
		r.RequestURI = "/"
	}
	u, err := url.ParseRequestURI(r.RequestURI)
	if err != nil {
		p.refuse(w, r, "gateway", malformed(err.Error()))
		return
	}
	r.URL, r.URL.RawQuery = u, query
	if query != "" {
		r.RequestURI += "?" + query
	}
	p.exchange(w, newExchange(r, "gateway", authority, plain))
}

func (p *Proxy) base(service string) (*url.URL, action.Authority, bool) {
	s := p.Policy.Services[service]
	if s == nil || s.Base == "" {
		return nil, action.Authority{}, false
	}
	u, err := url.Parse(s.Base)
	if err != nil {
		return nil, action.Authority{}, false
	}
	authority, plain, err := action.AuthorityOf(u)
	if err != nil || p.Policy.Claim(authority, plain).Kind != policy.ForService {
		return nil, action.Authority{}, false
	}
	return u, authority, plain
}
