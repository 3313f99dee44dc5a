package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"agentguard/vault/words"
)

// execLimit is how long a command may take: password managers answer within a second or two, or ask somebody.
const execLimit = 10 * time.Second

// command runs a password manager's own tool ("gh auth token", "op read op://vault/item/field") without a shell, in its
// own session (so no terminal to prompt on), with a minimal environment, and takes what it prints on stdout as the secret.
// Of the line nothing is expanded but ~/ where the command's path begins; for its quotes see words.Split.
type command struct {
	lookup func(string) (string, bool)
	limit  time.Duration
}

func openExec(opt Options) backend { return command{opt.LookupEnv, execLimit} }

func checkCommand(line string) error {
	if err := checkText(line); err != nil {
		return err
	}
	_, err := words.Split(line)
	return err
}

func (command) close() {}

func (c command) get(ctx context.Context, line string) (Secret, error) {
	argv, err := words.Split(line)
	if err != nil {
		return Secret{}, err
	}
	path, err := c.find(argv[0])
	if err != nil {
		return Secret{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	out, errOut := &capped{most: maxFile, full: cancel}, &capped{most: 4 << 10}
	cmd := osexec.CommandContext(ctx, path, argv[1:]...)
	cmd.Args[0] = argv[0]
	cmd.Env = c.environ(filepath.Base(path))
	cmd.Stdout, cmd.Stderr = out, errOut
	cmd.WaitDelay = time.Second // for whoever left the group and holds the pipe
	alone(cmd)
	err = runAlone(cmd)
	defer clear(out.buf.Bytes())
	switch {
	case out.over:
		return Secret{}, fmt.Errorf("%w: %s printed more than %d bytes", ErrUnavailable, argv[0], maxFile)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return Secret{}, fmt.Errorf("%w: %s did not finish within %s", ErrUnavailable, argv[0], c.limit)
	case errors.Is(err, osexec.ErrWaitDelay):
		return Secret{}, hint(fmt.Errorf("%w: %s ended, but something that it started still holds its output", ErrUnavailable, argv[0]),
			"have it start what goes on with >/dev/null 2>&1")
	case err != nil:
		return Secret{}, fmt.Errorf("%w: %s: %w%s", ErrUnavailable, argv[0], err, firstLine(errOut.buf.Bytes(), out.buf.Bytes()))
	case len(trimNewline(out.buf.Bytes())) == 0:
		return Secret{}, fmt.Errorf("%w: %s printed nothing%s", ErrNotFound, argv[0], firstLine(errOut.buf.Bytes(), nil))
	}
	return NewSecret(bytes.Clone(trimNewline(out.buf.Bytes())))
}

// capped keeps the first most bytes, and says when there were more. It does not embed its buffer, whose ReadFrom would
// let io.Copy go past Write.
type capped struct {
	buf  bytes.Buffer
	most int
	over bool
	full func() // if nil, the rest is dropped
}

func (c *capped) Write(p []byte) (int, error) {
	room := c.most - c.buf.Len()
	if len(p) <= room {
		return c.buf.Write(p)
	}
	c.buf.Write(p[:room])
	if c.full != nil && !c.over {
		c.full()
	}
	c.over = true
	return len(p), nil
}

// firstLine is what the tool says went wrong. Tools that fail half way may repeat on stderr what they had on stdout:
// such a line is left out, and so is one that has any line of stdout in it. Others show a secret in their message alone (a
// script with set -x, a tool that was given a wrong one): what looks like one is left out of it.
func firstLine(errOut, out []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(errOut), []byte("\n"))
	if len(line) == 0 {
		return ""
	}
	for part := range bytes.FieldsSeq(out) {
		if len(part) > 3 && bytes.Contains(line, part) {
			return ": (its message repeats its output)"
		}
	}
	likeKey := regexp.MustCompile(`[A-Za-z0-9_+=~-]{16,}`) // as long as keys and passwords are; it is one if there are digits among its letters
	return ": " + clean(likeKey.ReplaceAllStringFunc(string(bytes.TrimSpace(line)), func(word string) string {
		if strings.ContainsAny(word, "0123456789") && strings.Trim(word, "0123456789-") != "" {
			return "[...]"
		}
		return word
	}))
}

// find looks name up in the supervisor's PATH, but for what the project that the agent works on could bring: it would have its own gh.
func (c command) find(name string) (string, error) {
	if strings.ContainsAny(name, `/`+string(filepath.Separator)) {
		path, err := expandHome(name, c.lookup)
		if err == nil {
			path, err = filepath.Abs(path)
		}
		if err == nil {
			path, err = osexec.LookPath(path)
		}
		if err != nil {
			return "", hint(fmt.Errorf("%w: %s cannot be run", ErrUnavailable, name), "it has to be there, a file, and yours to execute")
		}
		return path, nil
	}
	for _, dir := range c.searched() {
		if path, err := osexec.LookPath(filepath.Join(dir, name)); err == nil && !c.isProjects(path) {
			return path, nil
		}
	}
	return "", hint(fmt.Errorf("%w: %s is not installed", ErrUnavailable, name),
		"install "+name+", or name it by its whole path: what PATH has in the working directory, in environments of Python's and in node_modules is passed over, since the command can write there")
}

// searched are the directories of PATH in which a program counts, for the tool itself and for what it starts.
func (c command) searched() []string {
	list, _ := c.lookup("PATH")
	return slices.DeleteFunc(filepath.SplitList(list), func(dir string) bool {
		if !filepath.IsAbs(dir) || strings.HasSuffix(filepath.ToSlash(filepath.Clean(dir)), "node_modules/.bin") || c.isProjects(dir) {
			return true
		}
		_, err := os.Stat(filepath.Join(dir, "..", "pyvenv.cfg"))
		return err == nil
	})
}

// isProjects says whether a path leads into the working directory. Where that has the home directory in it, programs of the user's own are
// there too, and a command that is confined cannot change them.
func (c command) isProjects(path string) bool {
	dir, err := os.Getwd()
	home, _ := c.lookup("HOME")
	return err == nil && lies(path, dir) && !lies(home, dir)
}

// lies says whether a path is in a directory, where links lead.
func lies(path, dir string) bool {
	for _, p := range []*string{&path, &dir} {
		if real, err := filepath.EvalSymlinks(*p); err == nil {
			*p = real
		}
	}
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// commonEnv is what every program needs to find its files and to speak the user's language.
var commonEnv = []string{"HOME", "PATH", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR",
	"XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_DIRS", "XDG_DATA_DIRS",
	"USERPROFILE", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "SYSTEMROOT", "TEMP", "TMP", "PATHEXT", "COMSPEC"}

// toolEnv is what known tools need besides, by the names in their own documentation: where they keep their state, and
// how they reach their agent. Other tools are wrapped in a script that sets what they need.
var toolEnv = []struct{ tool, names string }{
	{"gh", "GH_CONFIG_DIR GH_HOST DBUS_SESSION_BUS_ADDRESS"},
	{"glab", "GLAB_CONFIG_DIR DBUS_SESSION_BUS_ADDRESS"},
	{"op", "OP_ACCOUNT OP_SERVICE_ACCOUNT_TOKEN OP_CONNECT_HOST OP_CONNECT_TOKEN OP_CONFIG_DIR"},
	{"bw", "BW_SESSION BITWARDENCLI_APPDATA_DIR"},
	{"bws", "BWS_ACCESS_TOKEN BWS_SERVER_URL"},
	{"rbw", "RBW_PROFILE"},
	{"pass", "PASSWORD_STORE_DIR GNUPGHOME DBUS_SESSION_BUS_ADDRESS"},
	{"gopass", "GOPASS_HOMEDIR GNUPGHOME DBUS_SESSION_BUS_ADDRESS"},
	{"gpg", "GNUPGHOME DBUS_SESSION_BUS_ADDRESS"},
	{"secret-tool", "DBUS_SESSION_BUS_ADDRESS"},
	{"vault", "VAULT_ADDR VAULT_TOKEN VAULT_NAMESPACE VAULT_CACERT"},
	{"bao", "BAO_ADDR BAO_TOKEN BAO_NAMESPACE BAO_CACERT"},
	{"aws", "AWS_PROFILE AWS_REGION AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE"},
	{"gcloud", "CLOUDSDK_CONFIG CLOUDSDK_ACTIVE_CONFIG_NAME"},
	{"az", "AZURE_CONFIG_DIR"},
	{"doppler", "DOPPLER_TOKEN DOPPLER_CONFIG_DIR"},
	{"infisical", "INFISICAL_TOKEN"},
}

func (c command) environ(tool string) []string {
	names := slices.Clip(commonEnv)
	for _, t := range toolEnv {
		if t.tool == strings.TrimSuffix(tool, ".exe") {
			names = append(names, strings.Fields(t.names)...)
		}
	}
	environ := []string{"PYTHONSAFEPATH=1"} // Python would look beside the script, and in the working directory, for what it imports (docs.python.org, "Command line and environment")
	for _, name := range names {
		v, ok := c.lookup(name)
		if name == "PATH" {
			v = strings.Join(c.searched(), string(filepath.ListSeparator))
		}
		if ok {
			environ = append(environ, name+"="+v)
		}
	}
	return environ
}

// runAlone is cmd.Run for a command that alone has prepared.
func runAlone(cmd *osexec.Cmd) error {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	cmd.Stdin = null
	return lockedRun(cmd)
}
