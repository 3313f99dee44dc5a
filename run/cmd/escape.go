package cmd

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/urfave/cli/v2"

	"agentguard/policy"
	"agentguard/run"
	"agentguard/run/audit"
	"agentguard/run/escape"
	"agentguard/run/sandbox"
	"agentguard/vault"
)

func (p *program) escapeCommand() *cli.Command {
	return &cli.Command{
		Name:  "escape-test",
		Usage: "attack the isolation of runs on this machine, and say what it stopped",
		Description: `Makes targets of its own (secret files in a home directory made for this, services, a process, sockets) and attacks them twice:
without confinement, as a control, and as the child of a run. What the control cannot reach either could not be tried here. The
exit code is 1 where something was reached that the level promises to stop.

examples:
  agentguard escape-test
  agentguard escape-test --isolation filtered
  agentguard escape-test --json | jq 'select(.verdict == "OPEN")'`,
		Flags: []cli.Flag{isolationFlag("attack", "the strongest that works here"), jsonFlag()},
		Action: withoutArguments(func(c *cli.Context) error {
			w, err := wish(c.String("isolation"), sandbox.Env.String())
			if err != nil {
				return err
			}
			return interruptible(c.Context, func(ctx context.Context) error { return p.escape(ctx, w, c.Bool("json")) })
		}),
	}
}

// canaryVariable hands the canary to this program executed anew.
const canaryVariable = "AGENTGUARD_ESCAPE_CANARY"

func (p *program) escape(ctx context.Context, w sandbox.Wish, asJSON bool) error {
	if len(escape.Attacks()) == 0 {
		return fmt.Errorf("there are no attacks for %s", runtime.GOOS)
	}
	canary := p.env.get(canaryVariable)
	if canary == "" {
		canary = rand.Text()
		_ = escape.Anew(p.args, append(p.env, canaryVariable+"="+canary), canary) // without, the keys of the session are no target
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	stage, err := escape.NewStage(p.env.home(), canary, []string{self, probeCommand, "prey"})
	if err != nil {
		return err
	}
	defer stage.Close()
	stage.SSHAgent, stage.Bus = p.env.get("SSH_AUTH_SOCK"), p.env.get("DBUS_SESSION_BUS_ADDRESS")
	forget := p.keepInKeyring(ctx, stage)
	defer forget()
	if err := stage.Write(); err != nil {
		return err
	}
	if _, err := stage.LeaveOpen(); err != nil {
		return err
	}
	argv := []string{self, probeCommand, stage.File}
	control, err := p.unconfined(ctx, stage, argv)
	if err != nil {
		return fmt.Errorf("the control: %w", err)
	}
	confined, choice, err := p.confined(ctx, stage, argv, w)
	if err != nil {
		return err
	}
	return p.showEscapes(choice, control, confined, asJSON)
}

// keepInKeyring puts the canary into the user's keyring, if that is open and answers.
func (p *program) keepInKeyring(ctx context.Context, stage *escape.Stage) (forget func()) {
	v := vault.New(p.vaultOptions())
	defer v.Close()
	open := false
	for _, place := range v.Where(ctx) {
		open = open || place.Backend == "keychain" && place.State == "unlocked"
	}
	tool, err := exec.LookPath("secret-tool")
	if !open || err != nil {
		return func() {}
	}
	store := exec.CommandContext(ctx, tool, "store", "--label=agentguard escape-test", escape.KeyringAttribute, stage.Canary[:8])
	store.Stdin = strings.NewReader(stage.Canary)
	stage.Keyring = store.Run() == nil
	return func() { _ = exec.Command(tool, "clear", escape.KeyringAttribute, stage.Canary[:8]).Run() }
}

// stageEnvironment is ours with the home directory of the stage.
func (p *program) stageEnvironment(stage *escape.Stage) environment {
	return append(p.env.without("home", "xdg_config_home", "xdg_data_home", "xdg_state_home", "xdg_cache_home", strings.ToLower(canaryVariable)), "HOME="+stage.Home)
}

func (p *program) unconfined(ctx context.Context, stage *escape.Stage, argv []string) (map[string]escape.Outcome, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env, cmd.Dir = p.stageEnvironment(stage), stage.Work
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	return escape.Read(strings.NewReader(string(out)))
}

// confined makes the same attacks as the child of a run, under a policy that allows nothing.
func (p *program) confined(ctx context.Context, stage *escape.Stage, argv []string, w sandbox.Wish) (found map[string]escape.Outcome, choice sandbox.Choice, err error) {
	pol, err := policy.Parse("escape-test.toml", []byte("version = 1\n[agent]\nname = \"escape-test\"\n"))
	if err != nil {
		return nil, choice, err
	}
	v := vault.New(vault.Options{})
	defer v.Close()
	config := p.session(pol, v, argv)
	config.Isolation, config.Environ, config.Dir, config.Say = w, p.stageEnvironment(stage), stage.Work, nothing
	config.Chosen = func(c sandbox.Choice) { choice = c }
	config.StateHome = filepath.Join(stage.Home, ".local/state")
	r, end, err := os.Pipe()
	if err != nil {
		return nil, choice, err
	}
	defer r.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, choice, err
	}
	defer null.Close()
	config.Stdin, config.Stdout = null, end
	text := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(io.LimitReader(r, 1<<20))
		text <- b
	}()
	result, err := run.Run(ctx, config)
	end.Close()
	out := <-text
	if err != nil {
		return nil, choice, err
	}
	if result.Code != 0 {
		return nil, choice, fmt.Errorf("the attacker did not get to the end: exit code %d", result.Code)
	}
	found, err = escape.Read(strings.NewReader(string(out)))
	return found, choice, err
}

