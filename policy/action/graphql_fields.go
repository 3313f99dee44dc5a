package action

import (
	"strings"
	"sync"
)

// The fields of GitHub's GraphQL schema (npm @octokit/graphql-schema 15.26.1) by which a query stays with the repository
// that it began with. Types are not known here, so a name stands only in a list if it keeps the promise on every type
// that the names of "within" reach from Repository, or from what an id can belong to (see lookUpNodes). What is in no list leads out; so do, on purpose, timelines and
// references (they lead to issues of other repositories), associated pull requests and head refs (forks), packages and
// new projects (the owner's).
var (
	within = wordSet{text: `nodes edges node pageInfo
		pullRequest pullRequests issue issues issueOrPullRequest pinnedIssues discussion discussions discussionCategories category
		label labels milestone milestones release releases latestRelease releaseAssets
		ref refs baseRef defaultBranchRef target object history tree entries commit commits mergeCommit potentialMergeCommit tagCommit
		comments comment replies replyTo answer reviews latestReviews latestOpinionatedReviews reviewThreads reviewRequests
		thread pullRequestReview files reactionGroups autoMergeRequest mergeQueue
		statusCheckRollup contexts status checkSuites checkSuite checkRuns workflowRun workflow checkRunCountsByState
		statusContextCountsByState deployments latestStatus environments environment
		branchProtectionRule branchProtectionRules
		languages primaryLanguage licenseInfo codeOfConduct contributingGuidelines codeowners
		issueTemplates pullRequestTemplates contactLinks fundingLinks repositoryTopics submodules`}

	// adjacent fields give an object beside the repository: of it, its name may be read and no more.
	adjacent = wordSet{text: `owner author authors editor user creator committer tagger uploadedBy mergedBy enabledBy resolvedBy assignees
		assignedActors suggestedActors requestedReviewer requestedReviewersEdge actor viewer participants assignableUsers mentionableUsers watchers users app topic repository
		headRepository headRepositoryOwner headRef parent templateRepository baseRepository closingIssuesReferences
		projects projectCards projectItems`}

	// identity fields name the owner of something beside, the default branch of a parent, and where a project has a thing.
	identity = wordSet{text: `owner user organization project column repository defaultBranchRef fieldValueByName`}

	// made fields lead from what a mutation gives back to the thing in a repository that it made or changed. Of it, what
	// the fields themselves say may be read; what lies further in is a read of the repository.
	made = wordSet{text: `assignable branchProtectionRule checkRun checkSuite comment commentEdge commit deployment deploymentStatus deployments
		discussion duplicate environment issue issueComment label labelable linkedBranch lockedRecord mergeCommit mergeQueueEntry
		minimizedComment pinnedEnvironment pullRequest pullRequestReview pullRequestReviewComment reaction reactionGroups ref repository
		repositoryVulnerabilityAlert revertPullRequest reviewEdge ruleset starrable subIssue subject subscribable thread timelineEdge
		unlockedRecord unminimizedComment`}

	connection = wordSet{text: `nodes edges node pageInfo`}

	// names are what may be read of something beside: what it is called, and of a parent what gh asks before it opens a pull
	// request or an issue.
	names = wordSet{text: `__typename id databaseId login name slug number url resourcePath avatarUrl nameWithOwner email date totalCount
		hasNextPage endCursor optionId description hasIssuesEnabled hasWikiEnabled viewerPermission`}

	// public fields of an account are those by which anybody finds it.
	public = wordSet{text: `__typename id databaseId login`}
)

// wordSet is a set of words. It is made when the first is looked for: most runs see no query.
type wordSet struct {
	text string // with blanks between them
	once sync.Once
	set  map[string]bool
}

func (w *wordSet) has(word string) bool {
	w.once.Do(func() {
		w.set = map[string]bool{}
		for word := range strings.FieldsSeq(w.text) {
			w.set[word] = true
		}
	})
	return w.set[word]
}
