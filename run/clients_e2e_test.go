package run_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"agentguard/run/testbed"
)

// npmPackages is where .ci/test installs the packages of testdata/e2e/node/package.json.
const npmPackages = "../.cache/e2e/node/node_modules"

// client is a real program, and what must happen when it runs: the same through agentguard with placeholders as, in the
// control, directly with the real credentials; except that what is denied is refused.
type client struct {
	name    string
	needs   func(testing.TB)
	argv    []string
	says    []string // in its output
	refused []string // in its output when the policy applies, and not in the control
	sees    []string // requests that arrive, with the real credential in its slot: "GET host/path"
	denied  []string // requests that never arrive and are on record as denied
	guarded bool     // has no control: it needs what only agentguard sets up
}

const (
	uploadSize   = 8 << 20
	downloadSize = 64 << 20
)

const thing7 = "GET api.echo.test/v1/things/7"

// asks is the conversation that most clients have: thing 7 is read, then its deletion is tried.
func asks(name string, needs func(testing.TB), argv ...string) client {
	return client{
		name: name, needs: needs, argv: argv,
		says:    []string{"200", "things/7"},
		refused: []string{"403", "Action delete_thing is denied"},
		sees:    []string{thing7},
		denied:  []string{"DELETE api.echo.test/v1/things/7"},
	}
}

