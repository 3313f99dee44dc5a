package action

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

// A _method in the body of a POST would make it another request, where another method means another thing.
func TestMethodInTheBody(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	part := func(disposition string) string {
		return "--B\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\nDELETE\r\n--B--\r\n"
	}
	tests := []struct {
		kind, body string
		denied     bool
	}{
		{form, "a=1&_method=DELETE", true},
		{form, "%5Fmethod=DELETE", true},
		{form, "_METHOD=DELETE", true},
		{form, "+.method=DELETE", true},
		{"", "_method=DELETE", true},
		{"text/plain, " + form, "_method=DELETE", true},
		{form, strings.Repeat("a", maxJSON) + "&_method=DELETE", true},
		{form, strings.Repeat("+", 3*maxJSON) + "%20 _method=DELETE", true},
		{form, "a=b=_method&x=;_method", true},
		{form, "a=b=_method&x=" + strings.Repeat("a", 3*maxJSON), false},
		{"", strings.Repeat("a", 3*maxJSON), false},
		{"multipart/form-data; boundary=B", part(`name="_method"`), true},
		{"multipart/form-data; boundary=B", part(`NAME = '_method'`), true},
		{"multipart/form-data; boundary=B", part(`name=_method`), true},
		{"multipart/form-data; boundary=B", part(`name="%5fmethod"`), true},
		{"multipart/form-data; boundary=B", part(`name="\_method"`), true},
		{"multipart/form-data; boundary=B", part("\r\n name=_method"), true},
		{"multipart/form-data; boundary=B", part(`filename=";"; name="_method"`), true},
		{"multipart/form-data; boundary=B", part(`name*=utf-8''_method`), true},
		{"multipart/form-data; boundary=B", part(`name*0="_met"; name*1="hod"`), true},
		{"multipart/form-data; boundary=B", part(`name="_method` + strings.Repeat(" ", maxPartHeader)), true},
		{"multipart/form-data; boundary=B", part(`name="file"`) + strings.Repeat("a", 40*maxPartHeader) + part(`name="_method"`), true},
		{"multipart/form-data; boundary=B", strings.Repeat("a", 8*maxPartHeader-70) + part(`name="_method"`), true},
		{"multipart/form-data; boundary=B", part(`name="a"`) + strings.Repeat("a", 3*maxJSON), false},
		{"multipart/form-data; boundary=B", part(`name="file"; filename="_method.rb"`), false},
		{"multipart/form-data; boundary=B", part(`name="text"`) + "; name=_method", false},
		{"application/json", `{"a": 1, "_method" : "DELETE"}`, true},
		{"application/vnd.api+json", `{"\u005fmethod":"DELETE"}`, true},
		{"application/json", `{"a":"` + strings.Repeat("a", 3*maxJSON) + `","_Method":1}`, true},
		{"application/json", `{"a":"\\","_method":1}`, true},
		{"application/json", `{"a":"\"_method\":", "b":["_method"]}`, false},
		{"application/grpc+json", "\x00\x00\x00\x00\x0d" + `{"_method":1}`, false},
		{"application/grpc+json", ` {"_method":1}`, true},
		{"application/x-ndjson", `{"_method":1}`, false}, // a stream
		{form, "[_method]=DELETE", true},
		{form, "a=1&[[_method=DELETE", true},
		{form, "%5d%5B+_method%5D=DELETE", true},
		{form, "_method]=DELETE", true},
		{form, "a=1&%u0058%U002DHTTP-Method-Override=DELETE", true},
		{form, "%u00", false},
		{form, strings.Repeat("[]", 3*maxJSON) + "_method=DELETE", true},
		{form, "a=1&" + strings.Repeat("[ ", 40<<10) + "b=" + strings.Repeat("]", 40<<10), false},
		{form, "a[_method]=1&[a]_method=1", false}, // of a
		{"multipart/form-data; boundary=B", part(`name="[_method]"`), true},
		{form, "\ufeff_method=DELETE", true},
		{form + "; charset=utf-16le", "_\x00m\x00e\x00t\x00h\x00o\x00d\x00=\x00", true},
		{form + "; charset=utf-8; charset='utf-7'", "+AF8-method=DELETE", true},
		{form + `; CHARSET = "ISO-8859-1"`, "a=1", false},
		{"application/json", "\ufeff" + `{"_method":1}`, true},
		{"application/json", "\x00{\x00\"\x00_\x00m\x00e\x00t\x00h\x00o\x00d\x00\"\x00:\x001\x00}", true},
		{"application/json", `{_method:1}`, true},
		{"application/json", `{'_method':1}`, true},
		{"application/json", `{"_method"/**/:1}`, true},
		{"application/json", `{"\x5fmethod":1}`, true},
		{"application/json; charset=utf-7", `{"+AF8-method":1}`, true},
		{"application/grpc+json", "\ufeff" + `{"_method":1}`, true},
		{form, "payment_method=card&method=x", false},
		{"multipart/form-data; boundary=B", part(`name="payment_method"`), false},
		{"application/json", `{"payment_method": "_method"}`, false},
		{"application/grpc", "_method=DELETE", false}, // a stream, which must not be waited for
		{"application/octet-stream", strings.Repeat("a", 4<<16), false},
	}
	s, errs := NewService("crm", []string{"crm.example.com"}, []Slot{{Bearer, ""}}, map[string]string{
		"create": "POST /x/{id}", "remove": "DELETE /x/{id}", "any": "* /any/{id}",
	})
	if errs != nil {
		t.Fatal(errs)
	}
	for _, tt := range tests {
		for path, denied := range map[string]bool{"/x/1": tt.denied, "/any/1": false} {
			p, err := ParsePath(path, false)
			if err != nil {
				t.Fatal(err)
			}
			r := &Request{Method: "POST", Path: p, Header: http.Header{"Content-Length": {"1"}}}
			if tt.kind != "" {
				r.Header["Content-Type"] = strings.Split(tt.kind, ", ")
			}
			r.Peek = func(max int) ([]byte, error) { return []byte(tt.body)[:min(max, len(tt.body))], nil }
			r.Body = func(max int64) ([]byte, error) {
				if int64(len(tt.body)) > max {
					return nil, errors.New("too large to be read")
				}
				return []byte(tt.body), nil
			}
			r.Stream = func() (io.ReadCloser, error) { return io.NopCloser(iotest.HalfReader(strings.NewReader(tt.body))), nil }
			m := Classify(s, &s.Hosts[0], r)
			if got := m.Actions[0].Class == Unknown; got != denied || denied && !strings.Contains(m.Reason, "_method") {
				t.Errorf("%s %s %.60q: %v, %s", path, tt.kind, tt.body, m.Actions, m.Reason)
			}
		}
	}
}

