package action

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"agentguard/policy/graphql"
)

// Field is a field of an operation's answer that a record keeps: a scalar in a JSON object, found by the names that lead
// to it from the top. A "*" in Path is any one name. Of several with one Name the first that is found is kept.
type Field struct {
	Name string // what the record calls it
	Path []string
	Tail bool // what follows the last slash of it: the number in a pull request's address
}

// maxResults bounds the fields that are kept of one answer, and maxFieldPath the names that lead to one.
const (
	maxResults   = 32
	maxFieldPath = 8
)

// results says what the answers of operations tell of what was done, by the vendors' references: what it is called and
// where it is, and what it cost. Each line: the service, the operation, its fields, each "PATH" or "NAME=PATH"; "PATH/" is
// what follows the last slash. The path of a GraphQL operation begins in its result, and leads by the fields' own names,
// whatever the document calls them.
const results = `
github pulls/create number html_url
github pulls/merge sha
github pulls/create-review id html_url state
github pulls/submit-review id html_url state
github issues/create number html_url
github issues/create-comment id html_url
github repos/create-release id html_url tag_name
github repos/merge sha html_url
github repos/create-or-update-file-contents sha=commit.sha html_url=content.html_url
github repos/create-for-authenticated-user full_name html_url
github repos/create-in-org full_name html_url
github repos/create-fork full_name html_url
github git/create-ref ref sha=object.sha
github git/update-ref ref sha=object.sha
github gists/create id html_url
github createPullRequest number=pullRequest.number number=pullRequest.url/ html_url=pullRequest.url
github mergePullRequest number=pullRequest.number html_url=pullRequest.url sha=pullRequest.mergeCommit.oid
github closePullRequest number=pullRequest.number html_url=pullRequest.url
github addPullRequestReview html_url=pullRequestReview.url state=pullRequestReview.state
github submitPullRequestReview html_url=pullRequestReview.url state=pullRequestReview.state
github createIssue number=issue.number number=issue.url/ html_url=issue.url
github addComment html_url=commentEdge.node.url
github createRef ref=ref.name sha=ref.target.oid
github createCommitOnBranch sha=commit.oid html_url=commit.url
github createRepository full_name=repository.nameWithOwner html_url=repository.url
linear issueCreate id=issue.identifier url=issue.url
linear commentCreate id=comment.id url=comment.url
openai responses/create id model status input_tokens=usage.input_tokens output_tokens=usage.output_tokens
openai chat/create-completion id model input_tokens=usage.prompt_tokens output_tokens=usage.completion_tokens
anthropic messages/create id model stop_reason input_tokens=usage.input_tokens output_tokens=usage.output_tokens
slack chat.postMessage ok error channel ts
slack chat.update ok error channel ts
slack chat.delete ok error channel ts
stripe charges/create id status amount currency
stripe payment-intents/create id status amount currency
stripe refunds/create id status amount currency
stripe customers/create id
stripe invoices/create id status
jira createIssue id key
jira addComment id self
notion pages/create id url
google gmail.users.messages.send id threadId
google drive.files.create id name
google calendar.events.insert id htmlLink
`

// resultTable reads results on the first use.
var resultTable = sync.OnceValue(func() map[string][]Field {
	table := map[string][]Field{}
	for line := range strings.Lines(results) {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		key := f[0] + " " + f[1]
		for _, text := range f[2:] {
			name, path, named := strings.Cut(text, "=")
			if !named {
				path = name
			}
			path, tail := strings.CutSuffix(path, "/")
			table[key] = append(table[key], Field{name, strings.Split(path, "."), tail})
		}
	}
	return table
})

// ParseField reads a policy's spelling of a field: its name, or the names that lead to it, parted by dots.
func ParseField(s string) (Field, error) {
	path := strings.Split(s, ".")
	if len(path) > maxFieldPath {
		return Field{}, fmt.Errorf("leads through more than %d names", maxFieldPath)
	}
	for _, name := range path {
		if name == "" || len(name) > 64 || strings.ContainsFunc(name, func(c rune) bool {
			return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("_-@$:", c))
		}) {
			return Field{}, fmt.Errorf(`is no name of a field, or names parted by dots, as in "number" or "ticket.id"`)
		}
	}
	return Field{Name: s, Path: path}, nil
}

// Results are the fields to keep of the answer to a request: those that its rules ask for, then those that the catalogue
// names for its operations, at most maxResults. Of REST operations a name is taken once; where a GraphQL document does the
// like twice, the names of the second begin with what the document calls it.
func Results(m *Match, asked []Field) []Field {
	var out []Field
	add := func(f Field, among []Field) {
		if len(out) < maxResults && !named(among, f.Name) {
			out = append(out, f)
		}
	}
	for _, f := range asked {
		add(f, out)
	}
	if m.Service == nil || Lookup(m.Service.Name) != m.Service {
		return out
	}
	rules := len(out)
	var seen []*root
	for i := range m.Actions {
		a := &m.Actions[i]
		fields := resultTable()[m.Service.Name+" "+a.Operation]
		before := out
		switch {
		case a.root == nil:
			for _, f := range fields {
				add(f, before)
			}
		case !slices.Contains(seen, a.root):
			seen = append(seen, a.root)
			for _, f := range a.root.results(fields) {
				if named(before[rules:], f.Name) {
					f.Name = a.root.key + "." + f.Name
				}
				add(f, before[rules:])
			}
		}
	}
	return out
}

func named(fields []Field, name string) bool {
	return slices.ContainsFunc(fields, func(f Field) bool { return f.Name == name })
}

// results finds fields of the root field's result in the answer. A document may call any field by any name, so it is not
// the name that tells: what is not asked for cannot be found.
func (f *root) results(fields []Field) (found []Field) {
	w := &walker{f.in, &visits{}}
	for _, field := range fields {
		path, sets := []string{"data", f.key}, [][]graphql.Selection{f.asked.Set}
		for _, name := range field.Path {
			var key string
			var below [][]graphql.Selection
			for _, set := range sets {
				w.each(set, 0, func(at *graphql.Field, _ int) error { // it is walked for the second time, so without an error
					if at.Name == name && (key == "" || key == at.Alias) {
						key, below = at.Alias, append(below, at.Set)
					}
					return nil
				})
			}
			path, sets = append(path, key), below
		}
		if len(sets) > 0 {
			found = append(found, Field{field.Name, path, field.Tail})
		}
	}
	return found
}