// clients lists them; scripts is testdata/e2e, work a folder that holds upload.bin.
func clients(scripts, work string) []client {
	sh := func(script string, args ...string) []string {
		return append([]string{"sh", filepath.Join(scripts, "sh", script)}, args...)
	}
	py := func(script string) []string { return []string{testbed.Python, filepath.Join(scripts, "py", script)} }
	curl := testbed.Needs("curl")
	list := []client{
		asks("wget", testbed.Needs("wget"), sh("wget.sh")...),
		asks("ruby Net::HTTP", testbed.Needs("ruby"), "ruby", filepath.Join(scripts, "more", "client.rb")),
		asks("perl LWP", testbed.NeedsToRun("perl", "-MLWP::Protocol::https", "-e1"), "perl", filepath.Join(scripts, "more", "client.pl")),
		asks("php curl", testbed.NeedsToRun("php", "-r", "exit(function_exists('curl_init') ? 0 : 1);"), "php", filepath.Join(scripts, "more", "client.php")),
		asks("python urllib", testbed.NeedsPython(), py("client_urllib.py")...),
		asks("python requests", testbed.NeedsPython("requests"), py("client_requests.py")...),
		asks("python httpx", testbed.NeedsPython("httpx", "h2"), py("client_httpx.py")...),
		asks("python aiohttp", testbed.NeedsPython("aiohttp"), py("client_aiohttp.py")...),
		{
			name: "python grpcio", needs: testbed.NeedsPython("grpc"), argv: py("client_grpc.py"),
			says:    []string{"unary 0:ping:Bearer ", "stream 2:tick:Bearer ", "stream ended StatusCode.OK", "x-reflect-trailer"},
			refused: []string{"denied StatusCode.PERMISSION_DENIED"},
			sees:    []string{"POST api.echo.test/echo.Echo/Say", "POST api.echo.test/echo.Echo/Count"},
			denied:  []string{"POST api.echo.test/echo.Admin/Drop"},
		},
		{
			name: "python server-sent events", needs: testbed.NeedsPython(), argv: py("client_sse.py"),
			says: []string{"data: first Bearer ", "data: second"},
			sees: []string{"GET api.echo.test/v1/sse/s1", "POST api.echo.test/v1/ack/s1"},
		},
		{
			name: "python websocket on bare sockets", needs: testbed.NeedsPython(), argv: py("client_ws.py"),
			says: []string{"101 Switching Protocols", "hello Bearer ", "same 1 4", "same 1 5000", "closed (8, "},
			sees: []string{"GET api.echo.test/v1/ws"},
		},
		{
			name: "gh", needs: testbed.Needs("gh"), argv: sh("gh.sh"),
			says:    []string{`"login":"octocat"`, "Fix login", `"number":42`},
			refused: []string{"HTTP 403", "Action delete_repo is denied"},
			sees:    []string{"GET api.github.com/user", "POST api.github.com/graphql", "POST api.github.com/repos/myorg/myrepo/pulls"},
			denied:  []string{"DELETE api.github.com/repos/myorg/myrepo"},
		},
		{
			name: "git clone and push", needs: testbed.Needs("git"), argv: sh("git.sh", work),
			says:    []string{"hello", "pushed "},
			refused: []string{"forced: exit 1", "deleted: exit 1", "[remote rejected]", "Action force_push is denied", "Action delete_branch is denied"},
			sees:    []string{"POST github.com/myorg/myrepo/git-upload-pack", "POST github.com/myorg/myrepo/git-receive-pack"},
		},
	}
	busybox := asks("busybox wget", testbed.Needs("busybox"), sh("busybox.sh")...)
	busybox.guarded = true // the control's proxy knows no https:// in absolute form
	busybox.refused, busybox.denied = []string{"403 Forbidden"}, []string{"GET api.echo.test/v1/others/7"}
	mojo := asks("perl Mojo::UserAgent", testbed.NeedsToRun("perl", "-MMojo::UserAgent", "-MIO::Socket::SSL", "-e1"), "perl", filepath.Join(scripts, "more", "mojo.pl"))
	mojo.guarded = true
	java := asks("java URLConnection and HttpClient", testbed.Needs("java", "javac"), "java", filepath.Join(scripts, "Client.java"))
	java.guarded, java.says, java.refused = true, append(java.says, "HttpClient 200"), append(java.refused, "HttpClient 403")
	list = append(list, busybox, mojo, java, client{
		name: "git without any credential", needs: testbed.Needs("git"), argv: sh("git-bare.sh", work), guarded: true,
		says:   []string{"hello", "git: exit 128"},
		sees:   []string{"POST github.com/myorg/myrepo/git-upload-pack"},
		denied: []string{"GET github.com/other/repo/info/refs"},
	}, client{
		name: "git with remotes over ssh", needs: testbed.Needs("git"), argv: sh("git-ssh.sh", work), guarded: true,
		says: []string{"hello", "pushed ", "forced: exit 1", "deleted: exit 1", "[remote rejected]", "Action force_push is denied", "Action delete_branch is denied"},
		sees: []string{"POST github.com/myorg/myrepo.git/git-upload-pack", "POST github.com/myorg/myrepo.git/git-receive-pack"},
	}, client{
		name: "apt", needs: testbed.NeedsToRun("/usr/lib/apt/apt-helper", "--help"), guarded: true,
		argv: []string{"sh", "-c", `cd "$(mktemp -d)" && /usr/lib/apt/apt-helper download-file https://api.github.com/user f && cat f`},
		says: []string{`"login":"octocat"`},
		sees: []string{"GET api.github.com/user"},
	}, client{
		name: "curl through the gateway", needs: curl, argv: sh("gateway.sh"), guarded: true,
		says: []string{
			"HTTP/1.1 200", `"id":"12"`, "X-Credential-Used: echo-token", "Action delete_thing is denied",
			"HTTP/1.1 401", `"Unknown service"`,
		},
		sees:   []string{"GET api.echo.test/v1/things/12"},
		denied: []string{"DELETE api.echo.test/v1/things/12"},
	})
	uploaded := fmt.Sprintf("size=%d sha256=%s", uploadSize, sum(uploadSize))
	downloaded := "got " + sum(downloadSize)
	for _, version := range []string{"--http1.1", "--http2"} {
		answered := map[string]string{"--http1.1": "HTTP/1.1 ", "--http2": "HTTP/2 "}[version]
		list = append(list, client{
			name: "curl " + version, needs: curl, argv: sh("curl.sh", version),
			says: []string{answered + "200", `"id":"7"`, `"id":"10"`, `"id":"11"`},
			refused: []string{
				answered + "403", "Action delete_thing is denied", `"id":"8"`, `"id":"9"`, "evil.example.test",
			},
			sees:   []string{thing7, "GET crm.echo.test/v1/things/10", "GET maps.echo.test/v1/things/11"},
			denied: []string{"DELETE api.echo.test/v1/things/7"},
		}, client{
			name: "curl " + version + " uploads 8 MiB", needs: curl,
			argv: sh("upload.sh", filepath.Join(work, "upload.bin"), version),
			says: []string{"by length: " + uploaded, "chunked: " + uploaded, "expecting: " + uploaded},
			sees: []string{"POST api.echo.test/v1/upload"},
		}, client{
			name: "curl " + version + " downloads 64 MiB", needs: curl, argv: sh("download.sh", fmt.Sprint(downloadSize), version),
			says: []string{downloaded},
			sees: []string{"GET api.echo.test/v1/bytes"},
		})
	}
	return list
}

