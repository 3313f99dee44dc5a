package action

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"agentguard/policy/action/catalogue"
)

// The curated part of GitHub's mutations: class, alias, mutation, and the operation of the REST API whose permission it
// needs. A mutation that does several things, by its arguments, has a row for each. The first of them is the one that it
// is called by else. What is not named here goes by its own name (see catalogue/github_graphql).
const githubMutations = `
write create_pr           createPullRequest              pulls/create
write create_pr           revertPullRequest              pulls/create
write create_branch       revertPullRequest
write update_pr           updatePullRequest              pulls/update
write close_pr            updatePullRequest
write reopen_pr           updatePullRequest
write close_pr            closePullRequest               pulls/update
write reopen_pr           reopenPullRequest              pulls/update
write ready_pr            markPullRequestReadyForReview  pulls/update
write draft_pr            convertPullRequestToDraft      pulls/update
write merge_pr            mergePullRequest               pulls/merge
write merge_pr            enablePullRequestAutoMerge     pulls/merge
write merge_pr            enqueuePullRequest             pulls/merge
write cancel_merge        disablePullRequestAutoMerge    pulls/merge
write cancel_merge        dequeuePullRequest             pulls/merge
write update_pr_branch    updatePullRequestBranch        pulls/update-branch
write request_review      requestReviews                 pulls/request-reviewers
write request_review      requestReviewsByLogin          pulls/request-reviewers
write submit_review       addPullRequestReview           pulls/create-review
write approve_pr          addPullRequestReview
write submit_review       submitPullRequestReview        pulls/submit-review
write approve_pr          submitPullRequestReview
write update_review       updatePullRequestReview        pulls/update-review
write delete_review       deletePullRequestReview        pulls/delete-pending-review
write dismiss_review      dismissPullRequestReview       pulls/dismiss-review
write resolve_thread      resolveReviewThread            pulls/update-review-comment
write resolve_thread      unresolveReviewThread          pulls/update-review-comment

write add_comment         addComment                     issues/create-comment
write add_comment         addPullRequestReviewComment    pulls/create-review-comment
write add_comment         addPullRequestReviewThread     pulls/create-review-comment
write add_comment         addPullRequestReviewThreadReply pulls/create-reply-for-review-comment
write add_comment         addDiscussionComment
write update_comment      updateIssueComment             issues/update-comment
write update_comment      updatePullRequestReviewComment pulls/update-review-comment
write update_comment      updateDiscussionComment
write delete_comment      deleteIssueComment             issues/delete-comment
write delete_comment      deletePullRequestReviewComment pulls/delete-review-comment
write delete_comment      deleteDiscussionComment
write hide_comment        minimizeComment
write hide_comment        unminimizeComment
write add_reaction        addReaction                    reactions/create-for-issue
write remove_reaction     removeReaction                 reactions/delete-for-issue

write create_issue        createIssue                    issues/create
write update_issue        updateIssue                    issues/update
write close_issue         updateIssue
write reopen_issue        updateIssue
write update_issue        updateIssueIssueType           issues/update
write close_issue         closeIssue                     issues/update
write reopen_issue        reopenIssue                    issues/update
write update_issue        addSubIssue                    issues/add-sub-issue
write update_issue        removeSubIssue                 issues/remove-sub-issue
write update_issue        reprioritizeSubIssue           issues/reprioritize-sub-issue
write update_issue        unmarkIssueAsDuplicate         issues/update
write transfer_issue      transferIssue
admin delete_issue        deleteIssue
write pin_issue           pinIssue
write pin_issue           unpinIssue
write lock_issue          lockLockable                   issues/lock
write unlock_issue        unlockLockable                 issues/unlock
write add_label           addLabelsToLabelable           issues/add-labels
write remove_label        removeLabelsFromLabelable      issues/remove-label
write remove_label        clearLabelsFromLabelable       issues/remove-all-labels
write create_label        createLabel                    issues/create-label
write update_label        updateLabel                    issues/update-label
write delete_label        deleteLabel                    issues/delete-label
write add_assignee        addAssigneesToAssignable       issues/add-assignees
write remove_assignee     removeAssigneesFromAssignable  issues/remove-assignees
write add_assignee        replaceActorsForAssignable     issues/add-assignees
write remove_assignee     replaceActorsForAssignable
write create_discussion   createDiscussion
write update_discussion   updateDiscussion
write update_discussion   closeDiscussion
write update_discussion   reopenDiscussion
admin delete_discussion   deleteDiscussion

write create_branch       createRef                      git/create-ref
write create_tag          createRef
write push                updateRef                      git/update-ref
write force_push          updateRef
write push                updateRefs                     git/update-ref
write force_push          updateRefs
write create_branch       updateRefs
write create_tag          updateRefs
write delete_branch       updateRefs
write delete_tag          updateRefs
write delete_branch       deleteRef                      git/delete-ref
write delete_tag          deleteRef
write push                createCommitOnBranch           repos/create-or-update-file-contents
write create_branch       createLinkedBranch             git/create-ref
write merge_branch        mergeBranch                    repos/merge
admin protect_branch      createBranchProtectionRule     repos/update-branch-protection
admin protect_branch      updateBranchProtectionRule     repos/update-branch-protection
admin unprotect_branch    deleteBranchProtectionRule     repos/delete-branch-protection
admin protect_branch      createRepositoryRuleset        repos/create-repo-ruleset
admin protect_branch      updateRepositoryRuleset        repos/update-repo-ruleset
admin unprotect_branch    deleteRepositoryRuleset        repos/delete-repo-ruleset
write set_status          createCheckRun                 checks/create
write set_status          updateCheckRun                 checks/update
write set_status          createDeploymentStatus         repos/create-deployment-status
write create_deployment   createDeployment               repos/create-deployment
write delete_deployment   deleteDeployment               repos/delete-deployment
admin approve_deployment  approveDeployments             actions/review-pending-deployments-for-run
admin approve_deployment  rejectDeployments              actions/review-pending-deployments-for-run
admin change_environment  createEnvironment              repos/create-or-update-environment
admin change_environment  updateEnvironment              repos/create-or-update-environment
admin delete_environment  deleteEnvironment              repos/delete-an-environment

admin change_settings     updateRepository               repos/update
admin rename_repo         updateRepository
admin change_settings     updateTopics                   repos/replace-all-topics
admin change_settings     updateRepositoryWebCommitSignoffSetting repos/update
admin change_settings     setRepositoryInteractionLimit  interactions/set-restrictions-for-repo
admin archive_repo        archiveRepository              repos/update
admin archive_repo        unarchiveRepository            repos/update
admin add_collaborator    updateTeamsRepository          teams/add-or-update-repo-permissions-in-org
admin remove_collaborator removeOutsideCollaborator
admin create_repo         createRepository               repos/create-for-authenticated-user
admin create_repo         cloneTemplateRepository        repos/create-using-template
admin delete_package      deletePackageVersion           packages/delete-package-version-for-org
write star                addStar                        activity/star-repo-for-authenticated-user
write unstar              removeStar                     activity/unstar-repo-for-authenticated-user
`

