package testbed

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// GitHub is GitHub's GraphQL API, as much of it as gh and octokit need: every repository that is asked for is there, each
// with pull request and issue 1 to 99. What it has no field for is null.
type GitHub struct {
	mu   sync.Mutex
	done []string
}

// Done lists the mutations that were executed since the last call of Forget: "createPullRequest myorg/myrepo".
func (g *GitHub) Done() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.done...)
}

// Forget drops what was executed.
func (g *GitHub) Forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.done = nil
}

// object is a thing of the graph: its fields, some of which take arguments.
type (
	object map[string]any
	method func(args map[string]any) any
)

func (g *GitHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Query         string
		OperationName string
		Variables     map[string]any
	}
	var doc *ast.QueryDocument
	err := json.NewDecoder(r.Body).Decode(&q)
	if err == nil {
		doc, err = parser.ParseQuery(&ast.Source{Input: q.Query})
	}
	var op *ast.OperationDefinition
	if err == nil {
		op = doc.Operations.ForName(q.OperationName)
	}
	if op == nil {
		answer(http.StatusOK, map[string]any{"errors": []any{map[string]any{"message": fmt.Sprint("no operation: ", err)}}})(w, r)
		return
	}
	e := &execution{doc: doc, op: op, variables: q.Variables}
	root := g.query()
	if op.Operation == ast.Mutation {
		root = g.mutation(op)
	}
	answer(http.StatusOK, map[string]any{"data": e.selected(root, op.SelectionSet)})(w, r)
}

// execution is one operation while it is executed.
type execution struct {
	doc       *ast.QueryDocument
	op        *ast.OperationDefinition
	variables map[string]any
}

func (e *execution) selected(of object, set ast.SelectionSet) map[string]any {
	out := map[string]any{}
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			out[s.Alias] = e.value(of[s.Name], s)
		case *ast.InlineFragment:
			e.merge(out, of, s.TypeCondition, s.SelectionSet)
		case *ast.FragmentSpread:
			if f := e.doc.Fragments.ForName(s.Name); f != nil {
				e.merge(out, of, f.TypeCondition, f.SelectionSet)
			}
		}
	}
	return out
}

// merge adds what a fragment selects, where its type is the object's or one of the interfaces of repositories' things.
func (e *execution) merge(out map[string]any, of object, on string, set ast.SelectionSet) {
	if on != "" && on != of["__typename"] && !(on == "RepositoryNode" && of["repository"] != nil) && !strings.HasPrefix(on, "__") && on != "Query" && on != "Mutation" {
		return
	}
	for name, v := range e.selected(of, set) {
		out[name] = v
	}
}

func (e *execution) value(v any, f *ast.Field) any {
	switch v := v.(type) {
	case method:
		args := map[string]any{}
		for _, a := range f.Arguments {
			args[a.Name] = e.argument(a.Value)
		}
		return e.value(v(args), f)
	case object:
		return e.selected(v, f.SelectionSet)
	case []object:
		list := []any{}
		for _, item := range v {
			if item == nil {
				list = append(list, nil)
			} else {
				list = append(list, e.selected(item, f.SelectionSet))
			}
		}
		return list
	}
	return v
}

func (e *execution) argument(v *ast.Value) any {
	for _, d := range e.op.VariableDefinitions {
		if v.Kind == ast.Variable && d.Variable == v.Raw && e.variables[v.Raw] == nil && d.DefaultValue != nil {
			v = d.DefaultValue
		}
	}
	value, err := v.Value(e.variables)
	if err != nil {
		return nil
	}
	return value
}

// id is an id of GitHub's form; whose gives back what it is of.
func id(prefix, of string) string {
	return prefix + "_" + base64.RawURLEncoding.EncodeToString([]byte(of))
}

func whose(id any) (prefix, repo, number string) {
	text, _ := id.(string)
	prefix, rest, _ := strings.Cut(text, "_")
	of, err := base64.RawURLEncoding.DecodeString(rest)
	if err != nil {
		return "", "", ""
	}
	repo, number, _ = strings.Cut(string(of), "#")
	return prefix, repo, number
}

func (g *GitHub) query() object {
	return object{
		"__typename": "Query",
		"viewer":     object{"__typename": "User", "login": "octocat", "id": id("U", "octocat")},
		"repository": method(func(args map[string]any) any {
			return repository(fmt.Sprintf("%v/%v", args["owner"], args["name"]))
		}),
		"user": method(func(args map[string]any) any { return actor(fmt.Sprint(args["login"])) }),
		"node": method(func(args map[string]any) any { return node(args["id"]) }),
		"nodes": method(func(args map[string]any) any {
			var list []object
			ids, _ := args["ids"].([]any)
			for _, id := range ids {
				list = append(list, node(id))
			}
			return list
		}),
		"__type": method(func(args map[string]any) any { return object{"name": args["name"], "fields": []object{}} }),
	}
}

