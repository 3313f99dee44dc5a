package cmd_test

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"agentguard/run/cmd"
)

// planted is in the vault, in the environment, in a file and on standard input while every command runs.
const planted = "ghp_plantedSesame0123456789abcdefghijklmn"

// uses says how each command is run by TestNoCommandPrintsASecret; a command that is missing here fails it.
var uses = map[string][][]string{
	"run":            {{"-v", "--isolation", "env", "--policy", "age.toml", "--", "env"}, {"-v", "--isolation", "env", "--policy", "env.toml", "--", "env"}, {"-v", "--isolation", "env", "-e", "LEFT", "--policy", "age.toml", "--", "nothing-here"}},
	"demo":           {{}},
	"init":           {{"--policy", "new.toml", "github"}},
	"vault set":      {{"other"}, {"other", planted}, {"other=" + planted}, {"--to", "nowhere", "other"}},
	"vault import":   {{"secrets.env", "--all", "--yes"}, {"--env", "PLANTED_TOKEN"}, {"secrets.env"}},
	"vault list":     {{}, {"--json"}},
	"vault remove":   {{"other"}},
	"vault where":    {{}, {"--json"}},
	"policy check":   {{"age.toml"}, {"--json", "leaky.toml"}},
	"policy explain": {{"--policy", "env.toml", "GET", "https://api.github.com/user", "-H", "Authorization: token " + planted[:4]}, {"--policy", "age.toml", "--json", "GET", "https://api.github.com/user"}},
	"policy diff":    {{"age.toml", "env.toml"}},
	"policy test":    {{"--policy", "age.toml"}},
	"policy replay":  {{"--policy", "age.toml", "--all", "-v"}, {"--policy", "env.toml", "--all", "--json", "-v"}},
	"policy trust":   {{"age.toml"}, {"env.toml"}, {"--list"}, {"--list", "--json"}, {"--revoke", "age.toml"}},
	"policy actions": {{"github"}, {"--json", "stripe"}},
	"audit show":     {{}, {"--json"}},
	"audit tail":     nil, // does not end
	"audit verify":   {{"--all"}, {"--json"}},
	"audit list":     {{}, {"--json"}},
	"doctor":         {{"--policy", "age.toml"}, {"--quick", "--policy", "env.toml", "--json"}},
	"escape-test":    {{"--isolation", "env"}},
	"escape-probe":   {{"targets.json", "signal"}},
	"completion":     {{"bash"}},
	"version":        {{}, {"--json"}},
	"complete":       {{"agentguard vault set "}, {"agentguard policy explain "}, {"agentguard audit show "}},
	"demo-agent":     {{"transcript.json"}},
	"fetch":          {{"http://127.0.0.1:1/"}},
}

// TestNoCommandPrintsASecret runs every command with a secret in reach, and looks for it in all that they write.
func TestNoCommandPrintsASecret(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("needs sh")
	}
	home := plant(t)
	for _, c := range cmd.LeafCommands() {
		path := strings.Join(c.Path, " ")
		variants, known := uses[path]
		if !known {
			t.Errorf("%s: say in uses how it is run", path)
		}
		for _, args := range variants {
			if c.Hidden && path == "demo-agent" {
				continue // it is a child, and prints what it is given
			}
			out := agentguard(home, append(append([]string{}, c.Path...), args...)...)
			if leaks(out) {
				t.Errorf("agentguard %s %v printed the secret:\n%s", path, args, out)
			}
			if len(out) == 0 && path != "init" {
				t.Logf("agentguard %s %v printed nothing", path, args)
			}
		}
	}
}

// The test above would see a leak: the control prints one.
func TestNoCommandPrintsASecretControl(t *testing.T) {
	if !leaks("x "+planted) || !leaks(base64.StdEncoding.EncodeToString([]byte("Bearer "+planted))) || leaks("ghp_somethingElse") {
		t.Error("leaks does not tell")
	}
}

func leaks(text string) bool {
	needles := []string{"plantedSesame"}
	for i := range 3 {
		s := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", i) + planted))
		needles = append(needles, s[8:24])
	}
	for _, n := range needles {
		if strings.Contains(text, n) {
			return true
		}
	}
	return false
}

// plant makes a home with the secret in every place that a command could read.
func plant(t *testing.T) string {
	home := t.TempDir()
	newIdentity(t, filepath.Join(home, "key.txt"))
	policy := func(from string) string {
		return "version = 1\n[agent]\nname = \"bot\"\n[credential.token]\nfrom = \"" + from + "\"\nservice = \"github\"\nenv = [\"GITHUB_TOKEN\"]\n" +
			"[allow.x]\nservice = \"github\"\nactions = [\"create_pr\"]\nresources = [\"repo:o/r\"]\n"
	}
	for name, text := range map[string]string{
		"age.toml":    policy("age:token"),
		"env.toml":    policy("env:PLANTED_TOKEN"),
		"leaky.toml":  policy("age:token") + "colour = 1\n",
		"secrets.env": "A_TOKEN=" + planted + "\nB=\"" + planted + "\nC=1\n",
	} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out := agentguard(home, "vault", "set", "token"); !strings.Contains(out, "stored age:token") {
		t.Fatalf("the secret could not be planted: %s", out)
	}
	return home
}

func agentguard(home string, args ...string) string {
	c := exec.Command("agentguard", args...)
	c.Dir = home
	c.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "AGENTGUARD_AGE_IDENTITY=" + filepath.Join(home, "key.txt"), "PLANTED_TOKEN=" + planted, "LEFT=over"}
	c.Stdin = strings.NewReader(planted + "\n")
	out, _ := c.CombinedOutput()
	return string(out)
}
