package proxy

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"agentguard/proxy/scrub"
	"agentguard/vault/cred"
)

// No request waits for what many and long secrets take; for few there is nothing to wait for.
func TestLongSecretsAreMadeReadyBefore(t *testing.T) {
	for size, want := range map[int]bool{40: false, 2000: true} {
		r := newRig(t, echoAuth, rigOptions{secrets: map[string]string{"api-key": strings.Repeat("s3cr3t-0123456789-", size)[:size]}})
		r.set.Get("api-key").Secret(t.Context())
		r.proxy.prepare()
		ready := func() bool {
			r.proxy.needles.mu.Lock()
			defer r.proxy.needles.mu.Unlock()
			return r.proxy.needles.set != nil
		}
		for n := 0; want && !ready() && n < 60_000; n++ {
			time.Sleep(time.Millisecond)
		}
		if got := ready(); got != want {
			t.Errorf("%d bytes: ready %v", size, got)
		}
	}
}

// A service may return what it took a credential apart into: none of it comes back.
func TestPartsOfASecretHoldNoSecret(t *testing.T) {
	for secret, parts := range map[string][]string{
		"alice:Tr0ub4dor-and-3":                                       {"Tr0ub4dor-and-3"},
		"alice:pass phrase: of three":                                 {"pass phrase: of three"},
		"key-without-a-password:":                                     {"key-without-a-password"},
		"Bearer AbCdEfGhIjKlMnOpQrStUvWxYz12":                         {"AbCdEfGhIjKlMnOpQrStUvWxYz12"},
		"Bot 1234567890:AAF-QwErTyUiOp":                               {"1234567890:AAF-QwErTyUiOp", "AAF-QwErTyUiOp"},
		"Basic YWxpY2U6VHIwdWI0ZG9yLWFuZC0z":                          {"YWxpY2U6VHIwdWI0ZG9yLWFuZC0z", "alice:Tr0ub4dor-and-3", "Tr0ub4dor-and-3"},
		`Token token="0123456789abcdef"`:                              {"0123456789abcdef"},
		"session=f00dfeedbeef1234; theme=dark; csrf=\"0a1b2c3d4e5f\"": {"f00dfeedbeef1234", "0a1b2c3d4e5f"},
		"c2Vzc2lvbi1zZWNyZXQtdmFsdWU9PQ==":                            {"c2Vzc2lvbi1zZWNyZXQtdmFsdWU9PQ"},
	} {
		placeholder, err := cred.NewPlaceholder(nil, []byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		set := scrub.New(withParts(secret, placeholder))
		for _, part := range append(parts, secret) {
			if got, _ := set.String(`{"value": "` + part + `"}`); strings.Contains(got, part) {
				t.Errorf("%q of %q came back: %s", part, secret, got)
			}
		}
		const innocent = `{"user": "alice", "theme": "dark", "token": 10}`
		if got, _ := set.String(innocent); got != innocent {
			t.Errorf("%q: what is no secret became %s", secret, got)
		}
	}
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		user, password, _ := q.BasicAuth()
		json.NewEncoder(w).Encode(map[string]string{"user": user, "password": password})
	}, rigOptions{policy: strings.Replace(rigPolicy, `"bearer"`, `"basic"`, 1), secrets: map[string]string{"api-key": "alice:Tr0ub4dor-and-3"}})
	if a := r.do("GET", "https://api.example.com/any/x", ""); !strings.Contains(a.body, `"user":"alice"`) || strings.Contains(a.body, "Tr0ub4dor") {
		t.Error(a.body)
	}
}
