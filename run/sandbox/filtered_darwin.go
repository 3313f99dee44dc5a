package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
)

// built is a Fence as sandbox-exec takes it.
type built struct{ profile string }

const sandboxExec = "/usr/bin/sandbox-exec"

// tryFiltered runs commands under profiles: one that must work, and one that must not.
func tryFiltered() (limits []string, err error) {
	fence := &Fence{Places: Places{Hide: []string{"/private/etc/hosts"}}}
	if _, err := fence.Prepare(); err != nil {
		return nil, err
	}
	for command, want := range map[string]bool{"/usr/bin/true": true, "/bin/cat /etc/hosts": false} {
		argv, err := fence.Command("/bin/sh", []string{"sh", "-c", command})
		if err != nil {
			return nil, err
		}
		out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
		if (err == nil) != want {
			return nil, &Problem{Step: fmt.Sprintf("see that files are restricted: %s: %s", command, bytes.TrimSpace(out)), Call: sandboxExec, Err: err}
		}
	}
	return []string{
		"names of hidden files can be seen",
		"items that agentguard keeps in the keychain can be read by any program of yours that is not confined",
		"memory of your other programs is protected by the system alone",
	}, nil
}

// Prepare works out what the child may open. Nothing is ever frozen here.
func (f *Fence) Prepare() (frozen []string, err error) {
	var all []led
	known := newLinks()
	for _, r := range f.Places.Rules() {
		if path, there := known.resolve(r.Path); there {
			all = append(all, known.led(r, path))
		} else if r.View == Hidden {
			all = append(all, known.led(r, known.parent(r.Path)))
		}
	}
	rules, _ := trusted(all)
	f.built.profile, err = Seatbelt(rules, f.Ports)
	if err != nil {
		return nil, &Problem{Step: "restrict files", Err: err}
	}
	return nil, nil
}

// Views says what the fence comes to, of what there is.
func (f *Fence) Views() []Rule { return Seen(f.Places.Rules()) }

// Command is the command line that runs a command in the fence.
func (f *Fence) Command(path string, argv []string) ([]string, error) {
	if f.built.profile == "" {
		return nil, errors.New("the fence is not prepared")
	}
	return append([]string{sandboxExec, "-p", f.built.profile, path}, argv[1:]...), nil
}
