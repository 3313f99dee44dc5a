package cmd

// The rules of this interface, for every command:
//
//  1. The child owns stdin and stdout. While it runs, and about it, we write to stderr alone, each line beginning
//     "agentguard: ".
//  2. What a person asked for (a list, a report, help) is the answer: it goes to stdout, without prefix.
//  3. An error is one line "agentguard: error: ..." on stderr, what mends it "agentguard: hint: ...". Errors name the
//     object; hints name the command.
//  4. Questions go to the terminal itself (/dev/tty), never to stdout or stderr, and are erased when answered. A
//     signal during a question puts the terminal back as it was.
//  5. Colour only on a terminal, never with NO_COLOR or TERM=dumb, and never alone carrying meaning: the words say it.
//  6. --json prints one object a line on stdout, and nothing else there.
//  7. No command prints a secret. Not on success, not in an error, not with -v.
//  8. Text that others wrote (paths, hosts, agents' words) is escaped before it reaches a terminal.
//  9. Exit codes: 0 done; 1 an answer that is "no" (doctor, audit verify, demo); 125 our own failure, wrong usage
//     included; 126 and 127 as a shell; 128+N ended by signal N; else the child's own.

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/fatih/color"
	"golang.org/x/term"

	"agentguard/run/audit"
)

// ui writes to the person in front of us.
type ui struct {
	out                  *answer
	err                  io.Writer
	outColour, errColour bool
	errTerminal          bool
}

func newUI(out, err *os.File, env environment) *ui {
	plain := env.get("NO_COLOR") != "" || env.get("TERM") == "dumb"
	colour := func(f *os.File) bool { return !plain && term.IsTerminal(int(f.Fd())) }
	return &ui{out: &answer{to: out}, err: steadily(err), outColour: colour(out), errColour: colour(err), errTerminal: term.IsTerminal(int(err.Fd()))}
}

// answer is stdout. It remembers that something of an answer did not get there: the disk that it goes to was full.
type answer struct {
	to   io.Writer
	lost error
}

func (a *answer) Write(b []byte) (int, error) {
	n, err := a.to.Write(b)
	if err != nil && a.lost == nil {
		a.lost = err
	}
	return n, err
}

// gather has what is written leave in larger pieces, up to a call of release: a log may have a million lines.
func (a *answer) gather() (release func()) {
	to, pieces := a.to, bufio.NewWriterSize(a.to, 64<<10)
	a.to = pieces
	return func() {
		if err := pieces.Flush(); a.lost == nil {
			a.lost = err
		}
		a.to = to
	}
}

// say writes one line about what we do.
func (u *ui) say(format string, a ...any) { u.line("", color.Reset, format, a...) }

// warn writes one line that deserves attention.
func (u *ui) warn(format string, a ...any) { u.line("warning", color.FgYellow, format, a...) }

// fail writes one line about what went wrong.
func (u *ui) fail(format string, a ...any) { u.line("error", color.FgRed, format, a...) }

// hint writes one line about what mends it.
func (u *ui) hint(format string, a ...any) { u.line("hint", color.FgCyan, format, a...) }

func (u *ui) line(word string, attribute color.Attribute, format string, a ...any) {
	if word != "" {
		word = paint(u.errColour, attribute, word+":") + " "
	}
	text := fmt.Sprintf(format, a...)
	for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		fmt.Fprintf(u.err, "agentguard: %s%s\n", word, audit.SafeText(l))
	}
}

// print writes a part of the answer. What others wrote goes through audit.SafeText before it gets here.
func (u *ui) print(format string, a ...any) { fmt.Fprintf(u.out, format, a...) }

// json writes one object a line.
func (u *ui) json(v any) error {
	e := json.NewEncoder(u.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// table writes rows in columns, cells escaped.
func (u *ui) table(rows [][]string) {
	w := tabwriter.NewWriter(u.out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			row[i] = audit.SafeText(cell)
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
}

// listing is a list that was asked for: a table, or with --json one object a line.
type listing struct {
	ui     *ui
	asJSON bool
	rows   [][]string
}

func (u *ui) listing(asJSON bool) *listing { return &listing{ui: u, asJSON: asJSON} }

// add takes one thing as an object, and as the cells of a row.
func (l *listing) add(line any, row ...string) error {
	if l.asJSON {
		return l.ui.json(line)
	}
	l.rows = append(l.rows, row)
	return nil
}

// show shows the table, if it has a row, below its heading if it has one.
func (l *listing) show(heading ...string) {
	switch {
	case len(l.rows) == 0:
	case len(heading) == 0:
		l.ui.table(l.rows)
	default:
		l.ui.table(append([][]string{heading}, l.rows...))
	}
}

// progress shows on a terminal how much of something is done, on one line that is gone when all is.
func (u *ui) progress(what string) (report func(done, total int), clear func()) {
	if !u.errTerminal {
		return func(int, int) {}, func() {}
	}
	var last time.Time
	report = func(done, total int) {
		if now := time.Now(); now.Sub(last) > 100*time.Millisecond {
			last = now
			fmt.Fprintf(u.err, "\r\x1b[Kagentguard: %s: %d of %d", audit.SafeText(what), done, total)
		}
	}
	return report, func() { fmt.Fprint(u.err, "\r\x1b[K") }
}

// good, bad and dim colour a word of an answer.
func (u *ui) good(s string) string { return paint(u.outColour, color.FgGreen, s) }
func (u *ui) bad(s string) string  { return paint(u.outColour, color.FgRed, s) }
func (u *ui) odd(s string) string  { return paint(u.outColour, color.FgYellow, s) }
func (u *ui) bold(s string) string { return paint(u.outColour, color.Bold, s) }
func (u *ui) dim(s string) string  { return paint(u.outColour, color.Faint, s) }

func paint(on bool, attribute color.Attribute, s string) string {
	if !on {
		return s
	}
	c := color.New(attribute)
	c.EnableColor() // the package's own guess looks at stdout alone
	return c.Sprint(s)
}
