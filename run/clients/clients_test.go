package clients

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"agentguard/run/environ"
)

// authority makes a CA and a server certificate of it for api.test.
func authority(t testing.TB) (caPEM []byte, leaf tls.Certificate) {
	t.Helper()
	caKey, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ca.RawSubject, _ = mustParse(t, caDER).RawSubject, 0
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{"api.test", "other.test"}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, mustParse(t, caDER), key.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}), tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func mustParse(t testing.TB, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tunnels is a CONNECT proxy that leads to two origins whatever the name, and notes what it was asked for.
type tunnels struct {
	*httptest.Server
	secure, plain string // addresses of the origins
	password      string // "": anybody
	mu            sync.Mutex
	asked         []string
}

func (p *tunnels) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.RequestURI)
	p.mu.Unlock()
	if p.password != "" && r.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte("run:"+p.password)) {
		w.Header().Set("Proxy-Authenticate", `Basic realm="agentguard"`)
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	if r.URL.Scheme == "http" { // Node's own way to a plain host
		r.URL.Scheme, r.URL.Host = "", ""
		r.Header.Del("Proxy-Authorization")
		origin(w, r)
		return
	}
	to := p.secure
	if strings.HasSuffix(r.RequestURI, ":80") {
		to = p.plain
	}
	if r.Method != http.MethodConnect || strings.HasPrefix(r.RequestURI, "denied.test") {
		w.Header().Set("Connection", "close") // Node's own agents would wait for it
		w.WriteHeader(http.StatusForbidden)
		return
	}
	up, err := net.Dial("tcp", to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	down, _, _ := http.NewResponseController(w).Hijack()
	io.WriteString(down, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { io.Copy(up, down); up.Close() }()
	io.Copy(down, up)
	down.Close()
}

// take gives what was asked since the last call.
func (p *tunnels) take() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := strings.Join(p.asked, ", ")
	p.asked = nil
	return s
}

// origin answers every request with its method, host and path, and echoes one WebSocket message.
func origin(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Proxy-Authorization") != "" {
		http.Error(w, "the proxy's password reached the origin", http.StatusTeapot)
		return
	}
	if r.Header.Get("Upgrade") == "websocket" {
		conn, rw, _ := http.NewResponseController(w).Hijack()
		defer conn.Close()
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) // RFC 6455 section 1.3
		fmt.Fprintf(rw, "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(sum[:]))
		rw.Write([]byte{0x81, 5, 'h', 'e', 'l', 'l', 'o'})
		rw.Flush()
		io.Copy(io.Discard, rw)
		return
	}
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s%s %s", r.Method, r.Host, r.URL, body)
}

// world is a proxy with its origins and a run's environment that leads there.
func world(t *testing.T, password string) (*tunnels, Files, *environ.Env) {
	t.Helper()
	caPEM, leaf := authority(t)
	secure := httptest.NewUnstartedServer(http.HandlerFunc(origin))
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{leaf}}
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(http.HandlerFunc(origin))
	t.Cleanup(plain.Close)
	p := &tunnels{secure: secure.Listener.Addr().String(), plain: plain.Listener.Addr().String(), password: password}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	dir := filepath.Join(t.TempDir(), `it's a "run" dir`)
	if strings.Contains(t.Name(), "Java") {
		dir = filepath.Join(t.TempDir(), "a run's dir")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	files, err := Write(dir, caPEM, Config{Environ: &environ.Env{}})
	if err != nil {
		t.Fatal(err)
	}
	files.JavaProxy = p.Listener.Addr().String()
	env := environ.Of([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir})
	files.Set(env, "http://run:"+password+"@"+p.Listener.Addr().String(), false)
	return p, files, env
}

func runIn(t *testing.T, env *environ.Env, dir, name string, args ...string) (stdout, stderr string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skip("needs " + name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env, cmd.Dir = env.List(), dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Errorf("%s: %v\n%s%s", name, err, out.String(), errs.String())
	}
	return out.String(), errs.String()
}

// ownWay is what is different where Node knows of proxies by itself (NODE_USE_ENV_PROXY, from 22.21 on): it asks for plain hosts without a
// tunnel, and has words of its own for a tunnel that is refused.
var ownWay = map[string]struct{ prints, asks string }{
	"fetch refused": {"Request was cancelled.", "CONNECT denied.test:443"},
	"http.get":      {"GET api.test/h", "GET http://api.test/h"},
	"ws plain":      {"hello", "GET http://api.test/ws"},
}

