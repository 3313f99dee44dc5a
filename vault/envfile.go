package vault

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/joho/godotenv"
)

// Pair is a variable of a .env file that can be kept as a secret.
type Pair struct {
	Name  string
	Value Secret
	Line  int // where it starts, from 1
}

// LineError is one variable of a .env file that cannot be kept, and why. It never holds the value.
type LineError struct {
	Name string // "": the line is no variable
	Line int
	Err  error
}

func (e *LineError) Error() string {
	if e.Name == "" {
		return fmt.Sprintf("line %d: %v", e.Line, e.Err)
	}
	return fmt.Sprintf("line %d: %s: %v", e.Line, e.Name, e.Err)
}

// Unwrap gives the reason.
func (e *LineError) Unwrap() error { return e.Err }

// maxEnvFile bounds a .env file.
const maxEnvFile = 1 << 20

// ImportEnvFile reads a .env file. It gives the variables that can be kept as secrets, in the file's order, together
// with one *LineError (joined) for each that cannot: a value of several lines, too short a one (DEBUG=1), or one that
// readers of .env files understand differently. Empty variables are passed over; of a name set twice the last counts.
func ImportEnvFile(r io.Reader) ([]Pair, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxEnvFile+1))
	defer clear(text)
	switch {
	case err != nil:
		return nil, err
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")): // as PowerShell's > writes
		return nil, errors.New("is UTF-16; save it as UTF-8")
	}
	if len(text) > maxEnvFile {
		return nil, fmt.Errorf("holds more than %d bytes", maxEnvFile)
	}
	var pairs []Pair
	var errs []error
	for _, st := range statements(text) {
		if st.err != nil {
			errs = append(errs, &LineError{Line: st.line, Err: st.err})
		}
		for _, name := range st.names() {
			pairs = slices.DeleteFunc(pairs, func(p Pair) bool { return p.Name == name })
			s, err := st.secret(name)
			if err != nil {
				errs = append(errs, &LineError{name, st.line, err})
			} else if !s.Zero() {
				pairs = append(pairs, Pair{name, s, st.line})
			}
		}
	}
	return pairs, errors.Join(errs...)
}

// statement is the lines of one assignment (seldom: of several on a line), or one line that is none.
type statement struct {
	text   []byte // line ends included
	line   int
	values map[string]string
	err    error // without any of the text
}

// bom is what some editors put before UTF-8 text.
var bom = []byte("\ufeff")

// statements cuts text, without a mark of its encoding, at line ends outside of quotes. godotenv decides what is quoted: a piece that it finds unterminated gets
// the next line added.
func statements(text []byte) []statement {
	lines := bytes.SplitAfter(bytes.TrimPrefix(text, bom), []byte("\n"))
	var all []statement
	for i := 0; i < len(lines); {
		st, n := oneStatement(lines[i:])
		st.line = i + 1
		all = append(all, st)
		i += n
	}
	return all
}

// longest is how many lines one value may have; a private key has some fifty.
const longest = 200

func oneStatement(lines [][]byte) (statement, int) {
	for n := 1; n <= min(longest, len(lines)); n++ {
		text := bytes.Join(lines[:n], nil)
		values, err := godotenv.UnmarshalBytes(text)
		if err == nil {
			return statement{text: text, values: values}, n
		}
		if !strings.HasPrefix(err.Error(), "unterminated quoted value") {
			break
		}
	}
	// godotenv's errors quote the file; none of them is passed on.
	return statement{text: lines[0], err: errors.New("is not NAME=value, or a quote is not closed")}, 1
}

