package origin_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"agentguard/run/origin"
)

// TestEchoGivesEverythingAway: a secret comes back in every spelling, in each shape of answer, and what arrived is known.
func TestEchoGivesEverythingAway(t *testing.T) {
	const secret = "s3cr3t-with-Punctuation/and+more_0123456789"
	e := origin.NewEcho(map[string]string{"one": secret, "two": "another-secret-0123456789"})
	o, err := origin.Start(origin.Options{Hosts: []string{"api.github.com"}, Handler: e, Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	for id := range 8 {
		header := []string{origin.EchoID, fmt.Sprint(id), origin.EchoAll, "yes", "Authorization", "Bearer " + secret}
		if id%2 == 1 {
			header = append(header, "Accept-Encoding", "gzip")
		}
		res, text := do(t, client(o, id > 3), "POST", "/x?y=z", "the body", header...)
		if res.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			plain, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			text = string(plain)
		}
		found := origin.Spelt(text, origin.Spellings(secret))
		if len(found) != len(origin.Spellings(secret)) || len(found) < 18 || res.StatusCode != 200 || !strings.Contains(text, "the body") {
			t.Errorf("%d: %s, %q", id, res.Status, found)
		}
		if !strings.Contains(fmt.Sprint(res.Header, res.Trailer), secret) || res.Header.Get("X-Agentguard") != "refused" {
			t.Errorf("%d: headers %v", id, res.Header)
		}
		if a := e.Took(fmt.Sprint(id)); a.Times != 1 || !slices.Equal(a.Credentials, []string{"one"}) {
			t.Errorf("%d: arrived %+v", id, a)
		}
		if a := e.Took(fmt.Sprint(id)); a.Times != 0 {
			t.Errorf("%d: is not forgotten: %+v", id, a)
		}
	}
	res, err := http.Get("http://" + o.PlainAddr() + "/plain")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, _ := io.ReadAll(res.Body); !strings.Contains(string(text), `"target":"/plain"`) {
		t.Errorf("%s", text)
	}
}
