package run

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"agentguard/run/clients"
	"agentguard/run/environ"
	"agentguard/run/sandbox"
	"agentguard/vault/cred"
)

// exposed are files of a working directory in which secrets stand beside the code: variables, and what package managers, git, editors
// and agents are told. The directory is not listed, since it may be of any size.
var exposed = []string{
	".env", ".env.local", ".env.development", ".env.development.local", ".env.production", ".env.production.local", ".env.staging", ".env.test", ".env.bak", ".env~", ".envrc",
	".npmrc", ".yarnrc.yml", ".pypirc", ".netrc", ".git-credentials", ".git/config", "terraform.tfvars", "local.settings.json", ".streamlit/secrets.toml",
	"compose.yaml", "docker-compose.yml", ".mcp.json", ".cursor/mcp.json", ".vscode/mcp.json", ".vscode/settings.json", ".claude/settings.json", ".claude/settings.local.json",
	".gemini/settings.json", "opencode.json",
}

// maxExposed bounds how much of one is read, in bytes, so that no start waits for it.
const maxExposed = 256 << 10

// tellExposed names the files of the working directory that hold a secret of the policy as it stands: the command can read it there,
// whatever it finds in its environment. Of another user's directory nothing is read.
func (s *session) tellExposed(secrets [][]byte) {
	if s.User != nil {
		return
	}
	live := slices.Clone(secrets)
	for _, secret := range secrets {
		for _, part := range cred.Parts(string(secret)) {
			live = append(live, []byte(part))
		}
	}
	dir, known := s.workDir(), environ.NeedlesOf(live)
	for _, name := range exposed {
		path := filepath.Join(dir, name)
		if !known.Plain(readExposed(path)) || s.level.Level != sandbox.Env && slices.Contains(s.places().Hide, path) {
			continue
		}
		out := "take it out of there"
		if strings.HasPrefix(name, ".env") {
			out = "agentguard vault import " + name + "   takes it out"
		}
		if s.level.Level != sandbox.Env {
			out += `, and hide = ["` + path + `"] under [isolation] hides the file`
		}
		s.Say("warning: %s holds a secret of the policy, so the command can read it; %s", name, out)
	}
}

// readExposed gives a file's text; "" for a link, a pipe, and what is too long or not ours to read.
func readExposed(path string) string {
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() || info.Size() > maxExposed {
		return ""
	}
	text, _ := clients.ReadUsers(path)
	return string(text)
}
