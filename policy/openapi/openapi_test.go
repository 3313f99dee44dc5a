package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// crm is a description as people write them.
const crm = `# The CRM.
openapi: 3.0.3
info:
  title: "CRM: the whole of it"
  description: |
    Paths are below.

    paths:
      /not/a/path:
        get:
          operationId: not_an_operation
  version: 1.4
servers:
  - url: https://crm.example.com/api/v1   # production
    description: it's the real one
  - url: https://{region}.crm.example.com{base}
    variables:
      region:
        default: eu
        enum: [eu, us]
      base:
        default: /api/v1
tags: [
  customers, "a]b", 'it''s',
]
paths:
  /customers:
    parameters:
    - name: q
      in: query
      schema: {type: string, example: "a # b"}
    get:
      summary: all of them,
        on two lines
      operationId: listCustomers
      responses:
        '200':
          description: >-
            folded
              text
    post:
      operationId: "createCustomer" # quoted
      requestBody:
        content:
          application/json:
            example: &example
              - name: "quoted
                 over lines"
              -
                name: x
            schema: *example
  "/customers/{id}":
    summary: one
    get: {}
    delete:
      x-agentguard-class: admin
      operationId: 'deleteCustomer'
  /search:
    post:
      operationId: search
      x-agentguard-class: read
  ? /files
  : servers:
    - url: https://files.example.com
    get:
      operationId: getFile
components:
  schemas:
    a: !!map
      b: c
x-more: ~
`

