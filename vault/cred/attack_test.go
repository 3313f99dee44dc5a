package cred

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"agentguard/policy/action"
)

// The service reads all its slots, whichever of them the credential is for.
func TestOwnCredentialIsRemovedFromEverySlotOfTheService(t *testing.T) {
	c := newCredential(t, "key", "svc", secretText)
	c.Slots = []action.Slot{{Kind: action.Bearer}}
	NewSet(c)
	host := []action.Slot{{Kind: action.Header, Name: "X-Api-Key"}, {Kind: action.Query, Name: "key"}, {Kind: action.Bearer}, {Kind: action.Body, Name: "token"}}
	r, _ := http.NewRequest("GET", "https://svc.example/x?a=1&key=attacker", nil)
	r.Header = http.Header{"X-Api-Key": {"attacker"}, "X_api-Key": {"attacker"}}
	if on, err := c.Apply(r, host, newSecret(t, secretText), false); !on || err != nil {
		t.Fatal(on, err)
	}
	if len(r.Header) != 1 || r.Header.Get("Authorization") != "Bearer "+secretText || r.URL.RawQuery != "a=1" {
		t.Errorf("left: %v %s", r.Header, r.URL.RawQuery)
	}
	if fields, own := c.BodyFields(host); !own || len(fields) != 1 || fields[0] != "token" {
		t.Errorf("body fields %v %v", fields, own)
	}
}

// What one server takes for the slot's name, the child's own key must not be sent under.
func TestQueryAndBodyTwins(t *testing.T) {
	c := newCredential(t, "key", "svc", secretText)
	NewSet(c)
	for _, q := range []string{"key=attacker", "Key=attacker", "k%65y=attacker", "+key=attacker", "a=1;key=attacker", "a=1;k%65y=attacker&b=2", "key=attacker&key=attacker", "%20KEY=attacker", "a=1%3Bkey=fine"} {
		r, _ := http.NewRequest("GET", "https://svc.example/x?"+q, nil)
		on, err := c.Apply(r, []action.Slot{{Kind: action.Query, Name: "key"}}, newSecret(t, secretText), false)
		if err != nil || !on || strings.Contains(r.URL.RawQuery, "attacker") || strings.Count(r.URL.RawQuery, secretText) != 1 {
			t.Errorf("%s: %q %v %v", q, r.URL.RawQuery, on, err)
		}
	}
	for media, bodies := range map[string][]string{
		"application/json":                  {`{"token":"attacker"}`, `{"Token":"attacker"}`, `{"TOKEN":"attacker"}`, `{"t\u006fken":"attacker"}`},
		"application/x-www-form-urlencoded": {"token=attacker", "Token=attacker", "a=1;token=attacker", "+token=attacker", "t%6fken=attacker&token=attacker"},
	} {
		for _, body := range bodies {
			out, swapped, err := c.SwapBody(media, []byte(body), []string{"token"}, true, newSecret(t, secretText))
			if err == nil && (!swapped || strings.Contains(string(out), "attacker")) {
				t.Errorf("%s: %q %v", body, out, swapped)
			}
		}
	}
}

// A placeholder of another service in a body field is not ours to resolve; nor is a name that nobody has.
func TestBodyFieldTakesNoForeignPlaceholder(t *testing.T) {
	c, other := newCredential(t, "key", "svc", secretText), newCredential(t, "other", "elsewhere", "0123456789abcdef0123456789abcdef")
	NewSet(c, other)
	for _, v := range []string{"vault://nobody", "vault://other", other.Placeholder} {
		out, swapped, err := c.SwapBody("application/json", []byte(`{"token":"`+v+`"}`), []string{"token"}, false, newSecret(t, secretText))
		if err == nil && (swapped || strings.Contains(string(out), secretText)) {
			t.Errorf("%s became %s", v, out)
		}
	}
}

// Beside the placeholder in Authorization nothing may stand that some server takes for the credential.
func TestNoCredentialBesideThePlaceholder(t *testing.T) {
	c := newCredential(t, "key", "svc", secretText)
	NewSet(c)
	p := c.Placeholder
	basic := func(pair string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) }
	const foreign = "ghp_AttackerAttackerAttackerAttacker123"
	for sent, want := range map[string]string{
		"Bearer " + foreign + " " + p:               "Bearer " + secretText,
		"Bearer " + p + ", Bearer " + foreign:       "Bearer " + secretText,
		"Bearer\t" + foreign + "\t" + p:             "Bearer " + secretText,
		"Digest username=" + foreign + ",p=" + p:    "Digest " + secretText,
		basic(p + ":" + foreign):                    basic(secretText + ":"),
		basic(foreign + ":" + p):                    basic("x:" + secretText),
		basic(p + ":x-oauth-basic"):                 basic(secretText + ":x-oauth-basic"),
		basic("me@example.com:" + p):                basic("me@example.com:" + secretText),
		basic("hf_fan:" + p):                        basic("hf_fan:" + secretText),
		"Token token=" + p:                          "Token token=" + secretText,
		"Basic\t" + basic("u:" + p)[len("Basic "):]: basic("u:" + secretText),
	} {
		r, _ := http.NewRequest("GET", "https://svc.example/x", nil)
		r.Header.Set("Authorization", sent)
		on, err := c.Apply(r, []action.Slot{{Kind: action.Bearer}}, newSecret(t, secretText), false)
		if got := r.Header["Authorization"]; err != nil || !on || len(got) != 1 || got[0] != want {
			t.Errorf("%q became %q, %v; want %q", sent, got, err, want)
		}
	}
}

