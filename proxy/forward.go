package proxy

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"agentguard/policy"
)

// rewrite makes the outgoing request: what was matched is what is sent.
func (p *Proxy) rewrite(pr *httputil.ProxyRequest) {
	ex := exchangeOf(pr.In)
	out := pr.Out
	out.URL.Scheme = "https"
	if ex.Plain {
		out.URL.Scheme = "http"
	}
	out.URL.Host = ex.Authority.String()
	out.Host = ex.Authority.Short(ex.Plain)
	if swapped := pr.In.URL.Opaque; strings.HasPrefix(swapped, "/") {
		setPath(out.URL, swapped)
	} else {
		setPath(out.URL, ex.Path)
	}
	out.URL.RawQuery, out.URL.ForceQuery = pr.In.URL.RawQuery, pr.In.URL.ForceQuery
	if ex.body.isWhole() {
		out.Header.Del("Expect") // it is here already: to ask for it would be to wait in vain where a server does not answer that
	}
	out.Trailer = nil // what stands behind a body that was read ahead: nobody has judged it
	// A corporate proxy that may forward a TRACE no further shows what it got, and what we gave it to be let in (RFC 9110 section 7.6.2).
	out.Header.Del("Max-Forwards")
	limitEncodings(out.Header, p.windows.scarce())
	if ex.WebSocket {
		ex.askForWebSocket(out.Header)
	}
	if ex.Claim.Kind == policy.ForService {
		out.Header.Del("Sec-Websocket-Extensions") // messages are read, so they must not be compressed
		out.Header.Del("Grpc-Accept-Encoding")     // messages that are compressed one by one cannot be read
		out.Header.Del("Connect-Accept-Encoding")
	}
	if _, named := out.Header["User-Agent"]; !named {
		out.Header["User-Agent"] = nil // the child's choice: net/http would add its own
	}
}

// setPath has a path sent as it is. What net/url would respell goes into Opaque, except where that is not read as a path:
// net/http takes what begins with // there for the name of another host, and tells a proxy for plain HTTP no host at all.
func setPath(u *url.URL, raw string) {
	plain, err := url.PathUnescape(raw)
	u.Opaque, u.Path, u.RawPath = "", plain, raw
	if (err != nil || u.EscapedPath() != raw) && !strings.HasPrefix(raw, "//") && u.Scheme == "https" {
		u.Opaque = raw
	}
}

// limitEncodings leaves the content encodings that scrub can read, and if room is scarce those that take little.
func limitEncodings(h http.Header, scarce bool) {
	lines := h["Accept-Encoding"]
	if len(lines) == 0 {
		return
	}
	var keep []string
	for item := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		name, _, _ := strings.Cut(strings.TrimSpace(item), ";")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "br", "zstd":
			if scarce {
				continue
			}
			fallthrough
		case "gzip", "x-gzip", "deflate", "identity":
			keep = append(keep, strings.TrimSpace(item))
		}
	}
	if len(keep) == 0 {
		keep = []string{"identity"}
	}
	h["Accept-Encoding"] = []string{strings.Join(keep, ", ")}
}
