package action

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Spellings are those that a policy may have of one value: a branch with and without refs/heads/. The first is the one to show.
type Spellings []string

// String is the first spelling, quoted.
func (s Spellings) String() string { return strconv.Quote(slices.Concat(s, []string{""})[0]) }

const heads = "refs/heads/"

// refFields are the arguments that name the branch or ref that an operation of GitHub's changes, by their names in the REST API.
var refFields = map[string]string{
	"git/create-ref": "ref", "createRef": "ref", "createLinkedBranch": "ref",
	"repos/create-or-update-file-contents": "branch", "repos/delete-file": "branch", "createCommitOnBranch": "branch",
	"repos/merge": "base", "mergeBranch": "base", "repos/merge-upstream": "branch",
}

// shortRefs are the operations that take a ref by its short name too, and may mean a branch or a tag by it.
var shortRefs = map[string]bool{"actions/create-workflow-dispatch": true, "repos/create-deployment": true}

// refSource is the argument that has to be known too where a condition on the ref or branch is asked for; "": none.
func refSource(operation string, names []string) string {
	if slices.Contains(names, "ref") || slices.Contains(names, "branch") {
		return refFields[operation]
	}
	return ""
}

// spellRefs gives what names branches in every spelling that GitHub takes, and adds the ref and the branch that an action changes,
// whatever way the request names it: in its path, in its body, or in the commands of a push. What changes a ref that is no branch
// has that ref for its branch.
func spellRefs(out map[string]any, a *Action) error {
	for _, name := range [...]string{"base", "head", "branch"} {
		text, ok := refText(out[name])
		switch {
		case !ok:
		case strings.HasPrefix(text, "heads/"), strings.HasPrefix(text, "refs/") && !strings.HasPrefix(text, heads):
			return fmt.Errorf("%s is %q, which could be a ref and a branch of that name", name, clip(text))
		case !isRef(text) && (name != "head" || !isRef(text[strings.IndexByte(text, ':')+1:])): // whose fork may stand before it
			return fmt.Errorf("%s is %q, which is no name of a branch", name, clip(text))
		default:
			out[name] = branchSpellings(text)
		}
	}
	ref := a.Ref
	if said := saidRef(out, a.Operation); ref == "" {
		ref = said
	} else if said != "" && said != ref {
		return fmt.Errorf("the request names both %q and %q", clip(ref), clip(said))
	}
	switch {
	case ref == "":
	case !isRef(ref):
		return fmt.Errorf("the ref %q is none that has one reading", clip(ref))
	case !shortRefs[a.Operation]:
		out["ref"], out["branch"] = Spellings{ref}, Spellings{ref}
		if short, is := strings.CutPrefix(ref, heads); is {
			out["ref"], out["branch"] = Spellings{ref, short}, branchSpellings(ref)
		}
	default:
		short := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(ref, "refs/"), "heads/"), "tags/")
		out["ref"] = Spellings{ref, short, "heads/" + short, heads + short, "refs/tags/" + short}
	}
	return nil
}

// isRef says whether a name is that of a ref or, without refs/, of a branch or tag, and nothing that some reader makes another of:
// not HEAD, an expression of git's or a name with what is trimmed.
func isRef(name string) bool {
	if !strings.HasPrefix(name, "refs/") {
		name = heads + name
	}
	return refName(name) == nil && name != heads+"HEAD" && name != heads+"@" && strings.TrimSpace(name) == name
}

// saidRef is the ref that the arguments of an operation name.
func saidRef(out map[string]any, operation string) string {
	switch v := out[refFields[operation]].(type) {
	case Spellings:
		return heads + v[0]
	case string:
		return v
	}
	text := ""
	if shortRefs[operation] {
		text, _ = refText(out["ref"])
	}
	return text
}

func branchSpellings(name string) Spellings {
	short := strings.TrimPrefix(name, heads)
	return Spellings{short, heads + short}
}

func refText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case FormValue:
		return string(v), true
	}
	return "", false
}
