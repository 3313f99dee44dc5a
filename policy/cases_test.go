package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestCasesWrong: what is wrong in a file of cases is told with the right line, in an array of tables too. Each line that
// is wrong says so behind #!.
func TestCasesWrong(t *testing.T) {
	for _, text := range strings.Split(strings.TrimSpace(wrongCases), "\n---\n") {
		var want []string
		for i, l := range strings.Split(text, "\n") {
			if _, message, ok := strings.Cut(l, "#! "); ok {
				want = append(want, fmt.Sprintf("a.test.toml:%d: %s", i+1, message))
			}
		}
		_, err := ParseCases("a.test.toml", []byte(text))
		var got Errors
		if !errors.As(err, &got) || got.Error() != strings.Join(want, "\n") {
			t.Errorf("%s\ngot\n%v\nwant\n%s", text, err, strings.Join(want, "\n"))
		}
	}
}

const wrongCases = `
[[case]] #! version is missing
name = "x"
method = "GET"
url = "https://a.example/"
expect = "allow"
---
version = 1 #! there are no cases
---
version = 1
[case] #! case must be an array of tables: a request and what the policy must answer
name = "x"
---
version = 1

[[case]]
name = "one"
method = "GET"
url = "https://a.example/"
expect = "allow"

[[case]] #! case.method is missing
name = "one" #! case.name "one" is the name of the case in line 3 too
url = "a.example" #! case.url is not a URL
# a comment
expect = "alow" #! case.expect is "alow" (did you mean "allow"?)
reasn = "allow.x" #! unknown key case.reasn (did you mean "reason"?)
body = 7 #! case.body must be a string, not a number

[[case]]
name = "two"
method = "GET"
url = "https://a.example/"
repeat = 0 #! case.repeat must lie between 1 and 10000
expect = { allow = 1, maybe = 2 } #! unknown key case.expect.maybe
headers = { "A B" = "c" } #! case.headers.A B is not the name of a header

[[case]] #! case.expect is missing
name = "three"
method = "GET"
url = "https://a.example/"
[case.headers]
Accept = 3 #! case.headers.Accept must be a string, not a number
---
version = 1
[[case]]
name = "x"
method = "GET"
url = "https://a.example/"
repeat = 6
expect = { allow = 4, limit = 1 } #! case.expect counts 5 answers of 6
---
version = 1
policy = "other.toml"
colour = "red" #! unknown key colour
[[case]]
name = "x"
method = "GET"
url = "https://a.example/"
expect = ["allow"] #! case.expect must be a word or a table of counts, not a list
`

func TestCasesOf(t *testing.T) {
	const one = "\n[[case]]\nname = \"x\"\nmethod = \"GET\"\nurl = \"https://a.example/\"\nexpect = \"deny\"\nbody = '''\n{}\n'''\n"
	for _, c := range []struct{ file, text, policy, wrong string }{
		{"a/agentguard.test.toml", "version = 1", "a/agentguard.toml", ""},
		{"a/x.toml", "version = 1\npolicy = \"../b.toml\"", "b.toml", ""},
		{"a/x.toml", "version = 1\npolicy = \"/etc/b.toml\"", "/etc/b.toml", ""},
		{"a/x.toml", "version = 1", "", "not said which policy"},
	} {
		got, err := ParseCases(c.file, []byte(c.text+one))
		switch {
		case c.wrong != "":
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: %v", c.file, err)
			}
		case err != nil:
			t.Errorf("%s: %v", c.file, err)
		case got.Policy != c.policy || len(got.Cases) != 1 || got.Cases[0].Body != "{}\n" || got.Cases[0].Expect["deny"] != 1:
			t.Errorf("%s: %+v", c.file, got)
		}
	}
}

func FuzzCases(f *testing.F) {
	f.Add([]byte(wrongCases))
	f.Add([]byte("version = 1\n[[case]]\nname = \"x\"\nmethod = \"GET\"\nurl = \"https://a/\"\nrepeat = 2\nexpect = { allow = 1, limit = 1 }\n[case.headers]\nA = \"b\"\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		cases, err := ParseCases("a.test.toml", text)
		if err != nil {
			return
		}
		for _, c := range cases.Cases {
			sum := 0
			for _, n := range c.Expect {
				sum += n
			}
			if c.Name == "" || c.Line == 0 || sum != c.Repeat || c.Repeat < 1 {
				t.Fatalf("%+v", c)
			}
		}
	})
}
