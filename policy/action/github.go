package action

import (
	"errors"
	"fmt"
	"strings"
)

// github is GitHub: REST and GraphQL, uploads, git and LFS over HTTPS, gists' git, raw files, Copilot's models. A credential goes to these
// hosts alone: codeload, objects.githubusercontent.com and the stores of LFS (github-cloud.githubusercontent.com,
// github-cloud.s3.amazonaws.com, lfs.github.com) take signed URLs.
func github() *Service {
	host := func(name, routes, refined string, refine func(*Request, *Match), slots ...Slot) Host {
		return Host{Pattern: mustHost(name), Slots: slots, Routes: repoRoutes(routes), Refined: repoRoutes(refined),
			Refine: refine, EncodedSlash: true, Canon: canonRepo}
	}
	s := &Service{
		Base: "https://api.github.com",
		Hosts: []Host{
			host("api.github.com", githubREST, githubRESTRefined, refineGitHub, Slot{Bearer, ""}, Slot{Basic, ""}),
			host("uploads.github.com", githubUploads, "", nil, Slot{Bearer, ""}),
			host("github.com", githubGit, githubGitRefined, refineGit, Slot{Basic, "x-access-token"}, Slot{Bearer, ""}),
			host("gist.github.com", githubGist, "", refineGit, Slot{Basic, "x-access-token"}, Slot{Bearer, ""}),
			host("raw.githubusercontent.com", githubRaw, "", nil, Slot{Bearer, ""}),
		},
	}
	copilot := host("api.githubcopilot.com", githubCopilot, githubCopilotRefined, refineModel, Slot{Bearer, ""})
	for _, plan := range []string{"", "individual.", "business.", "enterprise."} {
		copilot.Pattern = mustHost("api." + plan + "githubcopilot.com")
		s.Hosts = append(s.Hosts, copilot)
	}
	s.Hosts[0].generated("github", "", githubResource)
	s.Hosts[0].Spoken, s.Hosts[0].spoken = mutationRoutes(), func() []Route { return githubSchema().routes }
	s.Hosts[0].takes = mutationArguments
	return s
}

// githubResource is what an operation is about that no hand-written route covers. Where both an organisation and a
// repository are touched, none is known: a rule for one of them does not allow it, a rule that protects one forbids it.
func githubResource(template string) string {
	repo := strings.Contains(template, "/{owner}/{repo}")
	switch {
	case strings.HasPrefix(template, "/orgs/{org}") || strings.HasPrefix(template, "/organizations/{org}"):
		if repo {
			return ""
		}
		return "org:{org}"
	case repo:
		return "repo:{owner}/{repo}"
	case strings.HasPrefix(template, "/users/{username}"):
		return "user:{username}"
	case strings.HasPrefix(template, "/gists/{gist_id}"):
		return "gist:{gist_id}"
	}
	return ""
}

// repoRoutes reads a table in which "~" is a repository and every route below a repository has it as its resource.
func repoRoutes(table string) []Route {
	routes := mustRoutes(table)
	for i := range routes {
		r := &routes[i]
		r.Template = strings.Replace(r.Template, "~", "/repos/{owner}/{repo}", 1)
		if r.Resource == "" && strings.Contains(r.Template, "/{owner}/{repo}") {
			r.Resource = "repo:{owner}/{repo}"
		}
	}
	return routes
}

// canonRepo folds what GitHub folds: logins and repository names in case, and git's suffix. Other characters than those
// GitHub gives out are refused, so that no name can be read as a pattern, a path or another name.
func canonRepo(param, value string) (string, error) {
	if param == "repo" || param == "gist_id" {
		if i := len(value) - len(".git"); i > 0 && strings.EqualFold(value[i:], ".git") {
			value = value[:i]
		}
	}
	switch param {
	case "owner", "repo", "org", "username", "gist_id":
		if !repoName(value) {
			return "", fmt.Errorf("%q is no name that GitHub gives", clip(value))
		}
		return strings.ToLower(value), nil
	}
	return value, nil
}

func repoName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return s != "" && s != "." && s != ".."
}

