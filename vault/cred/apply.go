package cred

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"agentguard/policy/action"
	"agentguard/vault"
)

// slots gives where the credential may stand on a host: the places that the service reads, and all places where its
// placeholder is swapped.
func (c *Credential) slots(host []action.Slot) (auth, accepted []action.Slot) {
	auth = c.Slots
	if auth == nil {
		auth = host
	}
	return auth, append(auth[:len(auth):len(auth)], c.Swap...)
}

// Misplaced names the first placeholder that stands where it may not on a host with these slots; nil if all may. A
// placeholder of another credential of the same service may stand there: the secret of c replaces it.
func (c *Credential) Misplaced(hits []Hit, host []action.Slot) error {
	_, accepted := c.slots(host)
	for _, h := range hits {
		switch {
		case h.Cred == nil:
			return fmt.Errorf("no credential of this policy is called %q", h.Name)
		case h.Cred.Service != c.Service:
			return fmt.Errorf("the placeholder of %s may only go to the service %s", h.Name, h.Cred.Service)
		case !covers(accepted, h.At):
			return fmt.Errorf("the placeholder of %s stands in %s, where it is not swapped", h.Name, place(h.At))
		}
	}
	return nil
}

func place(s action.Slot) string {
	switch s.Kind {
	case action.Header:
		return "the header " + s.Name
	case action.Query:
		return "the query parameter " + s.Name
	case action.InPath:
		return "the path"
	}
	return "Authorization"
}

func covers(slots []action.Slot, at action.Slot) bool {
	for _, s := range slots {
		switch {
		case inAuthorization(s) && inAuthorization(at):
			return true
		case s.Kind != at.Kind:
		case s.Kind == action.Header && SameHeader(s.Name, at.Name), s.Kind == action.Query && s.Name == at.Name, s.Kind == action.InPath:
			return true
		}
	}
	return false
}

func inAuthorization(s action.Slot) bool {
	return s.Kind == action.Bearer || s.Kind == action.Basic || s.Kind == action.Header && SameHeader(s.Name, "authorization")
}

// SameHeader compares two names as the most lenient server does: CGI and WSGI turn both - and _ into _, and none tells
// case.
func SameHeader(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if fold(a[i]) != fold(b[i]) {
			return false
		}
	}
	return true
}

func fold(c byte) byte {
	switch {
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	case c == '_':
		return '-'
	}
	return c
}

// sendable says whether a header can hold v: neither control characters nor DEL, but for the tab (RFC 9110 section 5.5).
func sendable(v string) bool {
	return !strings.ContainsFunc(v, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f })
}

// Apply puts the secret on r. Everything that stands in the slots of the host's service is removed first, so that no
// credential but this one travels there; a slot that held a placeholder gets the secret in its place, and where none
// did (and no body field, which the caller tells by swapped), the first slot gets it when the credential is injected.
// It reports whether the secret is on the request.
func (c *Credential) Apply(r *http.Request, host []action.Slot, secret vault.Secret, swapped bool) (bool, error) {
	value := string(secret.Reveal())
	if value == "" || !sendable(value) {
		return false, fmt.Errorf("credential %s holds characters that cannot be sent in a header", c.Name)
	}
	auth, accepted := c.slots(host)
	for i, s := range accepted {
		if covers(accepted[:i], s) {
			continue // bearer and basic share a header, which holds the secret by now
		}
		done, err := c.swap(r, s, value, covers(auth, s))
		if err != nil {
			return false, err
		}
		swapped = swapped || done
	}
	for _, s := range host {
		if !covers(accepted, s) { // the service reads it, though this credential is for another slot
			if _, err := c.swap(r, s, value, true); err != nil {
				return false, err
			}
		}
	}
	if swapped || !c.Inject {
		return swapped, nil
	}
	for _, s := range auth {
		if add(r, s, value) {
			return true, nil
		}
	}
	return false, nil
}

