package cred

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"agentguard/policy/action"
	"agentguard/vault"
)

const secretText = "ghp_Zk3vQ9xT1bR7mN5cL8dW2fH6jP4sY0aUeG1i"

func newSecret(t testing.TB, s string) vault.Secret {
	t.Helper()
	v, err := vault.NewSecret([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func newCredential(t testing.TB, name, service, secret string) *Credential {
	t.Helper()
	v := newSecret(t, secret)
	ph, err := NewPlaceholder(nil, v.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	return &Credential{Name: name, Service: service, Placeholder: ph, Inject: true, Read: func(context.Context) (vault.Secret, error) { return v, nil }}
}

func TestPlaceholderShape(t *testing.T) {
	for _, c := range []struct{ secret, prefix string }{
		{secretText, "ghp_"},
		{"github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ0123", "github_pat_"},
		{"sk-ant-api03-" + strings.Repeat("aB3-", 20), "sk-ant-api03-"},
		{"sk-proj-" + strings.Repeat("aB3_", 20), "sk-proj-"},
		{"AKIAIOSFODNN7EXAMPLE", "AKIA"},
		{strings.Repeat("0123456789abcdef", 4), ""},
		{"7c9e6679-7425-40de-944b-e07fc1f90ae7", ""},
		{"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY==", ""},
		{"hunter22", "placeholder_"},
		{"my-company-secret-pass", "placeholder_"},
	} {
		p, err := NewPlaceholder(nil, []byte(c.secret))
		q, _ := NewPlaceholder(nil, []byte(c.secret))
		if err != nil || p == q || p == c.secret || !strings.HasPrefix(p, c.prefix) {
			t.Errorf("%q: %q, %q, %v", c.secret, p, q, err)
		}
		long := len(strings.Map(func(r rune) rune {
			if isAlnum(byte(r)) {
				return r
			}
			return -1
		}, strings.TrimPrefix(c.secret, c.prefix))) >= enough
		if long && len(p) != len(c.secret) {
			t.Errorf("%q: %d bytes instead of %d", p, len(p), len(c.secret))
		}
		if countAlnum(p[len(c.prefix):]) < enough {
			t.Errorf("%q can be guessed", p)
		}
		if c.prefix == "" && strings.Trim(c.secret, hexDigits+"-") == "" && strings.Trim(p, hexDigits+"-") != "" {
			t.Errorf("%q is no longer hexadecimal", p)
		}
	}
}

// TestPlaceholderKeepsNumbers: clients of Telegram look for the number in a bot's token.
func TestPlaceholderKeepsNumbers(t *testing.T) {
	for secret, shape := range map[string]string{
		"123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0":                `^\d{9}:\w{35}$`,
		"xoxb-1234567890-1234567890123-aBcDeFgHiJkLmNoPqRsTuVwX":       `^xoxb-\d{10}-\d{13}-\w{24}$`,
		"123456789:12345678901234567890123456789012345":                `^[0-9a-zA-Z]*[a-zA-Z][0-9a-zA-Z]*:\w{35}$`, // no more than numbers: they could be guessed
		"12345-AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw01234567890123456789": `^\w{5}-\w{54}$`,
	} {
		if p, err := NewPlaceholder(nil, []byte(secret)); err != nil || !regexp.MustCompile(shape).MatchString(p) {
			t.Errorf("%q: %q, %v; want %s", secret, p, err, shape)
		}
	}
}

// A beginning that is not a vendor's public constant is part of the secret.
func TestPlaceholderTellsNothingOfTheSecret(t *testing.T) {
	secret := "correct-horse-battery-staple-and-more"
	p, _ := NewPlaceholder(nil, []byte(secret))
	for _, word := range strings.Split(secret, "-") {
		if len(word) > 4 && strings.Contains(p, word) {
			t.Errorf("%q tells %q", p, word)
		}
	}
}

func TestApplyRemovesTheChildsOwn(t *testing.T) {
	c := newCredential(t, "key", "svc", secretText)
	if _, err := NewSet(c); err != nil {
		t.Fatal(err)
	}
	for _, slot := range []string{"bearer", "basic:git", "header:X-Key", "query:key"} {
		s, err := action.ParseSlot(slot)
		if err != nil {
			t.Fatal(err)
		}
		r, _ := http.NewRequest("GET", "https://svc.example/x?key=attacker1&k%65y=attacker2&other=1", nil)
		r.Header = http.Header{"Authorization": {"Bearer attacker3", "Basic attacker4"}, "X-Key": {"attacker5"}, "X_key": {"attacker6"}}
		on, err := c.Apply(r, []action.Slot{s}, newSecret(t, secretText), false)
		if err != nil || !on {
			t.Fatal(slot, on, err)
		}
		var where []string
		switch s.Kind {
		case action.Header:
			where = append(r.Header["X-Key"], r.Header["X_key"]...)
		case action.Query:
			where = []string{r.URL.RawQuery}
		default:
			where = r.Header["Authorization"]
		}
		text := strings.Join(where, " ")
		if strings.Contains(text, "attacker") || len(where) != 1 {
			t.Errorf("%s: %q is left", slot, text)
		}
		if s.Kind == action.Basic {
			b, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "Basic "))
			text = string(b)
		}
		if !strings.Contains(text, secretText) {
			t.Errorf("%s: %q has no secret", slot, text)
		}
	}
}

// Bearer and basic share one header: the second must not take off what the first put on.
func TestSlotsThatShareAHeader(t *testing.T) {
	c := newCredential(t, "key", "svc", secretText)
	NewSet(c)
	slots := []action.Slot{{Kind: action.Bearer}, {Kind: action.Basic}, {Kind: action.Header, Name: "authorization"}}
	r, _ := http.NewRequest("GET", "https://svc.example/x", nil)
	r.Header.Set("Authorization", "Bearer "+c.Placeholder)
	if on, err := c.Apply(r, slots, newSecret(t, secretText), false); !on || err != nil || r.Header.Get("Authorization") != "Bearer "+secretText {
		t.Error(on, err, r.Header)
	}
}

func TestApplyWithoutInjectStillRemoves(t *testing.T) {
	c := newCredential(t, "key", "svc", secretText)
	c.Inject = false
	NewSet(c)
	r, _ := http.NewRequest("GET", "https://svc.example/x", nil)
	r.Header.Set("Authorization", "Bearer attacker")
	on, err := c.Apply(r, []action.Slot{{Kind: action.Bearer}}, newSecret(t, secretText), false)
	if on || err != nil || r.Header.Get("Authorization") != "" {
		t.Error(on, err, r.Header)
	}
}

func TestCredentialThatWouldSplitAHeaderIsRefused(t *testing.T) {
	for _, bad := range []string{"12345678\r\nX-Evil: 1", "12345678\n", "1234567\x00890", "          ", "    1234567", "12345678\x7f"} {
		if _, err := vault.NewSecret([]byte(bad)); err == nil {
			t.Errorf("%q was stored", bad)
		}
	}
	c := newCredential(t, "key", "svc", secretText)
	NewSet(c)
	r, _ := http.NewRequest("GET", "https://svc.example/x", nil)
	forged := newSecret(t, "12345678?")
	forged.Reveal()[8] = '\x7f'
	if _, err := c.Apply(r, []action.Slot{{Kind: action.Bearer}}, forged, false); err == nil {
		t.Error("a control character was injected")
	}
}

func TestFindLooksEverywhere(t *testing.T) {
	c := newCredential(t, "key", "svc", secretText)
	s, _ := NewSet(c)
	p := c.Placeholder
	for _, put := range []func(*http.Request){
		func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+p) },
		func(r *http.Request) { r.Header.Set("Authorization", p) },
		func(r *http.Request) { r.Header.Set("Authorization", `Digest username="x", response="`+p+`"`) },
		func(r *http.Request) { r.SetBasicAuth("x", p) },
		func(r *http.Request) { r.SetBasicAuth(p, "") },
		func(r *http.Request) { r.SetBasicAuth("vault://key", "") },
		func(r *http.Request) { r.SetBasicAuth("x", "vault://key") },
		func(r *http.Request) {
			r.Header.Set("Authorization", "basic "+base64.RawURLEncoding.EncodeToString([]byte("x:"+p)))
		},
		func(r *http.Request) { r.Header.Set("Cookie", "a=b; t="+p) },
		func(r *http.Request) { r.Header["x-weird"] = []string{p} },
		func(r *http.Request) { r.URL.RawQuery = "a=" + p },
		func(r *http.Request) { r.URL.RawQuery = p },
		func(r *http.Request) { r.URL.RawQuery = "a=%" + "67" + p[1:] },
		func(r *http.Request) { r.URL.Path = "/bot" + p + "/send" },
	} {
		r, _ := http.NewRequest("GET", "https://svc.example/x", nil)
		put(r)
		if hits := s.Find(r); len(hits) == 0 || hits[0].Cred != c {
			t.Errorf("nothing was found in %v %v", r.URL, r.Header)
		}
	}
}

