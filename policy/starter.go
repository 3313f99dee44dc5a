package policy

import (
	"fmt"
	"slices"
	"strings"
)

// starterRepository stands in a starter policy where a person's own is to stand.
const starterRepository = "repo:OWNER/REPO"

// starters are the parts of a starter policy, in the order in which they stand in it.
var starters = []struct{ service, text string }{
	{"github", `# --- GitHub: REST, GraphQL and git over https -------------------------------------------------------------------------
[credential.github-token]
from    = "keychain:github-token"         # store it with: agentguard vault set keychain:github-token
service = "github"                        # it never goes anywhere else
env     = ["GITHUB_TOKEN", "GH_TOKEN"]    # these hold a placeholder that is worthless outside of this run

[allow.github-prs]
service    = "github"
credential = "github-token"
actions    = ["read", "create_pr", "update_pr", "add_comment", "request_review", "create_branch", "push"]
resources  = ["` + starterRepository + `"]          # yours; "repo:OWNER/*" is every repository of an owner
limits     = { create_pr = "5/hour", "*" = "600/minute" }

[allow.github-whoami]
service    = "github"
credential = "github-token"
actions    = ["users/get-authenticated"]  # gh and the SDKs ask who the token belongs to

[deny.github-dangerous]                   # wins over whatever an [allow] says
service = "github"
actions = ["delete_repo", "delete_branch", "force_push", "change_settings", "add_collaborator"]
`},
	{"openai", `# --- OpenAI -----------------------------------------------------------------------------------------------------------
[credential.openai-key]
from    = "keychain:openai-key"           # store it with: agentguard vault set keychain:openai-key
service = "openai"
env     = ["OPENAI_API_KEY"]

[allow.openai-inference]
service    = "openai"
credential = "openai-key"
actions    = ["read", "create_response", "chat", "embed", "count_tokens"]
# resources = ["model:gpt-*"]             # only these models
limits     = { "*" = "300/minute" }
`},
	{"anthropic", `# --- Anthropic --------------------------------------------------------------------------------------------------------
[credential.anthropic-key]
from    = "keychain:anthropic-key"        # store it with: agentguard vault set keychain:anthropic-key
service = "anthropic"
env     = ["ANTHROPIC_API_KEY"]

[allow.anthropic-inference]
service    = "anthropic"
credential = "anthropic-key"
actions    = ["create_message", "count_tokens", "list_models", "get_model", "check_connection"]
# Claude Code asks check_connection before its first screen of all, and platform.claude.com: [network] allow
# resources = ["model:claude-*"]          # only these models
limits     = { "*" = "300/minute" }
`},
	{"gemini", `# --- Gemini -----------------------------------------------------------------------------------------------------------
[credential.gemini-key]
from    = "keychain:gemini-key"           # store it with: agentguard vault set keychain:gemini-key
service = "gemini"
env     = ["GEMINI_API_KEY"]

[allow.gemini-inference]
service    = "gemini"
credential = "gemini-key"
actions    = ["generate_content", "embed", "count_tokens", "list_models", "get_model"]
limits     = { "*" = "300/minute" }
`},
	{"linear", `# --- Linear -----------------------------------------------------------------------------------------------------------
[credential.linear-key]
from    = "keychain:linear-key"           # store it with: agentguard vault set keychain:linear-key
service = "linear"
env     = ["LINEAR_API_KEY"]

[allow.linear-look]
service    = "linear"
credential = "linear-key"
actions    = ["read"]                     # of the whole workspace: what is read cannot be kept to a team

[allow.linear-work]
service    = "linear"
credential = "linear-key"
actions    = ["create_issue", "update_issue", "add_comment"]
resources  = ["team:ENG"]                 # by the key that its issues begin with: ENG-123
limits     = { create_issue = "20/hour", add_comment = "60/hour" }
`},
	{"slack", `# --- Slack ------------------------------------------------------------------------------------------------------------
[credential.slack-token]
from    = "keychain:slack-token"          # store it with: agentguard vault set keychain:slack-token
service = "slack"
env     = ["SLACK_BOT_TOKEN", "SLACK_TOKEN"]

[allow.slack-post]
service    = "slack"
credential = "slack-token"
actions    = ["post_message", "add_reaction", "read_channel"]
resources  = ["channel:CHANNEL_ID"]       # as the agent names it: "channel:C0123456789" or "channel:#dev"
limits     = { post_message = "30/hour" }

[allow.slack-look]
service    = "slack"
credential = "slack-token"
actions    = ["list_channels", "users.info", "auth.test"]
`},
	{"stripe", `# --- Stripe -----------------------------------------------------------------------------------------------------------
[credential.stripe-key]
from    = "keychain:stripe-key"           # store it with: agentguard vault set keychain:stripe-key
service = "stripe"                        # a restricted key (rk_...) is the better one to store
env     = ["STRIPE_API_KEY", "STRIPE_SECRET_KEY"]

[allow.stripe-look]
service    = "stripe"
credential = "stripe-key"
actions    = ["read"]                     # name single actions to allow more: agentguard prints them when it refuses
limits     = { "*" = "100/minute" }
`},
	{"generic", `# --- A service of your own: hosts, where the credential goes, and what its requests mean ------------------------------
[service.api]
hosts = ["api.example.com"]               # yours; "*.example.com" is every host below, "http://..." where TLS is missing
auth  = "bearer"                          # or "basic:USER", "header:X-Api-Key", "query:key"

[service.api.actions]                     # METHOD PATH [-> resource]; {x} is a segment, {x...} the rest, * any method
list_items  = "GET /items"
read_item   = "GET /items/{id} -> item:{id}"
update_item = "PATCH /items/{id} -> item:{id}"
delete_item = "DELETE /items/{id} -> item:{id}"

[credential.api-key]
from    = "keychain:api-key"              # store it with: agentguard vault set keychain:api-key
service = "api"
env     = ["API_KEY"]

[allow.api-items]
service    = "api"
credential = "api-key"
actions    = ["read", "update_item"]
limits     = { update_item = "60/hour" }

[deny.api-deletions]
service = "api"
actions = ["delete_item"]
`},
}

