package suite

import (
	"encoding/xml"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// The elements of a JUnit report that CI systems read; there is no other specification than their reading.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr"`
		Line    int           `xml:"line,attr"`
		Failure *junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// JUnit is the report of several files as XML; took says how long each of them ran.
func JUnit(reports []Report, took []time.Duration) ([]byte, error) {
	var out junitSuites
	for i := range reports {
		r := &reports[i]
		s := junitSuite{Name: xmlText(r.File), Tests: len(r.Results), Failures: r.Failed(), Time: fmt.Sprintf("%.3f", took[i].Seconds())}
		for j := range r.Results {
			x := &r.Results[j]
			c := junitCase{Name: xmlText(x.Case.Name), Class: xmlText(r.File), File: xmlText(r.File), Line: x.Case.Line}
			if len(x.Failures) > 0 {
				c.Failure = failureXML(r.File, x.Failures)
			}
			s.Cases = append(s.Cases, c)
		}
		out.Suites = append(out.Suites, s)
	}
	b, err := xml.MarshalIndent(out, "", "  ")
	return append([]byte(xml.Header), append(b, '\n')...), err
}

func failureXML(file string, failures []Failure) *junitFailure {
	var lines []string
	for _, f := range failures {
		if f.Want == "" {
			lines = append(lines, fmt.Sprintf("%s:%d: %s: %s", file, f.Line, f.Key, f.Got))
			continue
		}
		lines = append(lines, fmt.Sprintf("%s:%d: %s: got %s, want %s", file, f.Line, f.Key, f.Got, f.Want))
	}
	return &junitFailure{xmlText(lines[0]), xmlText(strings.Join(lines, "\n"))}
}

// xmlText leaves out what XML 1.0 cannot hold, in any spelling; encoding/xml escapes the rest.
func xmlText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0xfffe || r == 0xffff || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
}
