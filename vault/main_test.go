package vault

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/plugin"
)

// role makes the test binary play another process: a concurrent writer, one that is killed at a step, an age plugin.
const role = "AGENTGUARD_TEST_ROLE"

func TestMain(m *testing.M) {
	if strings.HasPrefix(filepath.Base(os.Args[0]), "age-plugin-test") {
		os.Exit(playPlugin())
	}
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "writer":
		os.Exit(playWriter(os.Args[1], os.Args[2:]))
	case "killed":
		testOnlyStep = func(step string) {
			if step == os.Args[2] {
				killSelf()
			}
		}
		os.Exit(playWriter(os.Args[1], []string{"killed"}))
	}
}

func playWriter(path string, names []string) int {
	v := New(Options{AgeFile: path, LookupEnv: os.LookupEnv})
	for _, name := range names {
		s, _ := NewSecret([]byte("value-of-" + name))
		if err := v.Set(context.Background(), Ref{"age", name}, s); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return 0
}

// playPlugin is age-plugin-test: its identity is the text of an X25519 identity, and it asks for a PIN before it opens.
func playPlugin() int {
	p, err := plugin.New("test")
	if err != nil {
		return 2
	}
	p.RegisterFlags(flag.CommandLine)
	p.HandleIdentity(func(data []byte) (age.Identity, error) {
		id, err := age.ParseX25519Identity(string(data))
		return pinned{p, id}, err
	})
	p.HandleIdentityAsRecipient(func(data []byte) (age.Recipient, error) {
		id, err := age.ParseX25519Identity(string(data))
		if err != nil {
			return nil, err
		}
		return id.Recipient(), nil
	})
	return p.Main()
}

type pinned struct {
	p *plugin.Plugin
	age.Identity
}

func (i pinned) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	pin, err := i.p.RequestValue("PIN", true)
	if err != nil || pin != "4711" {
		return nil, errors.New("wrong \x1b[31mPIN")
	}
	return i.Identity.Unwrap(stanzas)
}

// canary is in every secret of these tests; no error may hold its first six letters.
const canary = "CANARY-0"

func secret(t testing.TB, text string) Secret {
	t.Helper()
	s, err := NewSecret([]byte(canary + text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wants checks an error's reason, its words, and that it tells nothing.
func wants(t testing.TB, err error, is error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	var e *Error
	text := fmt.Sprintf("%v %+v %#v", err, err, err)
	if errors.As(err, &e) {
		text += e.Hint
	}
	if strings.Contains(text, canary[:6]) {
		t.Fatalf("the error tells the secret: %s", text)
	}
	if strings.ContainsAny(err.Error(), "\x1b\n\x00") {
		t.Fatalf("control characters: %q", err)
	}
	if is != nil && !errors.Is(err, is) {
		t.Fatalf("%v: is not %v", err, is)
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Fatalf("%v: does not say %q (hint and all: %s)", err, w, text)
		}
	}
}

func lookup(env map[string]string) func(string) (string, bool) {
	return func(k string) (string, bool) { v, ok := env[k]; return v, ok }
}

func within(t testing.TB, most time.Duration) {
	t.Helper()
	start := time.Now()
	t.Cleanup(func() {
		if d := time.Since(start); d > most {
			t.Errorf("took %s, bound is %s", d, most)
		}
	})
}

func write(t testing.TB, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// identityFile makes a key, so that most tests need no scrypt.
func identityFile(t testing.TB, dir string) string {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return write(t, filepath.Join(dir, "key.txt"), "# created: today\n# public key: "+id.Recipient().String()+"\n"+id.String()+"\n", 0o600)
}
