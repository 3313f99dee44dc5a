package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/term"
)

// maxTyped is where a terminal's line discipline starts to drop characters (N_TTY_BUF_SIZE less the line's end).
const maxTyped = 4094

// errNoTerminal is why a question could not be asked.
var errNoTerminal = errors.New("there is no terminal to ask on")

// interrupted ends a question, and with it the program, as the signal would have.
type interrupted struct{ signal os.Signal }

func (i interrupted) Error() string { return "interrupted by " + i.signal.String() }

// askHidden asks on the terminal for a line that is not shown.
func askHidden(ctx context.Context, question string) ([]byte, error) {
	return ask(ctx, question, hideTyped, func(t *tty) ([]byte, error) {
		b, err := readHidden(t)
		if err == nil && len(b) >= maxTyped {
			clear(b)
			return nil, fmt.Errorf("a terminal line ends at %d characters: give the value on standard input instead", maxTyped)
		}
		return b, err
	})
}

// askYes asks on the terminal; only a typed y or yes is one.
func askYes(question string) (bool, error) {
	answer, err := ask(context.Background(), question+" [y/N] ", func(*tty) error { return nil }, func(t *tty) ([]byte, error) { return readLine(t.in, 100) })
	word := strings.ToLower(strings.TrimSpace(string(answer)))
	return word == "y" || word == "yes", err
}

// ask prepares the terminal, puts a question, waits for the answer, a signal or the end of ctx, erases the question and leaves the
// terminal as it was. Whoever types as soon as the question is there must find it prepared.
func ask(ctx context.Context, question string, prepare func(*tty) error, read func(*tty) ([]byte, error)) ([]byte, error) {
	t, err := openTTY()
	if err != nil {
		return nil, errNoTerminal
	}
	defer t.close()
	before, err := term.GetState(int(t.in.Fd()))
	if err != nil {
		return nil, errNoTerminal
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, promptSignals...)
	defer signal.Stop(signals)

	defer term.Restore(int(t.in.Fd()), before)
	if err := prepare(t); err != nil {
		return nil, err
	}
	done := make(chan typed, 1)
	fmt.Fprint(t.out, "agentguard: "+question)
	go func() {
		line, err := read(t)
		done <- typed{line, err}
	}()
	defer fmt.Fprint(t.out, "\r\x1b[2K") // erased, whatever comes
	return await(ctx, done, signals)
}

// typed is what a person has answered.
type typed struct {
	line []byte
	err  error
}

// await waits for an answer, or a signal or ctx that ends the question.
func await(ctx context.Context, done <-chan typed, signals <-chan os.Signal) ([]byte, error) {
	for {
		select {
		case a := <-done:
			if errors.Is(a.err, io.EOF) {
				a.err = errors.New("no answer was given")
			}
			return a.line, a.err
		case s := <-signals:
			if suspends(s) {
				continue // stopped with echo off, the shell would show what is typed next: not during a question
			}
			return nil, interrupted{s}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// readLine reads byte by byte, so that nothing after the line is taken from the terminal.
func readLine(r io.Reader, limit int) ([]byte, error) {
	var line []byte
	b := make([]byte, 1)
	for len(line) < limit {
		n, err := r.Read(b)
		if n == 1 && b[0] == '\n' {
			return line, nil
		}
		if n == 1 {
			line = append(line, b[0])
		}
		if err != nil {
			return line, err
		}
	}
	return line, nil
}

// maxPiped bounds a value on standard input.
const maxPiped = 1 << 20

// newSecretValue gets a value to store: from the terminal, typed twice, or from standard input when that is no terminal.
// It is never taken from an argument.
func newSecretValue(ctx context.Context, stdin *os.File, name string) ([]byte, error) {
	if term.IsTerminal(int(stdin.Fd())) {
		return typedTwice(ctx, "value of "+name)
	}
	b, err := io.ReadAll(io.LimitReader(stdin, maxPiped+1))
	if err != nil {
		return nil, fmt.Errorf("reading the value from standard input: %w", err)
	}
	if len(b) > maxPiped {
		return nil, fmt.Errorf("the value on standard input is longer than %d bytes", maxPiped)
	}
	b = bytes.TrimSuffix(b, []byte("\n")) // echo and here-strings add one
	b = bytes.TrimSuffix(b, []byte("\r"))
	if len(b) == 0 {
		return nil, usage("CMD | agentguard vault set "+name+"   (or on a terminal, which asks for it)", "there is no value on standard input")
	}
	return b, nil
}

func typedTwice(ctx context.Context, what string) ([]byte, error) {
	first, err := askHidden(ctx, what+" (not shown): ")
	if err != nil {
		return nil, err
	}
	if len(first) == 0 {
		return nil, errors.New("no value was typed")
	}
	second, err := askHidden(ctx, what+" again: ")
	if err != nil {
		return nil, err
	}
	defer clear(second)
	if !bytes.Equal(first, second) {
		clear(first)
		dropTyped()
		return nil, errors.New("the two values differ: nothing was stored")
	}
	return first, nil
}

// dropTyped drops what was typed and not read. Of a value of several lines that was pasted, the rest would go to the shell, which
// shows, runs and remembers it.
func dropTyped() {
	if t, err := openTTY(); err == nil {
		flushTyped(t)
		t.close()
	}
}

// tty is the controlling terminal.
type tty struct{ in, out *os.File }

func (t *tty) close() {
	t.in.Close()
	if t.out != t.in {
		t.out.Close()
	}
}
