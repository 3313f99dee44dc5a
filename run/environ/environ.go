// Package environ is an environment as a value, and what in one looks secret. It reads no environment of its own.
package environ

import (
	"maps"
	"runtime"
	"slices"
	"strings"
)

// Env is an environment. The zero Env is empty and ready to use; names compare without case on Windows.
// It is not safe for concurrent use.
type Env struct {
	entries map[string]entry // by folded name
	fold    bool
}

type entry struct{ name, value string }

// Of reads NAME=VALUE entries. The last of several entries of one name wins, as execve's callers agree on; entries
// without a name or a "=" and those with a NUL are dropped, since readers differ on what they mean.
func Of(environ []string) *Env { return newEnv(environ, runtime.GOOS == "windows") }

func newEnv(environ []string, fold bool) *Env {
	e := &Env{entries: make(map[string]entry, len(environ)+48), fold: fold}
	for _, kv := range environ {
		name, value, ok := cutEntry(kv, fold)
		if ok && !strings.Contains(kv, "\x00") {
			e.Set(name, value)
		}
	}
	return e
}

// cutEntry splits at the first "=". Windows keeps a working directory per drive in names such as "=C:".
func cutEntry(kv string, drives bool) (name, value string, ok bool) {
	start := 0
	if drives && strings.HasPrefix(kv, "=") {
		start = 1
	}
	i := strings.IndexByte(kv[start:], '=')
	if i+start <= 0 {
		return "", "", false
	}
	return kv[:start+i], kv[start+i+1:], true
}

func (e *Env) key(name string) string {
	if e.fold {
		return strings.ToUpper(name)
	}
	return name
}

// Get gives a variable's value, "" when it is not set.
func (e *Env) Get(name string) string { return e.entries[e.key(name)].value }

// Lookup gives a variable's value and whether it is set.
func (e *Env) Lookup(name string) (value string, ok bool) {
	v, ok := e.entries[e.key(name)]
	return v.value, ok
}

// Set sets a variable. An empty name is ignored.
func (e *Env) Set(name, value string) {
	if name == "" {
		return
	}
	if e.entries == nil {
		e.entries = map[string]entry{}
	}
	e.entries[e.key(name)] = entry{name, value}
}

// Unset removes a variable.
func (e *Env) Unset(name string) { delete(e.entries, e.key(name)) }

// Clone gives another of the same variables.
func (e *Env) Clone() *Env { return &Env{maps.Clone(e.entries), e.fold} }

// Names gives the names that are set, sorted.
func (e *Env) Names() []string {
	names := make([]string, 0, len(e.entries))
	for _, v := range e.entries {
		names = append(names, v.name)
	}
	slices.Sort(names)
	return names
}

// List gives the environment as NAME=VALUE, sorted.
func (e *Env) List() []string {
	list := make([]string, 0, len(e.entries))
	for _, v := range e.entries {
		list = append(list, v.name+"="+v.value)
	}
	slices.Sort(list)
	return list
}
