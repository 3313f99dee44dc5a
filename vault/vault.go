// Package vault is where secrets live. It reads a secret from the backend that a reference names, within a bound, and
// says in words what is missing and which command mends it. It fails closed: whatever it cannot read is an error, never
// an empty or an older value. A Vault is safe for concurrent use.
package vault

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"
)

// What went wrong, for errors.Is.
var (
	ErrNotFound    = errors.New("not found")
	ErrLocked      = errors.New("locked")
	ErrUnavailable = errors.New("not available")
	ErrReadOnly    = errors.New("read only")
	ErrCorrupt     = errors.New("damaged") // the encrypted file is there and is not what was written
)

// Options say where a Vault looks. The zero value has no environment, no terminal and no encrypted file.
type Options struct {
	LookupEnv func(string) (string, bool)                               // the supervisor's environment; nil: none
	Prompt    func(ctx context.Context, message string) ([]byte, error) // hidden prompt on the terminal; nil: no terminal
	AgeFile   string                                                    // path of the encrypted file; "": no age vault
	StateDir  string                                                    // for the index of keychain names (never values); "": no index
	Timeout   time.Duration                                             // bound for any unlock wait; 0: 30 s
	Patience  time.Duration                                             // the same where Prompt asks a person; 0: 5 min
	Notice    func(string)                                              // told what is being waited for; nil: silent
	Now       func() time.Time                                          // nil: time.Now
}

// Entry is one secret that is stored, without its value.
type Entry struct {
	Ref      Ref
	Modified time.Time // zero: unknown
}

// Place is one backend as `vault where` shows it.
type Place struct {
	Backend string
	State   string // "unlocked", "locked", "missing" or "no keychain: ..."
	Detail  string // path or service
	Err     error  // why the state is not a good one
}

// backend is one kind of place that holds secrets. get is bounded by itself and safe for concurrent use.
type backend interface {
	get(ctx context.Context, name string) (Secret, error)
	close()
}

// store is a backend that can be written.
type store interface {
	backend
	set(ctx context.Context, name string, s Secret) error
	remove(ctx context.Context, name string) error
	list(ctx context.Context) ([]Entry, error)
	place(ctx context.Context) Place
}

// looker is a backend that looks at its source on each Get, where the others are read once a run. It wipes its own.
type looker interface {
	backend
	look(name string) (Secret, error)
}

// backends is every backend there is. A line here and a file of that name add one; TestBackends then demands a fixture.
var backends = []struct {
	name  string
	check func(name string) error // is the part after the colon well formed?
	open  func(opt Options) backend
}{
	{"keychain", ValidName, openKeychain},
	{"age", ValidName, openAge},
	{"env", checkEnvName, openEnv},
	{"file", checkText, openFile},
	{"exec", checkCommand, openExec},
}

// Vault reads and writes secrets. Make it with New.
type Vault struct {
	opt      Options
	backends map[string]backend
	mu       sync.Mutex
	cache    map[Ref]Secret
	flights  map[Ref]*flight
	issued   []Secret // every reading, for Close
	closed   bool
}

