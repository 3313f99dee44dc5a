package action

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// Takes says which arguments an operation takes.
type Takes struct {
	Names []string
	Open  bool // there may be others
}

// Has says whether the operation takes an argument of this name, as far as is known.
//
//go:noinline
func (t Takes) Has(name string) bool { return slices.Contains(t.Names, name) }

// arguments are the top-level ones of services' operations, from the vendors' references: GitHub's OpenAPI description, the API references
// of OpenAI, Anthropic, Slack and Stripe. Each line: the service, the operation, its arguments; "..." at the end: the list is not
// complete. An operation that is not here may take anything, unless it is a read by GET.
const arguments = `
github pulls/create title head head_repo base body maintainer_can_modify draft issue
github pulls/update title body state base maintainer_can_modify
github pulls/merge commit_title commit_message sha merge_method base ref branch
github pulls/update-branch expected_head_sha head ref branch
github pulls/request-reviewers reviewers team_reviewers
github pulls/remove-requested-reviewers reviewers team_reviewers
github pulls/create-review commit_id body event comments
github pulls/submit-review body event
github pulls/create-review-comment body commit_id path position side line start_line start_side in_reply_to subject_type
github pulls/create-reply-for-review-comment body
github pulls/update-review-comment body
github issues/create title body assignee assignees milestone labels type ...
github issues/update title body assignee assignees state state_reason milestone labels type ...
github issues/create-comment body
github issues/update-comment body
github issues/add-labels labels
github issues/set-labels labels
github issues/add-assignees assignees
github repos/create-commit-comment body path position line
github git/create-ref ref branch sha
github git/update-ref ref branch sha force
github git/delete-ref ref branch
github repos/create-or-update-file-contents message content sha ref branch committer author
github repos/delete-file message sha ref branch committer author
github repos/merge base head ref branch commit_message
github repos/merge-upstream ref branch
github repos/rename-branch ref branch new_name
github repos/create-release tag_name target_commitish name body draft prerelease discussion_category_name generate_release_notes make_latest
github actions/create-workflow-dispatch ref inputs ...
github git/upload-pack
github git/receive-pack ref branch
github gists/receive-pack ref branch
github git/info-refs
github lfs/batch
openai responses/create model input instructions max_output_tokens max_tool_calls stream store background temperature top_p tools tool_choice reasoning text service_tier previous_response_id ...
openai chat/create-completion model messages max_tokens max_completion_tokens n stream store temperature top_p tools tool_choice reasoning_effort service_tier ...
openai embeddings/create model input dimensions encoding_format user
anthropic messages/create model messages max_tokens stream system temperature top_k top_p tools tool_choice thinking stop_sequences metadata service_tier ...
anthropic messages/count-tokens model messages system tools tool_choice thinking ...
slack chat.postMessage channel text blocks attachments thread_ts reply_broadcast ...
slack chat.postEphemeral channel user text blocks attachments thread_ts ...
slack chat.update channel ts text blocks attachments ...
slack chat.delete channel ts ...
slack reactions.add channel name timestamp
stripe charges/create amount currency customer source description capture receipt_email ...
stripe payment-intents/create amount currency customer confirm capture_method description receipt_email ...
stripe refunds/create charge payment_intent amount reason ...
`

// argumentTable reads arguments on the first use, by service and operation.
var argumentTable = sync.OnceValue(func() map[string]map[string]Takes {
	table := map[string]map[string]Takes{}
	for line := range strings.Lines(arguments) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		if table[f[0]] == nil {
			table[f[0]] = map[string]Takes{}
		}
		t := Takes{Names: f[2:]}
		if n := len(t.Names) - 1; n >= 0 && t.Names[n] == "..." {
			t = Takes{t.Names[:n], true}
		}
		table[f[0]][f[1]] = t
	}
	return table
})

// Takes gives what the operations of a service take, by operation; one that is not in it may take anything.
func (s *Service) Takes() map[string]Takes {
	out := map[string]Takes{}
	if Lookup(s.Name) != s {
		return out // a service of one's own: nothing is known
	}
	body := map[string]bool{}
	for r := range s.routes {
		if r.Class == Read && r.Method == "GET" && !body[r.Operation] {
			out[r.Operation] = Takes{}
			continue
		}
		body[r.Operation] = true
		delete(out, r.Operation)
	}
	for i := range s.Hosts {
		if s.Hosts[i].takes != nil {
			s.Hosts[i].takes(out)
		}
	}
	maps.Copy(out, argumentTable()[s.Name])
	return out
}