func TestSwapBody(t *testing.T) {
	c := newCredential(t, "key", "svc", secretText)
	NewSet(c)
	v := newSecret(t, secretText)
	p := c.Placeholder
	for _, x := range []struct {
		name, kind, body, want string
		own, swapped, fails    bool
	}{
		{"nested", "application/json", `{"a":{"token": "` + p + `"}}`, `{"a":{"token": "` + secretText + `"}}`, false, true, false},
		{"elsewhere", "application/json", `{"b":"` + p + `"}`, `{"b":"` + p + `"}`, false, false, false},
		{"escaped", "application/json", `{"a":{"t\u006fken":"` + p + `"}}`, `{"a":{"t\u006fken":"` + secretText + `"}}`, false, true, false},
		{"twice", "application/json", `{"a":{"token":"` + p + `","token":"x"}}`, "", false, false, true},
		{"case twin", "application/json", `{"a":{"token":"` + p + `","Token":"x"}}`, "", false, false, true},
		{"trailing", "application/json", `{"a":{}} {}`, "", false, false, true},
		{"broken", "application/json", `{"a":`, "", false, false, true},
		{"deep", "application/json", strings.Repeat("[", 5000), "", false, false, true},
		{"charset", "application/json; charset=utf-16", `{}`, "", false, false, true},
		{"form", "application/x-www-form-urlencoded", "a.token=" + p + "&x=1", "a.token=" + secretText + "&x=1", false, true, false},
		{"own replaced", "application/x-www-form-urlencoded", "a.token=attacker", "a.token=" + secretText, true, true, false},
		{"multipart", "multipart/form-data; boundary=x", "--x", "", true, false, true},
	} {
		out, swapped, err := c.SwapBody(x.kind, []byte(x.body), []string{"a.token"}, x.own, v)
		if (err != nil) != x.fails || swapped != x.swapped || err == nil && !bytes.Equal(out, []byte(x.want)) {
			t.Errorf("%s: %q %v %v", x.name, out, swapped, err)
		}
	}
}

