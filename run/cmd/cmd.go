// Package cmd is the command line: the only package that exits, prints, asks questions and reads the environment. Below it
// all of that is passed as values. Its rules are at the top of ui.go.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"

	"github.com/urfave/cli/v2"

	"agentguard/run"
	"agentguard/run/job"
	"agentguard/run/sandbox"
)

// Main runs the program and gives its exit code.
func Main() int {
	job.EndByDefault()
	// net/http tells the standard logger what a server sent without being asked, and with GODEBUG=http2debug all headers:
	// secrets, at the child's terminal.
	log.SetOutput(io.Discard)
	p := newProgram(os.Args, os.Environ(), os.Stdin, os.Stdout, os.Stderr)
	if n := run.OpenFiles(); n > 0 && n < fewestFiles {
		return p.exit(usage("ulimit -n 1024", "only %d files may be open at once here; agentguard needs %d", n, fewestFiles))
	}
	if n := run.Tasks(); n > 0 && n < fewestTasks {
		return p.exit(usage("ulimit -u 1024", "only %d processes and threads of yours may run at once here; agentguard needs %d", n, fewestTasks))
	}
	return p.main(context.Background())
}

// fewestFiles are as many as a run of one request has open at once, and fewestTasks as it has threads, with those of its init and a command.
// Go's runtime ends with a trace where it lacks one of its own.
const fewestFiles, fewestTasks = 32, 32

// program is what every command works with: the process's surroundings, as values.
type program struct {
	*ui
	args                  []string
	env                   environment
	stdin, stdout, stderr *os.File
	level                 sandbox.Level // of the run, once it is chosen and said
}

func newProgram(args, environ []string, stdin, stdout, stderr *os.File) *program {
	env := environment(environ).atHome()
	return &program{newUI(stdout, stderr, env), args, env, stdin, stdout, stderr, sandbox.None}
}

func (p *program) main(ctx context.Context) int {
	app := p.app()
	code := p.exit(dispatch(ctx, app, flagsFirst(app, p.args)))
	if p.out.lost != nil && code <= 1 {
		p.fail("the answer could not be written: %v", p.out.lost)
		return ours
	}
	return code
}

func (p *program) app() *cli.App {
	return &cli.App{
		Name:  "agentguard",
		Usage: "let an AI agent use credentials that it never holds",
		Description: `A policy (agentguard.toml) says what an agent may do; the secrets stay in your keychain. The agent gets
placeholders, and a proxy that only it can use puts the real credential on the requests that are allowed.

examples:
  agentguard demo                        see the whole story, without an account
  agentguard init github                 write a starter policy
  agentguard vault set github-token      put the token into your keychain
  agentguard run -- claude               start an agent under the policy`,
		Commands: []*cli.Command{
			p.runCommand(), p.demoCommand(), p.initCommand(), p.vaultCommand(), p.policyCommand(),
			p.auditCommand(), p.doctorCommand(), p.escapeCommand(), p.completionCommand(), p.versionCommand(), p.demoAgentCommand(), p.fetchCommand(), p.completeCommand(), p.probeCommand(),
		},
		Flags:     []cli.Flag{boolFlag("version", "print the version")},
		Writer:    p.out,
		ErrWriter: p.stderr,
		Action: func(c *cli.Context) error {
			if c.Bool("version") {
				return p.version(false)
			}
			return unknownCommand(c)
		},
	}
}

// fault is an error with the exit code that it means and what mends it.
type fault struct {
	err   error
	code  int
	hints []string
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

// ours is the exit code of a failure of our own, as env, timeout and docker have it.
const ours = 125

// mended is a failure of our own, with what mends it.
func mended(err error, hint string) error { return &fault{err, ours, []string{hint}} }

// usage makes the error of a wrong command line.
func usage(hint, format string, a ...any) error { return mended(fmt.Errorf(format, a...), hint) }

// status is an exit code that needs no words: the child's own, or an answer that was "no" and is already on stdout.
type status int

func (s status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// interruptible ends do at Ctrl-C by its context, so that it can put away what it made.
func interruptible(ctx context.Context, do func(context.Context) error) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	err := do(ctx)
	if ctx.Err() != nil {
		return status(signalCode(os.Interrupt))
	}
	return err
}

// exit shows an error and gives the exit code.
func (p *program) exit(err error) int {
	var (
		s status
		i interrupted
	)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &s):
		return int(s)
	case errors.As(err, &i):
		return signalCode(i.signal)
	}
	code, hints := p.explain(err)
	for _, h := range hints {
		p.hint("%s", h)
	}
	return code
}