// Add puts the secret on a request of agentguard's own, in the first slot that can hold one whatever the request. What
// stands in the slots of the host's service is removed first. It is an error where no slot can.
func (c *Credential) Add(r *http.Request, host []action.Slot, secret vault.Secret) error {
	own := &Credential{Name: c.Name, Slots: c.Slots, Inject: true, Placeholder: c.Placeholder, set: c.set}
	on, err := own.Apply(r, host, secret, false)
	if err == nil && !on {
		err = fmt.Errorf("credential %s goes into a place that a question to the service does not have", c.Name)
	}
	return err
}

// swap replaces placeholders in one slot. With clear, whatever else stands there is removed.
func (c *Credential) swap(r *http.Request, s action.Slot, secret string, clear bool) (bool, error) {
	switch {
	case inAuthorization(s):
		return c.swapHeader(r.Header, "Authorization", clear, func(v string) (string, bool) { return c.authorization(v, secret) })
	case s.Kind == action.Header:
		return c.swapHeader(r.Header, s.Name, clear, func(v string) (string, bool) {
			out, ok := c.replace(v, secret)
			if clear && !SameHeader(s.Name, "cookie") {
				out = narrow(out, secret)
			}
			return out, ok
		})
	case s.Kind == action.Query:
		return c.swapQuery(r.URL, s.Name, secret, clear), nil
	case s.Kind == action.InPath:
		return c.swapPath(r.URL, secret)
	}
	return false, nil
}

func (c *Credential) swapHeader(h http.Header, name string, clear bool, replace func(string) (string, bool)) (bool, error) {
	found, done := "", false
	for key, values := range h {
		if !SameHeader(key, name) {
			continue
		}
		for i, v := range values {
			out, ok := replace(v)
			if !ok {
				continue
			}
			if done && clear && out != found {
				return false, errors.New("the credential stands in one header twice, in two ways")
			}
			found, done = out, true
			if !clear {
				values[i] = out
			}
		}
		if clear {
			delete(h, key)
		}
	}
	if clear && done {
		h[http.CanonicalHeaderKey(name)] = []string{found}
	}
	return done, nil
}

// authorization swaps within one Authorization value and keeps its scheme word: GitHub takes "token" beside "Bearer". What
// stands beside the placeholder, as a second credential would, is dropped.
func (c *Credential) authorization(v, secret string) (string, bool) {
	scheme, rest, spaced := cutScheme(v)
	switch {
	case !spaced:
		out, ok := c.replace(scheme, secret)
		return narrow(out, secret), ok
	case len(scheme) > maxBeside:
		return "", false
	case !strings.EqualFold(scheme, "basic"):
		out, ok := c.replace(rest, secret)
		if out = narrow(out, secret); strings.ContainsAny(rest, " \t,") {
			out = secret
		}
		return scheme + " " + out, ok
	}
	pair, ok := decodeBasic(rest)
	if !ok {
		return "", false
	}
	out, ok := c.basicPair(pair, secret)
	return scheme + " " + base64.StdEncoding.EncodeToString([]byte(out)), ok
}

// maxBeside is how much may stand with the secret in the place that is its own, in bytes: enough for token="..." and its like. With
// more, the child would choose where a service that shows the beginning of a long value cuts the secret, of which a part
// is not known again.
const maxBeside = 64

// narrow takes away what is beside the secret in text, if that is too much or the secret once more.
func narrow(text, secret string) string {
	if len(text) > len(secret)+maxBeside || strings.Count(text, secret) > 1 {
		return secret
	}
	return text
}

// basicPair swaps in "user:password", either side. A URI form as user ("vault://name:") holds a colon of its own. Beside the
// placeholder there may be a user's name, or behind it the word that says it is a token, but no credential.
func (c *Credential) basicPair(pair, secret string) (string, bool) {
	if whole := strings.TrimSuffix(pair, ":"); whole != "" {
		if _, uri := uriName(whole); uri {
			return secret + ":", true
		}
	}
	user, pass, _ := strings.Cut(pair, ":")
	u, inUser := c.replace(user, secret)
	p, inPass := c.replace(pass, secret)
	if inUser {
		u = narrow(u, secret)
	}
	if inPass {
		p = narrow(p, secret)
	}
	switch prefix, rest := split(user); {
	case inUser && !inPass && pass != "x-oauth-basic": // GitHub's word (docs.github.com, "Other authentication methods")
		p = ""
	case inPass && !inUser && (prefix != "" && len(rest) >= minTail || len(user) > maxName):
		u = "x"
	}
	return u + ":" + p, inUser || inPass
}