// What a body says once it is decompressed is not what a server reads that does not undo its Content-Encoding: a form may stand in the
// header of gzip, and what is JSON be deflate or br.
func TestCompressedBodiesHaveOneReading(t *testing.T) {
	s, errs := NewService("crm", []string{"crm.example.com"}, []Slot{{Bearer, ""}}, map[string]string{"create": "POST /x/{id}"})
	if errs != nil {
		t.Fatal(errs)
	}
	p, err := ParsePath("/x/1", false)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		kind, coding, body string
		denied             bool
	}{
		{"application/x-www-form-urlencoded", "gzip", "a=1", true},
		{"multipart/form-data; boundary=B", "zstd", "", true},
		{"", "br", "a=1", true},
		{"application/json", "deflate", "{}", true},
		{"application/grpc+json", "br", "P", true},
		{"application/json", "br, gzip", "{}", true},
		{"application/json", "GZIP", "{}", false},
		{"application/json", "zstd", "{}", false},
		{"application/x-www-form-urlencoded", "identity", "a=1", false},
		{"application/octet-stream", "br", "a", false}, // decides nothing
	} {
		r := &Request{Method: "POST", Path: p, Header: http.Header{"Content-Encoding": {tt.coding}}}
		if tt.kind != "" {
			r.Header.Set("Content-Type", tt.kind)
		}
		r.Body = func(int64) ([]byte, error) { return []byte(tt.body), nil }
		r.Peek = func(max int) ([]byte, error) { return []byte(tt.body)[:min(max, len(tt.body))], nil }
		r.Watch = func(func(io.Reader) error) {}
		m := Classify(s, &s.Hosts[0], r)
		if got := m.Actions[0].Class == Unknown; got != tt.denied || got && !strings.Contains(m.Reason, "without") {
			t.Errorf("%s in %s: %v, %s", tt.kind, tt.coding, m.Actions, m.Reason)
		}
	}
}

