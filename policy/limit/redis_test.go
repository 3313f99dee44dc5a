package limit

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// server is a redis-server of the test's own, on a socket in its own directory.
type server struct {
	dir, socket string
	args        []string
	cmd         *exec.Cmd
}

// startRedis starts one that keeps nothing on disk, with further options.
func startRedis(t testing.TB, options ...string) *server {
	t.Helper()
	s := newServer(t, options...)
	s.start(t)
	return s
}

func newServer(t testing.TB, options ...string) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("needs redis-server")
	}
	dir := t.TempDir()
	s := &server{dir: dir, socket: filepath.Join(dir, "redis.sock")}
	s.args = append([]string{"--port", "0", "--unixsocket", s.socket, "--dir", dir, "--save", "", "--enable-protected-configs", "yes", "--appendonly", "no"}, options...)
	t.Cleanup(s.kill)
	return s
}

func (s *server) start(t testing.TB) {
	t.Helper()
	s.cmd = exec.Command("redis-server", s.args...)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := newRedis(t, s)
	for range 12_000 {
		err := r.Ping(context.Background())
		var refused redisError
		if err == nil || errors.As(err, &refused) && !strings.HasPrefix(string(refused), "LOADING") {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("redis-server does not answer")
}

func (s *server) kill() {
	if s.cmd != nil && s.cmd.ProcessState == nil {
		s.cmd.Process.Kill()
		s.cmd.Wait()
	}
}

func newRedis(t testing.TB, s *server) *Redis {
	t.Helper()
	a, err := ParseAddress("unix://" + s.socket)
	if err != nil {
		t.Fatal(err)
	}
	r := NewRedis(RedisConfig{Address: a, Timeout: time.Minute}) // a busy machine is no failure here
	t.Cleanup(func() { r.Close() })
	return r
}

func TestParseAddress(t *testing.T) {
	for in, want := range map[string]Address{
		"redis://limits.example.com":               {Network: "tcp", Target: "limits.example.com:6379"},
		"redis://limits.example.com:7000/3":        {Network: "tcp", Target: "limits.example.com:7000", DB: 3},
		"rediss://bots@limits.example.com/":        {Network: "tcp", Target: "limits.example.com:6379", TLS: true, User: "bots"},
		"redis://[::1]:6379":                       {Network: "tcp", Target: "[::1]:6379"},
		"unix:///run/redis/redis.sock":             {Network: "unix", Target: "/run/redis/redis.sock"},
		"unix:///run/redis/redis.sock?db=2":        {Network: "unix", Target: "/run/redis/redis.sock", DB: 2},
		"unix://bots@/run/redis/with%20space.sock": {Network: "unix", Target: "/run/redis/with space.sock", User: "bots"},
	} {
		if got, err := ParseAddress(in); err != nil || got != want {
			t.Errorf("%q is %+v, %v; want %+v", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		"":                              "begins neither",
		"file":                          "begins neither",
		"http://x":                      "begins neither",
		"redis:x":                       "is not an address",
		"redis://":                      "must be of a host",
		"redis://:6379":                 "must be of a host",
		"redis://:pw@x":                 "holds a password",
		"redis://u:pw@x":                "holds a password",
		"redis://u:@x":                  "holds a password",
		"redis://x:0":                   "names a port",
		"redis://x:65536":               "names a port",
		"redis://x/one":                 "names a database",
		"redis://x/-1":                  "names a database",
		"redis://x/1/2":                 "names a database",
		"redis://x?db=1":                "must be of a host",
		"redis://x#1":                   "is not an address",
		"unix://":                       "begins neither",
		"unix:///":                      "begins neither",
		"unix://host/path":              "begins neither",
		"unix:///path?db=x":             "names a database",
		"unix:///path?db=1&password=pw": "more than db=N",
		"redis://\x7f":                  "is not a URL",
	} {
		if got, err := ParseAddress(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %+v, %v; want an error with %q", in, got, err, want)
		}
	}
}

func wantRefused(t *testing.T, r *Redis, what, hint string) {
	t.Helper()
	v, err := r.Take(context.Background(), []Take{perHour})
	if v.OK || err == nil {
		t.Fatalf("%+v, %v: want a refusal with %q", v, err, what)
	}
	wantError(t, err, what, hint)
}

// admin sends a command of the test's own.
func admin(t *testing.T, s *server, cmd ...string) {
	t.Helper()
	if _, err := newRedis(t, s).do(context.Background(), cmd...); err != nil {
		t.Fatal(cmd, err)
	}
}

func TestRedisServerClock(t *testing.T) {
	r := newRedis(t, startRedis(t))
	if n := count(t, r, perHour); n != 5 {
		t.Errorf("%d permits", n)
	}
	if v := take(t, r, perHour); v.Retry < 59*time.Minute || v.Retry > time.Hour {
		t.Errorf("%+v", v)
	}
	second := Take{"k", Rate{1, time.Second}, 1}
	take(t, r, second)
	v := take(t, r, second)
	for v.OK { // a busy machine: a second had passed
		v = take(t, r, second)
	}
	time.Sleep(v.Retry)
	if v := take(t, r, second); !v.OK {
		t.Errorf("after the time that was promised: %+v", v)
	}
}

// TestRedisKeys: nothing of a policy stands in a name, one request's names go to one node of a cluster, and what nobody asks for
// any more goes away by itself.
func TestRedisKeys(t *testing.T) {
	s := startRedis(t)
	r := newRedis(t, s)
	cmd := r.command([]Take{perHour, {"agent/allow.x/{evil}", Rate{1, time.Second}, 1}, {"other/allow.x/y", Rate{1, time.Second}, 1}})
	tag := func(key string) string {
		_, rest, _ := strings.Cut(key, "{")
		tag, _, _ := strings.Cut(rest, "}")
		return tag
	}
	if keys := cmd[3:6]; tag(keys[0]) == "" || tag(keys[0]) != tag(keys[1]) || tag(keys[0]) == tag(keys[2]) || keys[0] == keys[1] ||
		strings.Contains(strings.Join(keys, ""), "allow") {
		t.Errorf("keys %q", keys)
	}
	take(t, r, perHour)
	left, err := r.do(context.Background(), "PTTL", cmd[3])
	if err != nil || left[0] <= 0 || left[0] > time.Hour.Milliseconds() {
		t.Errorf("it is kept for %d ms, %v", left, err)
	}
	if held, err := r.do(context.Background(), "DBSIZE"); err != nil || held[0] != 1 {
		t.Errorf("%d keys, %v", held, err)
	}
}

// TestRedisRestarted: while the server is away nothing is permitted; afterwards it goes on from what the server kept.
func TestRedisRestarted(t *testing.T) {
	s := newServer(t, "--appendonly", "yes", "--appendfsync", "always")
	s.start(t)
	r := newRedis(t, s)
	for range 3 {
		take(t, r, perHour)
	}
	s.kill()
	wantRefused(t, r, "redis at "+s.socket, "start the server")
	s.start(t)
	if n := count(t, r, perHour); n != 2 {
		t.Errorf("%d permits after the restart, want 2", n)
	}
}

func TestRedisPassword(t *testing.T) {
	s := startRedis(t)
	const commands = "+eval +time +llen +lindex +lrange +lpop +lpush +rpush +pexpire +del"
	admin(t, s, strings.Fields("ACL SETUSER bots on >battery ~agentguard:* "+commands)...)
	admin(t, s, strings.Fields("ACL SETUSER nobody on >staple ~other:* "+commands)...)
	admin(t, s, "CONFIG", "SET", "requirepass", "correct horse")
	as := func(user, password string) *Redis {
		r := newRedis(t, s)
		r.Address.User = user
		if r.Password = func() []byte { return []byte(password) }; password == "" {
			r.Password = nil
		}
		return r
	}
	wantRefused(t, as("", ""), "NOAUTH", "[limits] password")
	wantRefused(t, as("", "wrong"), "WRONGPASS", "store the right password")
	wantRefused(t, as("bots", "correct horse"), "WRONGPASS", "store the right password")
	wantRefused(t, as("nobody", "staple"), "NOPERM", "agentguard:")
	for user, password := range map[string]string{"": "correct horse", "bots": "battery"} {
		if v := take(t, as(user, password), perHour); !v.OK {
			t.Error(v)
		}
	}
	r := as("", "correct horse")
	r.Address.DB = 1
	if v := take(t, r, perHour); !v.OK {
		t.Error(v)
	}
	r = as("", "correct horse")
	r.Address.DB = 99
	wantRefused(t, r, "DB index is out of range", "")
}

// TestRedisAnswersNo: what a server cannot keep it does not permit, and nothing of several is taken.
func TestRedisAnswersNo(t *testing.T) {
	for _, c := range []struct {
		name       string
		spoil      [][]string
		what, hint string
	}{
		{"out of memory", [][]string{{"CONFIG", "SET", "maxmemory", "1"}}, "OOM", "maxmemory"},
		{"a replica", [][]string{{"REPLICAOF", "127.0.0.1", "1"}}, "READONLY", "primary"},
		{"cannot save", [][]string{{"CONFIG", "SET", "save", "1 1"}, {"CONFIG", "SET", "dir", "/proc"}, {"SET", "x", "y"}, {"BGSAVE"}}, "MISCONF", "free space"},
		{"too few replicas", [][]string{{"CONFIG", "SET", "min-replicas-to-write", "1"}}, "NOREPLICAS", ""},
		{"another's key", [][]string{{"SET", (&Redis{}).command([]Take{perHour})[3], "x"}}, "WRONGTYPE", ""},
		{"another's list", [][]string{{"RPUSH", (&Redis{}).command([]Take{perHour})[3], "x", "y"}}, "ERR", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startRedis(t)
			r := newRedis(t, s)
			other, many := Take{"agent/allow.x/a", Rate{MaxPermits, time.Hour}, 1}, Take{perHour.Key, Rate{MaxPermits, time.Hour}, 1}
			for _, cmd := range c.spoil {
				admin(t, s, cmd...)
			}
			var err error
			for range 12_000 { // a save fails in the background
				if _, err = r.Take(context.Background(), []Take{other, many}); err != nil {
					break
				}
				time.Sleep(5 * time.Millisecond)
			}
			wantError(t, err, c.what, c.hint)
		})
	}
}

// serve handles the connections of l until the test ends.
func serve(t *testing.T, l net.Listener, handle func(net.Conn)) {
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				handle(c)
			}()
		}
	}()
}