// escapeLine is one line of `escape-test --json`.
type escapeLine struct {
	Attack  string `json:"attack"`
	What    string `json:"what"`
	Level   string `json:"isolation"`
	Holds   string `json:"promised_by,omitempty"`
	Control bool   `json:"control_reached"`
	Reached bool   `json:"reached"`
	Verdict string `json:"verdict"`
	Detail  string `json:"detail,omitempty"`
}

func (p *program) showEscapes(choice sandbox.Choice, control, confined map[string]escape.Outcome, asJSON bool) error {
	counts := map[escape.Verdict]int{}
	for _, a := range escape.Attacks() {
		verdict := a.Judge(choice.Level, control[a.Name], confined[a.Name])
		counts[verdict]++
		detail := confined[a.Name].Detail
		if verdict == escape.Untried {
			detail = control[a.Name].Detail
		}
		if asJSON {
			if err := p.json(escapeLine{a.Name, a.What, choice.Level.String(), a.Holds.String(), control[a.Name].Reached, confined[a.Name].Reached, verdict.String(), detail}); err != nil {
				return err
			}
			continue
		}
		p.showEscape(a, verdict, detail)
	}
	if !asJSON {
		p.print("isolation %s: %d stopped, %d open, %d open as this level lets them, %d could not be tried here\n", choice.Level,
			counts[escape.Stopped], counts[escape.Open], counts[escape.NotPromised], counts[escape.Untried])
	}
	if counts[escape.Open] > 0 {
		return status(1)
	}
	return nil
}

func (p *program) showEscape(a escape.Attack, v escape.Verdict, detail string) {
	word := map[escape.Verdict]string{
		escape.Stopped: p.good("stopped "), escape.Open: p.bad("OPEN    "), escape.NotPromised: p.odd("open    "), escape.Untried: p.dim("untried "),
	}[v]
	p.print("%s %s: %s\n", word, a.Name, a.What)
	switch v {
	case escape.NotPromised:
		p.print("         isolation %s stops it\n", a.Holds)
	case escape.Untried, escape.Stopped:
		p.print("         %s\n", p.dim(audit.SafeText(audit.Clip(detail, 200))))
	}
}

// probeCommand is the attacker: `escape-probe FILE` makes all attacks on the targets of the file, `escape-probe FILE NAME` one,
// and `escape-probe prey` is attacked.
const probeCommand = "escape-probe"

func (p *program) probeCommand() *cli.Command {
	return &cli.Command{
		Name:   probeCommand,
		Hidden: true,
		Usage:  "the attacker of escape-test",
		Action: func(c *cli.Context) error {
			a, err := arguments(c, 1, 2)
			if err != nil {
				return err
			}
			if a[0] == "prey" {
				return escape.Prey(p.env.get(canaryVariable), p.stdin, p.stdout)
			}
			if len(a) == 1 {
				self, err := os.Executable() // under whatever name it was started
				if err != nil {
					return err
				}
				return escape.Assault(c.Context, []string{self, probeCommand, a[0]}, p.stdout)
			}
			t, err := escape.Load(a[0])
			if err != nil {
				return err
			}
			return json.NewEncoder(p.stdout).Encode(escape.Probe(a[1], t))
		},
	}
}