const starterHead = `# What this agent may do. Check it with: agentguard policy check
# Deny beats allow, and what no rule allows is denied. A word that is not known is an error, never ignored.
version = 1

[agent]
name    = "my-agent"                      # stands in every audit record: one name, one policy, one agent
purpose = "what it is for"
owner   = "who answers for it"

`

const starterTail = `
# --- Hosts that need no credential; every other host is refused -------------------------------------------------------
# [network]
# allow  = ["pypi.org", "files.pythonhosted.org"]
# tunnel = ["pinned.example.com"]         # passed through unread, for clients that pin their certificates

# --- The child's environment, beyond a safe default -------------------------------------------------------------------
# [env]
# pass = ["EDITOR", "NPM_CONFIG_*"]
# set  = { LOG_LEVEL = "debug" }
`

// StarterServices are the words that Starter knows.
func StarterServices() []string {
	var names []string
	for _, s := range starters {
		names = append(names, s.service)
	}
	return names
}

// Starter is a commented policy to begin with, for one or several services; with none named, for "generic", a service of
// one's own. The parts stand in a fixed order, each once. Secrets are in store, which is keychain or age.
func Starter(services []string, store string) (string, error) {
	known := StarterServices()
	for _, s := range services {
		if !slices.Contains(known, s) {
			return "", fmt.Errorf("no starter policy for %q%s: known are %s", s, didYouMean(s, known), strings.Join(known, ", "))
		}
	}
	if len(services) == 0 {
		services = []string{"generic"}
	}
	var parts []string
	for _, s := range starters {
		if slices.Contains(services, s.service) {
			parts = append(parts, s.text)
		}
	}
	return starterHead + keptIn(store, strings.Join(parts, "\n")) + starterTail, nil
}

// keptIn has the credentials of starters in another place than the keychain, their comments where they were.
func keptIn(store, text string) string {
	const keychain = "keychain"
	if store == keychain {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		if code, comment, ok := strings.Cut(line, "#"); ok && strings.Contains(code, keychain+":") {
			code, comment = strings.Replace(code, keychain, store, 1), strings.Replace(comment, keychain, store, 1)
			line = code + strings.Repeat(" ", len(keychain)-len(store)) + "#" + comment
		}
		b.WriteString(line)
	}
	return b.String()
}
