package action

import (
	"bytes"
	"net/url"
	"strconv"
	"strings"
)

// asides are arguments by which an operation does what there is another action for: FIELD=NAME,NAME, with dots for objects in
// objects and a colon before the one value that does it. A refusal of that other action holds there too, though no rule needs
// to allow it: who may update an issue labels it by the same request.
var asides = map[string]string{
	"github issues/create":               "labels=add_label assignees=add_assignee assignee=add_assignee agent_assignment=create_pr,push",
	"github issues/update":               "labels=add_label,remove_label,set_labels assignees=add_assignee,remove_assignee assignee=add_assignee,remove_assignee agent_assignment=create_pr,push",
	"github issues/add-assignees":        "agent_assignment=create_pr,push",
	"github repos/update-release":        "tag_name=create_tag target_commitish=create_tag draft:false=create_tag",
	"github repos/create-in-org":         "team_id=add_collaborator",
	"github repos/transfer":              "team_ids=add_collaborator",
	"github teams/create":                "repo_names=add_collaborator maintainers=add_member",
	"github migrations/start-for-org":    "lock_repositories=archive_repo",
	"github createIssue":                 "labelIds=add_label assigneeIds=add_assignee",
	"github updateIssue":                 "labelIds=add_label,remove_label,set_labels assigneeIds=add_assignee,remove_assignee",
	"github updatePullRequest":           "labelIds=add_label,remove_label,set_labels assigneeIds=add_assignee,remove_assignee",
	"google calendar.events.patch":       "status:cancelled=delete_event",
	"google calendar.events.update":      "status:cancelled=delete_event",
	"google drive.files.update":          "trashed=delete_file",
	"jira createIssue":                   "fields.assignee=assign_issue update.assignee=assign_issue update.comment=add_comment update.worklog=add_worklog",
	"jira doTransition":                  "fields=update_issue update=update_issue fields.assignee=assign_issue update.assignee=assign_issue update.comment=add_comment update.worklog=add_worklog",
	"jira editIssue":                     "fields.assignee=assign_issue update.assignee=assign_issue update.comment=add_comment update.worklog=add_worklog",
	"github pulls/create-review":         "comments=add_comment",
	"github addPullRequestReview":        "comments=add_comment threads=add_comment",
	"stripe charges/create":              "transfer_data=create_transfer destination=create_transfer",
	"stripe checkout/create-session":     "transfer_data=create_transfer",
	"stripe invoices/create":             "transfer_data=create_transfer",
	"stripe invoices/update":             "transfer_data=create_transfer",
	"stripe payment-intents/create":      "transfer_data=create_transfer",
	"stripe payment-intents/update":      "transfer_data=create_transfer",
	"stripe payment-intents/capture":     "transfer_data=create_transfer",
	"stripe payment-links/create":        "transfer_data=create_transfer",
	"stripe subscriptions/create":        "transfer_data=create_transfer",
	"stripe subscriptions/update":        "transfer_data=create_transfer",
	"slack files.completeUploadExternal": "initial_comment=post_message",
}

// aside notes on the first action what its arguments do besides. A body that is no JSON for us may be some for the service:
// what stands in it is then taken for given.
func (m *Match) aside(r *Request) {
	if len(m.Actions) == 0 || m.GraphQL {
		return
	}
	a := &m.Actions[0]
	table := asides[m.Service.Name+" "+a.Operation]
	if table == "" || m.Service.Name == "google" && mediaUpload(r) {
		return
	}
	raw, wrong := rawBody(r, maxJSON)
	args, err := jsonObject(r)
	a.Like = alikeBy(table, func(field, value string) bool {
		switch {
		case wrong != nil:
			return true
		case err != nil:
			last := field[strings.LastIndexByte(field, '.')+1:]
			return bytes.Contains(raw, []byte(last)) || bytes.Contains(raw, []byte(`\u`)) || inForm(string(raw), last)
		}
		return given(args, field, value)
	})
}

// mediaUpload says whether the body is a file's content alone and nothing about it (developers.google.com/workspace/drive/api/guides/
// manage-uploads). Each of Google's other ways to name a kind of upload makes it doubtful.
func mediaUpload(r *Request) bool {
	args, err := formFields(r.Query, []string{"uploadType", "upload_protocol"})
	return err == nil && len(args) == 1 && args["uploadType"] == FormValue("media") &&
		len(r.Path.Segments) > 1 && r.Path.Segments[0] == "upload" && r.Header.Get("X-Goog-Upload-Protocol") == ""
}

// asides is the same for a root field of GitHub's GraphQL.
func (f *root) asides() string {
	table := asides["github "+f.field]
	if table == "" {
		return ""
	}
	return alikeBy(table, func(field, value string) bool { return given(f.args, field, value) })
}

// inForm says whether the name of some field of a form has a name in it: transfer_data[destination] has transfer_data.
func inForm(text, name string) bool {
	for pair := range strings.FieldsFuncSeq(text, func(c rune) bool { return c == '&' || c == ';' }) {
		key, _, _ := strings.Cut(pair, "=")
		if decoded, err := url.QueryUnescape(key); err != nil || strings.Contains(strings.ToLower(decoded), name) {
			return true
		}
	}
	return false
}

func alikeBy(table string, has func(field, value string) bool) string {
	var names []string
	for entry := range strings.FieldsSeq(table) {
		field, list, _ := strings.Cut(entry, "=")
		field, value, _ := strings.Cut(field, ":")
		if has(field, value) {
			names = append(names, strings.Split(list, ",")...)
		}
	}
	return strings.Join(names, " ")
}

// given says whether a field is there, and not null or false; with a value, whether it may be that one, false too.
func given(args map[string]any, field, value string) bool {
	name, rest, deeper := strings.Cut(field, ".")
	v := args[name]
	if deeper {
		object, isObject := v.(map[string]any)
		return isObject && given(object, rest, value)
	}
	if b, isBool := v.(bool); isBool && value != "" {
		return strconv.FormatBool(b) == value
	}
	text, isText := v.(string)
	return v != nil && v != false && (value == "" || !isText || strings.EqualFold(text, value))
}
