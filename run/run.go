// Package run is one session: it starts a command with an environment that holds placeholders instead of secrets, moves
// its requests through the proxy, and sees that nothing of either survives the other.
package run

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"agentguard/policy"
	"agentguard/proxy"
	"agentguard/run/account"
	"agentguard/run/audit"
	"agentguard/run/child"
	"agentguard/run/clients"
	"agentguard/run/environ"
	"agentguard/run/learn"
	"agentguard/run/names"
	"agentguard/run/sandbox"
	"agentguard/vault"
	"agentguard/vault/cred"
)

// Config is what one run needs. Everything of the outside world is in it.
type Config struct {
	Policy *policy.Policy
	Vault  *vault.Vault
	Agent  string // if "", the policy's

	User *account.User // whom the command of root runs as; if nil, whoever we are

	Argv, Environ         []string
	Extra                 []string // NAME to pass on, NAME=VALUE to set
	Dir                   string   // where the child starts; if "", where we are
	Stdin, Stdout, Stderr *os.File

	Isolation   sandbox.Wish
	Begun       *sandbox.Box         // that a sealed run takes for its own, unless it is another user's; if nil, it makes one
	Chosen      func(sandbox.Choice) // is told the level before a secret is loaded; if nil, nobody is
	Hide        []string             // files and directories of agentguard's own that a confined child must not see
	Publish     []int                // ports of a sealed child's loopback that are to be reached on ours
	StateHome   string               // XDG state home, for the audit log and the counts of limits
	RuntimeBase string               // XDG_RUNTIME_DIR, or "": the run's own directory is in memory, or where temporary files are
	TempDir     string               // for large pushes while they are read; if "", the system's
	Version     string

	Learn *learn.Observer // is told of each request; if nil, nobody is

	Say    func(format string, a ...any) // a line for the person; if nil, silent
	Detail func(format string, a ...any) // one more, with -v; if nil, silent
}

// Result is how a run ended.
type Result struct {
	Code                                       int // the child's exit code
	Requests, Allowed, Denied, Limited, Failed int
	ByRule                                     map[string]int // denials by rule; "" where no rule spoke
	Troubles                                   []string       // what no policy mends, once for each host: it cannot be asked, or does not take a credential
	Unknown                                    []string       // hosts that the policy does not know, each once, with the port where it is not 443
	AuditFile, RunID                           string
	Duration                                   time.Duration
	unsettled                                  []string // of the session
	loose                                      sandbox.States
}

// Run starts the child with placeholders, serves it until it exits, and says how that went. A *child.ExitError carries the
// exit code of what could not be started.
func Run(ctx context.Context, c Config) (Result, error) {
	if c.Say == nil {
		c.Say = func(string, ...any) {}
	}
	if c.Chosen == nil {
		c.Chosen = func(sandbox.Choice) {}
	}
	if c.Detail == nil {
		c.Detail = func(string, ...any) {}
	}
	s := newSession(c)
	defer s.close()
	err := s.prepare(ctx)
	if err == nil {
		err = s.launch()
	}
	if err != nil {
		s.unstarted(err)
		return Result{}, err
	}
	return s.wait(ctx)
}

// unstarted puts the end of a run on record whose command did not start: who follows the log waits for it.
func (s *session) unstarted(err error) {
	if s.log == nil {
		return
	}
	r := Result{Code: 125, Duration: time.Since(s.start)}
	if exit := (*child.ExitError)(nil); errors.As(err, &exit) {
		r.Code = exit.Code
	}
	if err := s.log.Append(s.endRecord(r)); err != nil {
		s.incomplete(err)
	}
}

// session is one run. The order of its fields is the order in which they come to life.
type session struct {
	Config
	start time.Time
	env   *environ.Env // Environ, as the command's user would have it; nobody changes it
	id    string
	token string

	ownHomes  []string   // of whoever we are
	runtime   string     // the run's own directory
	moving    sync.Mutex // held while that is made or becomes another, and by what ends us with it
	dir       string     // and what of it is the command's
	level     sandbox.Choice
	box       *sandbox.Box               // of a sealed run alone
	published map[int]net.Listener       // ports of its child
	fence     *sandbox.Fence             // of a filtered run alone
	frozen    func() ([]string, error)   // waits until it stands: directories in which nothing new can be made; nil: that has not begun
	names     names.Table                // that its name service was asked for
	temp      string                     // for the child's temporary files, where the usual place takes none; "": it does
	unsettled []string                   // files that were not there, and that say what agents start outside
	loose     sandbox.States             // of such that were there, and that a fence does not hold
	ownDirs   map[string]string          // variables of the child's that name directories of the run's own
	maven     string                     // where it keeps what it fetches; "": in the usual place
	clients   func() (clientSide, error) // waits until they are written; nil: that has not begun
	begunLog  begunLog                   // likewise
	creds     *cred.Set
	kept      cred.Set // of the way out
	files     clients.Files
	limits    *Limits
	log       *audit.Log
	cut       bool // its end is missing, and that was said
	proxy     *proxy.Proxy
	main      net.Listener
	signals   *child.Signals
	child     *child.Child
	childPid  atomic.Int64
	ballast   []byte // see there

	tally   tally
	notices notices
	closers []func()
}