// maxName is the longest name of a user, in bytes: an address of mail (RFC 5321 section 4.5.3.1.3).
const maxName = 254

// minTail is how much follows the prefix of a credential at least, in bytes; less may be somebody's name.
const minTail = 12

func (c *Credential) swapQuery(u *url.URL, name, secret string, clear bool) (done bool) {
	if u.RawQuery == "" {
		return false
	}
	var keep []string
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		k, v := unescapePair(pair)
		if k != name {
			rest := pair
			if clear {
				rest = withoutTwins(pair, name)
			}
			if rest != "" || pair == "" {
				keep = append(keep, rest)
			}
			continue
		}
		out, ok := c.replace(v, secret)
		if clear {
			out = narrow(out, secret)
		}
		switch {
		case ok && !done:
			keep = append(keep, url.QueryEscape(k)+"="+url.QueryEscape(out))
			done = true
		case !ok && !clear:
			keep = append(keep, pair)
		}
	}
	u.RawQuery = strings.Join(keep, "&")
	return done
}

// withoutTwins takes out of one pair what some server reads as name: those that part pairs at a semicolon too, those that
// do not tell case, and PHP, which drops spaces and makes ' ', '.' and '[' an underscore.
func withoutTwins(pair, name string) string {
	pieces := strings.Split(pair, ";")
	return strings.Join(slices.DeleteFunc(pieces, func(piece string) bool {
		k, _ := unescapePair(piece)
		return sameField(k, name)
	}), ";")
}

var fieldForms = strings.NewReplacer(" ", "_", ".", "_", "[", "_")

// sameField compares two names of query parameters or form fields as the most lenient server does.
func sameField(a, b string) bool {
	return strings.EqualFold(fieldForms.Replace(strings.TrimLeft(a, " ")), fieldForms.Replace(b))
}

// swapPath swaps within one segment. The secret is escaped, so it can never add one. What stands beside it there is a part of what was decided on
// and cannot be taken away, so too much of it is an error.
func (c *Credential) swapPath(u *url.URL, secret string) (bool, error) {
	raw := u.Opaque
	if raw == "" {
		raw = u.EscapedPath()
	}
	segments, done := strings.Split(raw, "/"), false
	for i, seg := range segments {
		plain, err := url.PathUnescape(seg)
		if err != nil {
			return false, err
		}
		out, ok := c.replace(plain, secret)
		switch {
		case !ok:
			continue
		case done:
			return false, errors.New("the credential stands in the path twice")
		case narrow(out, secret) != out:
			return false, errors.New("more stands beside the credential in the path than a service needs there")
		}
		segments[i], done = url.PathEscape(out), true
	}
	if done {
		u.Opaque = strings.Join(segments, "/")
	}
	return done, nil
}

// add puts the secret into a slot that is empty; false for slots that are only ever swapped.
func add(r *http.Request, s action.Slot, secret string) bool {
	switch s.Kind {
	case action.Bearer:
		r.Header["Authorization"] = []string{"Bearer " + secret}
	case action.Basic:
		pair := secret // "user:password", or an API key as the user
		if s.Name != "" {
			pair = s.Name + ":" + secret
		} else if !strings.Contains(secret, ":") {
			pair += ":"
		}
		r.Header["Authorization"] = []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(pair))}
	case action.Header:
		r.Header[http.CanonicalHeaderKey(s.Name)] = []string{secret}
	case action.Query:
		if r.URL.RawQuery != "" {
			r.URL.RawQuery += "&"
		}
		r.URL.RawQuery += url.QueryEscape(s.Name) + "=" + url.QueryEscape(secret)
	default:
		return false
	}
	return true
}
