package proxy

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// peer is what is known of one connection to the outer server.
type peer struct {
	pid        atomic.Int64
	identified bool // nobody but the run can be there
	conn       net.Conn
	asked      sync.Once
	ours       bool // what Ours said of conn
}

type peerKey struct{}

func (p *Proxy) meet(ctx context.Context, c net.Conn) context.Context {
	who := &peer{conn: c}
	if ic, ok := c.(*identifiedConn); ok {
		c, who.identified = ic.Conn, true
	}
	p.find(who, c)
	return context.WithValue(ctx, peerKey{}, who)
}

// find looks for the process at the other end, beside what is done meanwhile.
func (p *Proxy) find(who *peer, c net.Conn) {
	if p.Pid != nil {
		go func() { who.pid.Store(int64(p.Pid(c))) }()
	}
}

func peerOf(r *http.Request) *peer {
	if who, ok := r.Context().Value(peerKey{}).(*peer); ok {
		return who
	}
	return &peer{}
}

// authorized checks the credential for the proxy itself, and takes it off the request.
func (p *Proxy) authorized(r *http.Request) bool {
	given := r.Header.Values("Proxy-Authorization")
	r.Header.Del("Proxy-Authorization")
	return peerOf(r).identified || len(given) == 1 && p.isToken(given[0])
}

// admits says whether one who wants the proxy may have it: with the run's token, or without any as a process of the run. Many
// clients cannot authenticate to a proxy, the JVM, Emacs and browsers among them. The gateway is not for these: what a page
// has a browser send there would have the run's credentials.
func (p *Proxy) admits(r *http.Request) bool {
	_, tried := r.Header["Proxy-Authorization"]
	return p.authorized(r) || !tried && p.isOurs(peerOf(r))
}

func (p *Proxy) isOurs(who *peer) bool {
	who.asked.Do(func() { who.ours = p.Ours != nil && who.conn != nil && p.Ours(who.conn) })
	return who.ours
}

// isToken compares in constant time; the user name is free.
func (p *Proxy) isToken(authorization string) bool {
	scheme, rest, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "basic") {
		return false
	}
	pair, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
	if err != nil {
		return false
	}
	_, password, _ := strings.Cut(string(pair), ":")
	return subtle.ConstantTimeCompare([]byte(password), []byte(p.Token)) == 1
}

// gatewayAuthorized takes the run's token from the userinfo of AGENTGUARD_URL, which clients send as Authorization, or
// from Proxy-Authorization, which leaves Authorization to the service.
func (p *Proxy) gatewayAuthorized(r *http.Request) bool {
	given := r.Header.Values("Authorization")
	ok := len(given) == 1 && p.isToken(given[0])
	if slices.ContainsFunc(given, p.isToken) { // wherever else it stands too, it must not go further
		r.Header.Del("Authorization")
	}
	return p.authorized(r) || ok
}

// challenge is 407: git, for one, sends its credential only after it.
func challenge(w http.ResponseWriter) {
	w.Header().Set("Proxy-Authenticate", `Basic realm="agentguard"`)
	f := &Refusal{Status: http.StatusProxyAuthRequired, Effect: "deny", Reason: "this proxy serves one agentguard run only",
		Hint: "use the proxy URL of the run's environment (HTTPS_PROXY), with its user and password"}
	f.write(w, &Exchange{})
}
