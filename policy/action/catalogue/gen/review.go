package main

import (
	"path"
	"strings"
)

// review is what a person decided about operations of a service: a class, or "-" for those left out, and patterns of
// operation names (path.Match). The first that matches counts.
//
// What nobody looked at is the most powerful: an operation that a refresh brings is admin until it stands here, unless it
// is a GET of a service whose GETs are harmless as a rule. A table's class yields, too, to any route of the hand-written
// tables that covers the operation.
type review struct{ class, patterns string }

func (r review) matches(operation string) bool {
	for p := range strings.FieldsSeq(r.patterns) {
		if ok, err := path.Match(p, operation); err != nil {
			panic(p)
		} else if ok {
			return true
		}
	}
	return false
}

// classOf gives the class of an operation; get is what a GET is that no review names.
func classOf(reviews []review, method, operation, get string) string {
	for _, r := range reviews {
		switch {
		case !r.matches(operation):
		case r.class == "w" && method == "GET":
			return "r" // the pattern is about the family's changes
		default:
			return r.class
		}
	}
	if method == "GET" || method == "HEAD" {
		return get
	}
	return "a"
}

// githubReviews: what mints a credential is left out, for the agent would then hold it. Nearly all GETs are covered by
// the hand-written table; of the others only those named here are reads.
var githubReviews = []review{
	{"-", `apps/create-installation-access-token apps/create-from-manifest apps/scope-token apps/reset-token apps/check-token
		actions/create-registration-token-* actions/create-remove-token-* actions/generate-runner-jitconfig-*`},
	{"-", `repos/upload-release-asset`}, // another host serves it
	{"r", `search/* codes-of-conduct/* meta/* markdown/* orgs/list users/list apps/get-by-slug classroom/*
		apps/list-repos-accessible-to-installation orgs/list-attestations-bulk users/list-attestations-bulk`},
	{"w", `activity/* reactions/* checks/create-suite checks/rerequest-* pull-request-stacks/* pulls/* gists/* git/* projects/*
		issues/add-* issues/remove-* issues/create* issues/update* issues/delete-* issues/pin-* issues/unpin-* issues/repr* issues/set-*
		code-scanning/upload-sarif dependency-graph/create-* repos/request-pages-build repos/create-pages-deployment
		repos/cancel-pages-deployment repos/create-attestation`},
}

// stripeReviews: keys, tokens and sessions that a client could use instead of the credential are left out. Money that
// moves out, and whatever else is not here, is admin.
var stripeReviews = []review{
	{"-", `PostTokens PostAccountSessions PostAccountLinks PostTerminalConnectionTokens PostEphemeralKeys* DeleteEphemeralKeys*
		PostAccountsAccountLoginLinks PostBillingPortalSessions PostCustomerSessions PostLinkAccountSessions
		PostIdentityVerificationSessions* PostFinancialConnectionsSessions PostIssuing* PostTreasury* PostTestHelpers*
		DeleteTestHelpers* PostApps* GetLinkAccountSessions* GetIssuing*Number*`},
	{"a", `GetIssuing* GetIdentity* GetTreasury* GetApps* GetAccount* GetWebhookEndpoints* GetFinancialConnections* GetTestHelpers*`},
	{"w", `PostCustomers* DeleteCustomers* PostQuotes* PostSetupIntents* PostPaymentMethods* PostPromotionCodes* PostSubscriptionItems*
		DeleteSubscriptionItems* PostSubscriptionSchedules* PostTaxRates* PostTaxCalculations PostCoupons* PostPlans* DeletePlans*
		PostProducts* DeleteProducts* PostInvoices* PostInvoiceitems* DeleteInvoiceitems* PostPaymentLinks* PostCheckoutSessions*
		PostShippingRates* PostPrices* PostBillingMeter* PostPaymentIntents* PostSubscriptions* DeleteSubscriptions*`},
}

// slackReviews: what hands out tokens or sockets, and what administers a whole enterprise, is left out.
var slackReviews = []review{
	{"-", `admin.* oauth.* rtm.* apps.permissions.* apps.event.* auth.* migration.exchange apps.uninstall`},
	{"r", `*.list *.info dnd.teamInfo team.profile.get users.getPresence users.identity conversations.history
		conversations.members conversations.replies stars.list chat.getPermalink search.messages reactions.get users.profile.get`},
	{"w", `chat.* reactions.* pins.* stars.* reminders.* dialog.open views.* calls.* workflows.* files.* dnd.* users.setPresence
		users.setActive users.deletePhoto users.setPhoto users.profile.set`},
}

// jiraReviews: reads of settings, of who may what and of everybody's data are admin.
var jiraReviews = []review{
	{"a", `getAuditRecords getAllUsers* getUserEmail* getBulk* getDynamicWebhooks* getFailedWebhooks getConfiguration
		getAdvancedSettings getApplicationProperty getAllPermissionSchemes getPermissionScheme* getGroup getUsersFromGroup
		getLicense getApproximateLicenseCount getApproximateApplicationLicenseCount exportArchivedIssues`},
	{"r", `searchForIssuesUsingJqlPost searchAndReconsileIssuesUsingJqlPost countIssues parseJqlQueries matchIssues
		migrateQueries sanitiseJqlQueries evaluateJiraExpression analyseExpression getAutoCompletePost
		bulkFetchIssues getBulkChangelogs getBulkPermissions getPermittedProjects getCommentsByIds getWorklogsForIds
		searchProjectsUsingSecuritySchemes`},
	{"w", `createIssue createIssues editIssue assignIssue doTransition addComment updateComment deleteComment addAttachment
		addWatcher removeWatcher addVote removeVote addWorklog updateWorklog deleteWorklog linkIssues deleteIssueLink
		createOrUpdateRemoteIssueLink updateRemoteIssueLink deleteRemoteIssueLink* setIssueProperty deleteIssueProperty
		setCommentProperty deleteCommentProperty notify createVersion updateVersion moveVersion createComponent updateComponent
		createFilter updateFilter deleteFilter setFavouriteForFilter deleteFavouriteForFilter createDashboard updateDashboard
		removeAttachment`},
}

