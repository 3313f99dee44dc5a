package action

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Field is a field of an operation's answer that a record keeps: a scalar in a JSON object, found by the names that lead
// to it from the top. A "*" in Path is any one name.
type Field struct {
	Name string // what the record calls it
	Path []string
}

// MaxFields bounds the fields that are kept of one answer, and maxFieldPath the names that lead to one.
const (
	MaxFields    = 32
	maxFieldPath = 8
)

// results says what the answers of operations tell of what was done, by the vendors' references: what it is called and
// where it is, and what it cost. Each line: the service, the operation, its fields, each "PATH" or "NAME=PATH".
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
			table[key] = append(table[key], Field{name, strings.Split(path, ".")})
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
	return Field{s, path}, nil
}

// Results are the fields to keep of the answer to a request: those that its rules ask for, then those that the catalogue
// names for its operations, each name once, at most MaxFields.
func Results(m *Match, asked []Field) []Field {
	fields := asked
	if m.Service != nil && Lookup(m.Service.Name) == m.Service {
		for i := range m.Actions {
			fields = append(fields[:len(fields):len(fields)], resultTable()[m.Service.Name+" "+m.Actions[i].Operation]...)
		}
	}
	var out []Field
	for _, f := range fields {
		if len(out) < MaxFields && !slices.ContainsFunc(out, func(o Field) bool { return o.Name == f.Name }) {
			out = append(out, f)
		}
	}
	return out
}
