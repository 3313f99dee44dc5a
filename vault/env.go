package vault

import (
	"context"
	"errors"
	"fmt"
)

// env reads a variable of the supervisor's environment, which the child's never holds.
type env struct{ lookup func(string) (string, bool) }

func openEnv(opt Options) backend { return env{opt.LookupEnv} }

func checkEnvName(name string) error {
	for i, c := range []byte(name) {
		if c != '_' && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (i == 0 || c < '0' || c > '9') {
			return errNoVariable
		}
	}
	if name == "" {
		return errNoVariable
	}
	return nil
}

var errNoVariable = errors.New("not the name of a variable")

func (e env) get(_ context.Context, name string) (Secret, error) {
	value, ok := e.lookup(name)
	if value == "" {
		state := "not set"
		if ok {
			state = "empty"
		}
		return Secret{}, hint(fmt.Errorf("%w: the variable is %s", ErrNotFound, state), "export "+name+", or keep the secret with agentguard vault set")
	}
	return NewSecret([]byte(value))
}

func (env) close() {}