// googleReviews: what forwards, shares, delegates or watches lets others in; what deletes for good is admin as well.
var googleReviews = []review{
	{"a", `gmail.users.settings.cse.* gmail.users.settings.delegates.* gmail.users.settings.forwardingAddresses.*
		gmail.users.settings.sendAs.smimeInfo.* gmail.users.messages.delete gmail.users.messages.batchDelete
		gmail.users.threads.delete *.watch *.stop calendar.acl.* drive.permissions.create drive.permissions.update
		drive.permissions.delete drive.files.emptyTrash drive.accessproposals.* drive.drives.create drive.drives.update drive.drives.delete`},
	{"-", `drive.files.generateCseToken`},
	{"r", `calendar.freebusy.query drive.files.download`},
	{"w", `gmail.users.messages.* gmail.users.drafts.* gmail.users.labels.* gmail.users.threads.* calendar.events.*
		calendar.calendarList.* drive.files.* drive.comments.* drive.replies.* drive.revisions.*`},
}

// githubMutationReviews: all that is about an enterprise, an organisation, money, a repository's settings or its
// existence is admin, and so is what deletes for good what people wrote.
var githubMutationReviews = []review{
	{"w", `addAssignees* addComment addDiscussion* addLabels* addProjectV2* addPullRequestReview* addReaction addStar addSubIssue addUpvote
		archiveProjectV2Item changeUserStatus clearLabels* clearProjectV2ItemFieldValue closeDiscussion closeIssue closePullRequest
		convertProjectV2DraftIssueItemToIssue convertPullRequestToDraft createCheckRun createCheckSuite createCommitOnBranch
		createDeployment* createDiscussion createIssue createLabel createLinkedBranch createPullRequest createRef createTeamDiscussion*
		createProjectV2StatusUpdate createUserList deleteDiscussionComment deleteIssueComment deleteLabel deleteLinkedBranch
		deleteProjectV2Item deleteProjectV2StatusUpdate deleteDeployment deletePullRequestReview* deleteRef deleteTeamDiscussionComment
		deleteUserList dequeuePullRequest disablePullRequestAutoMerge dismissPullRequestReview enablePullRequestAutoMerge
		enqueuePullRequest followOrganization followUser lockLockable mark*Answer markFileAsViewed markPullRequestReadyForReview mergeBranch
		mergePullRequest minimizeComment pinIssue removeAssignees* removeLabels* removeReaction removeStar removeSubIssue
		removeUpvote reopen* reprioritizeSubIssue requestReviews rerequestCheckSuite resolveReviewThread revertPullRequest
		submitPullRequestReview transferIssue unarchiveProjectV2Item unfollow* unlockLockable unmark*Answer unmarkFileAsViewed
		unmarkIssueAsDuplicate unminimizeComment unpinIssue unresolveReviewThread updateCheckRun updateDiscussion* updateIssue
		updateIssueComment updateLabel updateProjectV2DraftIssue updateProjectV2Item* updateProjectV2StatusUpdate updatePullRequest*
		updateRef updateRefs updateSubscription updateTeamDiscussionComment updateUserList*`},
}

// linearQueryReviews: who may what, who signed in, what hooks and keys there are is admin; what answers to a key in place
// of the credential, or checks one for somebody, is left out.
var linearQueryReviews = []review{
	{"-", `*ByAccessKey ssoUrlFromEmail issueImport* partner* verify* originPendingInstallations originInstallUrl agentSessionSshAddress`},
	{"a", `webhook webhooks audit* authenticationSessions userSessions oauth* failuresForOauthWebhooks applicationInfo integration*
		archivedIntegrations organizationInvite* organizationDomainClaimRequest emailIntakeAddress agentSessionSandbox origin*
		pushSubscriptionTest quotas usageAlert* templatesForIntegration administrableTeams`},
}

// linearReviews: what signs in, mints a key or hands out an upload's address is left out; what connects other services, invites,
// shares, deletes for good or changes settings is admin.
var linearReviews = []review{
	{"-", `*Auth *AuthChallenge passkeyLogin* logout* createOrganizationFromOnboarding joinOrganizationFromOnboarding partner* *ByAccessKey
		oauthApplicationCreate oauthApplicationRotate* webhookRotateSecret emailIntakeAddressRotate trackAnonymousEvent contactSalesCreate
		organizationDeleteChallenge fileUpload importFileUpload imageUploadFromUrl integrationGitlabRotate`},
	{"w", `issueCreate issueBatch* issueUpdate issueAddLabel issueRemoveLabel issueArchive issueUnarchive issueReminder issueSubscribe issueUnsubscribe
		issueRelation* issueLabelCreate issueLabelUpdate comment* attachment* reaction* projectCreate projectUpdate projectAddLabel
		projectRemoveLabel projectArchive projectUnarchive projectMilestone* projectRelation* projectUpdate* documentCreate documentUpdate
		documentUnarchive initiativeCreate initiativeUpdate* initiativeAddLabel initiativeRemoveLabel initiativeRelation* initiativeToProject*
		initiativeArchive initiativeUnarchive cycleCreate cycleUpdate cycleArchive customView* customerCreate customerUpdate customerNeed*
		favorite* notification* inboxNotificationUpdate releaseCreate releaseUpdate releaseNoteCreate releaseNoteUpdate roadmapCreate roadmapUpdate
		entityExternalLink* issueToRelease* agentActivityCreate create*Reminder viewPreferences*`},
}