// New makes a Vault. It opens nothing: what cannot be reached is told by the call that needs it.
func New(opt Options) *Vault {
	if opt.LookupEnv == nil {
		opt.LookupEnv = func(string) (string, bool) { return "", false }
	}
	if opt.Notice == nil {
		opt.Notice = func(string) {}
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Timeout <= 0 {
		opt.Timeout = 30 * time.Second
	}
	if opt.Patience <= 0 {
		opt.Patience = 5 * time.Minute
	}
	v := &Vault{opt: opt, backends: map[string]backend{}, cache: map[Ref]Secret{}, flights: map[Ref]*flight{}}
	for _, b := range backends {
		v.backends[b.name] = b.open(opt)
	}
	return v
}

var errClosed = fmt.Errorf("%w: the vault is closed", ErrUnavailable)

// Get gives the secret that ref names. The first reading is kept for the run, and asked for once however many callers
// wait; a file: is looked at each time, and gives a new Secret when it holds a new value. Errors are *Error and never
// hold any of a secret.
func (v *Vault) Get(ctx context.Context, ref Ref) (Secret, error) {
	v.mu.Lock()
	s, ok := v.cache[ref]
	v.mu.Unlock()
	if ok {
		return s, nil
	}
	b, err := v.backend(ref)
	if err != nil {
		return Secret{}, fail(ref, err)
	}
	if l, ok := b.(looker); ok {
		s, err = l.look(ref.Name)
	} else {
		s, err = v.await(ctx, ref, b)
	}
	return s, fail(ref, err)
}

// Set stores s under ref, in place of what was there.
func (v *Vault) Set(ctx context.Context, ref Ref, s Secret) error {
	if s.Zero() {
		return fail(ref, errors.New("no value to store"))
	}
	return v.write(ref, func(b store) error { return b.set(ctx, ref.Name, s) })
}

// Remove takes the secret away; one that is not there is ErrNotFound.
func (v *Vault) Remove(ctx context.Context, ref Ref) error {
	return v.write(ref, func(b store) error { return b.remove(ctx, ref.Name) })
}

func (v *Vault) write(ref Ref, do func(store) error) error {
	b, err := v.backend(ref)
	if err != nil {
		return fail(ref, err)
	}
	w, ok := b.(store)
	if !ok {
		return fail(ref, hint(ErrReadOnly, "agentguard stores secrets in keychain: or age:"))
	}
	err = do(w)
	v.mu.Lock()
	delete(v.cache, ref)   // even after an error: who knows what is stored now
	delete(v.flights, ref) // a reading that began before this must not be kept
	v.mu.Unlock()
	return fail(ref, err)
}

// List gives what is stored in the keychain and the age file, by name. One place that cannot be read does not hide the
// other: its error comes along with the entries.
func (v *Vault) List(ctx context.Context) ([]Entry, error) {
	var all []Entry
	var errs []error
	for _, b := range backends {
		w, ok := v.backends[b.name].(store)
		if !ok {
			continue
		}
		list, err := w.list(ctx)
		all = append(all, list...)
		if err != nil {
			errs = append(errs, fail(Ref{Backend: b.name}, err))
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Ref.String() < all[j].Ref.String() })
	return all, errors.Join(errs...)
}

// Where says where secrets can be kept and in what state each place is. It never asks for a passphrase.
func (v *Vault) Where(ctx context.Context) []Place {
	var places []Place
	for _, b := range backends {
		if w, ok := v.backends[b.name].(store); ok {
			p := w.place(ctx)
			p.Backend = b.name
			places = append(places, p)
		}
	}
	return places
}

// Default is where a new secret goes when nobody says: the keychain, else the encrypted file with the reason why.
func (v *Vault) Default(ctx context.Context) (backend, why string) {
	p := v.backends["keychain"].(store).place(ctx)
	if strings.HasPrefix(p.State, noKeychain) {
		return "age", strings.TrimPrefix(p.State, noKeychain)
	}
	return "keychain", ""
}

const noKeychain = "no keychain: "

// Close wipes every secret that was read. Call it when the last request that could use one is over.
func (v *Vault) Close() error {
	v.mu.Lock()
	issued := v.issued
	v.closed, v.issued = true, nil
	clear(v.cache)
	v.mu.Unlock()
	for _, s := range issued {
		s.wipe()
	}
	for _, b := range v.backends {
		b.close()
	}
	return nil
}

func (v *Vault) backend(ref Ref) (backend, error) {
	v.mu.Lock()
	closed := v.closed
	v.mu.Unlock()
	if closed {
		return nil, errClosed
	}
	if err := ref.check(); err != nil {
		return nil, err
	}
	return v.backends[ref.Backend], nil
}