func TestRotatedValuesStayLive(t *testing.T) {
	c := newCredential(t, "key", "svc", secretText)
	s, _ := NewSet(c)
	c.Secret(t.Context())
	before := s.Version()
	c.Secret(t.Context())
	if s.Version() != before {
		t.Error("the same value counted twice")
	}
	c.Read = func(context.Context) (vault.Secret, error) { return newSecret(t, "a-newer-value-of-it"), nil }
	c.Secret(t.Context())
	if len(s.Values()) != 2 || s.Version() == before {
		t.Error("the old value is no longer live")
	}
}

func FuzzSwap(f *testing.F) {
	f.Add("Bearer x", "key=1&b=2", "/a/b", "application/json", `{"key":"x"}`)
	f.Add("Basic eDp5", "vault://key", "/vault:%2F%2Fkey", "application/x-www-form-urlencoded", "key=vault://key")
	f.Fuzz(func(t *testing.T, auth, query, path, kind, body string) {
		c := newCredential(t, "key", "svc", secretText)
		s, _ := NewSet(c)
		r, err := http.NewRequest("GET", "https://svc.example/x", nil)
		if err != nil {
			t.Skip()
		}
		auth = strings.ReplaceAll(auth, "x", c.Placeholder)
		r.Header.Set("Authorization", auth)
		r.URL.RawQuery, r.URL.Path = query, path
		slots := []action.Slot{{Kind: action.Bearer}, {Kind: action.Query, Name: "key"}}
		hits := s.Find(r)
		c.Misplaced(hits, slots)
		if _, err := c.Apply(r, slots, newSecret(t, secretText), false); err == nil {
			if n := len(r.Header["Authorization"]); n > 1 {
				t.Fatalf("%d Authorization headers", n)
			}
			for _, v := range r.Header["Authorization"] {
				if strings.ContainsAny(v, "\r\n") && !strings.ContainsAny(auth, "\r\n") {
					t.Fatalf("%q", v)
				}
			}
		}
		c.SwapBody(kind, []byte(body), []string{"key"}, true, newSecret(t, secretText))
	})
}

func BenchmarkFindAndApply(b *testing.B) {
	c := newCredential(b, "key", "svc", secretText)
	s, _ := NewSet(c)
	v := newSecret(b, secretText)
	slots := []action.Slot{{Kind: action.Bearer}}
	r, _ := http.NewRequest("GET", "https://svc.example/repos/o/r?state=open&per_page=100", nil)
	r.Header = http.Header{"Accept": {"application/json"}, "User-Agent": {"bench/1.0"}, "Accept-Encoding": {"gzip"}}
	value := []string{"Bearer " + c.Placeholder}
	b.ReportAllocs()
	for b.Loop() {
		r.Header["Authorization"] = value
		hits := s.Find(r)
		if c.Misplaced(hits, slots) != nil {
			b.Fatal("misplaced")
		}
		if on, err := c.Apply(r, slots, v, false); !on || err != nil {
			b.Fatal(on, err)
		}
	}
}
