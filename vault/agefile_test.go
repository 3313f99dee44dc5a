//go:build !windows

package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/plugin"
)

// cheap makes new passphrase files quick to open in a test.
func cheap(t *testing.T) {
	old := workFactor
	workFactor = 10
	t.Cleanup(func() { workFactor = old })
}

type agePlace struct {
	dir, path, key string
}

func newAgePlace(t testing.TB) agePlace {
	dir := t.TempDir()
	return agePlace{dir, filepath.Join(dir, "sub", "vault.age"), identityFile(t, dir)}
}

func (p agePlace) vault(env ...string) *Vault {
	m := map[string]string{ageIdentity: p.key}
	if len(env) > 0 {
		m = map[string]string{}
	}
	for i := 0; i+1 < len(env); i += 2 {
		m[env[i]] = env[i+1]
	}
	return New(Options{AgeFile: p.path, LookupEnv: lookup(m), Timeout: 10 * time.Second})
}

func (p agePlace) fill(t testing.TB, v *Vault, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := v.Set(t.Context(), Ref{"age", name}, secret(t, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func (p agePlace) check(t testing.TB, v *Vault, names ...string) {
	t.Helper()
	for _, name := range names {
		s, err := v.Get(t.Context(), Ref{"age", name})
		if err != nil || string(s.Reveal()) != canary+name {
			t.Fatal(name, err)
		}
	}
}

func TestAgeFileIsPrivate(t *testing.T) {
	p := newAgePlace(t)
	p.fill(t, p.vault(), "a")
	info, err := os.Stat(p.path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info.Mode(), err)
	}
	if dir, _ := os.Stat(filepath.Dir(p.path)); dir.Mode().Perm() != 0o700 {
		t.Fatal(dir.Mode())
	}
	b, _ := os.ReadFile(p.path)
	if bytes.Contains(b, []byte(canary)) || bytes.Contains(b, []byte("entries")) {
		t.Fatal("not encrypted")
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o602} {
		os.Chmod(p.path, mode)
		_, err := p.vault().Get(t.Context(), Ref{"age", "a"})
		wants(t, err, ErrUnavailable, "open to other users", "chmod 600 ")
		wants(t, p.vault().Set(t.Context(), Ref{"age", "b"}, secret(t, "b")), ErrUnavailable, "open to other users")
	}
	os.Chmod(p.path, 0o600)
	os.Chmod(filepath.Dir(p.path), 0o777)
	wants(t, p.vault().Set(t.Context(), Ref{"age", "b"}, secret(t, "b")), ErrUnavailable, "anybody can write in")
}

func TestAgeFileOfSomebodyElseIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	p := newAgePlace(t)
	p.fill(t, p.vault(), "a")
	os.Chown(p.path, 65534, 65534)
	_, err := p.vault().Get(t.Context(), Ref{"age", "a"})
	wants(t, err, ErrUnavailable, "belongs to user 65534")
}

func TestAgeLinksAreRefused(t *testing.T) {
	p := newAgePlace(t)
	p.fill(t, p.vault(), "a")
	os.Rename(p.path, p.path+".real")
	os.Symlink(p.path+".real", p.path)
	_, err := p.vault().Get(t.Context(), Ref{"age", "a"})
	wants(t, err, ErrUnavailable, "symbolic link")
	wants(t, p.vault().Set(t.Context(), Ref{"age", "b"}, secret(t, "b")), ErrUnavailable, "symbolic link")
	os.Remove(p.path)
	os.Rename(p.path+".real", p.path)
	victim := write(t, filepath.Join(p.dir, "victim"), "untouched", 0o600)
	os.Remove(p.path + ".lock")
	os.Symlink(victim, p.path+".lock")
	wants(t, p.vault().Set(t.Context(), Ref{"age", "b"}, secret(t, "b")), ErrUnavailable, "lock")
	os.Remove(p.path + ".lock")
	os.Symlink(victim, filepath.Join(filepath.Dir(p.path), ".vault.age.tmp"))
	p.fill(t, p.vault(), "b")
	if b, _ := os.ReadFile(victim); string(b) != "untouched" {
		t.Fatal("wrote through a link")
	}
}

// TestAgeDamageIsNeverEmpty cuts and changes the file at every byte: each is an error, and none lets a Set go on.
func TestAgeDamageIsNeverEmpty(t *testing.T) {
	p := newAgePlace(t)
	p.fill(t, p.vault(), "a")
	whole, _ := os.ReadFile(p.path)
	try := func(what string, b []byte) {
		write(t, p.path, string(b), 0o600)
		for _, err := range []error{second(p.vault().Get(t.Context(), Ref{"age", "a"})), second(p.vault().Get(t.Context(), Ref{"age", "none"}))} {
			wants(t, err, nil)
			if strings.Contains(err.Error(), "not found") {
				t.Fatal(what, err)
			}
		}
	}
	for i := range whole {
		try(fmt.Sprint("cut at ", i), whole[:i])
		bad := bytes.Clone(whole)
		bad[i] ^= 1
		try(fmt.Sprint("changed at ", i), bad)
	}
	write(t, p.path, "", 0o600)
	wants(t, p.vault().Set(t.Context(), Ref{"age", "b"}, secret(t, "b")), ErrCorrupt, "empty, cut off or not an age file")
	wants(t, second(p.vault("", "").Get(t.Context(), Ref{"age", "a"})), ErrCorrupt, "empty, cut off or not an age file") // whatever key is there
	if info, _ := os.Stat(p.path); info.Size() != 0 {
		t.Fatal("a damaged file was overwritten")
	}
	write(t, p.path, string(whole[:len(whole)-3]), 0o600)
	_, err := p.vault().Get(t.Context(), Ref{"age", "a"})
	wants(t, err, ErrCorrupt, "cut off or was changed")
	_, err = p.vault().List(t.Context())
	wants(t, err, ErrCorrupt, "age: damaged: ", p.path, "put a copy of the file back")
}

func second(_ Secret, err error) error { return err }

func TestAgePayloadIsReadStrictly(t *testing.T) {
	p := newAgePlace(t)
	key, err := identityKey(t.Context(), p.key, Options{})
	if err != nil {
		t.Fatal(err)
	}
	os.Mkdir(filepath.Dir(p.path), 0o700)
	const e = `{"value":"Q0FOQVJZMTIz","modified":"2026-01-02T03:04:05Z"}`
	for plain, reason := range map[string]string{
		`{"version":1,"entries":{"a":` + e + `}}`: "",
		`{"version":1,"entries":{}}`:              "not found",
		``:                                        "something else than a vault",
		`null`:                                    "something else",
		`{}`:                                      "something else",
		`{"version":1}`:                           "something else",
		`{"version":0,"entries":{}}`:              "something else",
		`{"version":2,"entries":{},"new":1}`:      "newer agentguard (version 2)",
		`{"version":1,"entries":{"a":` + e + `,"a":` + e + `}}`:                                       "not written by agentguard",
		`{"version":1,"Entries":{"a":` + e + `}}`:                                                     "not written by agentguard",
		`{"version":1,"entries":{"a":` + e + `}} `:                                                    "not written by agentguard",
		`{"version":1,"entries":{"a":` + e + `}}{}`:                                                   "something else",
		`{"version":1,"entries":{"a":` + e + `},"x":"CANARY1"}`:                                       "not written by agentguard",
		`{"version":1,"entries":{"a b":` + e + `}}`:                                                   "without a valid name",
		`{"version":1,"entries":{"a":` + strings.Replace(e, "Q0FOQVJZMTIz", "Q0FOQVJZDQo=", 1) + `}}`: "line break",
		`{"version":1,"entries":{"a":{"value":CANARY}}}`:                                              "something else",
	} {
		var sealed bytes.Buffer
		w, _ := age.Encrypt(&sealed, key.recipients...)
		w.Write([]byte(plain))
		w.Close()
		write(t, p.path, sealed.String(), 0o600)
		_, err := p.vault().Get(t.Context(), Ref{"age", "a"})
		if reason == "" && err != nil {
			t.Error(plain, err)
		} else if reason != "" {
			wants(t, err, nil, reason)
		}
	}
}

func TestAgePassphrase(t *testing.T) {
	cheap(t)
	p := newAgePlace(t)
	v := p.vault(agePassphrase, "correct horse")
	p.fill(t, v, "a", "b")
	file := write(t, filepath.Join(p.dir, "pass"), "correct horse\n", 0o444)
	p.check(t, p.vault(agePassphraseFile, file), "a", "b")
	_, err := p.vault(agePassphrase, canary+" wrong").Get(t.Context(), Ref{"age", "a"})
	wants(t, err, ErrLocked, "the passphrase of "+agePassphrase+" does not open it", "move the file away")
	wants(t, p.vault(agePassphrase, "wrong").Set(t.Context(), Ref{"age", "c"}, secret(t, "c")), ErrLocked)
	_, err = p.vault("NOTHING", "").Get(t.Context(), Ref{"age", "a"})
	wants(t, err, ErrLocked, "no terminal to ask on", ageIdentity)
	_, err = p.vault(agePassphraseFile, file+"none").List(t.Context())
	wants(t, err, ErrLocked, agePassphraseFile+" is "+file+"none", "no such file", "set "+agePassphraseFile) // not "nothing is stored"
	_, err = p.vault(ageIdentity, p.key).Get(t.Context(), Ref{"age", "a"})
	wants(t, err, ErrLocked, "no terminal to ask on")
	places := p.vault(agePassphraseFile, file).Where(t.Context())
	if places[1].State != "unlocked" || places[1].Detail != p.path {
		t.Fatalf("%+v", places[1])
	}
	if places := p.vault("NOTHING", "").Where(t.Context()); places[1].State != "locked" || places[1].Err != nil {
		t.Fatalf("%+v", places[1])
	}
	if err := os.Remove(p.path); err != nil {
		t.Fatal(err)
	}
	wants(t, p.vault(agePassphrase, "short").Set(t.Context(), Ref{"age", "c"}, secret(t, "c")), nil, "at least 8")
}

func TestAgePrompt(t *testing.T) {
	cheap(t)
	p := newAgePlace(t)
	var asked []string
	ask := func(answers ...string) *Vault {
		asked = nil
		return New(Options{AgeFile: p.path, Prompt: func(_ context.Context, message string) ([]byte, error) {
			asked = append(asked, message)
			a := answers[0]
			answers = answers[1:]
			return []byte(a), nil
		}})
	}
	wants(t, ask("passphrase 1", "passphrase 2").Set(t.Context(), Ref{"age", "a"}, secret(t, "a")), nil, "differ")
	v := ask("passphrase 1", "passphrase 1")
	p.fill(t, v, "a", "b")
	if len(asked) != 2 {
		t.Fatal(asked)
	}
	v = ask("wrong", "passphrase 1")
	p.check(t, v, "a", "b")
	p.fill(t, v, "c")
	if want := []string{"Passphrase for " + p.path, "Passphrase for " + p.path}; !slices.Equal(asked, want) {
		t.Fatal(asked)
	}
	_, err := ask("1", "2", "3", "4").Get(t.Context(), Ref{"age", "a"})
	wants(t, err, ErrLocked, "does not open")
	if len(asked) != tries {
		t.Fatal(asked)
	}
}

// TestAgePromptEndsFirst: a question that is ended puts the terminal back before the wait for it is over, and whoever gave no answer
// is not asked for the next secret.
func TestAgePromptEndsFirst(t *testing.T) {
	cheap(t)
	p := newAgePlace(t)
	p.fill(t, p.vault(agePassphrase, "correct horse"), "a", "b")
	var asked, back int
	ctx, end := context.WithCancelCause(t.Context())
	v := New(Options{AgeFile: p.path, Prompt: func(ctx context.Context, _ string) ([]byte, error) {
		asked++
		end(errors.New("it is over"))
		<-ctx.Done()
		time.Sleep(20 * time.Millisecond)
		back++
		return nil, context.Cause(ctx)
	}})
	defer v.Close()
	a := v.backends["age"].(*ageFile)
	a.gate.grace = time.Minute
	if _, err := a.get(ctx, "a"); err == nil || err.Error() != "it is over" || asked != 1 || back != 1 {
		t.Fatalf("%v; asked %d times, of which %d have ended", err, asked, back)
	}
	if _, err := a.get(t.Context(), "b"); err == nil || err.Error() != "it is over" || asked != 1 {
		t.Fatalf("%v; asked %d times", err, asked)
	}
}

func TestAgePromptIsBounded(t *testing.T) {
	cheap(t)
	within(t, 30*time.Second)
	p := newAgePlace(t)
	p.fill(t, p.vault(agePassphrase, "correct horse"), "a")
	notices := make(chan string, 9)
	v := New(Options{AgeFile: p.path, Patience: 3 * time.Second, Notice: func(s string) { notices <- s },
		Prompt: func(context.Context, string) ([]byte, error) { select {} }}) // one that does not even mind its context
	_, err := v.Get(t.Context(), Ref{"age", "a"})
	wants(t, err, ErrLocked, "no answer within 3s")
	if n := <-notices; n != "waiting for the age vault to open..." {
		t.Fatal(n)
	}
	v.Close()
}

func TestAgeIdentities(t *testing.T) {
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("post-quantum", func(t *testing.T) {
		p := newAgePlace(t)
		p.key = write(t, p.key, hybrid.String(), 0o600)
		p.fill(t, p.vault(), "a")
		p.check(t, p.vault(), "a")
	})
	p := newAgePlace(t)
	p.fill(t, p.vault(), "a")
	_, err = p.vault("NOTHING", "").Get(t.Context(), Ref{"age", "a"})
	wants(t, err, ErrLocked, "encrypted to an age identity", "set "+ageIdentity)
	_, err = p.vault(ageIdentity, p.key+"none").List(t.Context())
	wants(t, err, ErrLocked, ageIdentity+" is "+p.key+"none", "no such file")
	identityFile(t, p.dir)
	_, err = p.vault().Get(t.Context(), Ref{"age", "a"})
	wants(t, err, ErrLocked, "identity in "+ageIdentity+" does not open it")
	for text, reason := range map[string]string{
		"# nothing\n":                      "holds no age identity",
		"\nAGE-SECRET-KEY-1CANARYCANARY\n": "line 2: not an age identity",
		"CANARY":                           "line 1: not an age identity",
		"AGE-PLUGIN-CANARY":                "line 1: not a plugin identity",
		"AGE-SECRET-KEY-PQ-1CANARY":        "line 1: not an age identity",
		"-----BEGIN OPENSSH PRIVATE KEY-----\nCANARY": "no age identity; SSH keys are not taken",
	} {
		write(t, p.key, text, 0o600)
		_, err = p.vault().Get(t.Context(), Ref{"age", "a"})
		wants(t, err, ErrUnavailable, reason)
	}
}

// TestAgePlugin runs a plugin, this binary under another name, through the whole protocol with a PIN.
func TestAgePlugin(t *testing.T) {
	p := newAgePlace(t)
	self, _ := os.Executable()
	os.Symlink(self, filepath.Join(p.dir, "age-plugin-test"))
	id, _ := age.GenerateX25519Identity()
	write(t, p.key, plugin.EncodeIdentity("test", []byte(id.String()))+"\n", 0o600)
	with := func(pin string) *Vault {
		return New(Options{AgeFile: p.path, LookupEnv: lookup(map[string]string{ageIdentity: p.key}), Prompt: func(_ context.Context, m string) ([]byte, error) {
			if m != "age-plugin-test: PIN" {
				t.Errorf("asked %q", m)
			}
			return []byte(pin), nil
		}})
	}
	t.Setenv("PATH", p.dir+":/nonexistent")
	p.fill(t, with("4711"), "a")
	p.check(t, with("4711"), "a")
	_, err := with(canary).Get(t.Context(), Ref{"age", "a"})
	wants(t, err, ErrUnavailable, `wrong \x1b[31mPIN`)
	if places := with("4711").Where(t.Context()); places[1].State != "locked" || places[1].Err != nil {
		t.Fatalf("Where must not ask for a PIN: %+v", places[1])
	}
	t.Setenv("PATH", "/nonexistent")
	_, err = with("4711").Get(t.Context(), Ref{"age", "a"})
	wants(t, err, ErrUnavailable, "age-plugin-test is not installed")
}

func player(t *testing.T, as string, env []string, args ...string) *osexec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	cmd := osexec.CommandContext(ctx, self, args...)
	cmd.Env = append([]string{role + "=" + as, "PATH=/usr/bin:/bin"}, env...)
	return cmd
}

