package proxy

import (
	"net/http"
	"strings"
	"sync"

	"agentguard/vault/cred"
)

// rewrites are headers by which some servers take another method, path, host, client or user than the request's own. Those that
// end in - stand for all that begin so, those that begin with - for all that end so. They are compared without case, and with -
// and _ alike.
var rewrites = [...]string{
	"-method", "-verb", "-override", "method", "x-override-",
	"x-original-", "x-rewrite-", "x-envoy-", "request-uri", "x-request-uri", "x-request-url", "script-name", "x-script-name", "path-info", "x-path-info",
	"x-replaced-path", "x-ingress-path", "x-matched-path", "x-invoke-", "x-middleware-",
	"x-http-path-override", "x-http-method", "x-host", "x-proxy-", "proxy-host", "proxy-url", "x-backend-host", "x-http-destinationurl", "base-url",
	"destination", // of a COPY or MOVE (RFC 4918 section 10.3)
	"x-forwarded-", "x-forwarded", "x-forward-for", "forwarded", "x-scheme", "x-url-scheme", "front-end-https",
	"x-real-ip", "x-client-ip", "x-cluster-client-ip", "x-originating-ip", "true-client-ip", "client-ip", "cf-connecting-ip", "fastly-client-ip", "x-azure-clientip", "x-proxyuser-ip", "wl-proxy-", "x-appengine-",
	"impersonate-", "x-impersonate-", "sudo", "x-sudo", "x-switch-user", "x-act-as", "x-on-behalf-of", // Kubernetes, GitLab, Redmine
	"remote-user", "remote-groups", "x-remote-", "x-authenticated-", "x-auth-request-", "x-webauth-", "x-consumer-",
	"ssl-client-", "x-ssl-client-", "x-client-cert", "x-amzn-oidc-", "x-goog-authenticated-user-", "x-goog-iap-", "x-ms-client-principal", "x-ms-client-principal-", "cf-access-jwt-assertion", "cf-access-authenticated-user-email",
}

// twins are the headers by which a body is read. In another spelling they are the same to servers that turn - into _ (CGI, WSGI), and
// nothing else to us.
var twins = [...]string{"Content-Type", "Content-Encoding", "Content-Length", "Transfer-Encoding"}

// preflight is no override: it tells a server what a browser is going to ask (Fetch standard, "CORS-preflight request").
const preflight = "Access-Control-Request-Method"

// rewritesBy has them by the letter that tells them apart.
var rewritesBy = sync.OnceValue(func() map[byte][]string {
	by := map[byte][]string{}
	for _, r := range rewrites {
		by[telling(r)] = append(by[telling(r)], r)
	}
	return by
})

// telling is the first letter of a header's name, or the one behind X-, in lower case; of a suffix it is -.
func telling(name string) byte {
	if len(name) > 2 && (name[0]|0x20) == 'x' && (name[1] == '-' || name[1] == '_') {
		name = name[2:]
	}
	if c := name[0]; c != '-' {
		return c | 0x20
	}
	return '-'
}

func stripRewrites(h http.Header) {
	by := rewritesBy()
	for name := range h {
		if name != "" && (rewritten(name, by[telling(name)]) || rewritten(name, by['-']) || isTwin(name)) && name != preflight {
			delete(h, name)
		}
	}
}

func isTwin(name string) bool {
	if strings.IndexByte(name, '_') < 0 {
		return false
	}
	for _, t := range twins {
		if cred.SameHeader(name, t) {
			return true
		}
	}
	return false
}

func rewritten(name string, list []string) bool {
	for _, r := range list {
		n := len(r)
		switch {
		case len(name) < n:
		case r[0] == '-' && cred.SameHeader(name[len(name)-n:], r),
			r[n-1] == '-' && cred.SameHeader(name[:n], r), cred.SameHeader(name, r):
			return true
		}
	}
	return false
}
