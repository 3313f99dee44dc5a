// Package origin is an API on loopback: an HTTPS server (HTTP/1.1 and HTTP/2) with a throw-away certificate authority that
// lives in memory, which plays the hosts it is told to and remembers what arrived. The demo, the doctor and the tests
// send their traffic to it instead of to the internet. It is safe for concurrent use.
package origin

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// maxSeen bounds what Requests remembers; later requests are served and forgotten.
const maxSeen = 4096

// Options says what to play.
type Options struct {
	// Hosts are the names (or IP addresses) that the certificate covers; at least one.
	Hosts []string
	// Handler answers.
	Handler http.Handler
	// Plain makes it listen for plain HTTP too, on another port.
	Plain bool
	// Now dates the certificates; if nil, time.Now.
	Now func() time.Time
}

// Seen is one request as it arrived.
type Seen struct {
	Method, Host, Path string
	Proto              string // "HTTP/2.0"
	Header             http.Header
}

// Origin is a running server.
type Origin struct {
	listener net.Listener
	plain    net.Listener // nil: none
	server   *http.Server
	ca       []byte

	mu   sync.Mutex
	seen []Seen
}

// Start listens on a free loopback port and serves until Close.
func Start(o Options) (*Origin, error) {
	if len(o.Hosts) == 0 || o.Handler == nil {
		return nil, errors.New("an origin needs hosts to play and a handler")
	}
	now := time.Now
	if o.Now != nil {
		now = o.Now
	}
	certificate, caPEM, err := issue(o.Hosts, now())
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	org := &Origin{listener: listener, ca: caPEM}
	org.server = &http.Server{
		Handler:           org.remember(o.Handler),
		TLSConfig:         certificate,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0), // a client that distrusts the CA is a finding of the doctor's, not a log line
	}
	if o.Plain {
		if org.plain, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			listener.Close()
			return nil, err
		}
		go org.server.Serve(org.plain)
	}
	go org.server.ServeTLS(listener, "", "")
	return org, nil
}

// Addr is "127.0.0.1:port".
func (o *Origin) Addr() string { return o.listener.Addr().String() }

// PlainAddr is the address for plain HTTP, "" where there is none.
func (o *Origin) PlainAddr() string {
	if o.plain == nil {
		return ""
	}
	return o.plain.Addr().String()
}

// CAPEM is the certificate of the throw-away authority.
func (o *Origin) CAPEM() []byte { return o.ca }

// Requests is what arrived so far, in order of arrival.
func (o *Origin) Requests() []Seen {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]Seen(nil), o.seen...)
}

// Close stops listening and cuts what is under way.
func (o *Origin) Close() error { return o.server.Close() }

func (o *Origin) remember(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := Seen{Method: r.Method, Host: r.Host, Path: r.URL.RequestURI(), Proto: r.Proto, Header: r.Header.Clone()}
		o.mu.Lock()
		if len(o.seen) < maxSeen {
			o.seen = append(o.seen, s)
		}
		o.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}
