package action

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// nodesQuery asks GitHub what ids belong to. Every type in it has been in the schema for years: one that is not there any
// more would fail the whole question, and with it every decision that needs one.
const nodesQuery = `query($ids:[ID!]!){nodes(ids:$ids){__typename
...on Repository{nameWithOwner}
...on RepositoryNode{repository{nameWithOwner}}
...on Ref{prefix name repository{nameWithOwner}}
...on Commit{repository{nameWithOwner}}
...on Label{repository{nameWithOwner}}
...on Milestone{repository{nameWithOwner}}
...on CheckRun{repository{nameWithOwner}}
...on CheckSuite{repository{nameWithOwner}}
...on Deployment{repository{nameWithOwner}}
...on DeploymentStatus{deployment{repository{nameWithOwner}}}
...on Release{repository{nameWithOwner}}
...on PullRequestReviewThread{repository{nameWithOwner}}
...on BranchProtectionRule{of:repository{nameWithOwner}}
...on DiscussionComment{discussion{repository{nameWithOwner}}}
...on LinkedBranch{ref{repository{nameWithOwner}}}
...on WorkflowRun{checkSuite{repository{nameWithOwner}}}
...on RepositoryRuleset{source{__typename ...on Repository{nameWithOwner} ...on Organization{login}}}
...on Organization{login}
...on User{login}
...on Team{organization{__typename login}}
...on ProjectV2{owner{__typename ...on Organization{login} ...on User{login}}}
...on ProjectV2Item{project{owner{__typename ...on Organization{login} ...on User{login}}}}
}}`

// githubNode is what nodesQuery gives of an id, and of each thing on the way to what it belongs to.
type githubNode struct {
	Type          string `json:"__typename"`
	NameWithOwner string `json:"nameWithOwner"`
	Login         string `json:"login"`
	Prefix        string `json:"prefix"`
	Name          string `json:"name"`

	Repository, Of, Discussion, Deployment, Ref, CheckSuite, Source, Organization, Owner, Project *githubNode
}

// resource is what the node belongs to; zero where that is neither a repository nor an organisation nor a user.
func (n *githubNode) resource() Resource {
	if n == nil {
		return Resource{}
	}
	if owner, name, ok := strings.Cut(n.NameWithOwner, "/"); ok {
		if repo, ok := canonRepos(owner, name); ok {
			return Resource{"repo", repo}
		}
	}
	if kind := map[string]string{"Organization": "org", "User": "user"}[n.Type]; kind != "" {
		if login, err := canonRepo("owner", n.Login); err == nil {
			return Resource{kind, login}
		}
	}
	for _, next := range [...]*githubNode{n.Repository, n.Of, n.Discussion, n.Deployment, n.Ref, n.CheckSuite, n.Source, n.Organization, n.Owner, n.Project} {
		if next != nil {
			return next.resource()
		}
	}
	return Resource{}
}

// lookUpNodes asks GitHub what ids belong to. An id says so itself, too, but nobody promises that the server goes by that.
func lookUpNodes(r *Request, ids []string, about []Action) (map[string]Fact, error) {
	var answer struct {
		Data   struct{ Nodes []*githubNode }
		Errors []struct{ Message string }
	}
	err := askGraphQL(r, nodesQuery, map[string]any{"ids": ids}, about, &answer)
	if err != nil {
		return nil, err
	}
	if len(answer.Data.Nodes) != len(ids) {
		if len(answer.Errors) > 0 {
			return nil, fmt.Errorf("the service answered: %s", clip(answer.Errors[0].Message))
		}
		return nil, errors.New("the service answered something else")
	}
	facts := map[string]Fact{}
	for i, n := range answer.Data.Nodes {
		if n == nil {
			continue // it does not exist, or the credential may not see it
		}
		f := Fact{Resource: n.resource()}
		if n.Type == "Ref" {
			f.Ref = n.Prefix + n.Name
		}
		facts[ids[i]] = f
	}
	return facts, nil
}

// askGraphQL puts one query of our own.
func askGraphQL(r *Request, query string, variables map[string]any, about []Action, answer any) error {
	if r.Ask == nil {
		return errors.New("nobody can be asked here")
	}
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	reply, err := r.Ask(&Question{
		Method: http.MethodPost, Path: "/graphql", Header: http.Header{"Content-Type": {"application/json"}}, Body: body,
		About: about, Why: "what the ids in a GraphQL request belong to",
	})
	switch {
	case err != nil:
		return err
	case reply.Status != http.StatusOK:
		return fmt.Errorf("the service answered %d", reply.Status)
	}
	if err := json.Unmarshal(reply.Body, answer); err != nil {
		return fmt.Errorf("the service's answer cannot be read: %w", err)
	}
	return nil
}