// Symfony, for one, takes delete for DELETE.
func TestMethodsInSmallLetters(t *testing.T) {
	s, errs := NewService("crm", []string{"crm.example.com"}, []Slot{{Bearer, ""}}, map[string]string{"remove": "DELETE /x/{id}", "any": "* /{path...}"})
	if errs != nil {
		t.Fatal(errs)
	}
	p, err := ParsePath("/x/1", false)
	if err != nil {
		t.Fatal(err)
	}
	for method, name := range map[string]string{"DELETE": "remove", "delete": UnknownName, "Delete": UnknownName, "M-SEARCH": "any"} {
		if m := Classify(s, &s.Hosts[0], &Request{Method: method, Path: p}); m.Actions[0].Name != name || (name == UnknownName) != strings.Contains(m.Reason, "capital letters") {
			t.Errorf("%s is %v, %q", method, m.Actions, m.Reason)
		}
	}
}

// To servlet containers /secret;x is /secret (RFC 3986 section 3.3 leaves such parameters to them): a route or a rule that is
// about secret must not be passed by.
func TestPathParametersAreDenied(t *testing.T) {
	s, errs := NewService("crm", []string{"crm.example.com"}, []Slot{{Bearer, ""}}, map[string]string{
		"page": "GET /{page} -> page:{page}", "enter": "GET /admin", "file": "GET /files/{path...} -> file:{path}",
	})
	if errs != nil {
		t.Fatal(errs)
	}
	for raw, name := range map[string]string{
		"/admin": "enter", "/admin;x": UnknownName, "/home": "page", "/secret;jsessionid=1": UnknownName, "/secret;": UnknownName,
		"/files/a;b/c": UnknownName, "/files/a%3Bb": "file",
	} {
		p, err := ParsePath(raw, false)
		if err != nil {
			t.Fatal(err)
		}
		if m := Classify(s, &s.Hosts[0], &Request{Method: "GET", Path: p}); m.Actions[0].Name != name || (name == UnknownName) != strings.Contains(m.Reason, "%3B") {
			t.Errorf("%s is %v, %q", raw, m.Actions, m.Reason)
		}
	}
}

// A form is searched the same whole, in pieces of any size, and however long its fields are.
func TestPairOverrides(t *testing.T) {
	long := strings.Repeat("x", 3*4096)
	for _, c := range []struct {
		body  string
		found bool
		want  error
	}{
		{"", false, nil},
		{"a=1&b=2", false, nil},
		{"_method=PUT", true, nil},
		{"a=" + long + "&_method=PUT", true, nil},
		{"a=" + long + ";_method", true, nil},
		{long + "&&_Method=PUT&a=" + long, true, nil},
		{long + "_method=PUT", false, nil},
		{strings.Repeat("+", 4096) + "_method=PUT", true, nil},
		{strings.Repeat("%20 ", 2048) + "_method=PUT", true, nil},
		{strings.Repeat("%20", 50) + "a" + strings.Repeat("%20", 50) + "=1", false, nil},
		{" =" + long, false, nil},
		{strings.Repeat(long+"&", 20) + "%5f%6Dethod=PUT", true, nil},
	} {
		for name, body := range map[string]io.Reader{
			"whole": strings.NewReader(c.body), "bytes": iotest.OneByteReader(strings.NewReader(c.body)),
			"with its end": iotest.DataErrReader(strings.NewReader(c.body)),
		} {
			if found, err := pairOverrides(body); found != c.found || err != c.want {
				t.Errorf("%.30q (%d bytes), %s: %v, %v, want %v, %v", c.body, len(c.body), name, found, err, c.found, c.want)
			}
		}
	}
	broken := errors.New("broken")
	if _, err := pairOverrides(io.MultiReader(strings.NewReader("a=1"), iotest.ErrReader(broken))); err != broken {
		t.Errorf("a body that broke off: %v", err)
	}
}

