package sandbox

import (
	"path/filepath"
	"strings"
)

// Move is another place for what lies below the user's directory as a rule.
type Move struct {
	Of string // below the user's directory
	To string // absolute
}

// moves are the variables that tell tools of one. Lists of several (KUBECONFIG, GOPATH) have the system's separator.
var moves = []struct{ variable, of string }{
	// The base directories of XDG come first: what names a place of its own beats them.
	{"XDG_CONFIG_HOME", ".config"}, {"XDG_DATA_HOME", ".local/share"}, {"XDG_STATE_HOME", ".local/state"}, {"XDG_CACHE_HOME", ".cache"},
	{"GH_CONFIG_DIR", ".config/gh"}, {"GLAB_CONFIG_DIR", ".config/glab-cli"}, {"CLOUDSDK_CONFIG", ".config/gcloud"}, {"AZURE_CONFIG_DIR", ".azure"},
	{"AWS_SHARED_CREDENTIALS_FILE", ".aws"}, {"AWS_CONFIG_FILE", ".aws"}, {"KUBECONFIG", ".kube"}, {"DOCKER_CONFIG", ".docker"}, {"GNUPGHOME", ".gnupg"},
	{"NETRC", ".netrc"}, {"NPM_CONFIG_USERCONFIG", ".npmrc"}, {"npm_config_userconfig", ".npmrc"}, {"PIP_CONFIG_FILE", ".config/pip"}, {"BOTO_CONFIG", ".boto"},
	{"PASSWORD_STORE_DIR", ".password-store"}, {"SOPS_AGE_KEY_FILE", ".config/sops"}, {"PGPASSFILE", ".pgpass"}, {"TF_CLI_CONFIG_FILE", ".terraformrc"},
	{"COMPOSER_HOME", ".composer"}, {"BUNDLE_USER_HOME", ".bundle"}, {"CARGO_HOME", ".cargo"}, {"GRADLE_USER_HOME", ".gradle"}, {"GOPATH", "go"},
	{"HISTFILE", ".bash_history"}, {"PYTHON_HISTORY", ".python_history"}, {"NODE_REPL_HISTORY", ".node_repl_history"}, {"GIT_CONFIG_GLOBAL", ".gitconfig"},
	{"REGISTRY_AUTH_FILE", ".config/containers/auth.json"}, {"DOCKER_CERT_PATH", ".docker"}, {"HELM_CONFIG_HOME", ".config/helm"}, {"HELM_REGISTRY_CONFIG", ".config/helm"},
	{"RCLONE_CONFIG", ".rclone.conf"}, {"OCI_CLI_CONFIG_FILE", ".oci"}, {"DATABRICKS_CONFIG_FILE", ".databrickscfg"}, {"SNOWFLAKE_HOME", ".snowflake"}, {"DBT_PROFILES_DIR", ".dbt"},
	{"HF_HOME", ".cache/huggingface"}, {"KAGGLE_CONFIG_DIR", ".kaggle"}, {"PULUMI_HOME", ".pulumi"}, {"VAGRANT_HOME", ".vagrant.d"}, {"TELEPORT_HOME", ".tsh"}, {"ARGOCD_CONFIG_DIR", ".config/argocd"},
	{"HCLOUD_CONFIG", ".config/hcloud"}, {"LINODE_CLI_CONFIG", ".linode-cli"}, {"SCW_CONFIG_PATH", ".config/scw"}, {"OS_CLIENT_CONFIG_FILE", ".config/openstack"}, {"JFROG_CLI_HOME_DIR", ".jfrog"},
	{"POETRY_CONFIG_DIR", ".config/pypoetry"}, {"HEX_HOME", ".hex"}, {"PUB_CACHE", ".pub-cache"}, {"BUNDLE_USER_CONFIG", ".bundle/config"}, {"OP_CONFIG_DIR", ".config/op"}, {"BITWARDENCLI_APPDATA_DIR", ".config/Bitwarden CLI"},
	{"PGSERVICEFILE", ".pg_service.conf"}, {"MYSQL_TEST_LOGIN_FILE", ".mylogin.cnf"},
	{"LESSHISTFILE", ".lesshst"}, {"MYSQL_HISTFILE", ".mysql_history"}, {"PSQL_HISTORY", ".psql_history"}, {"SQLITE_HISTORY", ".sqlite_history"}, {"REDISCLI_HISTFILE", ".rediscli_history"},
	{"CLAUDE_CONFIG_DIR", ".claude"}, {"CODEX_HOME", ".codex"}, {"QWEN_HOME", ".qwen"}, {"COPILOT_HOME", ".copilot"}, {"CONTINUE_GLOBAL_DIR", ".continue"}, {"CLINE_DIR", ".cline"},
	// What shells of the steps to come execute, or have their variables from, may lie in /tmp: CircleCI's, and a runner's that works there.
	{"BASH_ENV", ".bashrc"}, {"GITHUB_ENV", ".bashrc"}, {"GITHUB_PATH", ".bashrc"}, {"GITHUB_STATE", ".bashrc"}, {"PYTHONSTARTUP", ".pythonrc"},
}