func TestAgeConcurrentProcessesLoseNothing(t *testing.T) {
	p := newAgePlace(t)
	var cmds []*osexec.Cmd
	var names []string
	for i := range 6 {
		args := []string{p.path}
		for j := range 8 {
			args = append(args, fmt.Sprintf("p%d-%d", i, j))
		}
		names = append(names, args[1:]...)
		cmd := player(t, "writer", []string{ageIdentity + "=" + p.key}, args...)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds = append(cmds, cmd)
	}
	for _, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	list, err := p.vault().List(t.Context())
	if err != nil || len(list) != len(names) {
		t.Fatal(len(list), "of", len(names), err)
	}
}

func TestAgeKilledAtEachStep(t *testing.T) {
	for step, isNew := range map[string]bool{"start": false, "created": false, "torn": false, "written": false, "renamed": true} {
		t.Run(step, func(t *testing.T) {
			p := newAgePlace(t)
			p.fill(t, p.vault(), "old")
			cmd := player(t, "killed", []string{ageIdentity + "=" + p.key}, p.path, step)
			err := cmd.Run()
			if st, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || st.Signal() != syscall.SIGKILL {
				t.Fatal("was not killed: ", err)
			}
			v := p.vault()
			p.check(t, v, "old")
			_, err = v.Get(t.Context(), Ref{"age", "killed"})
			if isNew != (err == nil) {
				t.Fatal(err)
			}
			p.fill(t, v, "next") // not held up by the dead process's lock
			p.check(t, p.vault(), "old", "next")
			if left, _ := filepath.Glob(filepath.Join(filepath.Dir(p.path), ".*.tmp")); left != nil {
				t.Fatal("stale", left)
			}
		})
	}
}

