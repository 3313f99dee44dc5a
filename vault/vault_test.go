package vault

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fixture is a backend filled for the conformance suite.
type fixture struct {
	vault        *Vault
	have, absent Ref
	short, split Ref // hold a value too short, and one of two lines; zero: the backend cannot be made to hold them
	value        string
}

var fixtures = map[string]func(*testing.T) *fixture{
	"keychain": nil, // conforms inside a session of its own, see TestKeychain
	"age": func(t *testing.T) *fixture {
		dir := t.TempDir()
		v := New(Options{AgeFile: filepath.Join(dir, "vault.age"), LookupEnv: lookup(map[string]string{ageIdentity: identityFile(t, dir)})})
		return stored(t, v, "age")
	},
	"env": func(t *testing.T) *fixture {
		v := New(Options{LookupEnv: lookup(map[string]string{"TOKEN": canary + "env", "SHORT": "CANARY", "SPLIT": canary + "\r\nx: y"})})
		return &fixture{v, Ref{"env", "TOKEN"}, Ref{"env", "NONE"}, Ref{"env", "SHORT"}, Ref{"env", "SPLIT"}, canary + "env"}
	},
	"file": func(t *testing.T) *fixture {
		dir := t.TempDir()
		ref := func(name, text string) Ref { return Ref{"file", write(t, filepath.Join(dir, name), text, 0o600)} }
		return &fixture{New(Options{}), ref("a", canary+"file\n"), Ref{"file", filepath.Join(dir, "none")}, ref("b", "CANARY\n"), ref("c", canary+"\n\n"), canary + "file"}
	},
	"exec": func(t *testing.T) *fixture {
		v := New(Options{LookupEnv: lookup(map[string]string{"PATH": "/usr/bin:/bin"})})
		return &fixture{v, Ref{"exec", "printf %s%s\\\\n CAN ARY-0exec"}, Ref{"exec", "true"}, Ref{"exec", "printf CAN%s ARY"}, Ref{"exec", `printf 'CAN%s\nand more' ARY`}, canary + "exec"}
	},
}

// stored fills a backend that can be written.
func stored(t *testing.T, v *Vault, backend string) *fixture {
	t.Helper()
	if err := v.Set(t.Context(), Ref{backend, "svc/git.hub_token-1"}, secret(t, "stored")); err != nil {
		t.Fatal(err)
	}
	return &fixture{vault: v, have: Ref{backend, "svc/git.hub_token-1"}, absent: Ref{backend, "none"}, value: canary + "stored"}
}

// TestBackends is what every line of the table must do.
func TestBackends(t *testing.T) {
	for _, b := range backends {
		make, ok := fixtures[b.name]
		if !ok {
			t.Errorf("backend %s has no fixture", b.name)
		}
		if make != nil {
			t.Run(b.name, func(t *testing.T) { conforms(t, make(t)) })
		}
	}
}

func conforms(t *testing.T, f *fixture) {
	v, ctx := f.vault, t.Context()
	t.Run("errors", func(t *testing.T) {
		_, err := v.Get(ctx, f.absent)
		wants(t, err, ErrNotFound, f.absent.String()+": not found")
		if f.short != (Ref{}) {
			_, err = v.Get(ctx, f.short)
			wants(t, err, nil, "6 bytes", f.short.String())
			_, err = v.Get(ctx, f.split)
			wants(t, err, nil, "line break")
		}
	})
	t.Run("one reading for all", func(t *testing.T) {
		var wg sync.WaitGroup
		got := make([]Secret, 32)
		for i := range got {
			wg.Go(func() { got[i], _ = v.Get(ctx, f.have) })
		}
		wg.Wait()
		for _, s := range got {
			if s != got[0] || string(s.Reveal()) != f.value {
				t.Fatal("another or a wrong reading")
			}
		}
	})
	t.Run("prints nothing", func(t *testing.T) {
		if text := fmt.Sprintf("%v %+v %#v", v, v, v.backends); strings.Contains(text, canary) {
			t.Fatal(text)
		}
	})
	t.Run("write", func(t *testing.T) {
		err := v.Set(ctx, f.have, secret(t, "new"))
		if _, ok := v.backends[f.have.Backend].(store); !ok {
			wants(t, err, ErrReadOnly)
			wants(t, v.Remove(ctx, f.have), ErrReadOnly)
			return
		}
		writes(t, f, err)
	})
	t.Run("close", func(t *testing.T) {
		s, err := v.Get(ctx, f.have)
		if _, ok := v.backends[f.have.Backend].(store); !ok && err != nil {
			t.Fatal(err)
		}
		v.Close()
		if !s.Zero() {
			t.Error("Close left the secret")
		}
		_, err = v.Get(ctx, f.have)
		wants(t, err, ErrUnavailable, "closed")
	})
}

