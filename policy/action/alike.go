package action

import "strings"

// alike are operations that come to what an action does though they are another one, or go further: each line is the action,
// and what else must not happen where a rule forbids it. What does the very same has its alias instead (see the routes).
//
// GitHub: a commit by the contents API is a push of one commit, as is what brings a branch or a gist forward, the merging of a pull
// request among it, and Copilot pushes and opens pull requests for who gives it a task; a deployment merges the default branch into
// its own; what is done to an organisation is done to its repositories; branches can be merged behind a pull request's back, and one
// that is renamed is gone; a rule or a setting that is written anew may be a weaker one, and a webhook one to somewhere else.
var alike = map[string]string{
	"anthropic": "create_message batches/create completions/create",
	"aws": `dynamodb:GetItem dynamodb:BatchGetItem dynamodb:Query dynamodb:Scan dynamodb:PartiQLSelect
dynamodb:PutItem dynamodb:BatchWriteItem dynamodb:UpdateItem dynamodb:PartiQLInsert
dynamodb:UpdateItem dynamodb:PutItem dynamodb:BatchWriteItem dynamodb:PartiQLUpdate
dynamodb:DeleteItem dynamodb:BatchWriteItem dynamodb:PartiQLDelete dynamodb:DeleteTable dynamodb:UpdateTimeToLive
cloudformation:CreateStack cloudformation:CreateChangeSet cloudformation:ExecuteChangeSet cloudformation:CreateStackInstances
cloudformation:DeleteStack cloudformation:DeleteStackInstances
cloudformation:UpdateStack cloudformation:CreateChangeSet cloudformation:ExecuteChangeSet cloudformation:UpdateStackSet cloudformation:UpdateStackInstances
ec2:RunInstances ec2:RunScheduledInstances ec2:RequestSpotInstances ec2:RequestSpotFleet ec2:CreateFleet autoscaling:SetDesiredCapacity autoscaling:CreateAutoScalingGroup autoscaling:UpdateAutoScalingGroup
ec2:TerminateInstances autoscaling:TerminateInstanceInAutoScalingGroup
ecs:RunTask ecs:StartTask ecs:CreateService
firehose:PutRecord firehose:PutRecordBatch
iam:AttachRolePolicy iam:PutRolePolicy iam:CreatePolicyVersion iam:SetDefaultPolicyVersion
iam:AttachUserPolicy iam:PutUserPolicy iam:AddUserToGroup iam:AttachGroupPolicy iam:PutGroupPolicy iam:CreatePolicyVersion iam:SetDefaultPolicyVersion
iam:CreateAccessKey iam:CreateLoginProfile iam:UpdateLoginProfile iam:CreateServiceSpecificCredential iam:ResetServiceSpecificCredential
iam:PutRolePolicy iam:AttachRolePolicy iam:CreatePolicyVersion iam:SetDefaultPolicyVersion
iam:PutUserPolicy iam:AttachUserPolicy iam:AddUserToGroup iam:AttachGroupPolicy iam:PutGroupPolicy iam:CreatePolicyVersion iam:SetDefaultPolicyVersion
kinesis:PutRecord kinesis:PutRecords
kms:Decrypt kms:ReEncryptFrom
kms:ScheduleKeyDeletion kms:DisableKey kms:DeleteImportedKeyMaterial
logs:GetLogEvents logs:FilterLogEvents logs:StartQuery logs:GetLogRecord
s3:DeleteObject s3:PutLifecycleConfiguration
s3:GetObject s3:GetObjectTorrent s3:GetObjectAttributes
secretsmanager:PutSecretValue secretsmanager:UpdateSecret
sqs:DeleteMessage sqs:PurgeQueue sqs:DeleteQueue
ssm:SendCommand ssm:StartSession ssm:StartAutomationExecution ssm:CreateAssociation ssm:StartAssociationsOnce
states:StartExecution states:StartSyncExecution
ssm:DeleteParameter ssm:DeleteParameters
ssm:GetParameter ssm:GetParameters ssm:GetParametersByPath ssm:GetParameterHistory`,
	"gemini": "generate_content models.batchGenerateContent",
	"github": `push repos/create-or-update-file-contents repos/delete-file repos/merge mergeBranch pulls/merge pulls/merge-async mergePullRequest enablePullRequestAutoMerge enqueuePullRequest repos/merge-upstream code-scanning/commit-autofix migrations/start-import pulls/update-branch updatePullRequestBranch gists/update agent-tasks/create-task-in-repo codespaces/export-for-authenticated-user migrations/update-import repos/create-deployment createDeployment
merge_branch repos/create-deployment createDeployment
change_default_branch repos/rename-branch
commit_file createCommitOnBranch code-scanning/commit-autofix
delete_file createCommitOnBranch
merge_pr repos/merge mergeBranch
pulls/merge pulls/merge-async mergePullRequest enablePullRequestAutoMerge enqueuePullRequest repos/merge mergeBranch
create_branch repos/rename-branch agent-tasks/create-task-in-repo codespaces/export-for-authenticated-user
create_tag repos/create-release
delete_branch repos/rename-branch
add_label issues/set-labels
remove_label issues/set-labels
watch updateSubscription
unwatch updateSubscription
dependabot/update-alert dismissRepositoryVulnerabilityAlert
rerun_workflow checks/rerequest-run checks/rerequest-suite rerequestCheckSuite
approve_deployment actions/review-custom-gates-for-run
unprotect_branch repos/update-branch-protection repos/set-branch-protection repos/change-branch-protection repos/update-repo-ruleset repos/update-org-ruleset repos/delete-org-ruleset updateBranchProtectionRule updateRepositoryRuleset
protect_branch repos/create-org-ruleset repos/update-org-ruleset
change_environment repos/create-deployment-branch-policy repos/update-deployment-branch-policy repos/delete-deployment-branch-policy repos/create-deployment-protection-rule repos/disable-deployment-protection-rule
change_settings interactions/set-restrictions-for-repo interactions/remove-restrictions-for-repo repos/enable-private-vulnerability-reporting repos/disable-private-vulnerability-reporting repos/enable-immutable-releases repos/disable-immutable-releases actions/set-custom-oidc-sub-claim-for-repo code-scanning/update-default-setup checks/set-suites-preferences updateCheckSuitePreferences repos/custom-properties-for-repos-create-or-update-repository-values orgs/update orgs/enable-or-disable-security-product-on-all-org-repos orgs/custom-properties-for-repos-create-or-update-organization-values orgs/set-immutable-releases-settings orgs/set-immutable-releases-settings-repositories orgs/enable-selected-repository-immutable-releases-organization orgs/disable-selected-repository-immutable-releases-organization code-security/attach-configuration code-security/detach-configuration code-security/update-configuration code-security/attach-enterprise-configuration code-quality/update-setup actions/set-actions-cache-retention-limit-for-repository actions/set-actions-cache-storage-limit-for-repository actions/set-github-actions-permissions-organization actions/set-allowed-actions-organization actions/set-github-actions-default-workflow-permissions-organization actions/set-selected-repositories-enabled-github-actions-organization actions/enable-selected-repository-github-actions-organization actions/disable-selected-repository-github-actions-organization actions/set-fork-pr-contributor-approval-permissions-organization actions/set-private-repo-fork-pr-workflows-settings-organization actions/set-artifact-and-log-retention-settings-organization interactions/set-restrictions-for-org interactions/remove-restrictions-for-org setOrganizationInteractionLimit interactions/set-pull-request-bypass-list-for-repo interactions/remove-pull-request-bypass-list-for-repo interactions/update-pull-request-creation-cap-for-repo interactions/update-pull-request-creation-cap-for-org updateOrganizationAllowPrivateRepositoryForkingSetting updateOrganizationWebCommitSignoffSetting repos/create-autolink repos/delete-autolink
set_secret agents/create-or-update-repo-secret agents/create-or-update-org-secret dependabot/create-or-update-org-secret codespaces/create-or-update-org-secret codespaces/create-or-update-secret-for-authenticated-user actions/add-selected-repo-to-org-secret actions/set-selected-repos-for-org-secret agents/add-selected-repo-to-org-secret agents/set-selected-repos-for-org-secret codespaces/add-selected-repo-to-org-secret codespaces/set-selected-repos-for-org-secret dependabot/add-selected-repo-to-org-secret dependabot/set-selected-repos-for-org-secret codespaces/add-repository-for-secret-for-authenticated-user codespaces/set-repositories-for-secret-for-authenticated-user private-registries/create-org-private-registry private-registries/update-org-private-registry
delete_secret agents/delete-repo-secret agents/delete-org-secret dependabot/delete-org-secret codespaces/delete-org-secret codespaces/delete-secret-for-authenticated-user actions/remove-selected-repo-from-org-secret actions/set-selected-repos-for-org-secret agents/remove-selected-repo-from-org-secret agents/set-selected-repos-for-org-secret codespaces/remove-selected-repo-from-org-secret codespaces/set-selected-repos-for-org-secret dependabot/remove-selected-repo-from-org-secret dependabot/set-selected-repos-for-org-secret codespaces/remove-repository-for-secret-for-authenticated-user codespaces/set-repositories-for-secret-for-authenticated-user private-registries/delete-org-private-registry
set_variable actions/create-environment-variable actions/update-environment-variable actions/create-org-variable actions/update-org-variable agents/create-repo-variable agents/update-repo-variable agents/create-org-variable agents/update-org-variable actions/add-selected-repo-to-org-variable actions/set-selected-repos-for-org-variable agents/add-selected-repo-to-org-variable agents/set-selected-repos-for-org-variable
delete_variable actions/delete-environment-variable actions/delete-org-variable agents/delete-repo-variable agents/delete-org-variable actions/remove-selected-repo-from-org-variable actions/set-selected-repos-for-org-variable agents/remove-selected-repo-from-org-variable agents/set-selected-repos-for-org-variable
create_webhook repos/update-webhook repos/update-webhook-config-for-repo orgs/update-webhook orgs/update-webhook-config-for-org apps/update-webhook-config-for-app
update_webhook orgs/update-webhook orgs/update-webhook-config-for-org apps/update-webhook-config-for-app
add_collaborator orgs/set-membership-for-user orgs/create-invitation teams/add-or-update-membership-for-user-in-org teams/add-or-update-membership-for-user-legacy teams/add-member-legacy teams/add-or-update-repo-permissions-in-org teams/add-or-update-repo-permissions-legacy orgs/assign-team-to-org-role orgs/assign-user-to-org-role enterprise-team-organizations/add enterprise-team-organizations/bulk-add apps/add-repo-to-installation-for-authenticated-user
remove_collaborator teams/remove-repo-in-org teams/remove-repo-legacy orgs/remove-outside-collaborator orgs/revoke-org-role-team orgs/revoke-org-role-user orgs/revoke-all-org-roles-team orgs/revoke-all-org-roles-user enterprise-team-organizations/delete enterprise-team-organizations/bulk-remove
add_member orgs/create-invitation teams/add-or-update-membership-for-user-in-org teams/add-or-update-membership-for-user-legacy teams/add-member-legacy enterprise-team-memberships/add enterprise-team-memberships/bulk-add inviteEnterpriseMember inviteEnterpriseAdmin addEnterpriseOrganizationMember orgs/assign-user-to-org-role
remove_member orgs/convert-member-to-outside-collaborator teams/remove-membership-for-user-in-org teams/remove-membership-for-user-legacy teams/remove-member-legacy enterprise-team-memberships/remove enterprise-team-memberships/bulk-remove removeEnterpriseMember orgs/block-user
delete_repo orgs/delete
create_pr agent-tasks/create-task-in-repo
create_issue convertProjectV2DraftIssueItemToIssue convertProjectCardNoteToIssue transferIssue
create_repo repos/create-fork codespaces/publish-for-authenticated-user security-advisories/create-fork startRepositoryMigration
fork_repo security-advisories/create-fork
create_gist gists/fork
update_gist gists/receive-pack
clone web/archive repos/download-tarball-archive repos/download-zipball-archive
download repos/download-tarball-archive repos/download-zipball-archive repos/get-release-asset
run_workflow actions/re-run-workflow actions/re-run-workflow-failed-jobs actions/re-run-job-for-workflow-run checks/rerequest-run checks/rerequest-suite rerequestCheckSuite
create_deployment repos/create-pages-deployment repos/request-pages-build
add_deploy_key users/create-public-ssh-key-for-authenticated-user
read_leaked_secrets secret-scanning/list-alerts-for-org
list_webhooks orgs/list-webhooks orgs/get-webhook orgs/get-webhook-config-for-org`,
	"google": `send_mail gmail.users.settings.updateAutoForwarding gmail.users.settings.filters.create gmail.users.settings.updateVacation drive.approvals.start
share_file drive.permissions.update drive.revisions.update drive.accessproposals.resolve
read_mail gmail.users.threads.get gmail.users.threads.list gmail.users.drafts.get gmail.users.drafts.list gmail.users.messages.attachments.get gmail.users.history.list gmail.users.settings.updateAutoForwarding gmail.users.settings.filters.create gmail.users.settings.delegates.create
list_files drive.changes.list
read_file drive.files.export drive.files.download drive.revisions.get drive.files.copy
delete_file drive.drives.delete drive.teamdrives.delete
share_calendar calendar.acl.update calendar.acl.patch
create_event calendar.events.import calendar.events.quickAdd calendar.events.move
delete_event calendar.calendars.clear calendar.calendars.delete calendar.events.move
create_file drive.files.copy
gmail.users.messages.delete gmail.users.messages.batchDelete gmail.users.threads.delete
gmail.users.messages.trash gmail.users.threads.trash gmail.users.messages.delete gmail.users.messages.batchDelete gmail.users.threads.delete`,
	"jira": `delete_project deleteProjectAsynchronously archiveProject
delete_issue deleteProject deleteProjectAsynchronously
read_project getAllProjects
search searchForIssuesUsingJql searchForIssuesUsingJqlPost matchIssues evaluateJiraExpression
read_issue searchAndReconsileIssuesUsingJql searchAndReconsileIssuesUsingJqlPost searchForIssuesUsingJql searchForIssuesUsingJqlPost matchIssues evaluateJiraExpression getComments getComment getCommentsByIds getChangeLogs getIssueWorklog getWorklog getWorklogsForIds getRemoteIssueLinks getRemoteIssueLinkById getIssueProperty getIssueLink getAttachmentContent getAttachmentThumbnail expandAttachmentForHumans expandAttachmentForMachines`,
	"linear": `add_attachment attachmentLinkDiscord attachmentLinkFront attachmentLinkIntercom attachmentLinkJiraIssue attachmentLinkSalesforce attachmentLinkZendesk
create_issue issueImportCreateAsana issueImportCreateCSVJira issueImportCreateClubhouse issueImportCreateGithub issueImportCreateJira issueImportCreateLinearV2
create_webhook webhookUpdate
invite_member organizationInviteUpdate resendOrganizationInvite resendOrganizationInviteByEmail`,
	"notion": `update_page blocks/children/append blocks/delete
read_page search databases/query data-sources/query
read_database search databases/query data-sources/query`,
	"openai": `chat responses/create responses/connect completions/create batches/create realtime/connect
create_response chat/create-completion completions/create batches/create realtime/connect
complete chat/create-completion responses/create responses/connect batches/create realtime/connect
embed batches/create
get_file vector-stores/file-content vector-stores/search
moderate batches/create
create_image batches/create responses/connect
search_vector_store responses/connect`,
	"slack": `change_profile users.setPhoto users.deletePhoto
download_file files.info files.sharedPublicURL
post_message chat.scheduleMessage files.upload files.remote.share reminders.add
upload_file files.upload
read_channel files.list search.messages search.all search.files reactions.get reactions.list pins.list stars.list`,
	"stripe": `create_refund PostCreditNotes PostApplicationFeesIdRefund PostApplicationFeesIdRefunds PostDisputesDisputeClose PostChargesChargeDisputeClose
create_charge payment-intents/create payment-intents/confirm payment-intents/capture invoices/pay PostTerminalReadersReaderProcessPaymentIntent subscriptions/create PostCustomersCustomerSubscriptions PostSubscriptionItems PostSubscriptionSchedules PostSubscriptionsSubscriptionResume PostQuotesQuoteAccept
create_payment charges/create invoices/pay subscriptions/create PostCustomersCustomerSubscriptions PostSubscriptionItems PostSubscriptionSchedules PostSubscriptionsSubscriptionResume PostQuotesQuoteAccept
capture_charge payment-intents/capture
capture_payment charges/capture
cancel_payout PostPayoutsPayoutReverse
confirm_payment PostTerminalReadersReaderProcessPaymentIntent
update_payment PostPaymentIntentsIntentIncrementAuthorization
update_subscription PostSubscriptionItems PostSubscriptionItemsItem DeleteSubscriptionItemsItem PostSubscriptionSchedules PostSubscriptionSchedulesSchedule PostSubscriptionSchedulesScheduleRelease PostSubscriptionsSubscriptionResume DeleteSubscriptionsSubscriptionExposedIdDiscount DeleteCustomersCustomerSubscriptionsSubscriptionExposedIdDiscount
update_customer PostCustomersCustomerSources PostCustomersCustomerSourcesId DeleteCustomersCustomerSourcesId PostCustomersCustomerCards PostCustomersCustomerCardsId DeleteCustomersCustomerCardsId PostCustomersCustomerBankAccounts PostCustomersCustomerBankAccountsId DeleteCustomersCustomerBankAccountsId PostCustomersCustomerBalanceTransactions PostCustomersCustomerCashBalance PostCustomersCustomerTaxIds DeleteCustomersCustomerTaxIdsId DeleteCustomersCustomerDiscount
update_account PostAccountsAccountBankAccounts PostAccountsAccountBankAccountsId DeleteAccountsAccountBankAccountsId PostAccountsAccountExternalAccounts PostAccountsAccountExternalAccountsId DeleteAccountsAccountExternalAccountsId PostAccountsAccountCapabilitiesCapability PostAccountsAccountPeople PostAccountsAccountPeoplePerson DeleteAccountsAccountPeoplePerson PostAccountsAccountPersons PostAccountsAccountPersonsPerson DeleteAccountsAccountPersonsPerson
delete_account PostAccountsAccountReject
create_invoice PostQuotesQuoteAccept
cancel_subscription PostSubscriptionSchedulesScheduleCancel customers/delete
create_subscription PostSubscriptionSchedules PostQuotesQuoteAccept
create_price PostPlans
create_webhook webhook-endpoints/update
update_price PostPlansPlan
upload_file PostFiles
get_file GetFiles GetFilesFile PostFileLinks
read_customer customers/list customers/search GetEvents GetEventsId`,
}

