package action

import (
	"strings"
)

// restNames are what the REST API calls fields of mutations' inputs; other fields go by their own name, with underscores.
// A field that is another thing in one mutation stands behind that mutation's name.
var restNames = map[string]string{
	"baseRefName": "base", "headRefName": "head", "commitHeadline": "commit_title", "commitBody": "commit_message",
	"mergePullRequest.expectedHeadOid": "sha", "enablePullRequestAutoMerge.expectedHeadOid": "sha",
	"createRef.name": "ref", "createRef.oid": "sha", "updateRef.oid": "sha", "createLinkedBranch.name": "ref",
}

// restName is what conditions call a field.
func restName(mutation, field string) string {
	if name := restNames[mutation+"."+field]; name != "" {
		return name
	}
	if name := restNames[field]; name != "" {
		return name
	}
	var b strings.Builder
	for _, c := range []byte(field) {
		if c >= 'A' && c <= 'Z' {
			b.WriteByte('_')
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// restValue is a field's value as the REST API has it: some enumerations are in lower case there, and of the input of
// createCommitOnBranch the names within count.
func restValue(mutation, name string, v any) any {
	switch name {
	case "state", "merge_method", "visibility":
		if s, ok := v.(string); ok {
			return strings.ToLower(s)
		}
	case "ref":
		if s, ok := v.(string); ok && mutation == "createLinkedBranch" && !strings.HasPrefix(s, heads) {
			return heads + s
		}
	case "branch", "message":
		if object, ok := v.(map[string]any); ok && mutation == "createCommitOnBranch" {
			return object[map[string]string{"branch": "branchName", "message": "headline"}[name]]
		}
	}
	return v
}

// spokenFields are the arguments of one root field of GitHub's.
func spokenFields(m *Match, a *Action, names []string) map[string]any {
	out := map[string]any{}
	f := a.root
	if f == nil {
		return out
	}
	for field, v := range f.args {
		name := field
		if m.Service.Name == "github" {
			name = restName(f.field, field)
			v = restValue(f.field, name, v)
		}
		for _, wanted := range names {
			if name == wanted {
				out[name] = v
			}
		}
	}
	return out
}

// ref is the git ref that an id of the field's belongs to, "" where none is known.
func (f *root) ref() string {
	if len(f.ids) == 1 {
		return f.facts[f.ids[0]].Ref
	}
	return ""
}

// byRef says whether the field changes a ref that only an id tells.
func (f *root) byRef() bool {
	branch, _ := f.args["branch"].(map[string]any)
	return f.field == "updateRef" || f.field == "createCommitOnBranch" && branch["id"] != nil
}

// mutationArguments says which arguments GitHub's mutations take.
func mutationArguments(out map[string]Takes) {
	for name, m := range githubSchema().mutations {
		var t Takes
		for field := range strings.FieldsSeq(m.fields) {
			field, _, _ = strings.Cut(field, ":")
			t.Names = append(t.Names, restName(name, strings.TrimRight(field, "#~@!")))
		}
		out[name] = t
	}
	// What they go by though their input does not say it at its top. Where nothing else tells, conditions on it are not met.
	for name, hidden := range map[string][]string{"updateRef": {"ref", "branch"}, "deleteRef": {"ref", "branch"}, "updateRefs": {"ref", "branch", "sha", "force"},
		"createRef": {"branch"}, "createLinkedBranch": {"branch"}, "createCommitOnBranch": {"ref"}, "mergeBranch": {"ref", "branch"},
		"mergePullRequest": {"base", "ref", "branch"}, "enablePullRequestAutoMerge": {"base", "ref", "branch"}, "enqueuePullRequest": {"base", "ref", "branch"},
		"updatePullRequestBranch": {"head", "ref", "branch"},
		"revertPullRequest":       out["createPullRequest"].Names} {
		out[name] = Takes{append(out[name].Names, hidden...), false}
	}
}

// IsQuery says whether the action is the reading of something by GraphQL, whose arguments no condition is about.
func (a *Action) IsQuery() bool { return a.Operation == graphQLQuery.Operation && a.Class == Read }
