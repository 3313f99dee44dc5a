package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// githubMutations reads the schema of GitHub's GraphQL API. A row is "CLASS MUTATION FIELD...", with the fields of its one
// input, or "t TYPE FIELD..." for an input type below one. A field ends in # where it holds ids of what the mutation is
// about, in ~ where it holds ids of people and the like who only take part in it, and in :TYPE where it holds such input
// again. @ marks the name of a repository, ! what names a subject in another way than by its id. Lists are not told from single values, and clientMutationId, which all have, is left out.
func githubMutations(specs, _ string) ([]string, string, error) {
	dir, from, err := npm(specs, "@octokit/graphql-schema")
	if err != nil {
		return nil, "", err
	}
	text, err := os.ReadFile(filepath.Join(dir, "schema.graphql"))
	if err != nil {
		return nil, "", err
	}
	schema, perr := parser.ParseSchema(&ast.Source{Input: string(text)})
	if perr != nil {
		return nil, "", perr
	}
	inputs := map[string]*ast.Definition{}
	var mutation *ast.Definition
	for _, d := range schema.Definitions {
		switch {
		case d.Kind == ast.InputObject:
			inputs[d.Name] = d
		case d.Name == "Mutation":
			mutation = d
		}
	}
	nested := map[string]bool{}
	rows := slices.Clone(githubNewer)
	for _, f := range mutation.Fields {
		if len(f.Arguments) != 1 || f.Arguments[0].Name != "input" {
			return nil, "", fmt.Errorf("%s does not take one input", f.Name)
		}
		class := classOf(githubMutationReviews, "POST", f.Name, "a")
		rows = append(rows, class+" "+f.Name+inputFields(inputs, nested, f.Name, f.Arguments[0].Type.Name()))
	}
	for more := true; more; { // types within types
		more = false
		for name, seen := range nested {
			if !seen {
				nested[name], more = true, true
				rows = append(rows, "t "+name+inputFields(inputs, nested, name, name))
			}
		}
	}
	slices.Sort(rows)
	return rows, from + " schema.graphql", nil
}

func inputFields(inputs map[string]*ast.Definition, nested map[string]bool, owner, name string) string {
	var b strings.Builder
	for _, f := range inputs[name].Fields {
		kind := f.Type.Name()
		switch {
		case f.Name == "clientMutationId":
			continue
		case kind == "ID" && takesPart.MatchString(owner+"."+f.Name):
			f.Name += "~"
		case kind == "ID":
			f.Name += "#"
		case otherwise.MatchString(owner + "." + f.Name):
			f.Name += "!"
		case f.Name == "repositoryNameWithOwner":
			f.Name += "@"
		case inputs[kind] != nil:
			if _, known := nested[kind]; !known {
				nested[kind] = false
			}
			f.Name += ":" + kind
		}
		b.WriteString(" " + f.Name)
	}
	return b.String()
}

// takesPart matches the ids of those who are assigned, asked or let through (users, teams, apps, the types of an
// organisation's issues), and of what can only belong to something else in the same input. They are not what a mutation
// changes.
var takesPart = regexp.MustCompile(`\.(assigneeIds|userIds|actorIds|reviewers|\w+ActorIds|appId|actorId|excludedTeamMemberIds|issueTypeId)$` +
	`|^requestReviews\.teamIds$|^updateTeamsRepository\.teamIds$|^createRepository\.teamId$` +
	`|^(approve|reject)Deployments\.environmentIds$|ProjectV2ItemFieldValue\.fieldId$` +
	`|^ProjectV2Collaborator\.|^(removeOutsideCollaborator|removeEnterpriseMember)\.userId$`)

// otherwise matches texts that say what a mutation is about, beside its ids.
var otherwise = regexp.MustCompile(`\.(sponsorLogin|sponsorableLogin|subIssueUrl)$|^importProject\.ownerName$|^ProjectCardImport\.repository$` +
	`|^createSponsorsTier\.repository(Name|OwnerLogin)$`)

// githubNewer are mutations that GitHub's reference has and the package does not yet; clients send them.
var githubNewer = []string{
	"w replaceActorsForAssignable assignableId# actorIds~ actorLogins",
	"w requestReviewsByLogin pullRequestId# userLogins botLogins teamSlugs union",
	"w updateIssueIssueType issueId# issueTypeId~",
}

// linear reads the types of Linear's own client, which are made from the schema of its GraphQL API. A row is "CLASS q FIELD"
// or "CLASS m FIELD": a root field of queries or of mutations.
func linear(specs, _ string) ([]string, string, error) {
	dir, from, err := npm(specs, "@linear/sdk")
	if err != nil {
		return nil, "", err
	}
	files, err := filepath.Glob(filepath.Join(dir, "dist", "*.d.mts"))
	if err != nil {
		return nil, "", err
	}
	var rows []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, "", err
		}
		for _, root := range linearRoots {
			_, fields, found := strings.Cut(string(text), "\ntype "+root.name+" = {\n")
			if !found {
				continue
			}
			fields, _, _ = strings.Cut(fields, "\n};")
			for _, f := range typeField.FindAllStringSubmatch(fields, -1) {
				if f[1] == "__typename" || f[1] == "_dummy" {
					continue
				}
				if class := classOf(root.reviews, root.method, f[1], "r"); class != "-" {
					rows = append(rows, class+" "+root.mark+" "+f[1])
				}
			}
		}
	}
	if len(rows) == 0 {
		return nil, "", fmt.Errorf("%s has no type Query and no type Mutation", dir)
	}
	slices.Sort(rows)
	return rows, from, nil
}

// typeField is a field of a type of TypeScript.
var typeField = regexp.MustCompile(`(?m)^  (\w+)\??: `)

var linearRoots = []struct {
	name, mark, method string
	reviews            []review
}{
	{"Query", "q", "GET", linearQueryReviews},
	{"Mutation", "m", "POST", linearReviews},
}