// Moves reads them from an environment. What is no place for files of one's own is passed over: many name /dev/null there.
func Moves(get func(string) string) (list []Move) {
	for _, m := range moves {
		for _, to := range filepath.SplitList(get(m.variable)) {
			to = filepath.Clean(to)
			if filepath.IsAbs(to) && filepath.Dir(to) != to && !within(to, "/dev") && !within(to, "/proc") {
				list = append(list, Move{m.of, to})
			}
		}
	}
	return list
}

// elsewhere gives the other places of a name below the user's directory. None of them is the user's directory or the child's,
// nor above these: that is not to vanish for the sake of a tool's settings.
func (p Places) elsewhere(name string) (paths []string) {
	for _, m := range p.Moves {
		if rest, ok := strings.CutPrefix(name, m.Of); ok && (rest == "" || rest[0] == '/') {
			if path := filepath.Join(m.To, filepath.FromSlash(rest)); !within(p.Home, path) && !within(p.Dir, path) {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// everywhere gives elsewhere, and the place below the user's directory if that is known.
func (p Places) everywhere(name string) []string {
	all := p.elsewhere(name)
	if p.Home != "" {
		all = append(all, filepath.Join(p.Home, filepath.FromSlash(name)))
	}
	return all
}

// Lacks says whether a place below the user's directory is not there, nor anywhere else: a program that would make it there cannot.
func (p Places) Lacks(name string) bool {
	return !isThere(filepath.Join(p.Home, filepath.FromSlash(name))) && len(p.elsewhere(name)) == 0
}

// firstPlaces are made where they are missing: their tools would make them, in a home directory that is read-only inside.
var firstPlaces = []string{".cache", ".npm", "go/pkg"}

// placesWithin are made where what they are in is there, and their tools had no use for them yet.
var placesWithin = []string{".cargo/registry", ".cargo/git", ".gradle/caches", ".gradle/daemon", ".gradle/native", ".gradle/wrapper", ".m2/repository", ".m2/wrapper"}

// First lists the directories that must be there before the command starts, since it could not make them.
func (p Places) First(argv []string) (dirs []string) {
	names := firstPlaces[:len(firstPlaces):len(firstPlaces)]
	for _, a := range p.agentsOf(argv) {
		names = append(names, a.keeps...)
	}
	for _, name := range names {
		if moved := p.elsewhere(name); len(moved) > 0 {
			dirs = append(dirs, moved[len(moved)-1])
		} else if p.Home != "" {
			dirs = append(dirs, filepath.Join(p.Home, filepath.FromSlash(name)))
		}
	}
	for _, name := range placesWithin {
		if path := filepath.Join(p.Home, filepath.FromSlash(name)); p.Home != "" && len(p.elsewhere(name)) == 0 {
			if link, there := lstat(filepath.Dir(path)); there && !link {
				dirs = append(dirs, path)
			}
		}
	}
	return dirs
}