// fake answers each connection by hand, and is waited for as long as timeout says.
func fake(t *testing.T, timeout time.Duration, answer func(net.Conn)) *Redis {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, func(c net.Conn) {
		c.Read(make([]byte, 64<<10))
		answer(c)
	})
	a, err := ParseAddress("redis://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	r := NewRedis(RedisConfig{Address: a, Timeout: timeout})
	t.Cleanup(func() { r.Close() })
	return r
}

// TestRedisLies: what is no answer to a Take permits nothing, costs no memory and ends in time.
func TestRedisLies(t *testing.T) {
	for _, c := range []struct{ name, answer, what string }{
		{"nothing", "", "EOF"},
		{"half", "*3\r\n:1\r\n", "EOF"},
		{"a word", "+OK\r\n", "none to what was asked"},
		{"a number", ":1\r\n", "none to what was asked"},
		{"a bare line feed", "*3\n:1\n:0\n:0\n", "none of Redis"},
		{"another protocol", "HTTP/1.1 400 Bad Request\r\n\r\n", "none of Redis"},
		{"a long array", "*1000000000\r\n", "none of Redis"},
		{"a long text", "$1000000000\r\n", "none of Redis"},
		{"an overflowing length", "*99999999999999999999\r\n", "none of Redis"},
		{"a negative length", "*-1\r\n", "none of Redis"},
		{"an endless line", "+" + strings.Repeat("x", 1<<20), "none of Redis"},
		{"texts", "*3\r\n$1\r\n1\r\n$1\r\n0\r\n$1\r\n0\r\n", "none of Redis"},
		{"too few", "*2\r\n:1\r\n:0\r\n", "none to what was asked"},
		{"neither yes nor no", "*3\r\n:2\r\n:0\r\n:0\r\n", "none to what was asked"},
		{"another key", "*3\r\n:0\r\n:1\r\n:5\r\n", "none to what was asked"},
		{"a negative key", "*3\r\n:0\r\n:-1\r\n:5\r\n", "none to what was asked"},
		{"no time", "*3\r\n:0\r\n:0\r\n:0\r\n", "none to what was asked"},
		{"a year", "*3\r\n:0\r\n:0\r\n:31536000000000\r\n", "none to what was asked"},
		{"an escape sequence", "-ERR \x1b[2J\r\n", "ERR ?[2J"},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantRefused(t, fake(t, time.Minute, func(conn net.Conn) { conn.Write([]byte(c.answer)) }), c.what, "")
		})
	}
}

