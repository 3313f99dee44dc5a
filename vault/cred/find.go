package cred

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"agentguard/policy/action"
)

// uriForms are the plain spellings of a placeholder: "vault://github-token".
var uriForms = []string{"vault://", "onecli://", "agentguard://"}

// Hit is one placeholder found in a credential position of a request.
type Hit struct {
	Name string      // of the credential
	Cred *Credential // nil: no credential of this run has that name
	At   action.Slot // Authorization is Bearer or Basic; InPath is the path
}

// Find lists the placeholders in the credential positions of a request: every header, the query and the path. Bodies are
// not read: what stands there is inert until a policy names the field.
func (s *Set) Find(r *http.Request) (hits []Hit) {
	if s == nil {
		return nil
	}
	for name, values := range r.Header {
		for _, v := range values {
			hits = s.findHeader(hits, name, v)
		}
	}
	if r.URL.RawQuery != "" {
		for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
			k, v := unescapePair(pair)
			hits = s.find(hits, v, action.Slot{Kind: action.Query, Name: k})
			hits = s.find(hits, k, action.Slot{Kind: action.Query, Name: "?"})
		}
	}
	return s.find(hits, r.URL.Path, action.Slot{Kind: action.InPath})
}

func (s *Set) findHeader(hits []Hit, name, v string) []Hit {
	at := action.Slot{Kind: action.Header, Name: name}
	switch {
	case name == "Authorization" || name == "Proxy-Authorization":
		return s.findAuthorization(hits, v)
	case strings.HasPrefix(v, "Basic ") || strings.HasPrefix(v, "basic "):
		for _, h := range s.findAuthorization(nil, v) {
			hits = append(hits, Hit{h.Name, h.Cred, at})
		}
		return hits
	}
	return s.find(hits, v, at)
}

func (s *Set) findAuthorization(hits []Hit, v string) []Hit {
	scheme, rest, _ := cutScheme(v)
	if !strings.EqualFold(scheme, "basic") {
		if rest == "" {
			rest = scheme
		}
		return s.find(hits, rest, action.Slot{Kind: action.Bearer})
	}
	pair, ok := decodeBasic(rest)
	if !ok {
		return s.find(hits, rest, action.Slot{Kind: action.Basic})
	}
	user, pass, _ := strings.Cut(pair, ":")
	hits = s.find(hits, user, action.Slot{Kind: action.Basic})
	// A URI form holds a colon of its own: as the user it is found in the whole pair.
	if n := len(hits); strings.HasPrefix(pass, "//") {
		if hits = s.find(hits, strings.TrimSuffix(pair, ":"), action.Slot{Kind: action.Basic}); len(hits) > n {
			return hits
		}
	}
	return s.find(hits, pass, action.Slot{Kind: action.Basic})
}

// cutScheme parts an Authorization value as a lenient server does: at any white space.
func cutScheme(v string) (scheme, rest string, spaced bool) {
	v = strings.TrimSpace(v)
	i := strings.IndexAny(v, " \t")
	if i < 0 {
		return v, "", false
	}
	return v[:i], strings.TrimSpace(v[i:]), true
}

// find adds the placeholders within text, and the URI form that text is as a whole.
func (s *Set) find(hits []Hit, text string, at action.Slot) []Hit {
	if len(text) < 8 {
		return hits
	}
	if name, ok := uriName(text); ok {
		return append(hits, Hit{name, s.byName[name], at})
	}
	for _, c := range s.byName {
		if strings.Contains(text, c.Placeholder) {
			hits = append(hits, Hit{c.Name, c, at})
		}
	}
	return hits
}

func uriName(text string) (string, bool) {
	for _, form := range uriForms {
		if name, ok := strings.CutPrefix(text, form); ok {
			return name, true
		}
	}
	return "", false
}

// replace puts the secret where a placeholder of the credential's service stands in text; ok says whether one stood there.
func (c *Credential) replace(text, secret string) (out string, ok bool) {
	if name, uri := uriName(text); uri {
		named := c.set.byName[name]
		return secret, named != nil && named.Service == c.Service
	}
	for _, other := range c.set.byName {
		if other.Service == c.Service && strings.Contains(text, other.Placeholder) {
			text, ok = strings.ReplaceAll(text, other.Placeholder, secret), true
		}
	}
	return text, ok
}

// decodeBasic reads the credentials of RFC 7617 in either alphabet, padded or not: servers differ in what they take.
func decodeBasic(s string) (string, bool) {
	s = strings.NewReplacer("-", "+", "_", "/", " ", "", "\t", "").Replace(s)
	s = strings.TrimRight(s, "=")
	b, err := base64.RawStdEncoding.DecodeString(s)
	return string(b), err == nil
}

func unescapePair(pair string) (key, value string) {
	k, v, _ := strings.Cut(pair, "=")
	return unescape(k), unescape(v)
}

func unescape(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}
