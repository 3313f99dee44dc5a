package proxy

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"agentguard/policy/action"
)

func fieldsOf(t testing.TB, names ...string) (fields []action.Field) {
	t.Helper()
	for _, n := range names {
		f, err := action.ParseField(n)
		if err != nil {
			t.Fatal(err)
		}
		fields = append(fields, f)
	}
	return append(fields, action.Field{Name: "any", Path: []string{"data", "*", "n"}})
}

func TestKeeper(t *testing.T) {
	for text, want := range map[string]string{
		`{"number": 42, "html_url": "https://x/pull/42", "other": {"number": 7}}`: `number=42! html_url=https://x/pull/42`,
		`{"other":{"number":7,"html_url":"a"},"list":[{"number":8}],"number":9}`:  `number=9!`,
		`{"a":{"b":{"c":true}},"number":-1.5e3}`:                                  `number=-1.5e3! a.b.c=true!`,
		`{"a":{"b":[{"c":1}]}, "number":[1,2], "html_url":{"x":1}}`:               ``,
		`{"number":null,"html_url":"","a":{"b":{"c":false}}}`:                     `html_url= a.b.c=false!`,
		`{"html_url":"q\"\\\u00e9\n\ud83d\ude00]}{","number":"1"}`:                "number=1 html_url=q\"\\é\n😀]}{",
		`{"num\u0062er":3}`:                  `number=3!`,
		`{"Number":3,"number ":4}`:           ``,
		`{"data":{"x":{"n":1},"y":{"n":2}}}`: `any=1!`,
		`{"data":{"x":{"m":{"n":1}}}}`:       ``,
		`{"number":1,"number":2}`:            `number=1!`,
		`[{"number":1}]`:                     ``,
		`"number"`:                           ``,
		`7`:                                  ``,
		``:                                   ``,
		`{"number":01,"html_url":nope,"a":{"b":{"c":1,"effect"}`: `a.b.c=1!`,
		"\ufeff{\"number\":1}":                                          ``,
		`{"html_url":"` + strings.Repeat("é", 200) + `"}`:               `html_url=` + strings.Repeat("é", 128) + `...`,
		`{"html_url":"` + strings.Repeat(`\ud83d\ude00`, 50) + `"}`:     `html_url=` + strings.Repeat("😀", 21) + `...`,
		`{"number":` + strings.Repeat("9", 300) + `}`:                   ``,
		strings.Repeat("[", 1000):                                       ``,
		strings.Repeat(`{"a":`, 1000) + `1`:                             ``,
		`{"x":"` + strings.Repeat("y", 2*maxKeepRead) + `","number":1}`: ``,
		`}}}]]],,,:::"number":1`:                                        ``,
	} {
		for _, size := range []int{1, 7, len(text) + 1} {
			k := newKeeper(fieldsOf(t, "number", "html_url", "a.b.c"))
			for i := 0; i < len(text); i += size {
				k.look([]byte(text[i:min(i+size, len(text))]))
			}
			if got := keptText(k.result(nil)); got != want {
				t.Errorf("%.80q in pieces of %d: got %.300q, want %.300q", text, size, got, want)
			}
		}
	}
}

func keptText(kept []Kept) string {
	var parts []string
	for _, f := range kept {
		mark := ""
		if f.Literal {
			mark = "!"
		}
		parts = append(parts, f.Name+"="+f.Value+mark)
	}
	return strings.Join(parts, " ")
}

