package vault

import (
	"context"
	"io"
)

type stub struct{}

func (stub) get(context.Context, string) (Secret, error) { return Secret{}, ErrUnavailable }
func (stub) place(context.Context) Place                 { return Place{State: noKeychain + "stub"} }
func (stub) close()                                      {}
func openKeychain(Options) backend                       { return stub{} }
func openAge(Options) backend                            { return stub{} }
func openEnv(Options) backend                            { return stub{} }
func openFile(Options) backend                           { return stub{} }
func openExec(Options) backend                           { return stub{} }
func checkEnvName(s string) error                        { return checkText(s) }
func checkPath(s string) error                           { return checkText(s) }
func checkCommand(s string) error                        { return checkText(s) }

// Pair is a variable of a .env file.
type Pair struct {
	Name  string
	Value Secret
	Line  int
}

// ImportEnvFile reads.
func ImportEnvFile(r io.Reader) ([]Pair, error) { return nil, ErrUnavailable }

// BlankEnvFile blanks.
func BlankEnvFile(path string, names []string) error { return ErrUnavailable }