func (st statement) names() []string {
	var names []string
	for name := range st.values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (st statement) secret(name string) (Secret, error) {
	value := st.values[name]
	if err := checkEnvName(name); err != nil {
		return Secret{}, err
	}
	if !st.singleQuoted() {
		written, _, _ := strings.Cut(string(st.text), " #")
		written += value // which may hold such a thing itself
		if strings.Contains(written, "$(") || strings.Contains(written, "`") {
			return Secret{}, errors.New("holds $( or `, behind which shells and some readers of .env files run a command; put the value in single quotes")
		}
		if c := strings.IndexAny(written, `$\`); c >= 0 {
			return Secret{}, fmt.Errorf("holds a %c that readers of .env files take each in its own way; put the value in single quotes", written[c])
		}
		if line, _, _ := strings.Cut(string(st.text), " #"); strings.HasSuffix(value, ";") && strings.HasSuffix(strings.TrimSpace(line), ";") {
			return Secret{}, errors.New("ends in a ;, which shells take for the end of the line; leave it out, or put the value in single quotes")
		}
	}
	if value == "" {
		return Secret{}, nil
	}
	return NewSecret([]byte(value))
}

// singleQuoted says whether every reader takes the value for single-quoted, and so for what it is. Behind \' a shell reads on
// outside of quotes, and godotenv inside.
func (st statement) singleQuoted() bool {
	i := bytes.IndexAny(st.text, "=:")
	return i >= 0 && bytes.HasPrefix(st.text[i:], []byte("='")) && !bytes.Contains(st.text, []byte(`\'`)) && len(st.values) == 1
}

// blanked is the comment above a variable whose value went into the vault. It has a line of its own because docker and
// systemd take a comment after the value for part of it.
const blanked = "# in the agentguard vault"

// BlankEnvFile takes the values that were stored out of a .env file and leaves everything else as it is: order, comments, line
// ends, mode and owner. The file is replaced as a whole or not at all. It refuses what would leave the old values
// somewhere else: a link to another directory, and a file with several hard links; and what would lose one: a variable
// that has another value by now.
func BlankEnvFile(path string, stored []Pair) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // as <(CMD) is
		return fmt.Errorf("%s is %s, not a regular file", path, kind(info.Mode()))
	}
	path, err := envFileTarget(path)
	if err != nil {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if hardLinks(info) > 1 {
		return fmt.Errorf("%s has other hard links, which would keep the values", path)
	}
	text, opened, err := readRegular(path, maxEnvFile)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer clear(text)
	blanked, err := blank(text, stored)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if now, err := os.Lstat(path); err != nil || !sameVersion(now, opened) {
		return fmt.Errorf("%s was changed in the meantime; nothing was written", path)
	}
	return replace(path, blanked, opened.Mode().Perm(), opened)
}

func envFileTarget(path string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return path, err
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	if filepath.Dir(target) != dir {
		return "", fmt.Errorf("%s is a link out of its directory; name the file that it points to", path)
	}
	return target, nil
}

func blank(text []byte, stored []Pair) ([]byte, error) {
	var out bytes.Buffer
	values := map[string]string{}
	if bytes.HasPrefix(text, bom) {
		out.Write(bom)
	}
	for _, st := range statements(text) {
		mine := slices.DeleteFunc(st.names(), func(n string) bool {
			return !slices.ContainsFunc(stored, func(p Pair) bool { return p.Name == n })
		})
		switch {
		case len(mine) == 0:
			out.Write(st.text)
			continue
		case len(mine) != len(st.values):
			return nil, &LineError{mine[0], st.line, errors.New("shares its line with another variable")}
		}
		for i, name := range mine {
			if i > 0 && !bytes.HasSuffix(st.text, []byte("\n")) {
				out.WriteByte('\n') // lines that end as those of the first Macs
			}
			st.writeBlank(&out, name)
			values[name] = st.values[name]
		}
	}
	for _, p := range stored {
		switch value, there := values[p.Name]; {
		case !there:
			return nil, fmt.Errorf("there is no variable %s", p.Name)
		case value != "" && value != string(p.Value.Reveal()):
			return nil, fmt.Errorf("%s has another value than the one that was stored; nothing was written", p.Name)
		}
	}
	return out.Bytes(), nil
}

func (st statement) writeBlank(out *bytes.Buffer, name string) {
	end := "\n"
	if bytes.HasSuffix(st.text, []byte("\r\n")) {
		end = "\r\n"
	}
	export := ""
	if bytes.HasPrefix(bytes.TrimSpace(st.text), []byte("export ")) {
		export = "export "
	}
	out.WriteString(blanked + end + export + name + "=")
	if bytes.HasSuffix(st.text, []byte("\n")) {
		out.WriteString(end)
	}
}