func newSession(c Config) *session {
	return &session{Config: c, start: time.Now(), env: environ.Of(c.Environ)}
}

//go:noinline
func failure(err error, hint string) error {
	return &child.ExitError{Code: 125, Reason: err.Error(), Hint: hint, Err: err}
}

// prepare makes everything that must stand before the child starts.
func (s *session) prepare(ctx context.Context) error {
	if s.Agent == "" {
		s.Agent = s.Policy.Agent.Name
	}
	s.Policy = s.Policy.For(s.Agent)
	s.id = runID(s.start)
	if err := child.CanStart(); err != nil {
		return failure(err, "mount -t proc proc /proc")
	}
	if s.workDir() == "" {
		return failure(errors.New("the working directory is not there any more, or not yours to enter"), "cd to one that is")
	}
	if err := s.become(); err != nil {
		return err
	}
	hoped := s.Isolation.Level
	if hoped == sandbox.None {
		hoped = sandbox.Sealed
	}
	defer s.endEarly()()
	if err := s.settleIn(hoped); err != nil {
		return err
	}
	if err := s.choose(); err != nil {
		return err
	}
	if err := s.protect(); err != nil {
		return err
	}
	s.token = token()
	ca, err := s.prepareClients(ctx)
	if err != nil {
		return err
	}
	if s.limits, err = OpenLimits(ctx, s.Policy, s.Vault, s.StateHome); err != nil {
		return err
	}
	s.closers = append(s.closers, s.limits.Close)
	if s.signals == nil { // nothing waits for a person any more
		s.signals = child.Catch()
	}
	if err := s.openLog(); err != nil {
		return err
	}
	if err := s.startProxy(ca); err != nil {
		return err
	}
	return s.raiseFence()
}

// choose takes the level of this run by trying it, and says which. A sealed one has its box then.
func (s *session) choose() (err error) {
	if s.level, err = sandbox.Choose(sandbox.Ladder(nil, s.seal), s.Isolation); err != nil {
		return failure(err, "")
	}
	if s.level.Level == sandbox.Filtered {
		if err := s.holdStreams(s.level.Level); err != nil {
			return s.unmet(err)
		}
	}
	if s.box != nil {
		if err := s.publish(); err != nil {
			return err
		}
	}
	s.Chosen(s.level)
	if s.box == nil && s.Isolation.Level == sandbox.None {
		if err := s.moveOut(); err != nil {
			return err
		}
	}
	return s.planFence()
}

// protect makes this process hard to read for others, once, and begins with what needs no secret.
func (s *session) protect() error {
	if s.clients != nil {
		return nil
	}
	if err := child.Harden(); err != nil {
		return failure(fmt.Errorf("this process cannot be protected from others: %w", err), "")
	}
	s.clients = begin(s.writeClients)
	s.begunLog.begin(s.createLog)
	return nil
}

// begin does what is wanted later, and gives what waits for it.
func begin[T any](do func() (T, error)) (wait func() (T, error)) {
	wait = sync.OnceValues(do)
	go wait()
	return wait
}

func (s *session) startProxy(ca *proxy.CA) error {
	up, err := s.upstream()
	if err != nil {
		return err
	}
	s.proxy, err = proxy.New(proxy.Config{
		Policy: s.Policy, Credentials: s.creds, Kept: &s.kept, Limits: s.limits, Upstream: up, CA: ca,
		Token: s.token, Agent: s.Agent, TempDir: s.TempDir, OpenFiles: OpenFiles(),
		Record: s.record, Notice: s.notice, KeepBodies: s.Learn != nil,
		Pid:  s.peerPid(),
		Ours: s.ours, Name: s.names.Name,
	})
	if err != nil {
		return failure(err, "")
	}
	if s.box != nil {
		return s.serveSealed()
	}
	if err := s.listen(); err != nil {
		return err
	}
	s.files.JavaProxy = s.main.Addr().String()
	go s.proxy.Serve(s.main)
	return nil
}

// listen opens the port of the proxy, once.
func (s *session) listen() (err error) {
	if s.main != nil {
		return nil
	}
	if s.main, err = listenHere(); err != nil {
		mend := "the interface may be down, or without 127.0.0.1: ip link set lo up"
		if errors.Is(err, syscall.EPROTONOSUPPORT) {
			mend = "no run can be inside of one that is filtered, whose command reaches that one's proxy alone; one can be in a sealed one"
		}
		return failure(fmt.Errorf("no loopback address to listen on: %w", err), mend)
	}
	return nil
}

// listenHere listens on the loopback. Multipath TCP, which Go tries first, has no second path there.
func listenHere() (net.Listener, error) {
	// What is down is listened on without an error, and reached by nobody. This asks for the way there alone, and sends nothing.
	way, err := net.Dial("udp", "127.0.0.1:9")
	if err != nil {
		return nil, err
	}
	way.Close()
	var c net.ListenConfig
	c.SetMultipathTCP(false)
	return c.Listen(context.Background(), "tcp", "127.0.0.1:0")
}

// runID sorts by time and cannot be guessed.
func runID(now time.Time) string {
	var b [8]byte
	rand.Read(b[:])
	return now.UTC().Format("20060102T150405") + "-" + hex.EncodeToString(b[:])
}

// token is 256 random bits.
func token() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