func TestParse(t *testing.T) {
	got, err := Parse([]byte(crm))
	if err != nil {
		t.Fatal(err)
	}
	want := &Document{
		Servers: []Server{{"https://crm.example.com/api/v1", false, 0}, {"https://eu.crm.example.com/api/v1", true, 0}},
		Operations: []Operation{
			{"GET", "/customers", "listCustomers", "", 0, false},
			{"POST", "/customers", "createCustomer", "", 0, false},
			{"GET", "/customers/{id}", "", "", 0, false},
			{"DELETE", "/customers/{id}", "deleteCustomer", "admin", 0, false},
			{"POST", "/search", "search", "read", 0, false},
			{"GET", "/files", "getFile", "", 0, true},
		},
	}
	if !reflect.DeepEqual(withoutLines(got), want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	lines := strings.Split(crm, "\n")
	for _, op := range got.Operations {
		if line := lines[op.Line-1]; !strings.HasPrefix(line, "    "+strings.ToLower(op.Method)+":") {
			t.Errorf("%+v is not in %q", op, line)
		}
	}
	for _, s := range got.Servers {
		if line := lines[s.Line-1]; !strings.HasPrefix(line, "  - url:") {
			t.Errorf("%+v is not in %q", s, line)
		}
	}
	for name, variant := range map[string]string{
		"with other line ends":    strings.ReplaceAll(crm, "\n", "\r\n"),
		"with a document marker":  "---\n" + crm,
		"without a last line end": strings.TrimSuffix(crm, "\n"),
		"as JSON":                 string(asJSON(t, crm)),
	} {
		again, err := Parse([]byte(variant))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(withoutLines(again), withoutLines(got)) {
			t.Errorf("%s: %+v", name, again)
		}
	}
}

// asJSON lets another reader turn YAML into JSON.
func asJSON(t testing.TB, text string) []byte {
	t.Helper()
	b, err := toJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func toJSON(text []byte) ([]byte, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var root yaml.Node
	if err := decoder.Decode(&root); err != nil {
		return nil, err
	}
	if decoder.Decode(new(yaml.Node)) == nil {
		return nil, errors.New("a second document")
	}
	var b bytes.Buffer
	err := writeJSON(&b, &root, 0)
	return b.Bytes(), err
}

// writeJSON keeps order and doubled keys. A mapping's keys are texts, as YAML's failsafe schema has them.
func writeJSON(b *bytes.Buffer, n *yaml.Node, depth int) error {
	if depth > 1000 {
		return errors.New("too deep")
	}
	text := func(s string) { quoted, _ := json.Marshal(s); b.Write(quoted) }
	switch n.Kind {
	case yaml.DocumentNode:
		return writeJSON(b, n.Content[0], depth+1)
	case yaml.AliasNode:
		b.WriteString(`{"alias":true}`)
	case yaml.MappingNode:
		b.WriteByte('{')
		for i := 0; i < len(n.Content); i += 2 {
			if i > 0 {
				b.WriteString(",\n")
			}
			if n.Content[i].Kind != yaml.ScalarNode {
				return errors.New("a key that is no text")
			}
			text(n.Content[i].Value)
			b.WriteByte(':')
			if err := writeJSON(b, n.Content[i+1], depth+1); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, item := range n.Content {
			if i > 0 {
				b.WriteString(",\n")
			}
			if err := writeJSON(b, item, depth+1); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	default:
		switch n.ShortTag() {
		case "!!str":
			text(n.Value)
		case "!!null":
			b.WriteString("null")
		default:
			b.WriteString("0")
		}
	}
	return nil
}

func withoutLines(d *Document) *Document {
	d = &Document{append([]Server(nil), d.Servers...), append([]Operation(nil), d.Operations...)}
	for i := range d.Servers {
		d.Servers[i].Line = 0
	}
	for i := range d.Operations {
		d.Operations[i].Line = 0
	}
	return d
}

func TestSwagger(t *testing.T) {
	for _, c := range []struct{ text, url string }{
		{"host: a.test\nbasePath: /v2\nschemes: [https]\n", ""},
		{"host: a.test\nbasePath: /v2\nschemes:\n- http\n- https\n", "https://a.test/v2"},
		{"host: a.test:8080\nschemes:\n  - http\n", "http://a.test:8080"},
		{"host: a.test\n", "https://a.test"},
		{"basePath: /v2\n", "/v2"},
		{"servers:\n- url: https://b.test\n", "none"},
		{"host: '{tenant}.test'\n", "https://{tenant}.test"},
	} {
		d, err := Parse([]byte("swagger: '2.0'\n" + c.text + "paths:\n  /x:\n    get: {}\n"))
		switch {
		case c.url == "":
			if err == nil || !strings.Contains(err.Error(), "a list must stand here") {
				t.Errorf("%q: %v", c.text, err)
			}
		case err != nil || len(d.Operations) != 1:
			t.Errorf("%q: %+v, %v", c.text, d, err)
		case c.url == "none" && len(d.Servers) == 0:
		case len(d.Servers) != 1 || d.Servers[0].URL != c.url:
			t.Errorf("%q: %+v", c.text, d.Servers)
		}
	}
}

// TestRefused are descriptions that readers could take differently, or that this one does not take.
func TestRefused(t *testing.T) {
	const head = "openapi: 3.0.0\n"
	for _, c := range []struct {
		text string
		line int
		want string
	}{
		{"", 1, "is empty"},
		{"# only a comment\n", 1, "is empty"},
		{"\ufeff" + head, 1, "byte order mark"},
		{"a: \xff\n", 1, "UTF-8"},
		{"- a\n", 1, "a key must stand here"},
		{"- a: b\n", 1, "is no key that can be read"},
		{"just text\n", 1, "a key must stand here"},
		{"paths:\n  /x: {}\n", 1, "neither openapi nor swagger"},
		{head, 1, "has no paths"},
		{"openapi: 4.0.0\npaths: {}\n", 1, `openapi "4.0.0" is not known`},
		{"swagger: 2.0\npaths: {}\n", 1, "may be read as other than a text"},
		{"swagger: '3.0'\npaths: {}\n", 1, `swagger "3.0" is not known`},
		{head + "paths:\n  x:\n    get: {}\n", 3, "does not begin with a slash"},
		{head + "paths:\n  /x:\n    $ref: other.yaml\n", 4, "stands somewhere else"},
		{head + "paths:\n  /x:\n    get:\n      operationId: a\n    post:\n      operationId: a\n", 7, "stands in line 5 too"},
		{head + "paths:\n  /x:\n    get: {}\n  /x:\n    post: {}\n", 5, "for the second time; the first is in line 3"},
		{head + "paths:\n  /x:\n    get: {}\n    get: {}\n", 5, "for the second time"},
		{head + "paths:\n  /x:\n    get: {}\n  '/x':\n    post: {}\n", 5, "for the second time"},
		{head + "paths: &p\n  /x:\n    get: {}\n", 2, "a mapping must stand here"},
		{head + "paths:\n  /x: *p\n", 3, "a mapping must stand here"},
		{head + "paths:\n  /x:\n    <<: *p\n", 4, `"<<" is no key`},
		{head + "paths:\n  ? /x\n  /y: {}\n", 3, "its value below a colon"},
		{head + "paths:\n  ? /x\n    /y\n  : {}\n", 3, "its value below a colon"},
		{head + "paths:\n  ? /x: /y\n  : {}\n", 3, "the key must be a text"},
		{head + "paths:\n  ? [/x]\n  : {}\n", 3, "no key that can be read"},
		{head + "paths:\n  ?\n  : {}\n", 3, "a key must stand here"},
		{head + "paths:\n  /x:\n    !get:\n", 4, "no key that can be read"},
		{head + "paths: {/x: {get: {}}}\n", 2, "a mapping must stand here"},
		{head + "paths:\n  /x:\n    get: {operationId: a}\n", 4, "a mapping must stand here"},
		{head + "paths:\n  /x:\n    get:\n      operationId: [a]\n", 5, "is no plain text"},
		{head + "paths:\n  /x:\n    get:\n      operationId: a\n        b\n", 5, "it goes on in line 6"},
		{head + "paths:\n  /x:\n    get:\n      operationId: |\n        b\n", 5, "it goes on in line 6"},
		{head + "paths:\n  /x:\n    get:\n      operationId: \"a\n        b\"\n", 5, "it goes on in line 6"},
		{head + "paths:\n  /x:\n    get:\n      operationId:\n        b\n", 5, "it goes on in line 6"},
		{head + "paths:\n  /x:\n    get:\n      operationId: yes\n", 5, "may be read as other"},
		{head + "paths:\n  /x:\n    get:\n      operationId: 12\n", 5, "may be read as other"},
		{head + "paths:\n  /x:\n    get:\n      operationId: 0x1f\n", 5, "may be read as other"},
		{head + "paths:\n  /x:\n    get:\n      operationId: 2020-01-01\n", 5, "may be read as other"},
		{head + "paths:\n  /x:\n    get:\n      operationId:\n", 5, "may be read as other"},
		{head + "paths:\n  /x:\n    get:\n      operationId: !!str 12\n", 5, "is no plain text"},
		{head + "paths:\n  /x:\n    get:\n      operationId: a: b\n", 5, "is no plain text"},
		{head + "paths:\n  /x:\n    get:\n      operationId: \"a\\x41\"\n", 5, "use single quotes"},
		{head + "paths:\n  /x:\n    get:\n      operationId: \"a\\nb\"\n", 5, "use single quotes"},
		{head + "paths:\n  /x:\n    get:\n      operationId: 'a' b\n", 5, "nothing follow it"},
		{head + "paths:\n  /x:\n    get:\n     operationId: a\n      b: c\n", 5, "it goes on in line 6"},
		{head + "paths:\n    /x:\n      get: {}\n  /y:\n    get: {}\n", 5, "is indented by 2"},
		{head + "paths:\n\t/x:\n", 3, "tab"},
		{head + "info:\n\ttitle: x\npaths: {}\n", 3, "tab"},
		{head + "info: 'a\nb'\npaths: {}\n", 3, "must be indented more"},
		{head + "info: {a: 'x\nb'}\npaths: {}\n", 3, "must be indented more"},
		{head + "info: [a,\nb]\npaths: {}\n", 3, "must be indented more"},
		{head + "info: [a, b\npaths: {}\n", 3, "must be indented more"},
		{head + "paths: {}\ninfo: [a, b\n", 3, "has no end"},
		{head + "info: [a, b}\npaths: {}\n", 2, "closes a bracket"},
		{head + "info: [a] b\npaths: {}\n", 2, "follows a value"},
		{head + "info: 'a' b\npaths: {}\n", 2, "follows a value"},
		{head + "info: | text\n  x\npaths: {}\n", 2, "does not begin a block"},
		{head + "info: x\n---\npaths: {}\n", 3, "a second document"},
		{head + "paths: {}\n...\n", 3, "a second document"},
		{"%YAML 1.1\n---\n" + head, 1, "a second document, or a directive"},
		{head + "info: x\u2028paths: {}\n", 2, "the end of a line"},
		{head + "info: x\rpaths: {}\n", 2, "the end of a line"},
		{head + "servers:\n  url: https://x.test\npaths: {}\n", 3, "an item of the list"},
		{head + "a:\n" + strings.Repeat("- ", 200) + "x\npaths: {}\n", 3, "nested too deeply"},
		{`{"openapi": "3.0.0", "paths": {}} x`, 1, "is not JSON"},
		{"{\"openapi\": \"3.0.0\",\n\"paths\": {}", 2, "is not JSON"},
		{"{\"openapi\": \"3.0.0\",\n\"paths\": {},\n\"paths\": {}}", 3, "for the second time"},
		{"{\"openapi\": \"3.0.0\",\n\"paths\": []}", 2, "an object must stand here"},
		{"{\"openapi\": \"3.0.0\",\n\"paths\": {\"/x\": {\"get\": {\"operationId\": 5}}}}", 2, "a string must stand here"},
		{"{\"openapi\": \"3.0.0\",\n\"p\\u0061ths\": {},\n\"paths\": {}}", 3, "for the second time"},
	} {
		d, err := Parse([]byte(c.text))
		var e *Error
		if !errors.As(err, &e) || e.Line != c.line || !strings.Contains(e.Message, c.want) {
			t.Errorf("%q:\n%+v, %v; want line %d: %s", c.text, d, err, c.line, c.want)
		}
	}
}

// TestPassedOver are things that descriptions hold where nothing is read.
func TestPassedOver(t *testing.T) {
	for _, value := range []string{
		" x", " 'x'", ` "x"`, " ''", ` ""`, " 'it''s'", ` "a\"b"`, ` "a\\"`, " ~", " 12", " {}", " []", " [a, [b], {c: d}]", " {a: 'b]', \"c}\": d}", " [it's, b]",
		" *alias", " &anchor x", " !tag x", " !!str 'x'", " x # note", " 'x' # note", " {} # note", " x#y", " http://x.test/#y", " - x",
		"", " # note", "\n  a: b", "\n  a: b\n  c:\n    d: e", "\n- a\n- b", "\n  - a\n  - b: c\n    d: e", "\n  - - a\n    - b\n  -\n    c: d\n  - # note\n    e",
		" |\n  text", " >-\n  text\n\n    more: text\n  # not a note", " |2\n   text", " |+\n  text\n\n", " |\n", " &a |\n  text", " &a\n  b: c", " !t\n  - a",
		" two\n  lines", " two\n  # note\n", " 'two\n  lines'", " \"two\n\n  lines: x\"", " [two,\n  lines]", " {\n  a: b,\n}", " [\n  [\n    a # ]\n  ]\n]", " [ a,\n  b ] # note",
		"\n  plain", "\n  'quoted: x'", "\n  \"quoted\": x", "\n  [a,\n   b]", "\n  |\n  text", "\n  a\n  b", " >\n  'unclosed\n  \"too", " a 'b", " a \"b", " a [b", "\n  - 'a'\n  - \"b\"\n  - [c]\n  - |\n    d\n  - e\n    f",
		"\n  # note\n  a: b\n# note\n  c: d", "\n  ? x\n  : y", "\n  ? 'x: y'\n  : - a\n    - b\n  ? z\n  :\n    a: b\n  c: d",
	} {
		text := "openapi: 3.0.0\nx-a:" + value + "\npaths:\n  /x:\n    get:\n      x-b:" + strings.ReplaceAll(value, "\n", "\n      ") + "\n      operationId: found\n"
		d, err := Parse([]byte(text))
		if err != nil || len(d.Operations) != 1 || d.Operations[0].ID != "found" {
			t.Errorf("%q: %+v, %v", text, d, err)
			continue
		}
		if b, err := toJSON([]byte(text)); err == nil {
			if again, err := Parse(b); err != nil || !reflect.DeepEqual(withoutLines(again), withoutLines(d)) {
				t.Errorf("%q: another reader sees %+v, %v; this one %+v", text, again, err, d)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(crm))
	f.Add([]byte(`{"openapi": "3.0.0", "servers": [{"url": "/v2"}], "paths": {"/x": {"get": {"operationId": "a"}}}}`))
	for _, s := range []string{"a:\n- b\n-\n  c\n", "a: [b,\n c: 'd'\n]\n", "a: |\n  b\n c: d\n", "? a\n: b\n", "a: 'b\n\n  c'\n", "'a''b': \"c\\\"\"\n", "- - a: b\n    c: d\n"} {
		f.Add([]byte("openapi: 3.0.0\n" + s + "paths:\n  /x:\n    get:\n      operationId: a\n"))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Parse(b)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Line < 1 || e.Line > bytes.Count(b, []byte{'\n'})+1 {
				t.Fatalf("%q: %v", b, err)
			}
			return
		}
		for _, op := range d.Operations {
			if !strings.HasPrefix(op.Path, "/") || op.Line < 1 {
				t.Fatalf("%q: %+v", b, op)
			}
		}
		// Where another reader takes the text at all, it sees the same.
		other, err := toJSON(b)
		if err != nil {
			return
		}
		again, err := Parse(other)
		if err != nil || !reflect.DeepEqual(withoutLines(again), withoutLines(d)) {
			t.Fatalf("%q:\n%+v\nanother reader sees\n%+v, %v", b, d, again, err)
		}
	})
}

// large is a description of many operations, in a form.
func large(n int) string {
	var b strings.Builder
	b.WriteString("openapi: 3.0.0\npaths:\n")
	for i := range n {
		fmt.Fprintf(&b, "  /things/%d/{id}:\n    get:\n      operationId: get%d\n      description: |\n", i, i)
		for range 40 {
			b.WriteString("        Some words about it, and \"quotes\": they're there.\n")
		}
		b.WriteString("      parameters:\n")
		for j := range 20 {
			fmt.Fprintf(&b, "      - name: p%d\n        in: query\n        schema:\n          type: string\n          enum: [a, b, 'c']\n", j)
		}
	}
	return b.String()
}

func BenchmarkYAML(b *testing.B) { benchmark(b, []byte(large(2000))) }
func BenchmarkJSON(b *testing.B) { benchmark(b, asJSON(b, large(2000))) }

func benchmark(b *testing.B, text []byte) {
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if d, err := Parse(text); err != nil || len(d.Operations) != 2000 {
			b.Fatal(err)
		}
	}
}

// TestPublished reads descriptions that services publish, where a machine has them: AGENTGUARD_TEST_OPENAPI names a folder.
func TestPublished(t *testing.T) {
	dir := os.Getenv("AGENTGUARD_TEST_OPENAPI")
	if dir == "" {
		t.Skip("AGENTGUARD_TEST_OPENAPI names no folder")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		d, err := Parse(b)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		t.Logf("%s: %d bytes, %d servers, %d operations", filepath.Base(file), len(b), len(d.Servers), len(d.Operations))
		other, err := toJSON(b)
		if err != nil {
			continue
		}
		if again, err := Parse(other); err != nil || !reflect.DeepEqual(withoutLines(again), withoutLines(d)) {
			t.Errorf("%s: another reader sees something else: %v", file, err)
		}
	}
}
