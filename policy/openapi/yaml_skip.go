package openapi

import "strings"

// skip passes over the value that is next, whatever it is.
func (y *yamlSource) skip() error {
	y.pending = false
	rest, indent := y.properties(), y.indent
	switch {
	case rest == "":
		return y.skipBelow()
	case rest[0] == '|' || rest[0] == '>':
		return y.skipBlock(rest)
	case rest[0] == '"' || rest[0] == '\'' || rest[0] == '[' || rest[0] == '{':
		return y.skipFlow(rest)
	}
	for y.below(indent) != nil { // a plain text goes on
		y.at++
	}
	return nil
}

// properties takes anchors and tags off the front of a value ("Node Properties"); an alias is a value.
func (y *yamlSource) properties() string {
	rest := y.rest
	for rest != "" && (rest[0] == '&' || rest[0] == '!') {
		_, rest, _ = strings.Cut(rest, " ")
		rest = strings.TrimLeft(rest, " ")
	}
	if rest != "" && rest[0] == '#' {
		return ""
	}
	return rest
}

// skipBelow passes over what stands on the lines below a key or a dash.
func (y *yamlSource) skipBelow() error {
	indent := y.indent
	l := y.peek()
	switch {
	case l == nil:
		return nil
	case isItem(l.text) && (l.indent > indent || l.indent == indent && !y.inList):
		return y.sequence(indent, y.inList, func(int) error { return nil })
	case l.indent <= indent:
		return nil
	}
	if y.isKey(l.text) {
		return y.mapping(indent, func(string, int) error { return nil })
	}
	y.at++
	return y.value(l.text, indent, l.number, y.inList, func() error { return nil })
}

// skipBlock passes over a block scalar ("Block Scalar Styles"): all lines that are indented more than its key.
func (y *yamlSource) skipBlock(header string) error {
	if rest := strings.TrimLeft(header[1:], "+-123456789"); len(header)-1-len(rest) > 2 || !isNote(rest) {
		return y.fail(y.line, "%q does not begin a block of text", header)
	}
	for y.at < len(y.lines) && y.lines[y.at].indent > y.indent {
		y.at++
	}
	return nil
}

// skipFlow passes over a quoted text or a flow collection, which may go on over several lines. Those must be indented more
// than what it belongs to, but for closing brackets alone on a line: there readers agree.
func (y *yamlSource) skipFlow(text string) error {
	var f flow
	line := y.line
	for {
		rest, err := f.read(text)
		switch {
		case err != "":
			return y.fail(line, "%s", err)
		case f.done() && isNote(rest):
			return y.alone()
		case f.done():
			return y.fail(line, "%q follows a value that has ended", rest)
		}
		if y.at == len(y.lines) {
			return y.fail(y.line, "what begins here has no end")
		}
		l := &y.lines[y.at]
		if l.indent <= y.indent && (f.quote != 0 || strings.Trim(l.text, "]}") != "") {
			return y.fail(l.number, "belongs to what begins in line %d, and must be indented more than that", y.line)
		}
		y.at++
		text, line = l.text, l.number
	}
}

// flow follows brackets and quotes over lines.
type flow struct {
	open  []byte // brackets
	quote byte   // of the text that goes on; 0: none
	begun bool
}

func (f *flow) done() bool { return f.begun && f.quote == 0 && len(f.open) == 0 }

// read goes on with the next line, to its end or to that of the value; what follows there is left.
func (f *flow) read(s string) (rest, wrong string) {
	for i := 0; i < len(s); {
		if f.quote != 0 {
			end := quotedEnd(string(f.quote) + s[i:])
			if end < 0 {
				return "", ""
			}
			i += end - 1
			if f.quote = 0; f.done() {
				return s[i:], ""
			}
			continue
		}
		c := s[i]
		switch {
		case c == '#' && (i == 0 || s[i-1] == ' '):
			return "", ""
		case (c == '"' || c == '\'') && (!f.begun || startsToken(s, i)):
			f.quote = c
		case c == '[' || c == '{':
			if f.open = append(f.open, c); len(f.open) > maxDepth {
				return "", "is nested too deeply"
			}
		case c == ']' || c == '}':
			if n := len(f.open); n == 0 || f.open[n-1] != c-2 { // ASCII has them two apart
				return "", "closes a bracket that is not open"
			}
			if f.open = f.open[:len(f.open)-1]; f.done() {
				return s[i+1:], ""
			}
		}
		f.begun = true
		i++
	}
	return "", ""
}

// startsToken says whether a quote at i begins a text: inside of a plain one it is a character.
func startsToken(s string, i int) bool {
	before := strings.TrimRight(s[:i], " \t")
	return before == "" || strings.IndexByte("[{,:", before[len(before)-1]) >= 0
}
