package action

import "strings"

// issueQualifiers are those of a search for issues and pull requests that pick among what it finds (docs.github.com, "Searching issues
// and pull requests"). Those that say where it looks (user, org), and repo, are not among them.
var issueQualifiers = wordSet{text: `is type state reason author assignee mentions commenter involves team label milestone no in linked
	base head draft review review-requested reviewed-by user-review-requested team-review-requested status comments interactions reactions
	created updated closed merged archived sort`}

// searchedRepo is the one repository that a search for issues looks in. ok is false where the text does not say so in the one way that
// has no two readings: plain words and qualifiers, all of which have to hold, and among them one repo:OWNER/NAME.
func searchedRepo(text string) (repo string, ok bool) {
	for word := range strings.SplitSeq(text, " ") {
		name, value, qualified := strings.Cut(word, ":")
		switch {
		case word == "":
		case strings.Trim(word, searchChars) != "" || word[0] == '-':
			return "", false
		case name == "repo":
			owner, called, _ := strings.Cut(value, "/")
			of, known := canonRepos(owner, called)
			if repo != "" || !known {
				return "", false
			}
			repo = of
		case qualified && (value == "" || !issueQualifiers.has(name)):
			return "", false
		case !qualified && (strings.ContainsAny(word, "/#") || strings.EqualFold(word, "or") || strings.EqualFold(word, "and") || strings.EqualFold(word, "not")):
			return "", false
		}
	}
	return repo, repo != ""
}

// searchChars are those of words without quotes, brackets and commas.
const searchChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.@/#:<>=*-"

// searchedBy gives the repository that a root field search(query:, type:) looks in.
func searchedBy(args map[string]any) (repo string, ok bool) {
	text, _ := args["query"].(string)
	if kind := args["type"]; kind != "ISSUE" && kind != "ISSUE_ADVANCED" {
		return "", false
	}
	return searchedRepo(text)
}

// refineSearch is the same for the REST API.
func refineSearch(r *Request, m *Match) {
	args, err := formFields(r.Query, []string{"q"})
	text, _ := args["q"].(FormValue)
	body, wrong := rawBody(r, maxJSON) // whose fields some servers take for the query's
	if repo, ok := searchedRepo(string(text)); ok && err == nil && wrong == nil && len(body) == 0 {
		m.Actions[0].Resource = Resource{"repo", repo}
	}
}
