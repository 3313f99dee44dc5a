package action

import "strings"

// alike are operations that come to what an action does though they are another one, or go further: each line is the action,
// and what else must not happen where a rule forbids it. What does the very same has its alias instead (see the routes).
//
// GitHub: a commit by the contents API is a push of one commit; branches can be merged behind a pull request's back, and one
// that is renamed is gone; a rule or a setting that is written anew may be a weaker one.
var alike = map[string]string{
	"anthropic": "create_message batches/create",
	"gemini":    "generate_content models.batchGenerateContent",
	"github": `push repos/create-or-update-file-contents repos/delete-file repos/merge mergeBranch repos/merge-upstream code-scanning/commit-autofix migrations/start-import
commit_file createCommitOnBranch code-scanning/commit-autofix
delete_file createCommitOnBranch
merge_pr repos/merge mergeBranch
create_branch repos/rename-branch
create_tag repos/create-release
delete_branch repos/rename-branch
add_label issues/set-labels
remove_label issues/set-labels
rerun_workflow checks/rerequest-run checks/rerequest-suite rerequestCheckSuite
approve_deployment actions/review-custom-gates-for-run
unprotect_branch repos/update-branch-protection repos/set-branch-protection repos/change-branch-protection repos/update-repo-ruleset repos/update-org-ruleset repos/delete-org-ruleset updateBranchProtectionRule updateRepositoryRuleset
protect_branch repos/create-org-ruleset repos/update-org-ruleset
change_environment repos/create-deployment-branch-policy repos/update-deployment-branch-policy repos/delete-deployment-branch-policy repos/create-deployment-protection-rule repos/disable-deployment-protection-rule
change_settings interactions/set-restrictions-for-repo interactions/remove-restrictions-for-repo repos/enable-private-vulnerability-reporting repos/disable-private-vulnerability-reporting repos/enable-immutable-releases repos/disable-immutable-releases actions/set-custom-oidc-sub-claim-for-repo code-scanning/update-default-setup checks/set-suites-preferences updateCheckSuitePreferences repos/custom-properties-for-repos-create-or-update-repository-values
set_secret agents/create-or-update-repo-secret agents/create-or-update-org-secret dependabot/create-or-update-org-secret codespaces/create-or-update-org-secret codespaces/create-or-update-secret-for-authenticated-user
delete_secret agents/delete-repo-secret agents/delete-org-secret dependabot/delete-org-secret codespaces/delete-org-secret codespaces/delete-secret-for-authenticated-user
set_variable actions/create-environment-variable actions/update-environment-variable actions/create-org-variable actions/update-org-variable agents/create-repo-variable agents/update-repo-variable agents/create-org-variable agents/update-org-variable
delete_variable actions/delete-environment-variable actions/delete-org-variable agents/delete-repo-variable agents/delete-org-variable
update_webhook orgs/update-webhook orgs/update-webhook-config-for-org apps/update-webhook-config-for-app
add_collaborator teams/add-or-update-repo-permissions-in-org teams/add-or-update-repo-permissions-legacy
remove_collaborator teams/remove-repo-in-org teams/remove-repo-legacy orgs/remove-outside-collaborator
add_member orgs/create-invitation teams/add-or-update-membership-for-user-in-org teams/add-or-update-membership-for-user-legacy teams/add-member-legacy
remove_member orgs/convert-member-to-outside-collaborator
delete_repo orgs/delete`,
	"google": `share_file drive.permissions.update drive.revisions.update drive.accessproposals.resolve
share_calendar calendar.acl.update calendar.acl.patch
create_event calendar.events.import calendar.events.quickAdd
delete_event calendar.calendars.clear calendar.calendars.delete
create_file drive.files.copy
gmail.users.messages.delete gmail.users.messages.batchDelete gmail.users.threads.delete
gmail.users.messages.trash gmail.users.threads.trash`,
	"jira":   "delete_project deleteProjectAsynchronously",
	"openai": "chat batches/create\ncreate_response batches/create\ncomplete batches/create\nembed batches/create",
	"slack": `post_message chat.scheduleMessage files.upload files.remote.share
upload_file files.upload`,
	"stripe": `create_refund PostCreditNotes PostApplicationFeesIdRefund PostApplicationFeesIdRefunds
cancel_subscription PostSubscriptionSchedulesScheduleCancel
create_subscription PostSubscriptionSchedules PostQuotesQuoteAccept`,
}

// Alike are the operations of the service that a rule against an action, named by itself and not as one of a group, forbids as
// well.
func (s *Service) Alike(name string) []string {
	if Lookup(s.Name) != s {
		return nil
	}
	for line := range strings.Lines(alike[s.Name]) {
		if f := strings.Fields(line); f[0] == name {
			return f[1:]
		}
	}
	return nil
}

// Alias is the name that an operation of the service has besides its own, "" where there is none.
func (s *Service) Alias(operation string) string {
	for r := range s.written { // the catalogue gives none
		if r.Operation == operation && r.Action != "" {
			return r.Action
		}
	}
	return ""
}
