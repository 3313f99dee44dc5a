package action

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"agentguard/policy/graphql"

	"agentguard/policy/action/catalogue"
)

// linear is Linear's API (linear.app/developers/graphql), which is GraphQL alone. An API key stands in Authorization as it
// is, a token of OAuth behind Bearer.
func linear() *Service {
	return &Service{
		Base: "https://api.linear.app",
		Hosts: []Host{{
			Pattern: mustHost("api.linear.app"), Slots: []Slot{{Header, "Authorization"}, {Bearer, ""}},
			Routes: mustRoutes("write POST /graphql - graphql"), Refine: refineLinear, Canon: canonTeam,
			Spoken: linearSpoken(), spoken: func() []Route { return linearSchema().routes },
		}},
	}
}

// canonTeam folds the keys of teams, which Linear writes in capitals.
func canonTeam(param, value string) (string, error) {
	if param == "team" {
		value = strings.ToUpper(value)
		if value == "" || strings.Trim(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
			return "", fmt.Errorf("%q is no key of a team", clip(value))
		}
	}
	return value, nil
}

// linearMutations are the curated ones: class, alias, mutation, and which of its arguments are ids of what it is about, as
// ARGUMENT=KIND, or of what only takes part (ARGUMENT~); * stands for linearParts. An argument whose name ends as those of
// ids do and that is neither may be about anything. A mutation without a list is about nothing that is known.
const linearMutations = `
write create_issue     issueCreate           teamId=team parentId=issue id~ *
write create_issue     issueBatchCreate      teamId=team parentId=issue id~ *
write update_issue     issueUpdate           id=issue teamId=team parentId=issue *
write update_issue     issueBatchUpdate      ids=issue teamId=team parentId=issue *
write update_issue     issueAddLabel         id=issue *
write update_issue     issueRemoveLabel      id=issue *
write update_issue     issueRelationCreate   issueId=issue relatedIssueId=issue id~
write update_issue     issueRelationUpdate
write update_issue     issueRelationDelete
write update_issue     issueReminder         id=issue
write archive_issue    issueArchive          id=issue
write archive_issue    issueUnarchive        id=issue
admin delete_issue     issueDelete           id=issue
admin delete_issue     issueUpdate
admin delete_issue     issueBatchUpdate
admin delete_issue     issueArchive
admin share_issue      issueShare            id=issue userId~
admin share_issue      issueUnshare          id=issue userId~
write watch            issueSubscribe        id=issue userId~
write unwatch          issueUnsubscribe      id=issue userId~
write add_comment      commentCreate         issueId=issue parentId=comment id~ subscriberIds~
write update_comment   commentUpdate         id=comment subscriberIds~ resolvingUserId~ resolvingCommentId=comment
write delete_comment   commentDelete         id=comment
write resolve_comment  commentResolve        id=comment resolvingCommentId=comment
write resolve_comment  commentUnresolve      id=comment
write add_attachment   attachmentCreate      issueId=issue id~
write add_attachment   attachmentLinkURL     issueId=issue id~
write add_attachment   attachmentLinkGitHubIssue issueId=issue id~
write add_attachment   attachmentLinkGitHubPR issueId=issue id~
write add_attachment   attachmentLinkGitLabMR issueId=issue id~
write add_attachment   attachmentLinkSlack   issueId=issue id~
write update_attachment attachmentUpdate     id=attachment
write delete_attachment attachmentDelete     id=attachment
write add_reaction     reactionCreate        issueId=issue commentId=comment id~
write remove_reaction  reactionDelete
write create_label     issueLabelCreate      teamId=team id~
write update_label     issueLabelUpdate
admin delete_label     issueLabelDelete
write create_project   projectCreate         teamIds=team id~ leadId~ memberIds~ statusId~ labelIds~
write update_project   projectUpdate
write update_project   projectAddLabel
write update_project   projectRemoveLabel
write archive_project  projectArchive
write archive_project  projectUnarchive
admin delete_project   projectDelete
write post_update      projectUpdateCreate
write post_update      initiativeUpdateCreate
write create_document  documentCreate
write update_document  documentUpdate
admin delete_document  documentDelete
write create_cycle     cycleCreate           teamId=team id~
write update_cycle     cycleUpdate
admin create_team      teamCreate
admin update_team      teamUpdate            id=team
admin delete_team      teamDelete            id=team
admin create_webhook   webhookCreate
admin update_webhook   webhookUpdate
admin delete_webhook   webhookDelete
admin invite_member    organizationInviteCreate
admin change_role      userChangeRole
admin suspend_user     userSuspend
admin change_settings  organizationUpdate
`

