package proxy

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"agentguard/policy"
	"agentguard/policy/action"
)

// asker is an exchange of the rig's, as it stands when its classification asks the service.
func asker(t *testing.T, r *rig, host string, header ...string) *Exchange {
	t.Helper()
	in := httptest.NewRequest("POST", "https://"+host+"/any/x", nil)
	for _, h := range header {
		k, v, _ := strings.Cut(h, ": ")
		in.Header.Set(k, v)
	}
	a, err := authority(host)
	if err != nil {
		t.Fatal(err)
	}
	ex := newExchange(in, "connect", a, false)
	ex.ID = r.proxy.ids.Add(1)
	if f := r.proxy.read(ex); f != nil {
		t.Fatal(f.Reason)
	}
	if ex.Claim.Kind == policy.ForService && ex.request.Ask == nil {
		t.Fatal("the classification cannot ask")
	}
	return ex
}

// TestAskCarriesOurCredentialAlone: a question goes to the exchange's own authority with the credential of the rules, nothing
// of the child's, and is on record before it leaves.
func TestAskCarriesOurCredentialAlone(t *testing.T) {
	var saw sawAuth
	r := newRig(t, saw.handle, rigOptions{})
	ex := asker(t, r, "api.example.com", "Authorization: Bearer "+r.placeholder("api-key"), "Cookie: child=1", "X-Child: 1")
	reply, err := ex.request.Ask(&action.Question{Method: "POST", Path: "/a%2Fb", Query: "q=1", Why: "what it is about",
		Header: http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer mine"}}, Body: []byte(`{"a":1}`)})
	if err != nil || reply.Status != 200 || string(reply.Body) != "ok" {
		t.Fatalf("%+v, %v", reply, err)
	}
	for name, want := range map[string]string{"Authorization": "Bearer " + theSecret, "Cookie": "", "X-Child": "", "User-Agent": "agentguard",
		"Content-Type": "application/json", "Accept-Encoding": "identity"} {
		if got := saw.get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if body := *saw.body.Load(); body != `{"a":1}` || *saw.query.Load() != "q=1" {
		t.Errorf("the origin got %q", body)
	}
	if got := strings.Join(r.events, ", "); got != "recorded, origin POST api.example.com/a/b, ended" {
		t.Errorf("the order was %s", got)
	}
	rec := r.last()
	if rec.Transport != "preflight" || rec.Credential.Name != "api-key" || rec.Sent != 7 || rec.BodyHash == "" || rec.Status != 200 || rec.Received != 2 ||
		rec.Path != "/a%2Fb" || rec.Decision.Reason != "agentguard asks for exchange 1: what it is about" || rec.ID == ex.ID {
		t.Errorf("recorded %+v", rec)
	}
}

// TestAskWithoutPlaceholder: where the request would carry no credential, the question carries none.
func TestAskWithoutPlaceholder(t *testing.T) {
	var saw sawAuth
	for inject, want := range map[string]string{"placeholder": "", "always": "Bearer " + theSecret} {
		r := newRig(t, saw.handle, rigOptions{policy: strings.Replace(rigPolicy, "env = [\"API_KEY\"]", "inject = \""+inject+"\"", 1)})
		if _, err := asker(t, r, "api.example.com", "Authorization: Bearer mine").request.Ask(&action.Question{Method: "GET", Path: "/"}); err != nil {
			t.Fatal(err)
		}
		if got := saw.get("Authorization"); got != want {
			t.Errorf("%s: Authorization: %q, want %q", inject, got, want)
		}
	}
}

const twoKeys = rigPolicy + `
[credential.second]
from = "env:SECOND"
service = "api"
[allow.more]
service = "api"
credential = "second"
actions = ["anything"]
`

// TestAskIsRefused: what cannot be asked with the one right credential, or cannot be recorded, is not asked.
func TestAskIsRefused(t *testing.T) {
	two := strings.Replace(twoKeys, "service = \"api\"\nactions = [\"read_item\"", "service = \"api\"\ncredential = \"api-key\"\nactions = [\"read_item\"", 1)
	about := func(names ...string) (list []action.Action) {
		for _, n := range names {
			list = append(list, action.Action{Name: n, Class: action.Write})
		}
		return list
	}
	for _, c := range []struct {
		name, policy, header, want string
		about                      []action.Action
	}{
		{"no rule could allow it", rigPolicy, "X: 1", "no rule could allow it", about("delete_item")},
		{"two credentials", two, "X: 1", "use different credentials", about("anything")},
		{"two credentials, any rule", two, "X: 1", "use different credentials", nil},
		{"another service's placeholder", rigPolicy, "X: other-key", "not of this service", nil},
		{"nobody's placeholder", rigPolicy, "X: vault://nobody", "not of this service", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, echoAuth, rigOptions{policy: c.policy, secrets: map[string]string{"second": "s2s2s2s2s2s2s2s2s2s2"}})
			ex := asker(t, r, "api.example.com", strings.Replace(c.header, "other-key", r.placeholder("other-key"), 1))
			if reply, err := ex.request.Ask(&action.Question{Method: "GET", Path: "/", About: c.about}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v, %v; want %q", reply, err, c.want)
			}
			if len(r.events) > 0 {
				t.Errorf("there came %q", r.events)
			}
		})
	}
	r := newRig(t, echoAuth, rigOptions{})
	ex := asker(t, r, "api.example.com")
	r.failLog = io.ErrShortWrite
	if _, err := ex.request.Ask(&action.Question{Method: "GET", Path: "/"}); err == nil || !strings.Contains(err.Error(), "audit log") || len(r.reached()) > 0 {
		t.Errorf("%v; the origin was asked %q", err, r.reached())
	}
}

// TestAskPicksByAction: of two credentials the one that the rules for the action use.
func TestAskPicksByAction(t *testing.T) {
	var saw sawAuth
	two := strings.Replace(twoKeys, "service = \"api\"\nactions = [\"read_item\"", "service = \"api\"\ncredential = \"api-key\"\nactions = [\"read_item\"", 1)
	r := newRig(t, saw.handle, rigOptions{policy: two, secrets: map[string]string{"second": "s2s2s2s2s2s2s2s2s2s2"}})
	ex := asker(t, r, "api.example.com", "Authorization: Bearer "+r.placeholder("second"))
	q := &action.Question{Method: "GET", Path: "/", About: []action.Action{{Name: "read_item", Class: action.Read}}}
	if _, err := ex.request.Ask(q); err != nil {
		t.Fatal(err)
	}
	if got := saw.get("Authorization"); got != "Bearer "+theSecret {
		t.Errorf("Authorization: %q", got)
	}
}

// TestAskIsBounded: the answer's length, its time, redirects, encodings, secrets in it.
func TestAskIsBounded(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte("packed " + theSecret))
	z.Close()
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		switch q.URL.Path {
		case "/long":
			w.Write(make([]byte, 101))
		case "/moved":
			http.Redirect(w, q, "/elsewhere", http.StatusFound)
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("X-Echo", q.Header.Get("Authorization"))
			w.Write(packed.Bytes())
		case "/slow":
			w.Write([]byte("a"))
			w.(http.Flusher).Flush()
			<-q.Context().Done()
		case "/odd":
			w.Header().Set("Content-Encoding", "rot13")
			w.Write([]byte("x"))
		}
	}, rigOptions{})
	ask := func(path string) (*action.Reply, error) {
		ex := asker(t, r, "api.example.com", "Authorization: Bearer "+r.placeholder("api-key"))
		return ex.request.Ask(&action.Question{Method: "GET", Path: path, Max: 100})
	}
	for path, want := range map[string]string{"/long": "longer than 100 bytes", "/slow": "broke off", "/odd": "not known"} {
		if reply, err := ask(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v; want %q", path, reply, err, want)
		}
		if rec := r.last(); !strings.Contains(rec.Failure, want) {
			t.Errorf("%s: recorded as %q", path, rec.Failure)
		}
	}
	if reply, err := ask("/moved"); err != nil || reply.Status != http.StatusFound {
		t.Errorf("a redirect: %+v, %v", reply, err)
	}
	for _, e := range r.reached() {
		if strings.Contains(e, "elsewhere") {
			t.Error("a redirect was followed")
		}
	}
	reply, err := ask("/gzip")
	if err != nil || !strings.HasPrefix(string(reply.Body), "packed ") || strings.Contains(string(reply.Body)+reply.Header.Get("X-Echo"), theSecret) {
		t.Errorf("%+v, %v", reply, err)
	}
	if n := r.proxy.memory.free; n != maxHeld {
		t.Errorf("%d bytes of memory did not come back", maxHeld-n)
	}
}