func writes(t *testing.T, f *fixture, err error) {
	v, ctx := f.vault, t.Context()
	if err != nil {
		t.Fatal(err)
	}
	if s, err := v.Get(ctx, f.have); err != nil || string(s.Reveal()) != canary+"new" {
		t.Fatal("Get after Set gives the old value", err)
	}
	wants(t, v.Set(ctx, Ref{f.have.Backend, "bad name"}, secret(t, "x12")), nil, "' ' cannot be part of a name")
	wants(t, v.Set(ctx, f.have, Secret{}), nil, "no value")
	list, err := v.List(ctx)
	if err != nil || len(list) != 1 || list[0].Ref != f.have || list[0].Modified.IsZero() {
		t.Fatal(list, err)
	}
	if err := v.Remove(ctx, f.have); err != nil {
		t.Fatal(err)
	}
	_, err = v.Get(ctx, f.have)
	wants(t, err, ErrNotFound, "agentguard vault set ")
	wants(t, v.Remove(ctx, f.have), ErrNotFound)
	if list, err := v.List(ctx); err != nil || len(list) != 0 {
		t.Fatal(list, err)
	}
}

// counted is a slow source that counts how often it is asked.
type counted struct {
	n    atomic.Int32
	free chan struct{}
}

func (c *counted) get(ctx context.Context, _ string) (Secret, error) {
	c.n.Add(1)
	select {
	case <-c.free:
		return NewSecret([]byte(canary + "slow"))
	case <-ctx.Done():
		return Secret{}, ctx.Err()
	}
}
func (*counted) close() {}

func TestSingleFlightOutlivesItsFirstCaller(t *testing.T) {
	v, slow := New(Options{}), &counted{free: make(chan struct{})}
	v.backends["exec"] = slow
	first, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() { _, err := v.Get(first, Ref{"exec", "x"}); gone <- err }()
	other := make(chan error)
	for slow.n.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	go func() { _, err := v.Get(t.Context(), Ref{"exec", "x"}); other <- err }()
	for joined := false; !joined; time.Sleep(time.Millisecond) {
		v.mu.Lock()
		joined = v.flights[Ref{"exec", "x"}].waiters == 2
		v.mu.Unlock()
	}
	cancel()
	wants(t, <-gone, context.Canceled)
	close(slow.free)
	if err := <-other; err != nil || slow.n.Load() != 1 {
		t.Fatal(err, slow.n.Load())
	}
}

// TestLateCallerGetsTheSameReading joins after the reading has landed, as a caller does that looked just before.
func TestLateCallerGetsTheSameReading(t *testing.T) {
	v, slow := New(Options{}), &counted{free: make(chan struct{})}
	ref := Ref{"exec", "x"}
	v.backends["exec"] = slow
	close(slow.free)
	first, err := v.Get(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if late, err := v.await(t.Context(), ref, slow); err != nil || late != first || slow.n.Load() != 1 {
		t.Fatal("a second reading", err)
	}
}

func TestFlightIsCancelledWhenAllLeft(t *testing.T) {
	v, slow := New(Options{}), &counted{free: make(chan struct{})}
	v.backends["exec"] = slow
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := v.Get(ctx, Ref{"exec", "x"})
	wants(t, err, context.DeadlineExceeded)
	close(slow.free)
	if s, err := v.Get(t.Context(), Ref{"exec", "x"}); err != nil || s.Zero() {
		t.Fatal("a cancelled reading was joined", err)
	}
}

// writable is counted with a Set that is done at once.
type writable struct{ *counted }

func (writable) set(context.Context, string, Secret) error { return nil }
func (writable) remove(context.Context, string) error      { return nil }
func (writable) list(context.Context) ([]Entry, error)     { return nil, nil }
func (writable) place(context.Context) Place               { return Place{} }

func TestSetBeatsAReadingThatBeganBefore(t *testing.T) {
	v, slow := New(Options{}), &counted{free: make(chan struct{})}
	ref := Ref{"keychain", "x"}
	v.backends["keychain"] = writable{slow}
	done := make(chan struct{})
	go func() { v.Get(t.Context(), ref); close(done) }()
	for slow.n.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := v.Set(t.Context(), ref, secret(t, "new")); err != nil {
		t.Fatal(err)
	}
	close(slow.free)
	<-done
	if _, err := v.Get(t.Context(), ref); err != nil || slow.n.Load() != 2 {
		t.Fatal("the old reading was kept", err)
	}
}

func TestZeroVaultHoldsNothing(t *testing.T) {
	v := New(Options{})
	for _, s := range []string{"keychain:x", "age:x", "env:HOME", "exec:true", "file:~/x"} {
		ref, err := ParseRef(s)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := v.Get(t.Context(), ref); err == nil || !s.Zero() {
			t.Errorf("%s: the zero options found something", ref)
		}
	}
	_, err := v.Get(t.Context(), Ref{"nothing", "x"})
	wants(t, err, nil, "unknown backend")
}

func TestParseRef(t *testing.T) {
	for in, want := range map[string]string{
		"keychain:github-token":                 "",
		"file:/run/secrets/x":                   "",
		"exec:op read 'op://a b/c'":             "",
		"keychian:x":                            `did you mean "keychain"?`,
		"keyring:x":                             `did you mean "keychain"?`,
		"aeg:x":                                 `did you mean "age"?`,
		"zzz:x":                                 "there are keychain, age, env, file, exec",
		"github-token":                          "backend:name",
		"keychain:":                             "the name is empty",
		"keychain:a b":                          "' ' cannot be part",
		"keychain:é":                            "'é' cannot be part",
		"env:1X":                                "not the name of a variable",
		"file:a\x00b":                           "control character",
		"file:a\u202eb":                         "control character",
		"exec:a | b":                            "no shell",
		"exec:$(x)":                             "no shell",
		"exec:'a":                               "not closed",
		strings.Repeat("k", 1<<16) + ":x":       "unknown backend",
		"age:" + strings.Repeat("k", maxName+1): "at most 128",
	} {
		ref, err := ParseRef(in)
		if want == "" && (err != nil || ref.String() != in) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.40q: %v, want %q", in, err, want)
		}
	}
}