// linearParts are ids in the input of issues of what only takes part: who and where in its team's own lists.
const linearParts = " assigneeId~ delegateId~ stateId~ labelId~ labelIds~ addedLabelIds~ removedLabelIds~ projectId~ projectMilestoneId~ cycleId~ templateId~ lastAppliedTemplateId~ subscriberIds~ snoozedById~ releaseIds~ addedReleaseIds~ removedReleaseIds~"

// linearSpoken are the curated mutations as policies know them.
func linearSpoken() []Route {
	var routes []Route
	for line := range strings.Lines(linearMutations) {
		if f := strings.Fields(line); len(f) >= 3 {
			r := Route{Method: "POST", Template: "/graphql", Action: f[1], Operation: f[2], Class: classes[f[0]]}
			if strings.Contains(line, "=") {
				r.Resource = "team:{team}"
			}
			routes = append(routes, r)
		}
	}
	return routes
}

// linearSchema is the table of the catalogue: root fields by "q NAME" and "m NAME".
var linearSchema = sync.OnceValue(func() *schema {
	text, _, err := catalogue.Text("linear")
	if err != nil {
		panic(err) // the package's own text, tried by its tests
	}
	s := &schema{mutations: map[string]*mutation{}, routes: linearSpoken()}
	for line := range strings.Lines(text) {
		class, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		m := &mutation{Route: Route{Method: "POST", Template: "/graphql", Operation: strings.TrimPrefix(name, "m "), Class: rowClasses[class]}}
		if query, ok := strings.CutPrefix(name, "q "); ok {
			m.Operation = "query/" + query
		}
		s.mutations[name] = m
	}
	for line := range strings.Lines(linearMutations) {
		f := strings.Fields(line)
		if len(f) < 3 || s.mutations["m "+f[2]].Action != "" {
			continue
		}
		m := s.mutations["m "+f[2]]
		m.Action, m.Class = f[1], classes[f[0]]
		m.fields = strings.Replace(strings.Join(f[3:], " "), " *", linearParts, 1)
	}
	for _, name := range slices.Sorted(maps.Keys(s.mutations)) {
		if m := s.mutations[name]; m.Action == "" {
			s.routes = append(s.routes, m.Route)
		}
	}
	return s
})

// refineLinear reads a GraphQL request: each root field is one action. A mutation is about the teams that its ids lead to.
// What is read is about no resource, since everything in a workspace leads to everything else, and so is what a mutation
// gives back beyond the fields of the thing itself.
func refineLinear(r *Request, m *Match) {
	m.GraphQL = true
	if r.Query != "" {
		m.deny("a query string could change what the body asks for; send the arguments in the body alone")
		return
	}
	docs, err := readGraphQL(r, m)
	if err == nil {
		var roots []*root
		if roots, err = walkRoots(docs, (*walker).linearRoot); err == nil {
			if m.rooted(r, roots, lookUpTeams, false); len(roots) == 0 {
				m.Actions = []Action{{Name: graphQLQuery.Name, Operation: graphQLQuery.Operation, Class: Read, Public: true, Resource: elsewhere}}
			}
		}
	}
	if err != nil {
		m.deny(err.Error())
	}
}

func (w *walker) linearRoot(f *graphql.Field) (*root, error) {
	if f.Name == "__typename" || f.Name == "__schema" || f.Name == "__type" {
		return nil, nil
	}
	kind := "q "
	if w.op.Kind == graphql.Mutation {
		kind = "m "
	}
	known := linearSchema().mutations[kind+f.Name]
	if known == nil {
		return nil, fmt.Errorf("the catalogue of linear knows no field %s of its %s", clip(f.Name), w.op.Kind)
	}
	l := &root{field: f.Name, key: f.Alias, in: w.document, asked: f, action: Action{Operation: known.Operation, Class: known.Class}, names: []string{known.Action}}
	if known.Action == "" {
		l.names[0] = known.Operation
	}
	args, err := w.arguments(f)
	if err != nil {
		return nil, err
	}
	if kind == "m " {
		l.args = maps.Clone(args)
		if input, ok := args["input"].(map[string]any); ok {
			for name, v := range input {
				if _, twice := l.args[name]; twice {
					v = nil // which of them a condition means, nobody can tell
				}
				l.args[name] = v
			}
		}
		if err := l.linearIDs(known.fields, args, 0); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		l.trashed(args)
		l.times = batched(f.Name, args)
	}
	return l, w.linearBelow(f, 0, 0, l)
}

// linearIDs gathers the ids in arguments and inputs at any depth.
func (f *root) linearIDs(fields string, v any, depth int) error {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if err := f.linearIDs(fields, item, depth); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if err := f.linearID(fields, key, v[key], depth); err != nil {
				return fmt.Errorf("%s: %w", clip(key), err)
			}
		}
	}
	return nil
}