// nodeClients lists the npm packages and Node's own ways.
func nodeClients(dir string) []client {
	node := func(script string) []string { return []string{"node", filepath.Join(dir, script)} }
	need := testbed.Needs("node")
	own := asks("node http2 and tls", need, node("client_tls.mjs")...)
	own.guarded, own.says = true, append(own.says, fmt.Sprintf("got %d true", uploadSize), fmt.Sprintf("sent size=%d sha256=%s", uploadSize, sum(uploadSize)))
	return []client{
		own,
		asks("node fetch", need, node("client_fetch.mjs")...),
		asks("node https", need, node("client_https.mjs")...),
		asks("npm axios", need, node("client_axios.mjs")...),
		{
			name: "npm ws", needs: need, argv: node("client_ws.mjs"),
			says: []string{"101 ", "hello Bearer ", "same 4", "same 70000", "closed 1000"},
			sees: []string{"GET api.echo.test/v1/ws"},
		},
		{
			name: "npm @octokit/rest", needs: need, argv: node("client_octokit.mjs"),
			says:    []string{"myorg/myrepo", "201 42 https://github.com/myorg/myrepo/pull/42"},
			refused: []string{"403 Action delete_repo is denied"},
			sees:    []string{"GET api.github.com/repos/myorg/myrepo", "POST api.github.com/repos/myorg/myrepo/pulls"},
			denied:  []string{"DELETE api.github.com/repos/myorg/myrepo"},
		},
		{
			name: "npm openai", needs: need, argv: node("client_openai.mjs"),
			says:    []string{"pong\nstreamed pong\npong from responses"},
			refused: []string{"is denied"},
			sees:    []string{"POST api.openai.com/v1/chat/completions", "POST api.openai.com/v1/responses"},
			denied:  []string{"DELETE api.openai.com/v1/files/file-1"},
		},
		{
			name: "npm @anthropic-ai/sdk", needs: need, argv: node("client_anthropic.mjs"),
			says:    []string{"All done: pong.\nstreamed All done: pong."},
			refused: []string{"403", "is denied"},
			sees:    []string{"POST api.anthropic.com/v1/messages"},
			denied:  []string{"DELETE api.anthropic.com/v1/files/file_1"},
		},
	}
}

// sum is the checksum of the first n bytes of the test stream.
func sum(n int64) string {
	h := sha256.New()
	io.Copy(h, testbed.Bytes(n))
	return fmt.Sprintf("%x", h.Sum(nil))
}

// TestClients runs every client through agentguard: each works with placeholders only, the origin sees the real
// credential in its slot, what is denied never leaves and says why, and nothing real comes back.
func TestClients(t *testing.T) {
	o := testbed.Start(t)
	s := testbed.NewSession(t, o, testbed.Build(t, t.TempDir(), "agentguard"), filepath.Join("testdata", "e2e", "policy.toml"))
	runAll(t, s, false)
}

// directClients lists programs that connect by themselves, whatever their environment says: a sealed run alone catches them.
func directClients(scripts, goclient string) []client {
	py := func(kind string) []string {
		return []string{testbed.Python, filepath.Join(scripts, "py", "direct.py"), kind}
	}
	return []client{
		asks("python aiohttp without trust_env", testbed.NeedsPython("aiohttp"), py("aiohttp")...),
		asks("python httpx without trust_env", testbed.NeedsPython("httpx", "h2"), py("httpx")...),
		asks("python http.client with a context of its own", testbed.NeedsPython(), py("http.client")...),
		asks("python http.client with a directory of roots", testbed.NeedsPython(), py("directory")...),
		asks("python asyncio streams", testbed.NeedsPython(), py("streams")...),
		asks("php streams", testbed.Needs("php"), "php", filepath.Join(scripts, "more", "streams.php")),
		asks("go with roots of its own", testbed.Needs("go"), goclient, "direct"),
		{
			name: "python websockets", needs: testbed.NeedsPython("websockets"), argv: py("websockets"),
			says: []string{"hello Bearer ", "same 4"}, sees: []string{"GET api.echo.test/v1/ws"},
		},
	}
}

// somebody is a user without rights and without files, for tests that run as root.
const somebody = 54321