// refineGitHub reads the bodies that change what an operation of the REST API is. A body that cannot be read makes the
// request unknown: it could hold the more dangerous variant.
func refineGitHub(r *Request, m *Match) {
	var err error
	switch op := m.Actions[0].Operation; {
	case r.Query != "" && byBody[op]:
		err = errors.New("a query string could change what the body asks for; send the arguments in the body alone")
	default:
		err = refineOperation(op, r, m)
	}
	if err != nil {
		m.deny(err.Error())
	}
}

// byBody are the operations whose arguments decide their action. Frameworks merge the query's into the body's.
var byBody = map[string]bool{"graphql": true, "pulls/update": true, "issues/update": true, "pulls/create-review": true,
	"pulls/submit-review": true, "git/create-ref": true, "git/update-ref": true, "repos/rename-branch": true, "repos/update": true,
	"repos/create-fork": true, "repos/create-using-template": true, "repos/transfer": true}

func refineOperation(op string, r *Request, m *Match) (err error) {
	m.Actions[0].Ref = refInPath(r.Path.Segments)
	switch op {
	case "graphql":
		err = refineGraphQL(r, m)
	case "pulls/update":
		err = refineState(r, m, "close_pr", "reopen_pr")
	case "issues/update":
		if err = refineState(r, m, "close_issue", "reopen_issue"); err == nil {
			alsoPullRequest(m)
		}
	case "pulls/create-review", "pulls/submit-review":
		err = refineReview(r, m)
	case "git/create-ref":
		err = refineCreateRef(r, m)
	case "git/update-ref":
		err = refineUpdateRef(r, m)
	case "git/delete-ref":
		err = refineDeleteRef(r, m)
	case "repos/rename-branch":
		err = refineRename(r, m)
	case "repos/update":
		err = refineSettings(r, m)
	case "search/issues-and-pull-requests":
		refineSearch(r, m)
	case "repos/create-fork":
		err = refineOwner(r, m, "organization", "name")
	case "repos/create-using-template":
		err = refineOwner(r, m, "owner", "name")
	case "repos/transfer":
		err = refineOwner(r, m, "new_owner", "new_name")
	}
	return err
}

// rename makes the first action another one of the same operation.
func (m *Match) rename(name string) { m.Actions[0].Name = name }

// also adds another aspect of the same operation, with its resource and class.
func (m *Match) also(name string) {
	a := m.Actions[0]
	a.Name, a.Also = name, true
	m.Actions = append(m.Actions, a)
}

// refineState tells closing and reopening from other changes; a body that does both carries both actions.
func refineState(r *Request, m *Match, closes, reopens string) error {
	body, err := jsonObject(r, "state")
	if err != nil {
		return err
	}
	state, given := body["state"]
	if !given {
		return nil
	}
	name := map[any]string{"closed": closes, "open": reopens}[textOf(state)]
	if name == "" {
		return errors.New(`the body's "state" is neither "open" nor "closed"`)
	}
	for key := range body {
		if key != "state" && key != "state_reason" {
			m.also(name)
			return nil
		}
	}
	m.rename(name)
	return nil
}

// textOf is v where it is a string; anything else is nil, which no name equals.
func textOf(v any) any {
	if s, ok := v.(string); ok {
		return s
	}
	return nil
}

// alsoPullRequest adds the twin of each issue action: to GitHub a pull request is an issue of the same number, so that
// who may not close a pull request must not do it by closing "the issue".
func alsoPullRequest(m *Match) {
	for _, a := range m.Actions[:len(m.Actions):len(m.Actions)] {
		m.also(strings.Replace(a.Name, "_issue", "_pr", 1))
	}
	m.Reason = "the number may be a pull request's, which GitHub changes by the same request, so both need to be allowed"
}

func refineReview(r *Request, m *Match) error {
	body, err := jsonObject(r, "event")
	if err != nil {
		return err
	}
	switch textOf(body["event"]) {
	case "APPROVE":
		m.also("approve_pr")
	case "COMMENT", "REQUEST_CHANGES", "PENDING":
	default:
		if event, given := body["event"]; given && event != nil {
			return errors.New(`the body's "event" is none of APPROVE, REQUEST_CHANGES, COMMENT`)
		}
	}
	return nil
}