// A service that shows the beginning of a long credential must not be led to cut the secret: the child cannot put much before it or
// behind it, nor a second one.
func TestLittleStandsBesideThePlaceholder(t *testing.T) {
	c := newCredential(t, "key", "svc", secretText)
	NewSet(c)
	p, long := c.Placeholder, strings.Repeat("x", 300)
	basic := func(pair string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) }
	bearer, header, query := action.Slot{Kind: action.Bearer}, action.Slot{Kind: action.Header, Name: "X-Key"}, action.Slot{Kind: action.Query, Name: "key"}
	for _, test := range []struct {
		slot       action.Slot
		sent, want string
	}{
		{bearer, "Bearer " + p + long, "Bearer " + secretText},
		{bearer, "Bearer " + long + p, "Bearer " + secretText},
		{bearer, "Bearer " + p + p, "Bearer " + secretText},
		{bearer, "Bearer " + p + "." + p, "Bearer " + secretText},
		{bearer, long + " " + p, "Bearer " + secretText},
		{bearer, long + p, secretText},
		{bearer, basic(long + ":" + p), basic("x:" + secretText)},
		{bearer, basic("u:" + p + long), basic("u:" + secretText)},
		{bearer, basic(p + p + ":"), basic(secretText + ":")},
		{bearer, `Token token="` + p + `"`, `Token token="` + secretText + `"`},
		{header, p + long, secretText},
		{header, p + p, secretText},
		{header, "Key=" + p, "Key=" + secretText},
		{query, p + long, secretText},
		{query, "x" + p, "x" + secretText},
	} {
		r, _ := http.NewRequest("GET", "https://svc.example/x", nil)
		got := func() string { return r.Header.Get("Authorization") }
		switch test.slot {
		case bearer:
			r.Header.Set("Authorization", test.sent)
		case header:
			r.Header.Set("X-Key", test.sent)
			got = func() string { return r.Header.Get("X-Key") }
		case query:
			r.URL.RawQuery = "key=" + test.sent
			got = func() string { return r.URL.Query().Get("key") }
		}
		on, err := c.Apply(r, []action.Slot{test.slot}, newSecret(t, secretText), false)
		if err != nil || !on || got() != test.want {
			t.Errorf("%q became %q, %v; want %q", test.sent, got(), err, test.want)
		}
	}
	for body, want := range map[string]string{
		`{"key":"` + long + p + `"}`: `{"key":"` + secretText + `"}`, `{"key":"` + p + p + `"}`: `{"key":"` + secretText + `"}`, `{"key":"Key ` + p + `"}`: `{"key":"Key ` + secretText + `"}`,
	} {
		if out, _, err := c.SwapBody("application/json", []byte(body), []string{"key"}, true, newSecret(t, secretText)); err != nil || string(out) != want {
			t.Errorf("%q became %q, %v; want %q", body, out, err, want)
		}
	}
	// A path is what was decided on, and stays.
	for path, reason := range map[string]string{"/bot" + p + "/x": "", "/" + long + p: "more stands beside", "/" + p + "/" + p: "in the path twice"} {
		r, _ := http.NewRequest("GET", "https://svc.example"+path, nil)
		on, err := c.Apply(r, []action.Slot{{Kind: action.InPath}}, newSecret(t, secretText), false)
		switch {
		case reason == "" && (err != nil || !on || r.URL.RequestURI() != strings.ReplaceAll(path, p, secretText)):
			t.Errorf("%q became %q, %v", path, r.URL.RequestURI(), err)
		case reason != "" && (err == nil || !strings.Contains(err.Error(), reason)):
			t.Errorf("%q: %v", path, err)
		}
	}
	// Beside the credential among cookies stand others, of any length.
	cookie := action.Slot{Kind: action.Header, Name: "Cookie"}
	r, _ := http.NewRequest("GET", "https://svc.example/x", nil)
	r.Header.Set("Cookie", "a="+long+"; session="+p)
	if _, err := c.Apply(r, []action.Slot{cookie}, newSecret(t, secretText), false); err != nil || r.Header.Get("Cookie") != "a="+long+"; session="+secretText {
		t.Errorf("the cookies became %q, %v", r.Header.Get("Cookie"), err)
	}
}

// In Basic a placeholder is found behind any white space, also within the base64, and in headers of any name.
func TestFindInBasic(t *testing.T) {
	c := newCredential(t, "key", "svc", secretText)
	s, _ := NewSet(c)
	text := base64.StdEncoding.EncodeToString([]byte("user:" + c.Placeholder))
	for name, v := range map[string]string{
		"Authorization": "Basic\t" + text, "Proxy-Authorization": "basic  " + text[:8] + " " + text[8:], "X-Upstream-Auth": "Basic " + text,
	} {
		r, _ := http.NewRequest("GET", "https://svc.example/x", nil)
		r.Header.Set(name, v)
		if hits := s.Find(r); len(hits) != 1 || hits[0].Cred != c || name == "X-Upstream-Auth" && hits[0].At.Kind != action.Header {
			t.Errorf("%s: %q: %v", name, v, hits)
		}
	}
}
