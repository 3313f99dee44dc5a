package action

import (
	"errors"
	"fmt"
	"mime"
	"strings"
)

// maxJSON bounds the bodies that are read to know an action.
const maxJSON = 1 << 20

// jsonBody reads the body of a request whose meaning depends on it. No body is nil.
func jsonBody(r *Request, known ...string) (any, error) {
	b, err := rawBody(r, maxJSON)
	if err != nil || len(b) == 0 {
		return nil, err
	}
	if err := isJSON(r); err != nil {
		return nil, err
	}
	return strictJSON(b, known...)
}

// jsonObject is jsonBody for a body that must be an object if there is one.
func jsonObject(r *Request, known ...string) (map[string]any, error) {
	v, err := jsonBody(r, known...)
	if v == nil || err != nil {
		return nil, err
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("the body is not a JSON object")
	}
	return object, nil
}

func rawBody(r *Request, max int64) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	if err := oneReading(r); err != nil {
		return nil, err
	}
	b, err := r.Body(max)
	if err != nil {
		return nil, fmt.Errorf("the body could not be read: %w", err)
	}
	return b, nil
}

// oneReading refuses a compressed body that says another thing as it stands, which is how a server reads it that undoes no
// Content-Encoding, as most do of requests: a form may be in the header of gzip (RFC 1952 section 2.3.1), and what is JSON may also be
// deflate or br. None begins as gzip and zstd do.
func oneReading(r *Request) error {
	named := r.Header["Content-Encoding"]
	coding := strings.ToLower(strings.TrimSpace(strings.Join(named, ",")))
	switch {
	case coding == "" || coding == "identity":
		return nil
	case isFormLike(r):
		return errors.New("the body is a compressed form, which many servers read as it stands: send it without Content-Encoding")
	case coding == "gzip" || coding == "x-gzip" || coding == "zstd":
		return nil
	}
	return fmt.Errorf("the body's Content-Encoding is %q, which many servers do not undo: send it in gzip, or without", clip(coding))
}

// isFormLike says whether some server may take the body for a form. Rack does where no type is named.
func isFormLike(r *Request) bool {
	kind := saidType(r)
	return kind == "" || strings.Contains(kind, "urlencoded") || strings.Contains(kind, "multipart/")
}

// saidType is all that is said of the type of the body, in lower case: what some server may look for a word in.
func saidType(r *Request) string {
	return strings.ToLower(strings.Join(r.Header.Values("Content-Type"), " "))
}

// maxBody bounds a body that is searched for arguments: those that name a model are longer.
func (m *Match) maxBody() int64 {
	for i := range m.Actions {
		if m.Actions[i].Resource.Kind == "model" {
			return maxPrompt
		}
	}
	return maxJSON
}

// isJSON holds the declared type against the reading: a server that goes by the type must read the same.
func isJSON(r *Request) error {
	kind, err := contentType(r)
	if err != nil {
		return err
	}
	if kind != "application/json" && !(strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")) {
		return fmt.Errorf("the body's Content-Type is %q; send application/json, since the action depends on the body", clip(kind))
	}
	return nil
}

// contentType is the one declared media type, in lower case; a charset other than UTF-8 is an error.
func contentType(r *Request) (string, error) {
	values := r.Header.Values("Content-Type")
	if len(values) > 1 {
		return "", errors.New("more than one Content-Type")
	}
	if len(values) == 0 {
		return "", nil
	}
	kind, params, err := mime.ParseMediaType(values[0])
	if err != nil {
		return "", fmt.Errorf("the Content-Type %q is malformed", clip(values[0]))
	}
	if cs, ok := params["charset"]; ok && !strings.EqualFold(cs, "utf-8") && !strings.EqualFold(cs, "utf8") {
		return "", fmt.Errorf("the body's charset is %q; send UTF-8", clip(cs))
	}
	return kind, nil
}

// tokenChars are the characters of a token (RFC 9110 section 5.6.2).
const tokenChars = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// IsToken says whether s is a token of HTTP, as a method and the name of a header are (RFC 9110 section 5.6.2).
func IsToken(s string) bool { return s != "" && strings.Trim(s, tokenChars) == "" }