func refineCreateRef(r *Request, m *Match) error {
	body, err := jsonObject(r, "ref")
	if err != nil {
		return err
	}
	ref, _ := body["ref"].(string)
	switch {
	case strings.HasPrefix(ref, heads):
		m.rename("create_branch")
	case strings.HasPrefix(ref, "refs/tags/"):
		m.rename("create_tag")
	default:
		return errors.New(`the body's "ref" is neither below refs/heads/ nor below refs/tags/`)
	}
	return refName(ref)
}

func refineUpdateRef(r *Request, m *Match) error {
	if kind, err := pathRef(r); kind == "" {
		return err
	}
	body, err := jsonObject(r, "force")
	if err != nil {
		return err
	}
	switch force, given := body["force"]; {
	case force == true:
		m.rename("force_push")
	case given && force != false:
		return errors.New(`the body's "force" is neither true nor false`)
	}
	return nil
}

func refineDeleteRef(r *Request, m *Match) error {
	kind, err := pathRef(r)
	if err != nil {
		return err
	}
	m.rename("delete_" + kind)
	return nil
}

// refineRename adds the branch that there is afterwards to the one that is gone.
func refineRename(r *Request, m *Match) error {
	body, err := jsonObject(r, "new_name")
	if err != nil {
		return err
	}
	name, _ := body["new_name"].(string)
	if name == "" || strings.HasPrefix(name, "refs/") || strings.HasPrefix(name, "heads/") || !isRef(name) {
		return errors.New(`the body's "new_name" is no name of a branch`)
	}
	a := m.Actions[0]
	a.Ref, a.Also = heads+name, true
	m.Actions = append(m.Actions, a)
	return nil
}

// refineOwner adds the repository that there is afterwards where the body says whose it is to be: what is done to somebody's template
// makes a repository of somebody else's. Without a name it has that of the one in the path.
func refineOwner(r *Request, m *Match, owner, name string) error {
	body, err := jsonObject(r, owner, name)
	if err != nil || body[owner] == nil {
		return err
	}
	whose, isText := body[owner].(string)
	called, isName := body[name].(string)
	a := m.Actions[0]
	if body[name] == nil {
		_, called, isName = strings.Cut(a.Resource.Name, "/")
	}
	repo, ok := canonRepos(whose, called)
	if !isText || !isName || !ok {
		return fmt.Errorf("the body's %q and %q name no repository", owner, name)
	}
	a.Resource, a.Also = Resource{"repo", repo}, true
	m.Actions = append(m.Actions, a)
	return nil
}

// pathRef says whether the ref behind /repos/{owner}/{repo}/git/refs/ is a branch or a tag.
func pathRef(r *Request) (string, error) {
	ref := strings.Join(r.Path.Segments[5:], "/")
	switch {
	case strings.HasPrefix(ref, "heads/"):
		return "branch", nil
	case strings.HasPrefix(ref, "tags/"):
		return "tag", nil
	}
	return "", fmt.Errorf("the ref %q is neither below heads/ nor below tags/", clip(ref))
}

// refInPath is the ref that a path is about: /repos/{owner}/{repo}/git/refs/heads/main, /repos/{owner}/{repo}/branches/main/protection.
func refInPath(segments []string) string {
	if k := len(segments) - 1; segments[k] == "" { // a slash at the end, which changes nothing
		segments = segments[:k]
	}
	switch {
	case len(segments) > 5 && segments[3] == "git" && segments[4] == "refs":
		return "refs/" + strings.Join(segments[5:], "/")
	case len(segments) > 4 && segments[3] == "branches":
		return heads + segments[4]
	}
	return ""
}

func refineSettings(r *Request, m *Match) error {
	body, err := jsonObject(r, "name", "private", "visibility", "archived", "default_branch")
	if err != nil {
		return err
	}
	if name, _ := body["name"].(string); strings.HasSuffix(m.Actions[0].Resource.Name, "/"+strings.ToLower(name)) {
		delete(body, "name") // clients repeat the name that the repository has
	}
	for _, change := range [...]struct{ key, name string }{
		{"archived", "archive_repo"}, {"name", "rename_repo"}, {"private", "change_visibility"},
		{"visibility", "change_visibility"}, {"default_branch", "change_default_branch"},
	} {
		if _, given := body[change.key]; given && !m.has(change.name) {
			m.also(change.name)
		}
	}
	return nil
}

func (m *Match) has(name string) bool {
	for _, a := range m.Actions {
		if a.Name == name {
			return true
		}
	}
	return false
}
