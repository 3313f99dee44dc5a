// Package proxy moves requests between the child and the upstream. Every request of every form passes one pipeline:
// what the policy does not allow is answered with the reason and never leaves, what it allows leaves with the real
// credential in its slot over verified TLS, and no live secret comes back. It fails closed: where a part is missing,
// unreadable or late, nothing is sent.
package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"agentguard/policy"
	"agentguard/policy/action"
	"agentguard/policy/limit"
	"agentguard/vault/cred"
)

// Config is what a proxy needs to know of its run.
type Config struct {
	Policy      *policy.Policy
	Credentials *cred.Set
	Kept        *cred.Set // secrets of the way out: what a corporate proxy says is taken out of its own answers. If nil, there are none
	Limits      limit.Store
	Upstream    *Upstream
	CA          *CA

	Token string // of the run: the password in the child's proxy URL
	Agent string // the run's agent, what X-Agent-ID may name

	// OpenFiles is how many files this process may have open at once; 0: any number.
	OpenFiles int
	// TempDir is where bodies over 1 MiB are held back that must be read whole before they are sent. If "", the system's.
	TempDir string

	// Record writes an exchange to the audit log, before the request leaves (ended false) and when all has ended. An
	// error refuses the request. It is mandatory.
	Record func(ex *Exchange, ended bool) error
	// KeepBodies lets an Exchange keep what was read of its body to know what it does.
	KeepBodies bool
	// Notice tells the person at the terminal of something that should not have happened. If nil, nobody is told.
	Notice func(string)
	// Pid finds the process at the child's end of a connection, 0 if unknown. If nil, no exchange has a Pid.
	Pid func(net.Conn) int
	// Ours says whether the process at the other end belongs to the run. It is asked once about a connection on which
	// somebody uses the proxy without a credential, as clients do that cannot authenticate to one. If nil, none does.
	Ours func(net.Conn) bool
	// Name gives the name behind an address that the run's own name service made up. If nil, none has one.
	Name func(netip.Addr) (string, bool)
}

// Proxy serves one run.
type Proxy struct {
	Config
	stages  []stage
	outer   *http.Server // CONNECT, absolute-form, gateway
	inner   *http.Server // what comes out of the tunnels
	queue   *queue
	places  chan struct{} // of connections
	tls     *tls.Config
	forward *httputil.ReverseProxy
	ids     atomic.Uint64
	needles needles
	kept    needles
	known   action.Known // what the services have said about their ids
	memory  *budget      // of bodies that are read ahead
	disk    *budget
	windows windows
	most    int64         // that is held back of a body, in bytes
	linger  time.Duration // of a tunnel one direction of which has ended
	patient time.Duration // with an answer that stays away, when the child has ended its half of the connection
	tunnels sync.WaitGroup
	ctx     context.Context
	stop    context.CancelFunc
}

// The bounds of what one connection may take.
const (
	headerTimeout = 30 * time.Second
	idleTimeout   = 5 * time.Minute
	halfClosed    = 15 * time.Second
	maxHeader     = 256 << 10
	maxHeld       = 64 << 20
	maxOnDisk     = 4 * maxSpool
	maxWaiting    = 256 << 10 // of bodies over HTTP/2 that the upstream does not take; net/http's own is four times that
	maxStreams    = 100       // of a connection in HTTP/2, each of which may have a streamBuffer; RFC 9113 section 6.5.2 wants no fewer
)

// classic are the key exchanges with the child: what never leaves the machine need not withstand a quantum computer, which
// costs a tenth of a handshake.
var classic = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}

