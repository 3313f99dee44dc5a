package testbed

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"sort"
	"strings"
)

// awsAPI answers what it is asked with what an SDK takes for success.
func awsAPI(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.Host, "lambda.") {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"FunctionName": "staging-api"}`)
	}
}

// signer gives the secret with which a request is signed: the one that it knows, or why it is another (Signature Version 4,
// "Create a signed AWS API request"). Requests that it tells apart hold no character that is escaped in two ways.
func signer(secret string) func(*http.Request) string {
	return func(r *http.Request) string {
		parts := map[string]string{}
		_, params, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		for p := range strings.SplitSeq(params, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
			parts[name] = value
		}
		_, scope, _ := strings.Cut(parts["Credential"], "/")
		toSign := "AWS4-HMAC-SHA256\n" + r.Header.Get("X-Amz-Date") + "\n" + scope + "\n" + hexSum([]byte(canonical(r, parts["SignedHeaders"])))
		key := []byte("AWS4" + secret)
		for p := range strings.SplitSeq(scope, "/") {
			key = mac(key, p)
		}
		if hex.EncodeToString(mac(key, toSign)) != parts["Signature"] {
			return "another secret than ours, or changed on the way"
		}
		return secret
	}
}

// canonical is the request as its client signed it.
func canonical(r *http.Request, signed string) string {
	path, query, _ := strings.Cut(r.RequestURI, "?")
	var pairs []string
	for p := range strings.SplitSeq(query, "&") {
		if p != "" && !strings.Contains(p, "=") {
			p += "="
		}
		pairs = append(pairs, p)
	}
	sort.Strings(pairs)
	headers := ""
	for name := range strings.SplitSeq(signed, ";") {
		value := strings.Join(r.Header.Values(name), ",")
		if name == "host" {
			value = r.Host
		}
		headers += name + ":" + strings.Join(strings.Fields(value), " ") + "\n"
	}
	hash := r.Header.Get("X-Amz-Content-Sha256")
	if hash == "" {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		hash = hexSum(body)
		path = (&url.URL{Path: path}).EscapedPath() // all but S3 escape what is escaped again
	}
	return strings.Join([]string{r.Method, path, strings.Join(pairs, "&"), headers, signed, hash}, "\n")
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