func (f *root) linearID(fields, key string, v any, depth int) error {
	mark, ok := fieldMark(fields, key)
	switch {
	case v == nil, ok && mark == "~":
		return nil
	case ok && mark[0] == '=':
		ids, err := idsIn(nil, v)
		for _, id := range ids {
			if id = mark[1:] + "/" + id; !slices.Contains(f.ids, id) {
				f.ids = append(f.ids, id)
			}
		}
		if len(f.ids) > maxIDs {
			err = fmt.Errorf("more than %d ids", maxIDs)
		}
		return err
	case key == "id" || key == "ids" || strings.HasSuffix(key, "Id") || strings.HasSuffix(key, "Ids"):
		f.unnamed = true
		return nil
	case depth > maxDepth:
		return errors.New("nested too deep")
	}
	return f.linearIDs(fields, v, depth+1)
}

// trashed notes what puts an issue into the trash, whatever it is called.
func (f *root) trashed(args map[string]any) {
	flag, given := f.args["trashed"]
	switch f.field {
	case "issueArchive":
		flag, given = args["trash"]
	case "issueUpdate", "issueBatchUpdate":
	default:
		return
	}
	if given && flag != false {
		f.admin = append(f.admin, Action{Name: "delete_issue", Operation: f.field, Class: Admin})
	}
}

// batched is how many issues a mutation creates or changes.
func batched(field string, args map[string]any) int {
	var list []any
	switch field {
	case "issueBatchCreate":
		input, _ := args["input"].(map[string]any)
		list, _ = input["issues"].([]any)
	case "issueBatchUpdate":
		list, _ = args["ids"].([]any)
	}
	return len(list)
}

// linearSecrets are fields that hold what signs or authenticates.
var linearSecrets = wordSet{text: `secret clientSecret webhookSecret`}

// linearBelow walks the fields under f. What a mutation gives back may be read, and the fields of the things in that; further
// in, it is a query besides. A field of the name of a query that takes an admin is that query, too.
func (w *walker) linearBelow(f *graphql.Field, depth, level int, of *root) error {
	return w.each(f.Set, depth, func(f *graphql.Field, depth int) error {
		if linearSecrets.has(f.Name) {
			return fmt.Errorf("%s is a credential, which must not be read", f.Name)
		}
		q := linearSchema().mutations["q "+f.Name]
		if q != nil && q.Class == Admin && !slices.ContainsFunc(of.admin, func(a Action) bool { return a.Operation == q.Operation }) {
			of.admin = append(of.admin, Action{Name: q.Operation, Operation: q.Operation, Class: Admin})
		}
		of.outside = of.outside || of.args != nil && level > 0 && len(f.Set) > 0
		return w.linearBelow(f, depth, level+1, of)
	})
}

// lookUpTeams asks Linear to which teams issues and the like belong. Where one id is wrong it tells nothing of the others.
func lookUpTeams(r *Request, ids []string, about []Action) (map[string]Fact, error) {
	var q, fields strings.Builder
	variables := map[string]any{}
	for i, id := range ids {
		kind, id, _ := strings.Cut(id, "/")
		name := fmt.Sprintf("a%d", i)
		variables[name] = id
		fmt.Fprintf(&q, "$%s:String!,", name)
		fmt.Fprintf(&fields, " %s:%s(id:$%s){%s}", name, kind, name,
			map[string]string{"team": "key", "issue": "team{key}", "comment": "issue{team{key}}", "attachment": "issue{team{key}}"}[kind])
	}
	var answer struct {
		Data   map[string]*linearNode
		Errors []struct{ Message string }
	}
	if err := askGraphQL(r, "query("+q.String()+"){"+fields.String()+"}", variables, about, &answer); err != nil {
		return nil, err
	}
	if answer.Data == nil && len(answer.Errors) > 0 {
		return nil, fmt.Errorf("the service answered: %s", clip(answer.Errors[0].Message))
	}
	facts := map[string]Fact{}
	for i, id := range ids {
		if n := answer.Data[fmt.Sprintf("a%d", i)]; n != nil {
			facts[id] = Fact{Resource: n.resource()}
		}
	}
	return facts, nil
}

// linearNode is a team, or what leads to one.
type linearNode struct {
	Key   string
	Issue *linearNode
	Team  *linearNode
}

func (n *linearNode) resource() Resource {
	for n != nil && n.Key == "" {
		if n.Team != nil {
			n = n.Team
		} else {
			n = n.Issue
		}
	}
	if n != nil {
		if key, err := canonTeam("team", n.Key); err == nil {
			return Resource{"team", key}
		}
	}
	return Resource{}
}