func node(id any) object {
	prefix, repo, number := whose(id)
	switch {
	case repo == "" || strings.HasPrefix(repo, "gone/"):
		return nil
	case prefix == "R":
		return repository(repo)
	case prefix == "PR":
		return thing("PullRequest", "pull", repo, number)
	case prefix == "I":
		return thing("Issue", "issues", repo, number)
	case prefix == "U":
		return actor(repo)
	}
	return nil
}

func actor(login string) object {
	return object{"__typename": "User", "login": login, "id": id("U", login), "name": login}
}

func connection(list ...object) object {
	if list == nil {
		list = []object{}
	}
	return object{"nodes": list, "edges": []object{}, "totalCount": len(list), "pageInfo": object{"hasNextPage": false, "endCursor": ""}}
}

func repository(full string) object {
	owner, name, _ := strings.Cut(full, "/")
	numbered := func(kind, path string) method {
		return func(args map[string]any) any { return thing(kind, path, full, fmt.Sprint(args["number"])) }
	}
	return object{
		"__typename": "Repository", "id": id("R", full), "name": name, "nameWithOwner": full, "owner": actor(owner),
		"url": "https://github.com/" + full, "hasIssuesEnabled": true, "isPrivate": false, "isArchived": false, "viewerPermission": "ADMIN",
		"defaultBranchRef": object{"name": "main"}, "mergeCommitAllowed": true, "squashMergeAllowed": true, "rebaseMergeAllowed": true,
		"pullRequest": numbered("PullRequest", "pull"), "issue": numbered("Issue", "issues"), "issueOrPullRequest": numbered("Issue", "issues"),
		"pullRequests": method(func(args map[string]any) any {
			if head, _ := args["headRefName"].(string); head != "" {
				return connection() // none from that branch yet
			}
			return connection(thing("PullRequest", "pull", full, "42"))
		}),
		"issues": connection(), "labels": connection(), "milestones": connection(), "assignableUsers": connection(actor("reviewer")),
	}
}

// thing is a pull request or an issue.
func thing(kind, path, repo, number string) object {
	prefix := map[string]string{"PullRequest": "PR", "Issue": "I"}[kind]
	owner, _, _ := strings.Cut(repo, "/")
	var n int
	fmt.Sscan(number, &n)
	return object{
		"__typename": kind, "id": id(prefix, repo+"#"+number), "number": n, "title": "Fix login", "state": "OPEN", "body": "",
		"url": fmt.Sprintf("https://github.com/%s/%s/%s", repo, path, number), "author": actor("octocat"), "isDraft": false, "isCrossRepository": false,
		"baseRefName": "main", "headRefName": "fix-login", "headRepositoryOwner": actor(owner), "mergeable": "MERGEABLE", "mergeStateStatus": "CLEAN",
		"repository":     object{"__typename": "Repository", "id": id("R", repo), "nameWithOwner": repo, "name": strings.TrimPrefix(repo, owner+"/"), "owner": actor(owner)},
		"headRepository": object{"id": id("R", repo), "name": strings.TrimPrefix(repo, owner+"/")},
		"comments":       connection(), "commits": connection(), "reviewRequests": connection(), "reviews": connection(), "labels": connection(), "assignees": connection(),
	}
}

// mutation executes any mutation: it is noted with the repository of the first id of its input that has one.
func (g *GitHub) mutation(op *ast.OperationDefinition) object {
	root := object{"__typename": "Mutation"}
	for _, s := range op.SelectionSet {
		f, ok := s.(*ast.Field)
		if !ok {
			continue
		}
		root[f.Name] = method(func(args map[string]any) any {
			input, _ := args["input"].(map[string]any)
			repo := ""
			for _, name := range []string{"repositoryId", "pullRequestId", "subjectId", "issueId", "id"} {
				if _, of, _ := whose(input[name]); of != "" && repo == "" {
					repo = of
				}
			}
			g.mu.Lock()
			g.done = append(g.done, f.Name+" "+repo)
			g.mu.Unlock()
			pull := thing("PullRequest", "pull", repo, "42")
			return object{"pullRequest": pull, "issue": thing("Issue", "issues", repo, "7"), "repository": repository(repo),
				"commentEdge": object{"node": object{"url": "https://github.com/" + repo + "/issues/7#issuecomment-1"}}}
		})
	}
	return root
}