func TestErrorIsAPathToTheReason(t *testing.T) {
	err := fail(Ref{"keychain", "github-token"}, ErrNotFound)
	var e *Error
	if !errors.As(err, &e) || e.Error() != "keychain:github-token: not found" || e.Hint != "agentguard vault set github-token" {
		t.Fatalf("%v, hint %q", err, e.Hint)
	}
}

// TestSecretRefusesToBePrinted: by fmt, by encoders, and by log/slog, which asks the encoders' methods.
func TestSecretRefusesToBePrinted(t *testing.T) {
	s := secret(t, "printed")
	type holder struct{ S, unexported Secret }
	var b bytes.Buffer
	for _, v := range []any{s, &s, holder{s, s}, []Secret{s}, map[string]Secret{"k": s}, fmt.Errorf("of %v", s)} {
		fmt.Fprintf(&b, "%v %+v %#v %s %q %x %d", v, v, v, v, v, v, v)
		if err := json.NewEncoder(&b).Encode(v); err != nil {
			t.Error(err)
		}
		slog.New(slog.NewTextHandler(&b, nil)).Info("m", "k", v, slog.Group("g", "k", v))
		slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "k", v, slog.Group("g", "k", v))
	}
	if text := b.String(); strings.Contains(text, canary) || strings.Contains(text, hex.EncodeToString([]byte(canary))) ||
		!strings.Contains(text, "k="+hidden) || !strings.Contains(text, `"k":"`+hidden+`"`) {
		t.Error(text)
	}
}

// TestSecretIsWhatComesBack: a value that servers would change on its way is not looked for in the form in which it comes back.
func TestSecretIsWhatComesBack(t *testing.T) {
	for value, reason := range map[string]string{
		canary + "12 ": "white space", "\t" + canary + "12": "white space", canary + "12\u00a0": "white space",
		canary + "\t12": "control character", canary + "\x1b[1m": "control character", canary + "\x7f12": "control character", canary + "\u009b12": "control character",
		"\ufeff" + canary: "byte order mark", canary + "\r12": "line break", "       x ": "1 bytes",
	} {
		_, err := NewSecret([]byte(value))
		wants(t, err, nil, reason)
	}
	for _, value := range []string{canary + " 12", canary + "\xff\xfe", canary + "ü\"\\"} {
		if s, err := NewSecret([]byte(value)); err != nil || string(s.Reveal()) != value {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func TestSecretIsEmptyOnceWiped(t *testing.T) {
	s := secret(t, "wipe")
	other := s
	s.wipe()
	if !other.Zero() || other.Reveal() != nil {
		t.Fatal("a copy outlived Wipe")
	}
}

func TestDefaultSaysWhy(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs a system whose keychain can be missing")
	}
	backend, why := New(Options{}).Default(t.Context())
	if backend != "age" || !strings.HasPrefix(why, "no D-Bus session") {
		t.Fatal(backend, why)
	}
	places := New(Options{AgeFile: filepath.Join(t.TempDir(), "v.age")}).Where(t.Context())
	if len(places) != 2 || places[1].State != "missing" || places[1].Err != nil {
		t.Fatalf("%+v", places)
	}
}

func BenchmarkGetCached(b *testing.B) {
	v := New(Options{LookupEnv: lookup(map[string]string{"TOKEN": canary + "env"})})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Get(b.Context(), Ref{"env", "TOKEN"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGetFile(b *testing.B) {
	path := write(b, filepath.Join(b.TempDir(), "x"), canary+"file", 0o600)
	old := time.Now().Add(-time.Hour)
	os.Chtimes(path, old, old)
	v := New(Options{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Get(b.Context(), Ref{"file", path}); err != nil {
			b.Fatal(err)
		}
	}
}
