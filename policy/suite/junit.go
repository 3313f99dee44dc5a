package suite

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// JUnit is the report of several files as XML; took says how long each of them ran. Its elements are those that CI systems
// read; there is no other specification than their reading. It is written by hand: encoding/xml would be a hundredth of the
// program.
func JUnit(reports []Report, took []time.Duration) []byte {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n")
	for i := range reports {
		r := &reports[i]
		fmt.Fprintf(&b, `  <testsuite name="%s" tests="%d" failures="%d" errors="0" time="%.3f">`+"\n",
			xmlText(r.File), len(r.Results), r.Failed(), took[i].Seconds())
		for j := range r.Results {
			r.Results[j].junit(&b, xmlText(r.File))
		}
		b.WriteString("  </testsuite>\n")
	}
	b.WriteString("</testsuites>\n")
	return []byte(b.String())
}

// junit writes one case; file is escaped.
func (r *Result) junit(b *strings.Builder, file string) {
	fmt.Fprintf(b, `    <testcase name="%s" classname="%s" file="%s" line="%d"`, xmlText(r.Case.Name), file, file, r.Case.Line)
	if len(r.Failures) == 0 {
		b.WriteString("></testcase>\n")
		return
	}
	var lines []string
	for _, f := range r.Failures {
		text := fmt.Sprintf(":%d: %s: ", f.Line, f.Key)
		if f.Want == "" {
			text += f.Got
		} else {
			text += "got " + f.Got + ", want " + f.Want
		}
		lines = append(lines, file+xmlText(text))
	}
	fmt.Fprintf(b, ">\n      <failure message=\"%s\">%s</failure>\n    </testcase>\n", lines[0], strings.Join(lines, "&#xA;"))
}

// xmlText escapes text for an attribute in double quotes or for an element (XML 1.0 sections 2.2 and 2.4). White space is
// escaped, since attributes would lose it; what XML cannot hold in any spelling becomes a question mark.
func xmlText(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '"':
			b.WriteString("&#34;")
		case r == '\n' || r == '\t' || r == '\r':
			fmt.Fprintf(&b, "&#x%X;", r)
		case r < ' ' || r == 0xfffe || r == 0xffff || r == utf8.RuneError:
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
