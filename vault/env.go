package vault

import (
	"context"
	"errors"
	"fmt"
	"regexp"
)

// env reads a variable of the supervisor's environment, which the child's never holds.
type env struct{ lookup func(string) (string, bool) }

func openEnv(opt Options) backend { return env{opt.LookupEnv} }

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func checkEnvName(name string) error {
	if !envName.MatchString(name) {
		return errors.New("not the name of a variable")
	}
	return nil
}

func (e env) get(_ context.Context, name string) (Secret, error) {
	value, ok := e.lookup(name)
	if !ok || value == "" {
		return Secret{}, hint(fmt.Errorf("%w: the variable is not set", ErrNotFound), "export "+name+", or keep the secret with agentguard vault set")
	}
	return NewSecret([]byte(value))
}

func (env) close() {}