// mutation is what the catalogue knows of one of GitHub's mutations.
type mutation struct {
	Route
	fields string // of its input: the rest of its row in the table
}

// schema is GitHub's mutations and the input types below theirs.
type schema struct {
	mutations map[string]*mutation
	types     map[string]string // fields by type
	routes    []Route           // all mutations as policies know them
}

// mutationRoutes reads githubMutations.
func mutationRoutes() (routes []Route) {
	for line := range strings.Lines(githubMutations) {
		if f := strings.Fields(line); len(f) >= 3 {
			routes = append(routes, Route{Method: "POST", Template: "/graphql", Action: f[1], Operation: f[2], Class: classes[f[0]], Resource: "repo:{owner}/{repo}"})
		}
	}
	return routes
}

// githubSchema joins what is written by hand with the catalogue's table and the permissions of the REST API.
var githubSchema = sync.OnceValue(func() *schema {
	text, _, err := catalogue.Text("github_graphql")
	if err != nil {
		panic(err) // the package's own text, tried by its tests
	}
	s := &schema{mutations: map[string]*mutation{}, types: map[string]string{}}
	for line := range strings.Lines(text) {
		class, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		name, fields, _ := strings.Cut(rest, " ")
		if class == "t" {
			s.types[name] = fields
			continue
		}
		s.mutations[name] = &mutation{Route{Method: "POST", Template: "/graphql", Operation: name, Class: rowClasses[class]}, fields}
	}
	permits, err := twinPermits()
	if err != nil {
		panic(err)
	}
	for _, r := range mutationRoutes() {
		r.Permits = permits[r.Operation]
		if m := s.mutations[r.Operation]; m.Action == "" {
			m.Route = r
		}
		s.routes = append(s.routes, r)
	}
	for _, name := range slices.Sorted(maps.Keys(s.mutations)) {
		if m := s.mutations[name]; m.Action == "" {
			s.routes = append(s.routes, m.Route)
		}
	}
	return s
})

// twinPermits are the permissions of the REST operations that mutations go by.
func twinPermits() (map[string]string, error) {
	twins := map[string][]string{}
	for line := range strings.Lines(githubMutations) {
		if f := strings.Fields(line); len(f) == 4 {
			twins[f[3]] = append(twins[f[3]], f[2])
		}
	}
	rows, err := tableRows("github", "")
	permits := map[string]string{}
	for _, r := range rows {
		for _, name := range twins[r.Operation] {
			permits[name] = r.Permits
		}
	}
	return permits, err
}