// TestAgeFullDiskKeepsTheOldFile fills a small file system.
func TestAgeFullDiskKeepsTheOldFile(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount a tmpfs")
	}
	dir := t.TempDir()
	if err := mountTmpfs(dir); err != nil {
		t.Skip("needs permission to mount a tmpfs: ", err)
	}
	t.Cleanup(func() { unmount(dir) })
	p := agePlace{dir, filepath.Join(dir, "vault.age"), identityFile(t, t.TempDir())}
	p.fill(t, p.vault(), "old")
	filler, _ := os.Create(filepath.Join(dir, "filler"))
	for {
		if _, err := filler.Write(make([]byte, 4096)); err != nil {
			break
		}
	}
	filler.Close()
	err := p.vault().Set(t.Context(), Ref{"age", "big"}, secret(t, strings.Repeat("x", 20000)))
	wants(t, err, syscall.ENOSPC, "no space left")
	p.check(t, p.vault(), "old")
	if left, _ := filepath.Glob(filepath.Join(dir, ".*.tmp")); left != nil {
		t.Fatal("stale", left)
	}
	os.Remove(filler.Name())
	p.fill(t, p.vault(), "new")
	p.check(t, p.vault(), "old", "new")
}

func TestAgeSeesWhatAnotherProcessStored(t *testing.T) {
	p := newAgePlace(t)
	v := p.vault()
	p.fill(t, v, "a")
	p.fill(t, p.vault(), "b")
	p.check(t, v, "a", "b")
}

