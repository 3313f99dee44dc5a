package proxy

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestRefusalsAreSaidInTheStatusLine: programs that show no more of an answer than its status line show why, and the connection goes on
// as it would have, whether or not there was a body.
func TestRefusalsAreSaidInTheStatusLine(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) { io.WriteString(w, "item") }, rigOptions{})
	const (
		aloud = "403 Forbidden: agentguard: Action delete_item is denied (rule deny.deletions forbids it (agentguard.toml line 32))"
		host  = " HTTP/1.1\r\nHost: api.example.com\r\n"
		next  = "GET /items/1" + host + "\r\n"
	)
	for name, c := range map[string]struct {
		request, status string
		goesOn          bool
	}{
		"without a body":        {"DELETE /items/1" + host + "\r\n", aloud, true},
		"with one":              {"DELETE /items/1" + host + "Content-Length: 5\r\n\r\nhello", aloud, true},
		"in chunks":             {"DELETE /items/1" + host + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", aloud, false},
		"asked for its head":    {"HEAD /none" + host + "\r\n", "403 Forbidden: agentguard: HEAD /none is no operation that the catalogue of api knows", true},
		"the last":              {"DELETE /items/1" + host + "Connection: close\r\n\r\n", aloud, false},
		"HTTP/1.0":              {"DELETE /items/1 HTTP/1.0\r\nHost: api.example.com\r\n\r\n", aloud, false},
		"HTTP/1.9":              {"DELETE /items/1 HTTP/1.9\r\nHost: api.example.com\r\n\r\n", aloud, true},
		"one behind it":         {"DELETE /items/1" + host + "\r\n" + next, aloud, false},
		"for another host":      {"GET / HTTP/1.1\r\nHost: other.example.com\r\n\r\n", `400 Bad Request: agentguard: the request is for "other.example.com", the tunnel leads to`, true},
		"with one still to ask": {"DELETE /items/1" + host + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", aloud, false},
		"with a long one":       {"DELETE /items/1" + host + "Content-Length: 8000000\r\n\r\n" + strings.Repeat("x", 8000000), aloud, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, raw, _ := r.raw("CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n{auth}\r\n")
			conn := tlsClient(raw, r, "api.example.com")
			defer conn.Close()
			sent := make(chan error, 1)
			go func() { _, err := io.WriteString(conn, c.request); sent <- err }()
			br := bufio.NewReader(conn)
			method, _, _ := strings.Cut(c.request, " ")
			resp, err := http.ReadResponse(br, &http.Request{Method: method})
			if err != nil {
				t.Fatal(err)
			}
			if body := bodyOf(t, resp); !strings.HasPrefix(resp.Status, c.status) || (method == "HEAD") != (body == "") {
				t.Errorf("status %q, want %q; %s", resp.Status, c.status, body)
			}
			if resp.ProtoMinor > 1 {
				t.Error("it is answered in", resp.Proto)
			}
			if err := <-sent; err != nil {
				t.Error("all of it cannot be sent:", err)
			}
			if resp.Close == c.goesOn {
				t.Errorf("it says that the connection ends: %v", resp.Close)
			}
			if c.goesOn {
				io.WriteString(conn, next)
			} else {
				raw.(*net.TCPConn).CloseWrite()
			}
			if resp, err = http.ReadResponse(br, nil); (err == nil && resp.StatusCode == 200) != c.goesOn {
				t.Errorf("the next request: %v, %v", resp, err)
			}
		})
	}
}

// TestRefusedUploadIsTaken: HTTP/2 too answers before, takes what comes, as Java's client needs, and waits for no more of who stops
// sending, as Go's does.
func TestRefusedUploadIsTaken(t *testing.T) {
	r := newRig(t, nil, rigOptions{})
	req, _ := http.NewRequest("DELETE", "https://api.example.com/items/1", strings.NewReader(strings.Repeat("x", 4<<20)))
	resp, err := r.client(true).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if body := bodyOf(t, resp); resp.ProtoMajor != 2 || resp.StatusCode != 403 || !strings.Contains(body, "Action delete_item is denied") {
		t.Errorf("%s %s %s", resp.Proto, resp.Status, body)
	}
	var rest int
	take(io.LimitReader(strings.NewReader(strings.Repeat("x", 1<<20)), 1<<20), func(time.Time) error { rest++; return nil }, time.Second)
	if rest != 5 {
		t.Errorf("a body of 1 MiB was taken in %d parts, want 4 and its end", rest)
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
