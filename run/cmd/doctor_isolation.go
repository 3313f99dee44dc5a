package cmd

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"agentguard/policy"
	"agentguard/run"
	"agentguard/run/account"
	"agentguard/run/audit"
	"agentguard/run/sandbox"
)

// heldLine is one line of `doctor --isolation --json`: the level, or one thing that it closes or leaves open.
type heldLine struct {
	Kind  string   `json:"kind"` // level, user, hidden, read-only, writable, frozen, socket, tcp, profile
	What  string   `json:"what"`
	Open  bool     `json:"open,omitempty"` // of a socket: it can be reached
	Above string   `json:"why_not_more,omitempty"`
	Mends []string `json:"mends,omitempty"`
}

// held is how a kind of line is shown to a person.
var held = map[string]string{
	"user":   "whom the command runs as",
	"hidden": "cannot be opened", "read-only": "can be read, and not changed", "writable": "can be written; all else is read-only",
	"frozen": "files can be changed, and no new ones made", "socket": "sockets of other programs", "tcp": "your own services that can be reached",
}

// doctorIsolation lists what a run here would close, and what it leaves open.
func (p *program) doctorIsolation(given string, asJSON bool) error {
	pol, err := p.policyIfAny(given)
	if err != nil {
		return err
	}
	if pol == nil {
		pol = &policy.Policy{}
	}
	w, err := wish("", pol.Isolation.Minimum)
	if err != nil {
		return err
	}
	u, err := run.ChildUser(pol, p.env)
	if err != nil {
		return err
	}
	choice, err := sandbox.Choose(sandbox.Ladder(u.Boxed(), nil), w)
	if err != nil {
		var low *sandbox.Unmet
		if errors.As(err, &low) && !asJSON {
			p.showProfile(low.Tried)
		}
		return err
	}
	lines, err := p.heldAt(pol, u, choice)
	if err != nil {
		return err
	}
	if asJSON {
		for _, l := range lines {
			if err := p.json(l); err != nil {
				return err
			}
		}
		return nil
	}
	p.showHeld(choice, lines)
	return nil
}

// heldAt lists what a level closes and leaves open.
func (p *program) heldAt(pol *policy.Policy, u *account.User, choice sandbox.Choice) ([]heldLine, error) {
	lines := []heldLine{{Kind: "level", What: choice.Level.String(), Above: choice.WhyNotMore(), Mends: choice.Mends()}}
	if as := account.As(u); as != "" {
		lines = append(lines, heldLine{Kind: "user", What: as})
	}
	if profileWanted(choice.Above) {
		lines = append(lines, heldLine{Kind: "profile", What: sandbox.AppArmorProfile(ownPath())})
	}
	if choice.Level == sandbox.Env {
		return lines, nil
	}
	config := p.session(pol, nil, nil)
	config.User = u
	views, frozen, err := run.Views(config, choice.Level)
	if err != nil {
		return nil, err
	}
	for view, kind := range []string{sandbox.Hidden: "hidden", sandbox.ReadOnly: "read-only", sandbox.Writable: "writable"} {
		for _, r := range views {
			if r.View == sandbox.View(view) {
				lines = append(lines, heldLine{Kind: kind, What: r.Path})
			}
		}
	}
	for _, dir := range frozen {
		lines = append(lines, heldLine{Kind: "frozen", What: dir})
	}
	for _, path := range sandbox.Sockets() {
		lines = append(lines, heldLine{Kind: "socket", What: path, Open: !sandbox.HoldsSockets(choice.Level)})
	}
	for _, service := range pol.Isolation.AllowTCP {
		lines = append(lines, heldLine{Kind: "tcp", What: service.String()})
	}
	return lines, nil
}

func (p *program) showHeld(choice sandbox.Choice, lines []heldLine) {
	p.print("%s: %s\n", p.bold("isolation "+choice.Level.String()), holds(choice))
	if why := choice.WhyNotMore(); why != "" {
		p.print("%s\n", audit.SafeText(why))
	}
	for _, mend := range choice.Mends() {
		p.print("  fix: %s\n", audit.SafeText(mend))
	}
	p.showProfile(choice.Above)
	home, before := p.env.home(), ""
	for _, l := range lines {
		title, listed := held[l.Kind]
		if !listed {
			continue
		}
		if l.Kind == "socket" && l.Open {
			title += ", which this level leaves open"
		}
		if l.Kind != before {
			p.print("%s: %s\n", p.bold(l.Kind), title)
			before = l.Kind
		}
		p.print("  %s\n", audit.SafeText(tilde(l.What, home)))
	}
	if choice.Level > sandbox.Env {
		p.print("one line under [isolation] in the policy opens or closes a path: read = [\"~/.npmrc\"], write = [...], hide = [...]; allow_tcp = [5432] a service\n")
	}
}

// tilde shortens a path below the user's directory.
func tilde(path, home string) string {
	if rest, ok := strings.CutPrefix(path, filepath.Clean(home)+string(filepath.Separator)); ok && home != "" {
		return "~/" + rest
	}
	return path
}

func profileWanted(tried []sandbox.Tried) bool {
	for _, t := range tried {
		var problem *sandbox.Problem
		if errors.As(t.Err, &problem) && problem.Profile {
			return true
		}
	}
	return false
}

// showProfile prints what lets this program make namespaces, ready to paste, where AppArmor forbids it.
func (p *program) showProfile(tried []sandbox.Tried) {
	if !profileWanted(tried) {
		return
	}
	path := ownPath()
	p.print("\nAppArmor's profile for this program:\n\n")
	p.print("sudo tee %s <<'END' && sudo apparmor_parser -r %s\n%sEND\n\n", sandbox.AppArmorFile, sandbox.AppArmorFile, audit.SafeText(sandbox.AppArmorProfile(path)))
	if !strings.HasPrefix(path, "/usr/") { // there only root can write
		p.print("First put the program where only root can write, or whatever replaces it has these rights too: sudo install %q /usr/local/bin/agentguard\n\n", audit.SafeText(path))
	}
}

// ownPath is where this program is, as the kernel knows it.
func ownPath() string {
	self, err := os.Executable()
	if err != nil {
		return "/usr/local/bin/agentguard"
	}
	if real, err := filepath.EvalSymlinks(self); err == nil {
		return real
	}
	return self
}
