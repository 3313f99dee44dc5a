package policy

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// tricky holds text that looks like keys where there are none, and keys in every spelling.
const tricky = `# fake = 1
a = "fake = 2 # [x]" # [fake]
b = """
[fake]
fake = 3 \""" [x]
"""""
c = '''
[[fake]]
d = 1 '''''
'q.u"o' = 'it = "'
"e\u0073c\"" = [ # fake = 1
  "x", # ]
  [1, 2,], ["]"],
  '''
]
''',
]
x.y . "z" = 1979-05-27 07:32:00
x.y.w = { p.q = 1, r = {}, s = '}' } # }
[ t . 'u' ] # ]
v = +1_000.5e3
[[arr]]
n = 1
[arr.sub]
m = 2
[[arr]]
[t]
w = true
[t.u.deep]
`

func TestPlacesAgreeWithTOML(t *testing.T) {
	var v map[string]any
	if _, err := toml.Decode(tricky, &v); err != nil {
		t.Fatal(err)
	}
	root, err := places(tricky)
	if err != nil {
		t.Fatal(err)
	}
	if diff := root.agree(v); diff != nil {
		t.Fatalf("they differ at line %d", diff.line)
	}
	for path, want := range map[string]int{
		"a": 2, "b": 3, "c": 7, `q.u"o`: 10, `esc"`: 11, "x": 18, "x y w": 19, "x y w p q": 19,
		"t": 27, "t u": 20, "t u v": 21, "arr": 22, "t w": 28, "t u deep": 29,
	} {
		p := root
		for _, k := range strings.Split(path, " ") {
			p = p.keys[k]
		}
		if p.line != want {
			t.Errorf("%s is said to be on line %d, is on %d", path, p.line, want)
		}
	}
	for i, want := range []int{12, 13, 13, 14} {
		if got := root.keys[`esc"`].items[i].line; got != want {
			t.Errorf("element %d is said to be on line %d, is on %d", i, got, want)
		}
	}
	for i, want := range []int{22, 26} {
		if got := root.keys["arr"].items[i].line; got != want {
			t.Errorf("table %d is said to be on line %d, is on %d", i, got, want)
		}
	}
}

func TestPlacesBounds(t *testing.T) {
	for text, reason := range map[string]string{
		"a = [[0], {b = 1}, 'x']":                  "a list holds a table",
		"a = " + strings.Repeat("[", 100_000):      "nested more than",
		"a = " + strings.Repeat("{a=", 100_000):    "nested more than",
		strings.Repeat("a.", 100_000) + "a = 1":    "more than 16 parts",
		"[" + strings.Repeat("a.", 100_000) + "a]": "more than 16 parts",
		"\n\na = \"x":                  "line 3: a string is not closed",
		"a = \"\\":                     "a string is not closed",
		"a = \"\"\"\\":                 "a string is not closed",
		"a":                            "followed by =",
		"\na = \n":                     "line 2: a value was expected",
		"[a":                           "must end in ]",
		"[[a]":                         "must end in ]]",
		"= 1":                          "a key was expected",
		`"\q" = 1`:                     "unknown escape",
		"a = [1 2]\nb = [\"x\" \"y\"]": "line 2: a list's entries",
		`a = { b = "x" c = 1 }`:        "an inline table's entries",
	} {
		if _, err := places(text); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%.20q: %v, want %q", text, err, reason)
		}
	}
}

func FuzzPlaces(f *testing.F) {
	f.Add(tricky)
	for _, s := range []string{"a=1\r\nb=2", "a=\"\\u0041\"", "\"\\x41\"=1", "a={\nb=1,\n}", "[a]\n[a.b]\n[[c]]\n[c.d]", "a=''''''", `a=""""a""""`, "\ufeffa=1", "a.b=1\na.c={d=1,e=[2]}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || strings.Contains(text, "\x00") {
			return // refused before either reading
		}
		v, err := decodeTOML(text)
		root, scan := places(text)
		if err != nil || scan != nil && scan.final {
			return
		}
		if scan != nil {
			t.Fatalf("TOML takes it, places do not: %v", scan)
		}
		if diff := root.agree(v); diff != nil {
			t.Fatalf("they differ at line %d\n%q\n%v", diff.line, text, v)
		}
	})
}

func TestErrorsAreOneLineEach(t *testing.T) {
	es := Errors{{"f.toml", 3, "bad \x1b[31m\nkey \u202e", "h"}, {"f.toml", 0, "x", ""}}
	want := "f.toml:3: bad \\u001b[31m\\u000akey \\u202e\nf.toml: x"
	if got := es.Error(); got != want || !reflect.DeepEqual(es[0].Hint, "h") {
		t.Errorf("%q, want %q", got, want)
	}
}