// nodeCases print one line each; the names before the colon are the modules that they need.
var nodeCases = []struct{ name, code, prints, asks string }{
	{"fetch", `fetch('https://api.test/a').then(r => r.text()).then(console.log)`, "GET api.test/a", "CONNECT api.test:443"},
	{"fetch post", `fetch('https://api.test/a', {method: 'POST', body: 'x'}).then(r => r.text()).then(console.log)`, "POST api.test/a x", "CONNECT api.test:443"},
	{"fetch plain", `fetch('http://api.test/a').then(r => r.text()).then(console.log)`, "GET api.test/a", "CONNECT api.test:80"},
	{"fetch twice", `fetch('https://api.test/a').then(r => r.text()).then(() => new Promise(f => setTimeout(f, 50))).then(() => fetch('https://api.test/b')).then(r => r.text()).then(console.log)`, "GET api.test/b", "CONNECT api.test:443"},
	{"fetch refused", `fetch('https://denied.test/').catch(e => console.log(e.cause.message))`, "proxy refused CONNECT denied.test:443: 403 Forbidden", "CONNECT denied.test:443"},
	{"fetch as Node 26 has it", `globalThis[Symbol.for('undici.globalDispatcher.2')] = new class EnvHttpProxyAgent { constructor(o) { if (o) console.log(JSON.stringify(o)) } }; fetch('data:,')`, `{"requestTls":{"allowH2":false}}`, ""},
	{"https.get", `require('https').get('https://api.test/g', r => r.pipe(process.stdout))`, "GET api.test/g", "CONNECT api.test:443"},
	{"https.get options", `require('https').get({host: 'api.test', path: '/g'}, r => r.pipe(process.stdout))`, "GET api.test/g", "CONNECT api.test:443"},
	{"https.get port", `require('https').get('https://api.test:8443/g', r => r.pipe(process.stdout))`, "GET api.test:8443/g", "CONNECT api.test:8443"},
	{"https.request agent", `const h = require('https'); const r = h.request('https://api.test/r', {method: 'PUT', agent: new h.Agent({keepAlive: true})}, r => { r.pipe(process.stdout); r.on('end', () => process.exit()) }); r.end('body')`,
		"PUT api.test/r body", "CONNECT api.test:443"},
	{"https.request no agent", `require('https').request('https://api.test/r', {agent: false}, r => r.pipe(process.stdout)).end()`, "GET api.test/r", "CONNECT api.test:443"},
	{"https TLS options", `require('https').get('https://api.test/', {ca: 'nonsense'}).on('error', e => console.log(e.code))`, "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "CONNECT api.test:443"},
	{"https checked name", `require('https').get('https://wrong.test/').on('error', e => console.log(e.code))`, "ERR_TLS_CERT_ALTNAME_INVALID", "CONNECT wrong.test:443"},
	{"https servername", `require('https').get('https://wrong.test/s', {servername: 'api.test'}, r => r.pipe(process.stdout))`, "GET wrong.test/s", "CONNECT wrong.test:443"},
	{"https refused", `require('https').get('https://denied.test/').on('error', e => console.log(/denied.test:443.* 403 Forbidden/.test(e.message)))`, "true", "CONNECT denied.test:443"},
	{"https destructured import", `import('node:https').then(({get}) => get('https://api.test/i', r => r.pipe(process.stdout)))`, "GET api.test/i", "CONNECT api.test:443"},
	{"http.get", `require('http').get('http://api.test/h', r => r.pipe(process.stdout))`, "GET api.test/h", "CONNECT api.test:80"},
	{"no proxy", `const s = require('http').createServer((q, r) => r.end('local')).listen(0, '127.0.0.1', () => fetch('http://localhost:' + s.address().port).catch(() => fetch('http://127.0.0.1:' + s.address().port)).then(r => r.text()).then(t => { console.log(t); s.close(); process.exit() }))`, "local", ""},
	{"unix socket", `const p = require('os').tmpdir() + '/ag-test-' + process.pid; const h = require('http'); const s = h.createServer((q, r) => r.end('socket')).listen(p, () => h.get({socketPath: p, path: '/'}, r => { r.pipe(process.stdout); s.close() }))`, "socket", ""},
	{"own agent class", `const h = require('https'); class A extends h.Agent { createConnection() { throw new Error('mine') } }; try { h.get('https://api.test/', {agent: new A()}).on('error', e => console.log(e.message)) } catch (e) { console.log(e.message) }`, "mine", ""},
	{"own environment of a program", `require('child_process').spawn('node', ['-e', "fetch('https://api.test/e').then(r => r.text()).then(console.log)"], {env: {PATH: process.env.PATH}, stdio: 'inherit'})`, "GET api.test/e", "CONNECT api.test:443"},
	{"own environment of a shell", `console.log(String(require('child_process').execSync('echo "$HTTPS_PROXY $NODE_OPTIONS $MINE"', {env: {MINE: 'mine', NODE_OPTIONS: '--no-warnings'}})).replace(/^http:.* --no-warnings --require=.*preload.js"/, ''))`, "mine", ""},
	{"own environment that is a copy", `console.log(String(require('child_process').spawnSync('sh', ['-c', 'echo $HTTPS_PROXY'], {env: {...process.env, HTTPS_PROXY: 'theirs', NO_PROXY: undefined}}).stdout))`, "theirs", ""},
	{"own environment of a thread", `new (require('worker_threads').Worker)("fetch('https://api.test/t').then(r => r.text()).then(console.log)", {eval: true, env: {}})`, "GET api.test/t", "CONNECT api.test:443"},
	{"ws", `const W = require('ws'); const w = new W('wss://api.test/ws'); w.on('message', m => { console.log(String(m)); w.terminate() })`, "hello", "CONNECT api.test:443"},
	{"ws plain", `const W = require('ws'); const w = new W('ws://api.test/ws'); w.on('message', m => { console.log(String(m)); w.terminate() })`, "hello", "CONNECT api.test:80"},
	{"undici", `require('undici').request('https://api.test/u').then(r => r.body.text()).then(console.log)`, "GET api.test/u", "CONNECT api.test:443"},
	{"undici fetch", `require('undici').fetch('https://api.test/u').then(r => r.text()).then(console.log)`, "GET api.test/u", "CONNECT api.test:443"},
	{"axios", `require('axios').get('http://api.test/x', {proxy: false}).then(r => console.log(r.data))`, "GET api.test/x", "CONNECT api.test:80"},
	{"own protocol over tls", `const l = require('net').createServer(s => s.once('data', d => { console.log(d[0]); process.exit() })).listen(0, '127.0.0.2', () =>
		require('tls').connect({host: '127.0.0.2', port: l.address().port}).on('error', () => {}))`, "22", ""},
	{"own http over tls", `require('tls').connect({host: 'api.test', port: 8443, servername: 'api.test', ALPNProtocols: ['http/1.1']}, function () { console.log('open'); this.destroy() }).on('error', e => console.log(e.code))`,
		"open", "CONNECT api.test:8443"},
	{"https-proxy-agent", `const {HttpsProxyAgent: A} = require('https-proxy-agent'); require('https').get('https://api.test/p', {agent: new A(process.env.HTTPS_PROXY)}, r => r.pipe(process.stdout))`, "GET api.test/p", "CONNECT api.test:443"},
}

// TestNodePreload runs real Node, with the packages that an earlier npm put under AGENTGUARD_TEST_NODE_MODULES or that npm
// can install now.
func TestNodePreload(t *testing.T) {
	own, err := exec.Command("node", "-p", "process.allowedNodeEnvironmentFlags.has('--use-env-proxy') ? parseInt(process.versions.node) : 0").Output()
	if err != nil {
		t.Skip("needs node")
	}
	version, _ := strconv.Atoi(strings.TrimSpace(string(own)))
	password, quoted, native := "tok en%2F", "tok%20en%252F", version > 0
	if native { // its own way takes no such password
		password, quoted = "token", "token"
	}
	p, _, env := world(t, password)
	env.Set("HTTPS_PROXY", "http://run:"+quoted+"@"+p.Listener.Addr().String())
	env.Set("HTTP_PROXY", env.Get("HTTPS_PROXY"))
	modules := nodeModules(t)
	for _, c := range nodeCases {
		t.Run(c.name, func(t *testing.T) {
			if name, _, _ := strings.Cut(c.name, " "); modules == "" && !strings.Contains("fetch https https.get https.request http.get no unix own", name) {
				t.Skip("needs the npm package " + name)
			}
			stdout, stderr := runIn(t, env, modules, "node", "-e", c.code)
			prints, asks := c.prints, c.asks
			if differs, ok := ownWay[c.name]; ok && native {
				prints, asks = differs.prints, differs.asks
			}
			if c.name == "fetch plain" && version >= 26 {
				asks = "GET http://api.test/a"
			}
			if asked := p.take(); strings.TrimSpace(stdout) != prints || asked != asks || stderr != "" {
				t.Errorf("printed %q, asked %q; want %q, %q; stderr %s", stdout, asked, prints, asks, stderr)
			}
		})
	}
}

// nodeModules gives a directory in which node finds the packages, "" where npm cannot install them.
func nodeModules(t *testing.T) string {
	if dir := os.Getenv("AGENTGUARD_TEST_NODE_MODULES"); dir != "" {
		return dir
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--silent", "ws@8", "undici@6", "axios@1", "https-proxy-agent@7")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Logf("npm: %v: %s", err, out)
		return ""
	}
	return dir
}

func TestNodePreloadIsSilentWithoutOrWithOddVariables(t *testing.T) {
	_, files, _ := world(t, "")
	for _, value := range []string{"", "nonsense", "://", "socks5://127.0.0.1:1", "http://%zz@127.0.0.1:1"} {
		env := environ.Of([]string{"PATH=" + os.Getenv("PATH"), "HTTPS_PROXY=" + value, "NODE_OPTIONS=" + files.nodeOptions("")})
		stdout, stderr := runIn(t, env, "", "node", "-p", "1")
		if stdout != "1\n" || stderr != "" {
			t.Errorf("%q: %q, %q", value, stdout, stderr)
		}
	}
}

const javaProgram = `import java.net.*;
public class Get {
  public static void main(String[] a) throws Exception {
    for (String u : a) System.out.println(new String(new URL(u).openStream().readAllBytes()));
    var c = java.net.http.HttpClient.newBuilder().proxy(ProxySelector.getDefault()).version(java.net.http.HttpClient.Version.HTTP_1_1).build();
    System.out.println(c.send(java.net.http.HttpRequest.newBuilder(URI.create(a[0])).build(), java.net.http.HttpResponse.BodyHandlers.ofString()).body());
    System.out.println(java.util.Collections.list(store().aliases()).size());
  }
  static java.security.KeyStore store() throws Exception {
    var s = java.security.KeyStore.getInstance("PKCS12");
    s.load(new java.io.FileInputStream(System.getProperty("javax.net.ssl.trustStore")), null);
    return s;
  }
}`

func TestJavaTrustsTheRunAndFindsTheProxy(t *testing.T) {
	p, files, env := world(t, "")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Get.java"), []byte(javaProgram), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, stderr := runIn(t, env, dir, "java", "Get.java", "https://api.test/j", "https://other.test/k")
	bundle, _ := os.ReadFile(files.Bundle)
	want := fmt.Sprintf("GET api.test/j \nGET other.test/k \nGET api.test/j \n%d\n", bytes.Count(bundle, []byte("BEGIN CERTIFICATE")))
	if stdout != want || !strings.HasPrefix(stderr, "Picked up JAVA_TOOL_OPTIONS") {
		t.Errorf("printed %q, want %q; stderr %s", stdout, want, stderr)
	}
	if asked := p.take(); asked != "CONNECT api.test:443, CONNECT other.test:443, CONNECT api.test:443" {
		t.Errorf("asked %q", asked)
	}
}

func TestWgetAndCurl(t *testing.T) {
	p, _, env := world(t, "tok")
	for _, c := range [][]string{{"wget", "-q", "-O-", "https://api.test/w"}, {"curl", "-s", "--http1.1", "https://api.test/w"}} {
		t.Run(c[0], func(t *testing.T) {
			if stdout, _ := runIn(t, env, "", c[0], c[1:]...); stdout != "GET api.test/w " {
				t.Errorf("printed %q; asked %q", stdout, p.take())
			}
		})
	}
}

func TestClientFiles(t *testing.T) {
	home, dir := t.TempDir(), t.TempDir()
	caPEM, _ := authority(t)
	own, _ := authority(t)
	key := "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
	corp, extra, roots := filepath.Join(home, "corp.pem"), filepath.Join(home, "extra.pem"), filepath.Join(home, "roots.pem")
	for path, text := range map[string]string{
		corp: string(own) + key, extra: strings.TrimSpace(string(own)), roots: strings.TrimSpace(string(own)),
		filepath.Join(home, ".wgetrc"): "# mine\ntries = 3\nno such line\n = x\ntries cache = x\naws_secret = x\nca-certificate=/evil\nHTTPS_Proxy = http://corp\npassword = hunter2\nheader = Authorization: x\ncheck_certificate=off\nfoo = ghp_0123456789012345678901234567890123456",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Write(dir, caPEM, Config{Environ: environ.Of([]string{"HOME=" + home, "SSL_CERT_FILE=" + corp, "NODE_EXTRA_CA_CERTS=" + extra}), Roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	bundle, _ := os.ReadFile(f.Bundle)
	if n := countCertificates(t, bundle); n != 4 || bytes.Contains(bundle, []byte("PRIVATE")) {
		t.Errorf("%d certificates in the bundle:\n%s", n, bundle)
	}
	if ca, _ := os.ReadFile(f.CA); !bytes.Equal(ca, caPEM) {
		t.Error("the CA file is not the run's CA")
	}
	wgetrc, _ := os.ReadFile(f.Wgetrc)
	if want := "tries = 3\nca_certificate = " + f.Bundle + "\nuse_proxy = on\ncheck_certificate = on\n"; string(wgetrc) != want {
		t.Errorf("wgetrc:\n%s", wgetrc)
	}
	store, _ := os.ReadFile(f.PKCS12)
	if certs, err := pkcs12.DecodeTrustStore(store, ""); err != nil || len(certs) != 4 {
		t.Errorf("trust store: %d certificates, %v", len(certs), err)
	}
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		if info, _ := entry.Info(); !entry.IsDir() && info.Mode().Perm() != 0o600 && os.PathSeparator == '/' {
			t.Errorf("%s: mode %v", entry.Name(), info.Mode())
		}
	}
}

func countCertificates(t *testing.T, bundle []byte) (n int) {
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		mustParse(t, block.Bytes)
		n++
	}
	return n
}

func TestPathsAreQuoted(t *testing.T) {
	for _, c := range []struct{ path, node, java string }{
		{"/a/b", `--require="/a/b"`, `-Djavax.net.ssl.trustStore=/a/b -Djavax.net.ssl.trustStoreType=PKCS12`},
		{`/a "b\c`, `--require="/a \"b\\c"`, `'-Djavax.net.ssl.trustStore=/a "b\c' -Djavax.net.ssl.trustStoreType=PKCS12`},
		{"/it's", `--require="/it's"`, `"-Djavax.net.ssl.trustStore=/it's" -Djavax.net.ssl.trustStoreType=PKCS12`},
	} {
		f := Files{Preload: c.path, PKCS12: c.path}
		if got := f.nodeOptions(""); got != c.node {
			t.Errorf("node: %s", got)
		}
		if got := f.javaOptions(""); got != c.java {
			t.Errorf("java: %s", got)
		}
	}
}

func FuzzWgetrc(f *testing.F) {
	f.Add([]byte("a=b\nca_certificate=/x\r\n c-A_certificate = y"))
	f.Fuzz(func(t *testing.T, user []byte) {
		last := map[string]string{}
		lines := bufio.NewScanner(bytes.NewReader(wgetrc(user, "/bundle")))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), "=")
			if name = wgetCommand(name); name == "cacertificate" || name == "password" || name == "httpsproxy" {
				last[name] += strings.TrimSpace(value)
			}
		}
		if len(last) != 1 || last["cacertificate"] != "/bundle" {
			t.Errorf("%q", last)
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	caPEM, _ := authority(b)
	dir := b.TempDir()
	b.ReportAllocs()
	for range b.N {
		if _, err := Write(dir, caPEM, Config{Environ: &environ.Env{}}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTrustStore(b *testing.B) {
	caPEM, _ := authority(b)
	bundle := Config{Environ: &environ.Env{}}.bundle(caPEM)
	b.ReportAllocs()
	for range b.N {
		trustStore(bundle)
	}
}
