package action

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

// Security 1: a body that decides an action is read under one declared type, or not at all.
func TestBodyOfAnotherTypeIsRefused(t *testing.T) {
	s := Lookup("github")
	path, err := ParsePath("/repos/o/r/pulls/7", true)
	if err != nil {
		t.Fatal(err)
	}
	for reason, header := range map[string]http.Header{
		"more than one": {"Content-Type": {"application/json", "application/json"}},
		"malformed":     {"Content-Type": {"application/json; charset=utf-8; charset=latin1"}},
		"charset":       {"Content-Type": {"application/json; charset=utf-7"}},
		`is "text/html`: {"Content-Type": {"text/html"}},
		`is ""`:         {},
	} {
		r := &Request{Method: "PATCH", Path: path, Header: header,
			Body: func(int64) ([]byte, error) { return []byte(`{"state":"closed"}`), nil }}
		if m := Classify(s, &s.Hosts[0], r); m.Actions[0].Class != Unknown || !strings.Contains(m.Reason, reason) {
			t.Errorf("%v: %s, %q", header, spell(m), m.Reason)
		}
	}
	r := &Request{Method: "PATCH", Path: path, Header: http.Header{"Content-Type": {"application/vnd.github+json"}},
		Body: func(int64) ([]byte, error) { return nil, errors.New("it is too large") }}
	if m := Classify(s, &s.Hosts[0], r); m.Actions[0].Class != Unknown || !strings.Contains(m.Reason, "too large") {
		t.Errorf("%s, %q", spell(m), m.Reason)
	}
}
