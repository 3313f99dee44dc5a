// Package run is one session: a child that works with credentials it does not hold.
package run

// Env is a child's environment as a value.
type Env struct{}

// NewEnv reads NAME=VALUE entries; the last of a duplicated name wins.
func NewEnv(environ []string) *Env { return &Env{} }

func (e *Env) Get(name string) string            { return "" }
func (e *Env) Lookup(name string) (string, bool) { return "", false }
func (e *Env) Set(name, value string)            {}
func (e *Env) Unset(name string)                 {}
func (e *Env) Names() []string                   { return nil }
func (e *Env) List() []string                    { return nil }

// EnvPlan is everything that decides a child's environment.
type EnvPlan struct {
	Environ      []string
	Pass         []string
	Set          map[string]string
	Extra        []string
	Placeholders map[string]string
	Sources      []string
	Secrets      [][]byte

	ProxyURL, GatewayURL, RunID, Agent, Isolation string

	Files ClientFiles
}

// Build makes the environment; removed holds the names that the child does not get.
func (p EnvPlan) Build() (env *Env, removed []string) { return &Env{}, nil }
