package action

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"agentguard/policy/graphql"
)

// mutation reads a root field of a mutation.
func (w *walker) mutation(f *graphql.Field) (*root, error) {
	known := githubSchema().mutations[f.Name]
	if known == nil {
		return nil, fmt.Errorf("%s is no mutation that the catalogue of github knows", clip(f.Name))
	}
	m := &root{field: f.Name, key: f.Alias, in: w.document, asked: f, action: Action{Operation: f.Name, Class: known.Class}, names: []string{known.Action}}
	if known.Action == "" {
		m.names[0] = f.Name
	}
	args, err := w.arguments(f)
	if err != nil {
		return nil, err
	}
	for name := range args {
		if name != "input" {
			return nil, fmt.Errorf("%s takes no argument %s", f.Name, clip(name))
		}
	}
	input, ok := args["input"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the input of %s is no object", f.Name)
	}
	if err := m.input(known.fields, input); err != nil {
		return nil, fmt.Errorf("the input of %s: %w", f.Name, err)
	}
	m.args = input
	if err := m.refine(); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	return m, w.below(f, 0, payload, m)
}

// input gathers the ids and names in an input object, whose fields the table tells. A field that it does not know could be
// about anything.
func (f *root) input(fields string, object map[string]any) error {
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if key == "clientMutationId" {
			continue
		}
		mark, ok := fieldMark(fields, key)
		if !ok || strings.ContainsAny(key, "#~@!: ") {
			return fmt.Errorf("the catalogue knows no field %s", clip(key))
		}
		var err error
		switch v := object[key]; {
		case v == nil || mark == "" || mark == "~":
		case mark == "#":
			f.ids, err = idsIn(f.ids, v)
		case mark == "@":
			err = f.repository(v)
		case mark == "!":
			f.unnamed = true
		default:
			err = f.nested(githubSchema().types[mark[1:]], v)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

// fieldMark finds a field in a row, and gives what follows its name.
func fieldMark(fields, key string) (mark string, ok bool) {
	for field := range strings.SplitSeq(fields, " ") {
		if mark, ok := strings.CutPrefix(field, key); ok && (mark == "" || strings.IndexByte("#~@!:=", mark[0]) >= 0) {
			return mark, true
		}
	}
	return "", false
}

func (f *root) nested(fields string, v any) error {
	switch v := v.(type) {
	case map[string]any:
		return f.input(fields, v)
	case []any:
		for _, item := range v {
			if err := f.nested(fields, item); err != nil {
				return err
			}
		}
		return nil
	case nil:
		return nil
	}
	return errors.New("not an object")
}

// repository notes "owner/name".
func (f *root) repository(v any) error {
	text, _ := v.(string)
	owner, name, _ := strings.Cut(text, "/")
	repo, ok := canonRepos(owner, name)
	if !ok {
		return fmt.Errorf("%q is no name of a repository", clip(text))
	}
	f.named = append(f.named, Resource{"repo", repo})
	return nil
}

// refine reads the arguments that make a mutation another action, or several.
func (f *root) refine() (err error) {
	switch f.field {
	case "updateIssue":
		err = f.state("close_issue", "reopen_issue")
	case "updatePullRequest":
		err = f.state("close_pr", "reopen_pr")
	case "addPullRequestReview", "submitPullRequestReview":
		switch event := f.args["event"]; event {
		case "APPROVE":
			f.names = append(f.names, "approve_pr")
		case nil, "COMMENT", "REQUEST_CHANGES", "DISMISS":
		default:
			err = errors.New("event is none of APPROVE, REQUEST_CHANGES, COMMENT")
		}
	case "revertPullRequest":
		f.names = append(f.names, "create_branch")
	case "replaceActorsForAssignable":
		f.names = append(f.names, "remove_assignee")
	case "updateRepository":
		if _, named := f.args["name"]; named {
			f.names = append(f.names, "rename_repo")
		}
	case "createRef":
		var kind string
		kind, err = refKind(f.args["name"])
		f.names[0] = "create_" + kind
	case "updateRef":
		f.names[0], err = pushed(f.args["force"])
	case "updateRefs":
		f.names, err = f.refUpdates()
		f.each = true
	case "deleteRef":
		f.renamed = (*root).deleted
	}
	return err
}

// state tells closing and reopening from other changes; an input that does both carries both.
func (f *root) state(closes, reopens string) error {
	state, given := f.args["state"]
	if !given || state == nil {
		return nil
	}
	name := map[any]string{"CLOSED": closes, "OPEN": reopens}[textOf(state)]
	if name == "" {
		return errors.New("state is neither OPEN nor CLOSED")
	}
	for key := range f.args {
		if key != "state" && key != "id" && key != "pullRequestId" && key != "clientMutationId" {
			f.names = append(f.names, name)
			return nil
		}
	}
	f.names = []string{name}
	return nil
}

func refKind(name any) (string, error) {
	ref, _ := name.(string)
	switch {
	case strings.HasPrefix(ref, heads):
		return "branch", refName(ref)
	case strings.HasPrefix(ref, "refs/tags/"):
		return "tag", refName(ref)
	}
	return "", fmt.Errorf("the ref %q is neither below refs/heads/ nor below refs/tags/", clip(ref))
}

func pushed(force any) (string, error) {
	switch force {
	case true:
		return "force_push", nil
	case false, nil:
		return "push", nil
	}
	return "", errors.New("force is neither true nor false")
}

// refUpdates reads what updateRefs does to each ref: an object id of zeros stands for no ref (GitHub's RefUpdate).
func (f *root) refUpdates() ([]string, error) {
	list, isList := f.args["refUpdates"].([]any)
	if !isList {
		list = []any{f.args["refUpdates"]}
	}
	var names []string
	for _, item := range list {
		update, _ := item.(map[string]any)
		kind, err := refKind(update["name"])
		if err != nil {
			return nil, err
		}
		may, err := refUpdate(update, kind)
		if err != nil {
			return nil, err
		}
		names = append(names, may...)
		for len(f.refs) < len(names) {
			f.refs = append(f.refs, update["name"].(string))
		}
	}
	if len(names) == 0 || len(names) > maxRoots {
		return nil, fmt.Errorf("%d refs, which can do %d things; send 1 ref or more that do at most %d", len(list), len(names), maxRoots)
	}
	return names, nil
}

// refUpdate is what one of them may do.
func refUpdate(update map[string]any, kind string) ([]string, error) {
	before, _ := update["beforeOid"].(string)
	after, _ := update["afterOid"].(string)
	switch {
	case after == "":
		return nil, errors.New("afterOid is not a text")
	case zeroID(after):
		return []string{"delete_" + kind}, nil
	case before != "" && zeroID(before):
		return []string{"create_" + kind}, nil
	}
	name, err := pushed(update["force"])
	if before == "" { // nothing is said of what the ref was, so there may have been none
		return []string{"create_" + kind, name}, err
	}
	return []string{name}, err
}

// deleted is what deleteRef deletes, which its id alone tells: as long as nobody has looked it up, either.
func (f *root) deleted() []string {
	if len(f.ids) == 1 {
		if kind, err := refKind(f.facts[f.ids[0]].Ref); err == nil {
			return []string{"delete_" + kind}
		}
	}
	return []string{"delete_branch", "delete_tag"}
}