// TestClientsFiltered runs them behind Landlock and seccomp; as somebody else, where that can be.
func TestClientsFiltered(t *testing.T) {
	o := testbed.Start(t)
	s := testbed.NewSession(t, o, testbed.Build(t, testbed.PublicDir(t), "agentguard"), filepath.Join("testdata", "e2e", "policy.toml"))
	s.Isolate("filtered")
	s.Work = "work" // in a home directory itself are secrets, and so nothing new could be made there
	for _, dir := range []string{s.Work, ".config/gh"} {
		if err := os.MkdirAll(filepath.Join(s.Dir, "home", dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{".config/gh/config.yml", ".config/gh/hosts.yml", ".npmrc", ".netrc", ".git-credentials"} { // as people have them
		s.Write(t, filepath.Join("home", name), "")
	}
	if os.Getuid() == 0 {
		s.Give(t, somebody)
	}
	runAll(t, s, false)
}

// TestClientsSealed runs them in namespaces of their own; as somebody else, where that can be.
func TestClientsSealed(t *testing.T) {
	o := testbed.Start(t)
	s := testbed.NewSession(t, o, testbed.Build(t, testbed.PublicDir(t), "agentguard"), filepath.Join("testdata", "e2e", "policy.toml"))
	s.Isolate("sealed")
	s.Catches = true
	if os.Getuid() == 0 {
		s.Give(t, somebody)
	}
	runAll(t, s, false)
}

// TestClientsWithoutVariables takes from the sealed clients every variable that tells of a proxy, and what makes Node and
// Java use one: their connections are caught.
func TestClientsWithoutVariables(t *testing.T) {
	o := testbed.Start(t)
	s := testbed.NewSession(t, o, testbed.Build(t, t.TempDir(), "agentguard"), filepath.Join("testdata", "e2e", "policy.toml"))
	s.Isolate("sealed")
	s.Catches = true
	s.Unset = []string{
		"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "grpc_proxy", "NO_PROXY", "no_proxy",
		"NODE_USE_ENV_PROXY", "PERL_LWP_ENV_PROXY", "NODE_OPTIONS", "JAVA_TOOL_OPTIONS",
	}
	runAll(t, s, false)
}

// TestClientsControl runs the same clients with the real credentials and no agentguard: they work, their deletions arrive,
// and the leaks that TestClients looks for are there to be found.
func TestClientsControl(t *testing.T) {
	o := testbed.Start(t)
	s := testbed.NewControl(t, o, filepath.Join("testdata", "e2e", "node", "direct.cjs"))
	runAll(t, s, true)
}

func runAll(t *testing.T, s *testbed.Session, control bool) {
	scripts, err := filepath.Abs(filepath.Join("testdata", "e2e"))
	if err != nil {
		t.Fatal(err)
	}
	packages, err := filepath.Abs(npmPackages)
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	if s.UID != 0 {
		public := testbed.PublicDir(t)
		if err := os.CopyFS(filepath.Join(public, "e2e"), os.DirFS(scripts)); err != nil {
			t.Fatal(err)
		}
		scripts, work = filepath.Join(public, "e2e"), filepath.Join(public, "work")
		os.Mkdir(work, 0o700)
	}
	upload, err := os.Create(filepath.Join(work, "upload.bin"))
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(upload, testbed.Bytes(uploadSize))
	upload.Close()
	s.Origin.NewRepo(t, "myorg/myrepo")
	list := clients(scripts, work)
	goclient := testbed.Build(t, work, "./testdata/e2e/goclient")
	list = append(list, asks("go net/http", testbed.Needs("go"), goclient))
	if s.Catches {
		list = append(list, directClients(scripts, goclient)...)
	}
	if s.UID != 0 {
		testbed.GiveDir(t, work, s.UID)
	}
	run := func(t *testing.T, c client) {
		t.Run(c.name, func(t *testing.T) {
			c.needs(t)
			if control && c.guarded {
				t.Skip("has no control")
			}
			r := s.Run(t, time.Minute, c.argv...)
			if control {
				checkControl(t, s, c, r)
			} else {
				checkGuarded(t, s, c, r)
			}
			if t.Failed() {
				t.Logf("%s", r)
			}
		})
	}
	for _, c := range list {
		run(t, c)
	}
	t.Run("npm", func(t *testing.T) {
		if !s.CanRead(packages) {
			t.Skip("the npm packages are where only their owner can read them")
		}
		for _, c := range nodeClients(testbed.NodeDir(t, filepath.Join(scripts, "node"), npmPackages)) {
			run(t, c)
		}
	})
}

func checkGuarded(t *testing.T, s *testbed.Session, c client, r *testbed.Result) {
	if r.Code != 0 {
		t.Errorf("exit %d", r.Code)
	}
	wantAll(t, r, append(slices.Clone(c.says), c.refused...))
	checkSecrets(t, s, r)
	for _, request := range c.sees {
		if !slices.ContainsFunc(r.Seen, func(seen testbed.Seen) bool { return seen.Is(request) }) {
			t.Errorf("the origin never saw %s", request)
		}
		if r.Recorded(request, "allow") == nil {
			t.Errorf("the audit log has no allowed %s", request)
		}
	}
	for _, request := range c.denied {
		if slices.ContainsFunc(r.Seen, func(seen testbed.Seen) bool { return seen.Is(request) }) {
			t.Errorf("denied, but the origin saw %s", request)
		}
		if r.Recorded(request, "deny") == nil {
			t.Errorf("the audit log has no denied %s", request)
		}
	}
}

func checkControl(t *testing.T, s *testbed.Session, c client, r *testbed.Result) {
	if r.Code != 0 {
		t.Errorf("exit %d", r.Code)
	}
	wantAll(t, r, c.says)
	for _, request := range append(slices.Clone(c.sees), c.denied...) {
		if !slices.ContainsFunc(r.Seen, func(seen testbed.Seen) bool { return seen.Is(request) && seen.Good }) {
			t.Errorf("the origin never saw %s with its credential", request)
		}
	}
	if strings.Contains(strings.Join(c.sees, " "), thing7) && len(testbed.Leaks([]byte(r.Stdout), s.Origin.Secrets["echo"])) < 3 {
		t.Error("the reflected credential is not found in the output")
	}
}

func wantAll(t *testing.T, r *testbed.Result, texts []string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(r.Stdout+r.Stderr, text) {
			t.Errorf("the output lacks %q", text)
		}
	}
}

// checkSecrets holds the promise against one run: no real credential in the child's environment or output, no placeholder
// and no wrong credential at any origin.
func checkSecrets(t *testing.T, s *testbed.Session, r *testbed.Result) {
	t.Helper()
	for name, secret := range s.Origin.Secrets {
		for variable, value := range r.Env {
			if forms := testbed.Leaks([]byte(variable+"="+value), secret); len(forms) > 0 {
				t.Errorf("the child's variable %s holds the real %s (%v)", variable, name, forms)
			}
		}
		if forms := testbed.Leaks([]byte(r.Stdout+"\n"+r.Stderr), secret); len(forms) > 0 {
			t.Errorf("the child's output holds the real %s (%v)", name, forms)
		}
		if forms := testbed.Leaks(r.AuditText, secret); len(forms) > 0 {
			t.Errorf("the audit log holds the real %s (%v)", name, forms)
		}
	}
	for _, variable := range []string{"ECHO_TOKEN", "CRM_KEY", "MAPS_KEY", "GITHUB_TOKEN", "GH_TOKEN", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"} {
		placeholder := r.Env[variable]
		if placeholder == "" {
			t.Errorf("the child has no %s", variable)
			continue
		}
		for _, seen := range r.Seen {
			if strings.Contains(fmt.Sprint(seen.Path, seen.Header), placeholder) {
				t.Errorf("%s %s%s: arrived with the placeholder of %s", seen.Method, seen.Host, seen.Path, variable)
			}
		}
	}
	for _, seen := range r.Seen {
		if !seen.Good {
			t.Errorf("%s %s%s: arrived with %q instead of the real credential", seen.Method, seen.Host, seen.Path, seen.Key)
		}
	}
}

// TestLibrariesSayNothing has net/http come across what it would tell the standard logger: an answer that nobody asked for,
// and under GODEBUG each header of HTTP/2. Both hold the credential, and standard error is the child's terminal.
func TestLibrariesSayNothing(t *testing.T) {
	testbed.Needs("curl")(t)
	o := testbed.Start(t)
	s := testbed.NewSession(t, o, testbed.Build(t, t.TempDir(), "agentguard"), filepath.Join("testdata", "e2e", "policy.toml"))
	s.Env = append(s.Env, "GODEBUG=http2debug=2")
	r := s.Run(t, time.Minute, "sh", "-c", `curl -sS --http1.1 https://api.echo.test/v1/things/unasked && curl -sS --http2 https://api.echo.test/v1/things/7 && sleep 0.2`)
	if r.Code != 0 || !strings.Contains(r.Stdout, "asked") || !strings.Contains(r.Stdout, `"id":"7"`) || strings.Contains(r.Stderr, "http2: ") || strings.Contains(r.Stderr, "Unsolicited") {
		t.Errorf("exit %d\n%s", r.Code, r)
	}
	checkSecrets(t, s, r)
}
