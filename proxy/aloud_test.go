package proxy

import (
	"bufio"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestRefusalsAreSaidInTheStatusLine: programs that show no more of an answer than its status line show why, and the connection goes on
// as it would have, whether or not there was a body.
func TestRefusalsAreSaidInTheStatusLine(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) { io.WriteString(w, "item") }, rigOptions{})
	const (
		aloud = "403 Forbidden: agentguard: Action delete_item is denied (rule deny.deletions forbids it (agentguard.toml line 32))"
		usual = "403 Forbidden"
		host  = " HTTP/1.1\r\nHost: api.example.com\r\n"
		next  = "GET /items/1" + host + "\r\n"
	)
	for name, c := range map[string]struct {
		request, status string
		goesOn          bool
	}{
		"without a body":        {"DELETE /items/1" + host + "\r\n", aloud, true},
		"with one":              {"DELETE /items/1" + host + "Content-Length: 5\r\n\r\nhello", aloud, true},
		"in chunks":             {"DELETE /items/1" + host + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", aloud, true},
		"asked for its head":    {"HEAD /none" + host + "\r\n", "403 Forbidden: agentguard: HEAD /none is no operation that the catalogue of api knows", true},
		"the last":              {"DELETE /items/1" + host + "Connection: close\r\n\r\n", aloud, false},
		"HTTP/1.0":              {"DELETE /items/1 HTTP/1.0\r\nHost: api.example.com\r\n\r\n", aloud, false},
		"HTTP/1.9":              {"DELETE /items/1 HTTP/1.9\r\nHost: api.example.com\r\n\r\n", aloud, true},
		"one behind it":         {"DELETE /items/1" + host + "\r\n" + next, aloud, false},
		"for another host":      {"GET / HTTP/1.1\r\nHost: other.example.com\r\n\r\n", `400 Bad Request: agentguard: the request is for "other.example.com", the tunnel leads to`, true},
		"with one still to ask": {"DELETE /items/1" + host + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", usual, false},
		"with a long one":       {"DELETE /items/1" + host + "Content-Length: 800000\r\n\r\n" + strings.Repeat("x", 800000), usual, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, raw, _ := r.raw("CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n{auth}\r\n")
			conn := tlsClient(raw, r, "api.example.com")
			defer conn.Close()
			go io.WriteString(conn, c.request)
			br := bufio.NewReader(conn)
			method, _, _ := strings.Cut(c.request, " ")
			resp, err := http.ReadResponse(br, &http.Request{Method: method})
			if err != nil {
				t.Fatal(err)
			}
			if body := bodyOf(t, resp); !strings.HasPrefix(resp.Status, c.status) || c.status == usual && resp.Status != usual || (method == "HEAD") != (body == "") {
				t.Errorf("status %q, want %q; %s", resp.Status, c.status, body)
			}
			if resp.ProtoMinor > 1 {
				t.Error("it is answered in", resp.Proto)
			}
			if resp.Close == c.goesOn {
				t.Errorf("it says that the connection ends: %v", resp.Close)
			}
			if c.status == usual {
				return
			}
			if c.goesOn {
				io.WriteString(conn, next)
			}
			if resp, err = http.ReadResponse(br, nil); (err == nil && resp.StatusCode == 200) != c.goesOn {
				t.Errorf("the next request: %v, %v", resp, err)
			}
		})
	}
}

func TestPhraseIsOneLine(t *testing.T) {
	if got := phrase(429, "a\r\nb\x1b \u202eé"); got != "Too Many Requests: agentguard: a??b? ??" {
		t.Errorf("%q", got)
	}
	if got := phrase(403, strings.Repeat("x", 999)); len(got) != maxPhrase || !strings.HasSuffix(got, "x...") {
		t.Errorf("%d: %q", len(got), got)
	}
}

// TestProtocolsThatClientsOffer: curl -0 offers HTTP/1.0 alone, and the others what they speak.
func TestProtocolsThatClientsOffer(t *testing.T) {
	r := newRig(t, nil, rigOptions{})
	for _, protocol := range []string{"h2", "http/1.1", "http/1.0"} {
		_, raw, _ := r.raw("CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n{auth}\r\n")
		conn := tls.Client(raw, &tls.Config{RootCAs: r.caPool(), ServerName: "api.example.com", NextProtos: []string{protocol}})
		if err := conn.Handshake(); err != nil || conn.ConnectionState().NegotiatedProtocol != protocol {
			t.Errorf("%s: %q, %v", protocol, conn.ConnectionState().NegotiatedProtocol, err)
		}
		raw.Close()
	}
}