// Alike are the operations of the service that a rule against an action, named by itself and not as one of a group, forbids as
// well.
func (s *Service) Alike(name string) []string {
	if Lookup(s.Name) != s {
		return nil
	}
	for line := range strings.Lines(alike[s.Name]) {
		if others, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.Fields(others)
		}
	}
	return s.Twins(name)
}

// Twins are the mutations of GitHub's that do what an operation of its REST API does, or that operation.
func (s *Service) Twins(operation string) (out []string) {
	if Lookup(s.Name) != s || s.Name != "github" {
		return nil
	}
	for line := range strings.Lines(githubMutations) {
		if !strings.Contains(line, operation) { // as most do not
			continue
		}
		f := strings.Fields(line)
		switch {
		case len(f) < 4 || f[2] != operation && f[3] != operation || !s.calls(f[3], f[1]):
		case f[2] == operation:
			out = append(out, f[3])
		default:
			out = append(out, f[2])
		}
	}
	return out
}

// calls says whether an operation may be the action of this name.
func (s *Service) calls(operation, name string) bool {
	for r := range s.written {
		if r.Operation == operation && r.Action == name {
			return true
		}
	}
	return false
}

// Called are the operations that go by an alias, as far as they are written by hand.
func (s *Service) Called(alias string) (operations []string) {
	for r := range s.written {
		if r.Action == alias {
			operations = append(operations, r.Operation)
		}
	}
	return Unique(operations)
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