// TestKeptAlternatives: the first of one name that is there, and the number in an address.
func TestKeptAlternatives(t *testing.T) {
	fields := []action.Field{{Name: "number", Path: []string{"n"}}, {Name: "number", Path: []string{"url"}, Tail: true}, {Name: "html_url", Path: []string{"url"}}}
	for text, want := range map[string]string{
		`{"n":7,"url":"https://x/pull/8"}`:     `number=7! html_url=https://x/pull/8`,
		`{"url":"https:\/\/x\/pull\/8"}`:       `number=8! html_url=https://x/pull/8`,
		`{"url":"https://x/pull/8#c"}`:         `number=8#c html_url=https://x/pull/8#c`,
		`{"url":"https://x/pull/08"}`:          `number=08 html_url=https://x/pull/08`,
		`{"url":"https://x/pull/"}`:            `html_url=https://x/pull/`,
		`{"url":12}`:                           `number=12! html_url=12!`,
		`{"url":"99999999999999999999999999"}`: `number=99999999999999999999999999 html_url=99999999999999999999999999`,
	} {
		k := newKeeper(fields)
		k.look([]byte(text))
		if got := keptText(k.result(nil)); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

// FuzzKeep: in whatever pieces a text comes, the same is found; of what is valid JSON, with each name once, that which
// encoding/json finds; and it never holds more than its bounds.
func FuzzKeep(f *testing.F) {
	f.Add([]byte(`{"number": 42, "a":{"b":{"c":"\u00e9"}}}`), uint64(1))
	f.Add([]byte(`{"number":[{"number":1}],"html_url":"\ud83d"}`), uint64(2))
	f.Add([]byte(`{"html_url":1e400,"number":"x`), uint64(3))
	f.Fuzz(func(t *testing.T, text []byte, seed uint64) {
		fields := fieldsOf(t, "number", "html_url", "a.b.c")[:3]
		whole, pieces := newKeeper(fields), newKeeper(fields)
		whole.look(text)
		cut := rand.New(rand.NewPCG(seed, 0))
		for rest := text; len(rest) > 0; {
			n := 1 + cut.IntN(len(rest))
			pieces.look(rest[:n])
			rest = rest[n:]
		}
		got := keptText(whole.result(nil))
		if other := keptText(pieces.result(nil)); other != got {
			t.Fatalf("%q whole, %q in pieces", got, other)
		}
		for _, k := range whole.result(nil) {
			if len(k.Value) > 3*maxKeepValue+3 || k.Literal && !json.Valid([]byte(k.Value)) {
				t.Fatalf("%+v", k)
			}
		}
		var doc struct {
			Number  any `json:"number"`
			HTMLURL any `json:"html_url"`
		}
		if len(text) < 200 && strings.Count(string(text), `"`) < 8 && !strings.Contains(string(text), `\`) && json.Unmarshal(text, &doc) == nil && strings.Count(strings.ToLower(string(text)), "number") < 2 {
			if s, ok := doc.Number.(string); ok && strings.Contains(string(text), `"number"`) && !strings.Contains(got, "number="+s) {
				t.Fatalf("%q: number is %q, found %q", text, s, got)
			}
		}
	})
}

const keepPolicy = rigPolicy + `
[allow.kept]
service = "api"
actions = ["anything"]
keep = ["number", "ticket.id", "secret"]
`

// TestResultFieldsAreKept: of the answer that the child gets, which comes as it always does.
func TestResultFieldsAreKept(t *testing.T) {
	release := make(chan struct{})
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		kind := "application/json; charset=utf-8"
		if q.URL.Path == "/any/text" {
			kind = "text/plain"
		}
		w.Header().Set("Content-Type", kind)
		fmt.Fprintf(w, `{"number": 7, "secret": %q, `, q.Header.Get("Authorization"))
		w.(http.Flusher).Flush()
		if q.URL.Path == "/any/slow" {
			<-release
		}
		io.WriteString(w, `"ticket": {"id": "T\u001b[2J-1"}}`)
	}, rigOptions{policy: keepPolicy})
	client := r.client(false)
	ask := func(path string) []byte {
		res, err := client.Post("https://api.example.com/any"+path, "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		first := make([]byte, 10)
		if _, err := io.ReadFull(res.Body, first); err != nil {
			t.Fatal(err)
		}
		if path == "/slow" { // what came is here before the rest is sent
			close(release)
		}
		rest, err := io.ReadAll(iotest.OneByteReader(res.Body))
		if err != nil {
			t.Fatal(err)
		}
		return append(first, rest...)
	}
	for _, path := range []string{"/slow", "/fast"} {
		text := ask(path)
		var doc struct{ Number int }
		if err := json.Unmarshal(text, &doc); err != nil || doc.Number != 7 {
			t.Errorf("the child got %q", text)
		}
		got := keptText(r.last().Kept)
		if !strings.HasPrefix(got, "number=7! ticket.id=T\x1b[2J-1 secret=Bearer ") || strings.Contains(got, theSecret) {
			t.Errorf("%s: kept %q", path, got)
		}
	}
	if ask("/text"); r.last().Kept != nil {
		t.Errorf("of a text: %v", r.last().Kept)
	}
}

// Parameters of a type, even such as are none, hide nothing of what it is.
func TestMediaTypes(t *testing.T) {
	for _, c := range []struct {
		contentType string
		json, text  bool
	}{
		{"application/json", true, true}, {"Application/JSON ; charset=utf-8", true, true}, {"application/json; charset", true, true},
		{"application/vnd.api+json;a=1;a=2", true, true}, {"text/json+json", false, true}, {"text/html;", false, true},
		{"application/soap+xml", false, true}, {"application/x-ndjson", false, true}, {"application/openapi+yaml; v=1", false, true}, {"application/x-www-form-urlencoded", false, true}, {"", false, false}, {";application/json", false, false}, {"image/png; json", false, false},
	} {
		if isJSON(c.contentType) != c.json || isText(c.contentType) != c.text {
			t.Errorf("%q: JSON %v, text %v", c.contentType, isJSON(c.contentType), isText(c.contentType))
		}
	}
}