func FuzzAgeVault(f *testing.F) {
	p := newAgePlace(f)
	p.fill(f, p.vault(), "a")
	sealed, _ := os.ReadFile(p.path)
	key, _ := identityKey(f.Context(), p.key, Options{})
	f.Add(sealed)
	f.Add([]byte(`{"version":1,"entries":{"a":{"value":"Q0FOQVJZMTIz","modified":"2026-01-02T03:04:05Z"}}}`))
	f.Add([]byte(ageMagic + "-> scrypt x 30\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if all, err := parseContents(b); err == nil {
			if again, err := all.format(); err != nil || !bytes.Equal(again, b) {
				t.Fatal("two readings of one payload")
			}
		}
		if _, err := key.decrypt(b); err == nil && !bytes.Equal(b, sealed) {
			t.Fatal("opened what was never sealed")
		} else if err != nil && strings.Contains(err.Error(), canary) {
			t.Fatal(err)
		}
		if byPassphrase(b) {
			guess, _ := passphraseKey([]byte("x"), "")
			guess.identities[0].(*age.ScryptIdentity).SetMaxWorkFactor(10)
			if _, err := guess.decrypt(b); err == nil {
				t.Fatal("opened with a guess")
			}
		}
	})
}

func BenchmarkAgeOpen(b *testing.B) {
	for name, env := range map[string][]string{"identity": nil, "passphrase": {agePassphrase, "correct horse"}} {
		b.Run(name, func(b *testing.B) {
			p := newAgePlace(b)
			p.fill(b, p.vault(env...), "a")
			b.ReportAllocs()
			for b.Loop() {
				p.check(b, p.vault(env...), "a")
			}
		})
	}
}
