package action

import "strings"

// OtherNames are those by which a rule may call the resource, or what it belongs to; nil for most. They tell less than its own,
// so that they serve to forbid, not to allow.
func (r Resource) OtherNames() []Resource {
	switch r.Kind {
	case "repo":
		owner, _, _ := strings.Cut(r.Name, "/")
		names := []Resource{{"org", owner}, {"user", owner}}  // whichever it is
		if of, ok := strings.CutSuffix(r.Name, ".wiki"); ok { // the repository of its pages
			names = append(names, Resource{"repo", of})
		}
		return names
	case "issue":
		if i := strings.LastIndexByte(r.Name, '-'); i > 0 { // Jira's, whose key begins with that of its project
			return []Resource{{"project", r.Name[:i]}}
		}
	case "model":
		return modelNames(r.Name)
	case "mailbox", "calendar", "file":
		return []Resource{{r.Kind, relatives[r.Kind]}}
	case "bucket":
		if bucket, _, ok := strings.Cut(r.Name, "/"); ok { // of which it is an object
			return []Resource{{"bucket", bucket}}
		}
	case "queue", "topic":
		if _, name, ok := strings.Cut(r.Name, "/"); ok { // without the account
			return []Resource{{r.Kind, name}}
		}
	case "parameter":
		if name, ok := strings.CutPrefix(r.Name, "/"); ok {
			return []Resource{{r.Kind, name}}
		}
		return []Resource{{r.Kind, "/" + r.Name}}
	case "arn":
		return arnNames(r.Name)
	}
	return nil
}

// relatives are names at Google of what belongs to whose credential it is, whatever it is called otherwise.
var relatives = map[string]string{"mailbox": "me", "calendar": "primary", "file": "root"}

// Relative says whether the name does not tell which one it is, since it is another one for each credential.
func (r Resource) Relative() bool { return r.Name != "" && relatives[r.Kind] == r.Name }

// gathers are reads of an organisation, a user or an issue that give what stands in repositories which they do not name.
var gathers = wordSet{text: `issues/list-events-for-timeline issues/list-sub-issues issues/get-parent
	issues/list-dependencies-blocked-by issues/list-dependencies-blocking
	issues/list-for-org repos/list-for-org teams/list-repos-in-org teams/list-repos-legacy
	projects/list-items-for-org projects/get-org-item projects/list-view-items-for-org
	projects/list-items-for-user projects/get-user-item projects/list-view-items-for-user
	activity/list-events-for-authenticated-user activity/list-org-events-for-authenticated-user activity/list-received-events-for-user
	code-scanning/list-alerts-for-org dependabot/list-alerts-for-org secret-scanning/list-alerts-for-org
	security-advisories/list-org-repository-advisories migrations/download-archive-for-org`}

// Gathers says whether the action reads things of repositories that its resource does not name.
func (a *Action) Gathers() bool {
	switch a.Resource.Kind {
	case "org", "user", "repo":
		return gathers.has(a.Operation)
	}
	return false
}

// Told says whether the resource tells what the action is about: not where it is none, where a query of GraphQL leads beyond one,
// and where repositories are meant, whoever owns them.
func (a *Action) Told() bool {
	return a.Resource.Known() && a.Resource != elsewhere && (a.Resource.Kind == "org" || !a.Gathers())
}

// Strays says whether the action may be about things that it does not name.
func (a *Action) Strays() bool { return !a.Told() || a.givesPages() }

// Reaches says whether those may be of a kind.
func (a *Action) Reaches(kind string) bool {
	switch {
	case a.givesPages():
		return kind == "page"
	case a.Operation == "users/get-authenticated": // who has the credential
		return kind != "repo"
	}
	return a.Strays()
}

// givesPages says whether the action is a query of Notion's.
func (a *Action) givesPages() bool {
	return a.Operation == "databases/query" || a.Operation == "data-sources/query"
}

// modelNames are the names of what a model is a version of, in the case of letters that vendors use: gpt-4o of gpt-4o-2024-08-06 and
// of one that was fine-tuned (ft:gpt-4o-2024-08-06:org::id), gemini-2.5-pro and its preview of gemini-2.5-pro-preview-05-06.
func modelNames(model string) (names []Resource) {
	name := strings.ToLower(model)
	if of, ok := strings.CutPrefix(name, "ft:"); ok {
		name, _, _ = strings.Cut(of, ":")
	}
	for _, next := range [...]string{name, undated(name), strings.TrimSuffix(strings.TrimSuffix(undated(name), "-preview"), "-exp")} {
		if next != model {
			names = append(names, Resource{"model", next})
		}
	}
	return names
}

// undated is the name of a model without the version that vendors add to it: gpt-4o-2024-08-06, gpt-3.5-turbo-0125,
// claude-3-5-haiku-20241022, claude-3-7-sonnet-latest, gemini-2.0-flash-001, gemini-2.5-flash-preview-09-2025.
func undated(model string) string {
	if name, ok := strings.CutSuffix(model, "-latest"); ok {
		return name
	}
	for _, version := range [...]string{"-dddd-dd-dd", "-dddddddd", "-dd-dddd", "-dddd", "-dd-dd", "-ddd"} {
		name, tail := model[:max(0, len(model)-len(version))], model[max(0, len(model)-len(version)):]
		if name != "" && strings.Map(digit, tail) == version {
			return name
		}
	}
	return model
}

func digit(c rune) rune {
	if c >= '0' && c <= '9' {
		return 'd'
	}
	return c
}
