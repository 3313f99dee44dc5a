package action

import (
	"errors"
	"fmt"
	"strings"
)

// jira is Jira Cloud's REST API (developer.atlassian.com/cloud/jira/platform/rest/v3), at a site's own host with Basic
// (mail address and API token) and at api.atlassian.com with OAuth. Creating an issue names no resource: its project
// stands in the body's fields, by key or by number.
func jira() *Service {
	site := Host{Pattern: mustHost("*.atlassian.net"), Slots: []Slot{{Basic, ""}, {Bearer, ""}}, Routes: mustRoutes(jiraRoutes), Canon: canonJira, Refine: refineJira}
	site.generated("jira", "", jiraResource)
	const prefix = "/ex/jira/{cloudid}"
	oauth := Host{Pattern: mustHost("api.atlassian.com"), Slots: []Slot{{Bearer, ""}}, Canon: canonJira, Refine: refineJira,
		Routes: mustRoutes(strings.ReplaceAll(jiraRoutes, "/rest/", prefix+"/rest/") +
			"read GET /oauth/token/accessible-resources - oauth/accessible-resources\n")}
	oauth.generated("jira", prefix, jiraResource)
	return &Service{Base: "https://api.atlassian.com", Hosts: []Host{site, oauth}, Refusal: RefusalJira}
}

const jiraRoutes = `
write POST   /rest/api/{version}/issue                              create_issue     createIssue
write POST   /rest/api/{version}/issue/bulk                         create_issue     createIssues
read  GET    /rest/api/{version}/issue/{issueIdOrKey}               read_issue       getIssue -> issue:{issueIdOrKey}
write PUT    /rest/api/{version}/issue/{issueIdOrKey}               update_issue     editIssue -> issue:{issueIdOrKey}
admin DELETE /rest/api/{version}/issue/{issueIdOrKey}               delete_issue     deleteIssue -> issue:{issueIdOrKey}
write PUT    /rest/api/{version}/issue/{issueIdOrKey}/assignee      assign_issue     assignIssue -> issue:{issueIdOrKey}
write POST   /rest/api/{version}/issue/{issueIdOrKey}/transitions   transition_issue doTransition -> issue:{issueIdOrKey}
write POST   /rest/api/{version}/issue/{issueIdOrKey}/comment       add_comment      addComment -> issue:{issueIdOrKey}
write PUT    /rest/api/{version}/issue/{issueIdOrKey}/comment/{id}  update_comment   updateComment -> issue:{issueIdOrKey}
write DELETE /rest/api/{version}/issue/{issueIdOrKey}/comment/{id}  delete_comment   deleteComment -> issue:{issueIdOrKey}
write POST   /rest/api/{version}/issue/{issueIdOrKey}/attachments   add_attachment   addAttachment -> issue:{issueIdOrKey}
write POST   /rest/api/{version}/issue/{issueIdOrKey}/worklog       add_worklog      addWorklog -> issue:{issueIdOrKey}
read  GET    /rest/api/{version}/search/jql                         search           searchAndReconsileIssuesUsingJql
read  POST   /rest/api/{version}/search/jql                         search           searchAndReconsileIssuesUsingJqlPost
read  GET    /rest/api/{version}/project/{projectIdOrKey}           read_project     getProject -> project:{projectIdOrKey}
admin DELETE /rest/api/{version}/project/{projectIdOrKey}           delete_project   deleteProject -> project:{projectIdOrKey}
read  GET    /rest/api/{version}/myself                             -                getCurrentUser
`

func jiraResource(template string) string {
	for _, r := range [...][2]string{{"/issue/{issueIdOrKey}", "issue:{issueIdOrKey}"}, {"/project/{projectIdOrKey}", "project:{projectIdOrKey}"}} {
		if strings.HasSuffix(template, r[0]) || strings.Contains(template, r[0]+"/") {
			return r[1]
		}
	}
	return ""
}

// refineJira counts the issues that are created at once, and refuses what stands in the place of an issue's key: PUT .../issue/archive
// takes issues of any project.
func refineJira(r *Request, m *Match) {
	if issue := m.Actions[0].Resource; issue.Kind == "issue" && !isIssueKey(issue.Name) {
		m.deny(fmt.Sprintf("%q is no key of an issue", clip(issue.Name)))
		return
	}
	if m.Actions[0].Operation != "createIssues" {
		return
	}
	body, err := jsonObject(r, "issueUpdates")
	if err == nil {
		list, _ := body["issueUpdates"].([]any)
		err = m.times(len(list))
	}
	if err != nil {
		m.deny(err.Error())
	}
}

// isIssueKey says whether a key is that of a project and a number.
func isIssueKey(key string) bool {
	project, number, _ := strings.Cut(key, "-")
	return project != "" && number != "" && strings.Trim(number, "0123456789") == ""
}

// canonJira folds keys, which Jira takes in any case, and refuses numbers in their stead: a rule about the keys of a
// project could not tell what a number stands for.
func canonJira(param, value string) (string, error) {
	if param != "issueIdOrKey" && param != "projectIdOrKey" {
		return value, nil
	}
	if value != "" && strings.Trim(value, "0123456789") == "" {
		return "", errors.New("the resource is named by its number; use its key")
	}
	for i := 0; i < len(value); i++ {
		c := value[i] | 0x20
		if (c < 'a' || c > 'z') && (value[i] < '0' || value[i] > '9') && value[i] != '-' && value[i] != '_' {
			return "", fmt.Errorf("%q is no key that Jira gives", clip(value))
		}
	}
	return strings.ToLower(value), nil
}
