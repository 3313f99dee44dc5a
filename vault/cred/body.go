package cred

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/url"
	"slices"
	"strings"

	"agentguard/policy/action"
	"agentguard/vault"
)

// BodyFields lists the body fields where the credential's placeholder is swapped; nil: the body is never read. Own says
// whether some of them are the service's own slots, where nothing but this credential may travel.
func (c *Credential) BodyFields(host []action.Slot) (fields []string, own bool) {
	auth, accepted := c.slots(host)
	for i, s := range accepted {
		if s.Kind == action.Body {
			fields, own = append(fields, s.Name), own || i < len(auth)
		}
	}
	for _, s := range host { // the service reads it, though the credential may be for another slot
		if s.Kind == action.Body && !slices.Contains(fields, s.Name) {
			fields, own = append(fields, s.Name), true
		}
	}
	return fields, own
}

// errBodyKind says that a body has no fields that could be read.
var errBodyKind = errors.New("its fields cannot be read in this content type: use application/json or application/x-www-form-urlencoded")

// SwapBody puts the secret into the named fields of a JSON body ("auth.token" is nested) or a form. With own, whatever
// else stands in such a field is replaced too. The body is returned as it was when no field is there.
func (c *Credential) SwapBody(contentType string, body []byte, fields []string, own bool, secret vault.Secret) (out []byte, swapped bool, err error) {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, false, errBodyKind
	}
	if cs := params["charset"]; cs != "" && !strings.EqualFold(cs, "utf-8") {
		return nil, false, fmt.Errorf("charset %q: only UTF-8 has one reading", cs)
	}
	put := func(old string) (string, bool) {
		v, ok := c.replace(old, string(secret.Reveal()))
		if !ok && own {
			return string(secret.Reveal()), true
		}
		if own {
			v = narrow(v, string(secret.Reveal()))
		}
		return v, ok
	}
	switch {
	case media == "application/x-www-form-urlencoded":
		out, swapped = swapForm(body, own, among(fields, own, sameField), put)
		return out, swapped, nil
	case media == "application/json" || strings.HasSuffix(media, "+json"):
		return swapJSON(body, among(fields, own, strings.EqualFold), put)
	}
	return nil, false, errBodyKind
}

// among says which names are those of fields: with own also what a lenient server takes for the same.
func among(fields []string, own bool, same func(a, b string) bool) func(string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(fields, func(f string) bool { return name == f || own && same(name, f) })
	}
}

// swapForm goes through the pairs of a form; with own also through those that only some servers see, behind a semicolon.
func swapForm(body []byte, own bool, named func(string) bool, put func(string) (string, bool)) ([]byte, bool) {
	pairs, done := strings.Split(string(body), "&"), false
	for i, pair := range pairs {
		pieces := []string{pair}
		if k, _ := unescapePair(pair); own && !named(k) {
			pieces = strings.Split(pair, ";")
		}
		for j, piece := range pieces {
			k, v := unescapePair(piece)
			if !named(k) {
				continue
			}
			if out, ok := put(v); ok {
				pieces[j], done = url.QueryEscape(k)+"="+url.QueryEscape(out), true
			}
		}
		pairs[i] = strings.Join(pieces, ";")
	}
	if !done {
		return body, false
	}
	return []byte(strings.Join(pairs, "&")), true
}

// swapJSON rewrites only the bytes of the fields' string values: what else the body says reaches the upstream as sent.
func swapJSON(body []byte, named func(string) bool, put func(string) (string, bool)) ([]byte, bool, error) {
	w := jsonWalk{dec: json.NewDecoder(bytes.NewReader(body)), body: body, named: named, put: put}
	w.dec.UseNumber()
	if err := w.value(""); err != nil {
		return nil, false, fmt.Errorf("not one JSON value: %w", err)
	}
	if _, err := w.dec.Token(); err != io.EOF {
		return nil, false, errors.New("text follows the JSON value")
	}
	if !w.done {
		return body, false, nil
	}
	return append(w.out, body[w.copied:]...), true, nil
}

type jsonWalk struct {
	dec    *json.Decoder
	body   []byte
	named  func(string) bool
	put    func(string) (string, bool)
	out    []byte
	copied int
	depth  int
	done   bool
}

// maxDepth bounds the nesting of a JSON body.
const maxDepth = 200

func (w *jsonWalk) value(at string) error {
	before := w.dec.InputOffset()
	t, err := w.dec.Token()
	if err != nil {
		return err
	}
	switch v := t.(type) {
	case json.Delim:
		return w.nested(at, v)
	case string:
		if w.named(at) {
			w.swap(v, int(before), int(w.dec.InputOffset()))
		}
	}
	return nil
}

func (w *jsonWalk) nested(at string, open json.Delim) error {
	if w.depth++; w.depth > maxDepth {
		return errors.New("nested too deeply")
	}
	defer func() { w.depth-- }()
	seen := map[string]bool{}
	for w.dec.More() {
		key := at
		if open == '{' {
			t, err := w.dec.Token()
			if err != nil {
				return err
			}
			name := t.(string)
			if fold := strings.ToLower(name); seen[fold] {
				return fmt.Errorf("the key %q is there twice", name)
			} else {
				seen[fold] = true
			}
			key = strings.TrimPrefix(at+"."+name, ".")
		}
		if err := w.value(key); err != nil {
			return err
		}
	}
	_, err := w.dec.Token()
	return err
}

// swap replaces the string literal that ends at end; before it stand only space, a colon or a comma.
func (w *jsonWalk) swap(old string, before, end int) {
	v, ok := w.put(old)
	if !ok {
		return
	}
	start := before + bytes.IndexByte(w.body[before:end], '"')
	lit, err := json.Marshal(v)
	if err != nil {
		return
	}
	w.out = append(append(w.out, w.body[w.copied:start]...), lit...)
	w.copied, w.done = end, true
}