// New makes a proxy; Serve starts it.
func New(c Config) (*Proxy, error) {
	if c.Policy == nil || c.Record == nil || c.Limits == nil || c.Upstream == nil || c.CA == nil || len(c.Token) < 32 {
		return nil, errors.New("proxy: policy, record, limits, upstream, CA and a token of 32 bytes are mandatory")
	}
	p := &Proxy{Config: c, queue: newQueue(), places: placesFor(c.OpenFiles), memory: newBudget(maxHeld), disk: newBudget(maxOnDisk), windows: windows{newBudget(maxWindows)}, most: maxSpool, linger: idleTimeout, patient: halfClosed}
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.stages = p.pipeline()
	p.tls = &tls.Config{
		NextProtos:         []string{"h2", "http/1.1", "http/1.0"}, // the last is all that curl -0 offers
		CurvePreferences:   classic,
		GetConfigForClient: p.checkName,
		GetCertificate:     p.leaf,
	}
	silent := log.New(io.Discard, "", 0)
	p.forward = &httputil.ReverseProxy{
		Rewrite:        p.rewrite,
		Transport:      c.Upstream,
		BufferPool:     &buffers{},
		ModifyResponse: p.modifyResponse,
		ErrorHandler:   p.upstreamError,
		ErrorLog:       silent,
	}
	p.outer = &http.Server{
		Handler: http.HandlerFunc(p.serveOuter), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader, ErrorLog: silent, ConnContext: p.meet, DisableGeneralOptionsHandler: true,
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	p.inner = &http.Server{
		Handler: http.HandlerFunc(p.serveInner), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader, ErrorLog: silent, ConnContext: enter, DisableGeneralOptionsHandler: true,
		HTTP2: &http.HTTP2Config{MaxReceiveBufferPerConnection: maxWaiting, MaxReceiveBufferPerStream: maxWaiting / 2, MaxConcurrentStreams: maxStreams},
	}
	go p.inner.Serve(p.queue)
	p.prepare()
	return p, nil
}

// Serve answers on l those who hold the run's token, and those whom Ours knows, until Close.
func (p *Proxy) Serve(l net.Listener) error { return ended(p.outer.Serve(p.bound(l))) }

// ServeSealed answers on l without a token: only the run may be able to reach l.
func (p *Proxy) ServeSealed(l net.Listener) error {
	return ended(p.outer.Serve(&identified{p.bound(l)}))
}

func ended(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Close ends every connection. Exchanges under way are recorded as they stand.
func (p *Proxy) Close() error {
	p.stop()
	err := errors.Join(p.outer.Close(), p.inner.Close(), p.queue.Close())
	done := make(chan struct{})
	go func() { p.Upstream.Close(); p.tunnels.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(2 * time.Second):
	}
	return err
}

// serveOuter tells the three forms apart.
func (p *Proxy) serveOuter(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodConnect:
		p.serveConnect(w, r)
	case strings.HasPrefix(r.RequestURI, "/"):
		p.serveGateway(w, r)
	default:
		p.serveAbsolute(w, r)
	}
}

// exchange takes one request through the pipeline and answers it. It is the only way out of this package.
func (p *Proxy) exchange(w http.ResponseWriter, ex *Exchange) {
	ex.ID = p.ids.Add(1)
	defer p.finish(ex) // also when ReverseProxy panics to cut the child's connection
	wait := p.waitFor(ex.in)
	defer wait.end()
	ex.ctx = wait.ctx
	rc := http.NewResponseController(w)
	ex.deadline = rc.SetReadDeadline
	if ex.Refusal = p.runRequest(ex); ex.Refusal != nil {
		ex.Status = ex.Refusal.Status
		ex.restoreBody()
		ex.Refusal.writeAloud(w, ex)
		return
	}
	// An answer may begin before the upload has ended; HTTP/2 has nothing to enable. Not so for a refusal: net/http would
	// leave the body unread, and trip over it when the next request comes on the connection.
	rc.EnableFullDuplex()
	defer ex.restoreBody()
	ctx := context.WithValue(ex.ctx, exchangeKey{}, ex)
	if ex.WebSocket { // its connection is taken over from the server, whose Close then does not end it
		defer context.AfterFunc(p.ctx, wait.end)()
	}
	child := &childWriter{ResponseWriter: w, p: p, ex: ex, wait: wait}
	if t, ok := ctx.Value(tunnelKey{}).(*tunnelConn); ok && ex.in.ProtoMajor == 1 { // in HTTP/2 others write as well
		child.out, ex.tunnel = &t.bulk, &t.bulk
		defer child.release()
	}
	p.forward.ServeHTTP(child, ex.in.WithContext(ctx))
	if ex.body != nil && !ex.body.src.ended.Load() {
		endConnection(w)
	}
}

// endConnection has the server end the connection, the answer having begun or not. Where the answer came before the end of the body,
// the transport is still reading that. net/http ends its Read with an error, takes what is left of chunks to be read by that, and would
// read it as the next request.
func endConnection(w http.ResponseWriter) {
	http.MaxBytesReader(w, io.NopCloser(strings.NewReader("x")), 0).Read(make([]byte, 1)) // its way to say so
}

// restoreBody gives the request the body back that it came with: net/http deals with what is left of its own, and takes what is
// left of another for the next request.
func (ex *Exchange) restoreBody() {
	if ex.body != nil {
		ex.in.Body = ex.body.src.ReadCloser
	}
}

type exchangeKey struct{}

func exchangeOf(r *http.Request) *Exchange { return r.Context().Value(exchangeKey{}).(*Exchange) }

// finish completes the record of an exchange, refused or not.
func (p *Proxy) finish(ex *Exchange) {
	ex.Duration = time.Since(ex.Start)
	ex.body.finish(ex)
	ex.messages.finish(ex)
	if ex.Pid == 0 && ex.in != nil {
		ex.Pid = int(peerOf(ex.in).pid.Load())
	}
	if err := p.Record(ex, true); err != nil {
		p.unrecorded(err)
	}
}

func (p *Proxy) notice(text string) {
	if p.Notice != nil {
		p.Notice(text)
	}
}

// buffers are what answers and tunnels are copied by: long ones, of which so many are in use at most, or else short ones, since who
// reads nothing of what it asked for keeps one.
type buffers struct {
	long, short sync.Pool
	taken       atomic.Int32 // long ones
}

const (
	copyBuffer  = 64 << 10 // 32 KiB costs a third of the download rate
	shortBuffer = 8 << 10
	mostLong    = 32
)

// Get implements httputil.BufferPool.
func (b *buffers) Get() []byte {
	pool, size := &b.long, copyBuffer
	if b.taken.Add(1) > mostLong {
		b.taken.Add(-1)
		pool, size = &b.short, shortBuffer
	}
	if p, ok := pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, size)
}

// Put implements httputil.BufferPool.
func (b *buffers) Put(x []byte) {
	if len(x) < copyBuffer {
		b.short.Put(&x)
		return
	}
	b.taken.Add(-1)
	b.long.Put(&x)
}
