package action

import (
	"bytes"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// asides are arguments by which an operation does what there is another action for: FIELD=NAME,NAME, with dots for objects in
// objects, and behind a colon the one value that does it (in which * is any text; alone, of a field whose name is part of others). A refusal
// of that other action holds there too, though no rule needs to allow it: who may update an issue labels it by the same request. Who
// is assigned an issue and is no person is an agent that works on it: Copilot, and others at GitHub.
var asides = map[string]string{
	"github issues/create":                                           "labels=add_label assignees=add_assignee assignee=add_assignee agent_assignment=create_pr,push,create_branch assignees:*[bot]=create_pr,push,create_branch assignees:copilot*=create_pr,push,create_branch assignee:*[bot]=create_pr,push,create_branch assignee:copilot*=create_pr,push,create_branch",
	"github issues/update":                                           "labels=add_label,remove_label,set_labels assignees=add_assignee,remove_assignee assignee=add_assignee,remove_assignee agent_assignment=create_pr,push,create_branch assignees:*[bot]=create_pr,push,create_branch assignees:copilot*=create_pr,push,create_branch assignee:*[bot]=create_pr,push,create_branch assignee:copilot*=create_pr,push,create_branch",
	"github issues/add-assignees":                                    "agent_assignment=create_pr,push,create_branch assignees:*[bot]=create_pr,push,create_branch assignees:copilot*=create_pr,push,create_branch",
	"github pulls/update":                                            "base=create_pr", // into another branch than it was opened for
	"github repos/update-release":                                    "tag_name=create_tag target_commitish=create_tag draft:false=create_tag,create_release",
	"github repos/create-in-org":                                     "team_id=add_collaborator",
	"github repos/transfer":                                          "team_ids=add_collaborator new_name=rename_repo",
	"github teams/update-in-org":                                     "parent_team_id=add_collaborator permission=add_collaborator",
	"github teams/update-legacy":                                     "parent_team_id=add_collaborator permission=add_collaborator",
	"github repos/create-for-authenticated-user":                     "team_id=add_collaborator",
	"github transferIssue":                                           "createLabelsIfMissing=create_label",
	"github teams/create":                                            "repo_names=add_collaborator parent_team_id=add_collaborator maintainers=add_member,add_collaborator",
	"github migrations/start-for-org":                                "lock_repositories=archive_repo",
	"github migrations/start-for-authenticated-user":                 "lock_repositories=archive_repo",
	"github startRepositoryMigration":                                "lockSource=archive_repo",
	"github createRepository":                                        "teamId=add_collaborator",
	"github updatePullRequestBranch":                                 "updateMethod:REBASE=force_push",
	"github graphql":                                                 "search=search", // a root field; see walker.query
	"github addAssigneesToAssignable":                                "assigneeIds:BOT_*=create_pr,push,create_branch assigneeIds:MDM6Qm90*=create_pr,push,create_branch",
	"github replaceActorsForAssignable":                              "actorIds:BOT_*=create_pr,push,create_branch actorIds:MDM6Qm90*=create_pr,push,create_branch actorLogins:*[bot]=create_pr,push,create_branch actorLogins:copilot*=create_pr,push,create_branch",
	"github createIssue":                                             "labelIds=add_label assigneeIds=add_assignee assigneeIds:BOT_*=create_pr,push,create_branch assigneeIds:MDM6Qm90*=create_pr,push,create_branch",
	"github updateIssue":                                             "labelIds=add_label,remove_label,set_labels assigneeIds=add_assignee,remove_assignee assigneeIds:BOT_*=create_pr,push,create_branch assigneeIds:MDM6Qm90*=create_pr,push,create_branch",
	"github updatePullRequest":                                       "baseRefName=create_pr labelIds=add_label,remove_label,set_labels assigneeIds=add_assignee,remove_assignee",
	"google calendar.events.patch":                                   "status:cancelled=delete_event sendUpdates:all=send_mail sendUpdates:externalOnly=send_mail sendNotifications:true=send_mail",
	"google calendar.events.update":                                  "status:cancelled=delete_event sendUpdates:all=send_mail sendUpdates:externalOnly=send_mail sendNotifications:true=send_mail",
	"google calendar.events.insert":                                  "sendUpdates:all=send_mail sendUpdates:externalOnly=send_mail sendNotifications:true=send_mail",
	"google calendar.events.quickAdd":                                "sendUpdates:all=send_mail sendUpdates:externalOnly=send_mail sendNotifications:true=send_mail",
	"google calendar.events.move":                                    "sendUpdates:all=send_mail sendUpdates:externalOnly=send_mail sendNotifications:true=send_mail",
	"google calendar.events.delete":                                  "sendUpdates:all=send_mail sendUpdates:externalOnly=send_mail sendNotifications:true=send_mail",
	"google drive.permissions.create":                                "emailMessage:*=send_mail",
	"google drive.files.update":                                      "trashed=delete_file addParents=share_file",
	"google gmail.users.messages.modify":                             "addLabelIds:TRASH=gmail.users.messages.trash",
	"google gmail.users.messages.batchModify":                        "addLabelIds:TRASH=gmail.users.messages.trash",
	"google gmail.users.threads.modify":                              "addLabelIds:TRASH=gmail.users.threads.trash,gmail.users.messages.trash",
	"jira createIssue":                                               "transition=transition_issue fields.assignee=assign_issue update.assignee=assign_issue update.comment=add_comment update.worklog=add_worklog update.issuelinks=linkIssues",
	"jira doTransition":                                              "fields=update_issue update=update_issue fields.assignee=assign_issue update.assignee=assign_issue update.comment=add_comment,update_comment,delete_comment update.worklog=add_worklog update.issuelinks=linkIssues",
	"jira editIssue":                                                 "transition=transition_issue fields.assignee=assign_issue update.assignee=assign_issue update.comment=add_comment,update_comment,delete_comment update.worklog=add_worklog update.issuelinks=linkIssues",
	"jira linkIssues":                                                "comment=add_comment",
	"openai responses/create":                                        "tools.type:image_generation=create_image tools.type:file_search=search_vector_store,get_file prompt=create_image,search_vector_store,get_file",
	"openai vector-stores/create":                                    "file_ids=add_vector_file",
	"github pulls/create-review":                                     "comments=add_comment event:COMMENT=add_comment",
	"github pulls/submit-review":                                     "event:COMMENT=add_comment",
	"github addPullRequestReview":                                    "comments=add_comment threads=add_comment event:COMMENT=add_comment",
	"github submitPullRequestReview":                                 "event:COMMENT=add_comment",
	"jira createIssues":                                              "issueUpdates.fields.assignee=assign_issue issueUpdates.update.assignee=assign_issue issueUpdates.update.comment=add_comment issueUpdates.update.worklog=add_worklog issueUpdates.transition=transition_issue",
	"stripe charges/capture":                                         "transfer_data=create_transfer",
	"stripe charges/create":                                          "transfer_data=create_transfer destination=create_transfer",
	"stripe checkout/create-session":                                 "transfer_data=create_transfer mode:subscription=create_subscription",
	"stripe customers/create":                                        "plan:*=create_subscription,create_charge,create_payment",
	"stripe customers/update":                                        "plan:*=create_subscription,create_charge,create_payment",
	"stripe invoices/create":                                         "transfer_data=create_transfer auto_advance:true=finalize_invoice,send_invoice,pay_invoice,create_charge,create_payment",
	"stripe invoices/finalize":                                       "auto_advance:true=send_invoice,pay_invoice,create_charge,create_payment",
	"stripe invoices/update":                                         "transfer_data=create_transfer auto_advance:true=finalize_invoice,send_invoice,pay_invoice,create_charge,create_payment",
	"stripe payment-intents/create":                                  "transfer_data=create_transfer confirm:true=confirm_payment",
	"stripe payment-intents/update":                                  "transfer_data=create_transfer",
	"stripe payment-intents/capture":                                 "transfer_data=create_transfer",
	"stripe payment-links/create":                                    "transfer_data=create_transfer",
	"stripe prices/create":                                           "product_data=create_product",
	"stripe products/create":                                         "default_price_data=create_price",
	"stripe subscriptions/create":                                    "transfer_data=create_transfer add_invoice_items=create_invoice_item",
	"stripe subscriptions/update":                                    "transfer_data=create_transfer add_invoice_items=create_invoice_item cancel_at:*=cancel_subscription cancel_at_period_end:true=cancel_subscription proration_behavior:always_invoice=create_charge,create_payment billing_cycle_anchor:now=create_charge,create_payment",
	"stripe PostCustomersCustomerSubscriptions":                      "transfer_data=create_transfer add_invoice_items=create_invoice_item",
	"stripe PostCustomersCustomerSubscriptionsSubscriptionExposedId": "transfer_data=create_transfer add_invoice_items=create_invoice_item cancel_at:*=cancel_subscription cancel_at_period_end:true=cancel_subscription proration_behavior:always_invoice=create_charge,create_payment billing_cycle_anchor:now=create_charge,create_payment",
	"stripe PostQuotes":                                              "transfer_data=create_transfer",
	"stripe PostQuotesQuote":                                         "transfer_data=create_transfer",
	"stripe PostSubscriptionSchedules":                               "transfer_data=create_transfer",
	"stripe PostSubscriptionSchedulesSchedule":                       "transfer_data=create_transfer end_behavior:cancel=cancel_subscription",
	"slack files.completeUploadExternal":                             "channel_id=post_message channels=post_message initial_comment=post_message blocks=post_message",
}

// aside notes on the actions what the arguments do besides, wherever they stand: some services take those of the query
// for the body's. A body that is no JSON for us may be some for the service: what stands in it is then taken for given.
func (m *Match) aside(r *Request) {
	if len(m.Actions) == 0 || m.GraphQL {
		return
	}
	operation := m.Actions[0].Operation
	table := asides[m.Service.Name+" "+operation]
	if table == "" || m.Service.Name == "google" && mediaUpload(r) {
		return
	}
	raw, wrong := rawBody(r, m.maxBody())
	args, err := m.args, error(nil)
	if args == nil {
		args, err = argumentsIn(r, raw, table)
	}
	like := alikeBy(table, func(field, value string) bool {
		last := field[strings.LastIndexByte(field, '.')+1:]
		switch {
		case wrong != nil, r.Query != "" && inForm(r.Query, last, value):
			return true
		case err != nil:
			if value != "" && m.Service.Name == "stripe" && isForm(r) { // where a form is one, and no JSON
				return inForm(string(raw), last, value)
			}
			return mayName(r, raw, strings.ToLower(last)) || inForm(string(raw), last, value)
		}
		return given(args, field, value)
	})
	for i := range m.Actions { // one for each channel, or model
		if a := &m.Actions[i]; a.Operation == operation {
			a.Like = joined(a.Like, like)
		}
	}
}

// Besides are the names of all that an operation may do besides, where nobody has its arguments any more.
func (s *Service) Besides(operation string) string {
	return alikeBy(asides[s.Name+" "+operation], func(string, string) bool { return true })
}

// mayName says whether a body that is no JSON to us may hold a field of the name for somebody: in another case, in UTF-16 or UTF-32,
// which parsers in Java and Ruby tell by its NULs, escaped, or encoded in a part of it (RFC 2045 section 6).
func mayName(r *Request, raw []byte, name string) bool {
	_, err := contentType(r)
	text := string(bytes.ReplaceAll(bytes.ToLower(raw), []byte{0}, nil))
	return err != nil || strings.Contains(text, name) || strings.Contains(text, `\u`) ||
		strings.Contains(text, "content-transfer-encoding") && (strings.Contains(text, "base64") || strings.Contains(text, "quoted-printable"))
}

// argumentsIn are those fields of a JSON body that a table asks about.
func argumentsIn(r *Request, raw []byte, table string) (map[string]any, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	if err := isJSON(r); err != nil {
		return nil, err
	}
	return strictFields(raw, topFields(table)...)
}

// topFields are the fields at the top of a body that a table asks about.
func topFields(table string) (names []string) {
	alikeBy(table, func(field, _ string) bool {
		name, _, _ := strings.Cut(field, ".")
		names = append(names, name)
		return false
	})
	return names
}

// joined is names and others.
func joined(names, more string) string { return strings.TrimSpace(names + " " + more) }

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

// inForm says whether the name of some field of a form has a name in it: transfer_data[destination] has transfer_data. With a
// value, whether it may be that one.
func inForm(text, name, value string) bool {
	for pair := range strings.FieldsFuncSeq(text, func(c rune) bool { return c == '&' || c == ';' }) {
		key, v, _ := strings.Cut(pair, "=")
		decoded, err := url.QueryUnescape(key)
		if err == nil && !strings.Contains(strings.ToLower(decoded), strings.ToLower(name)) {
			continue
		}
		if err != nil || value == "" {
			return true
		}
		pieces := strings.FieldsFunc(strings.ToLower(decoded), func(c rune) bool { return c == '[' || c == ']' || c == ' ' })
		if v, err := url.QueryUnescape(v); slices.Contains(pieces, strings.ToLower(name)) && (err != nil || isValue(strings.TrimSpace(v), value)) {
			return true
		}
	}
	return false
}

// isValue says whether a text is the value that a table has, in which a * is any text.
func isValue(text, value string) bool {
	begin, end, open := strings.Cut(strings.ToLower(value), "*")
	text = strings.ToLower(text)
	return text == begin && !open || open && len(text) >= len(begin)+len(end) && strings.HasPrefix(text, begin) && strings.HasSuffix(text, end)
}

// isForm says whether the body is a form and nothing else to anybody.
func isForm(r *Request) bool {
	kind, err := contentType(r)
	return err == nil && kind == "application/x-www-form-urlencoded"
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
	if list, isList := v.([]any); isList && (deeper || value != "") {
		return slices.ContainsFunc(list, func(item any) bool { return given(map[string]any{name: item}, field, value) })
	}
	if deeper {
		object, isObject := v.(map[string]any)
		return isObject && given(object, rest, value)
	}
	if b, isBool := v.(bool); isBool && value != "" {
		return isValue(strconv.FormatBool(b), value)
	}
	text, isText := v.(string)
	return v != nil && v != false && (value == "" || !isText || isValue(text, value))
}
