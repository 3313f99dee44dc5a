package action

import "strings"

// OtherNames are those by which a rule may call the resource, or what it belongs to; nil for most. They tell less than its own,
// so that they serve to forbid, not to allow.
func (r Resource) OtherNames() []Resource {
	switch r.Kind {
	case "repo":
		if of, ok := strings.CutSuffix(r.Name, ".wiki"); ok { // the repository of its pages
			return []Resource{{"repo", of}}
		}
	case "issue":
		if i := strings.LastIndexByte(r.Name, '-'); i > 0 { // Jira's, whose key begins with that of its project
			return []Resource{{"project", r.Name[:i]}}
		}
	case "model":
		if name := undated(r.Name); name != r.Name {
			return []Resource{{"model", name}}
		}
	case "mailbox", "calendar", "file":
		return []Resource{{r.Kind, relatives[r.Kind]}}
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

// undated is the name of a model without the version that vendors add to it: gpt-4o-2024-08-06, gpt-3.5-turbo-0125,
// claude-3-5-haiku-20241022, claude-3-7-sonnet-latest, gemini-2.0-flash-001.
func undated(model string) string {
	if name, ok := strings.CutSuffix(model, "-latest"); ok {
		return name
	}
	for _, version := range [...]string{"-dddd-dd-dd", "-dddddddd", "-dddd", "-ddd"} {
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
