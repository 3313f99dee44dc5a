// Package escape tries to get out of a run's confinement: it is a hostile child with a list of attacks, and the targets that
// they are aimed at, all of which it makes itself. Each attack is tried without confinement too: one that does not work there
// proves nothing within.
package escape

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"agentguard/run/sandbox"
)

// Attack is one thing that a hostile child could try.
type Attack struct {
	Name  string
	What  string        // what it is after, for a person
	Holds sandbox.Level // the weakest level that promises to stop it; beyond all levels: none does
	try   func(t *Targets) error
}

// Outcome is what came of an attack.
type Outcome struct {
	Name    string `json:"name"`
	Reached bool   `json:"reached"`
	Detail  string `json:"detail,omitempty"` // why it was not reached
}

// Never is for attacks that no level promises to stop.
const Never = sandbox.Sealed + 1

// KeyringAttribute is what the canary in the user's keyring is found by.
const KeyringAttribute = "agentguard-escape-test"

// limit bounds one attack: what hangs has not reached its target.
const limit = 10 * time.Second

// Attacks are all that this system knows, in the order of the report.
func Attacks() []Attack { return attacks }

// Probe makes one attack, in this process, and says whether it worked. What it was after is proved by what it brings back, or by
// the target itself.
func Probe(name string, t *Targets) Outcome {
	for _, a := range attacks {
		if a.Name != name {
			continue
		}
		o := Outcome{Name: name, Reached: true}
		if err := a.try(t); err != nil {
			o.Reached, o.Detail = false, err.Error()
		}
		return o
	}
	return Outcome{Name: name, Detail: "no such attack"}
}

// Assault makes every attack, each in a process of its own, and writes an Outcome a line. command is the program and the
// arguments before an attack's name.
func Assault(ctx context.Context, command []string, w io.Writer) error {
	out := json.NewEncoder(w)
	for _, a := range attacks {
		if err := out.Encode(apart(ctx, command, a.Name)); err != nil {
			return err
		}
	}
	return nil
}

// apart makes one attack in a process of its own: some end the process that tries them, and some wait for ever.
func apart(ctx context.Context, command []string, name string) Outcome {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], append(command[1:len(command):len(command)], name)...)
	cmd.WaitDelay = time.Second
	text, err := cmd.Output()
	var o Outcome
	switch {
	case json.Unmarshal(text, &o) == nil && o.Name == name:
		return o
	case ctx.Err() != nil:
		return Outcome{Name: name, Detail: "no answer within " + limit.String()}
	case err != nil:
		return Outcome{Name: name, Detail: "the attacker: " + err.Error()}
	}
	return Outcome{Name: name, Detail: "the attacker said nothing"}
}

// Read reads the lines of an assault.
func Read(r io.Reader) (map[string]Outcome, error) {
	all := map[string]Outcome{}
	for d := json.NewDecoder(r); ; {
		var o Outcome
		switch err := d.Decode(&o); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return all, fmt.Errorf("what the attacker says: %w", err)
		}
		all[o.Name] = o
	}
}

// Verdict is what an attack's two outcomes come to.
type Verdict uint8

// The verdicts. The zero value is the worst.
const (
	Open        Verdict = iota // it worked, although the level promises to stop it
	NotPromised                // it worked, as this level lets it
	Untried                    // it does not work here without confinement either
	Stopped
)

func (v Verdict) String() string {
	return [...]string{"OPEN", "open, as this level lets it", "could not be tried here", "stopped"}[v]
}

// Judge compares an attack's outcome in confinement with the one without.
func (a Attack) Judge(level sandbox.Level, control, confined Outcome) Verdict {
	switch {
	case confined.Reached && level >= a.Holds:
		return Open
	case confined.Reached:
		return NotPromised
	case !control.Reached:
		return Untried
	case confined.Name == "": // nobody tried
		return Open
	}
	return Stopped
}

// Targets are what the attacks are aimed at. The attacker reads them from a file in its working directory.
type Targets struct {
	Canary string // what every secret holds

	Home, Work     string   // the user's directory and the working directory
	Secrets        []string // files
	Settled        string   // a file that a shell executes
	Elsewhere      string   // a directory of the user's that is neither the working directory nor a temporary one
	Pid            int      // of a process outside that holds the canary, in its memory at Address and in its environment
	Address        uint64
	TCP4, TCP6     string // services of this machine
	External       string // one on an address that is not the loopback; "": there is none
	UDP            string
	Socket         string // of a service, with a path
	Abstract       string // and without
	Terminal       string // of the user; "": there is none
	TerminalDevice uint64 // of its file system
	SSHAgent       string // socket; "": there is none
	Bus            string // address of the user's D-Bus
	Keyring        bool   // the user's keyring holds the canary
}

// Load reads targets.
func Load(file string) (*Targets, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	t := &Targets{}
	return t, json.Unmarshal(text, t)
}