// What is seen of a form does not hang on where what is looked at ends.
func TestPairsAtAnyBorder(t *testing.T) {
	words := []string{"&", ";", "=", " ", "+", "%20", "%2", "_method", "_metho", "d", "%5fmethod", "x-http-method-override", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "++++++++++++++++++++++++++++++"}
	rnd := rand.New(rand.NewPCG(1, 2))
	found := 0
	for range 20000 {
		var form strings.Builder
		for range rnd.IntN(60) {
			form.WriteString(words[rnd.IntN(len(words))])
		}
		got, err := pairsOverride(strings.NewReader(form.String()), maxKey+3+rnd.IntN(60))
		if want := queryOverride(form.String()) != ""; got != want || err != nil {
			t.Fatalf("%q: %v, %v, want %v", form.String(), got, err, want)
		}
		if got {
			found++
		}
	}
	if found < 1000 || found > 19000 {
		t.Errorf("%d of 20000 forms hold one: that proves little", found)
	}
}

// Nor does what is seen of the parts of a multipart body.
func TestPartsAtAnyBorder(t *testing.T) {
	const window = 8 * maxPartHeader
	for _, border := range []int{window, window - maxPartHeader, 2*window - maxPartHeader, 2 * window} {
		for shift := -60; shift < 60; shift += 4 {
			for name, want := range map[string]bool{"_method": true, "method": false} {
				body := strings.Repeat("x", border+shift) + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\nDELETE\r\n--B--\r\n" + strings.Repeat("y", window)
				if found, err := partOverrides(strings.NewReader(body)); found != want || err != nil {
					t.Fatalf("%s %d behind %d: %v, %v", name, shift, border, found, err)
				}
			}
		}
	}
}

// What a file holds is no text: bytes that small letters are made of take as many as before, or the search would go past what comes.
func TestPartBehindAFile(t *testing.T) {
	for _, filler := range []string{"\xff", "\u0130", "\u212a", "\u023a", "x"} {
		for _, length := range []int{1 << 10, 70 << 10, 150 << 10, 300 << 10} {
			body := strings.Repeat(filler, length/len(filler)) + "\r\nContent-Disposition: form-data; name=\"_METHOD\"\r\n\r\nDELETE\r\n--B--\r\n" + strings.Repeat(filler, 1<<18)
			if found, err := partOverrides(strings.NewReader(body)); !found || err != nil {
				t.Errorf("behind %d bytes of %q: %v, %v", length, filler, found, err)
			}
		}
	}
}

// A part costs what its header does, not a window.
func TestManySmallParts(t *testing.T) {
	body := strings.Repeat("--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n", 15000) + "--B--\r\n"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	found, err := partOverrides(strings.NewReader(body))
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; found || err != nil || used > 500<<20 { // reading all that is left for each part: twice that
		t.Errorf("%v, %v, %d MB", found, err, used>>20)
	}
}

// FuzzPairOverrides: a form that passes by is read as a query that is there as a whole.
func FuzzPairOverrides(f *testing.F) {
	for _, seed := range []string{"_method=x", "a=1;%20+_METHOD", "a==_method&b", "%20%5fmethod", "X-HTTP-Method=%", "&&=;_%6dethod", "+%2_method=", "%20 %"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, form string) {
		found, err := pairOverrides(iotest.OneByteReader(strings.NewReader(form)))
		if want := queryOverride(form) != ""; found != want || err != nil {
			t.Errorf("%q: %v, %v", form, found, err)
		}
	})
}