// TestRedisIsSlow: a server that keeps its clients waiting holds up each request for the bound, whatever it sends meanwhile.
func TestRedisIsSlow(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	for name, answer := range map[string]func(net.Conn){
		"silent": func(net.Conn) { <-stop },
		"byte by byte": func(c net.Conn) {
			for range 10_000 {
				if _, err := c.Write([]byte("+")); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		},
		"an array that goes on": func(c net.Conn) {
			for _, part := range []string{"*3\r\n", ":1\r\n", ":0\r\n"} {
				c.Write([]byte(part))
				time.Sleep(20 * time.Millisecond)
			}
			<-stop
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := fake(t, 200*time.Millisecond, answer)
			var all sync.WaitGroup
			for range 3 * maxConns { // who waits for a connection waits no longer than who has one
				all.Go(func() { wantRefused(t, r, "no answer within 200ms", "") })
			}
			all.Wait()
		})
	}
}

// TestRedisReconnects: an idle connection that the server has closed costs nothing but another one.
func TestRedisReconnects(t *testing.T) {
	s := startRedis(t)
	r := newRedis(t, s)
	for i := range perHour.Rate.N {
		if v := take(t, r, perHour); !v.OK {
			t.Fatal(i, v)
		}
		admin(t, s, "CLIENT", "KILL", "SKIPME", "yes")
	}
	if v := take(t, r, perHour); v.OK {
		t.Error("a sixth")
	}
}

func TestRedisTLS(t *testing.T) {
	cert, roots := certificate(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	s := startRedis(t)
	serve(t, l, func(c net.Conn) { // TLS in front of the real server, which has no port for it here
		to, err := net.Dial("unix", s.socket)
		if err != nil {
			return
		}
		go io.Copy(to, c)
		io.Copy(c, to)
	})
	a, err := ParseAddress("rediss://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if v := take(t, NewRedis(RedisConfig{Address: a, Roots: roots, Timeout: time.Minute}), perHour); !v.OK {
		t.Error(v)
	}
	wantRefused(t, NewRedis(RedisConfig{Address: a, Timeout: time.Minute}), "certificate", "")
	a.TLS = false
	wantRefused(t, NewRedis(RedisConfig{Address: a}), "", "")
}

// certificate is one for 127.0.0.1, and what verifies it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

func BenchmarkTakeRedis(b *testing.B) {
	r := newRedis(b, startRedis(b))
	takes := []Take{{"agent/allow.x/create_pr", Rate{5000, time.Hour}, 1}, {"agent/allow.x/*", Rate{100_000, time.Second}, 1}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Take(context.Background(), takes); err != nil {
			b.Fatal(err)
		}
	}
}
