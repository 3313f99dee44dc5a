package action

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// slack is Slack's Web API (docs.slack.dev/reference/methods). Incoming webhooks are not covered: there the URL is the
// secret. Every method is served over GET and POST alike.
func slack() *Service {
	slots := []Slot{{Bearer, ""}, {Body, "token"}, {Query, "token"}}
	host := func(name string) Host {
		h := Host{Pattern: mustHost(name), Slots: slots, Routes: mustRoutes(slackRoutes), Refine: refineSlack,
			Canon:   func(_, v string) (string, error) { return canonChannel(v) },
			Refined: mustRoutes(`write POST /api/chat.postMessage post_message chat.postMessage -> channel:{arguments}`)}
		h.generated("slack", "", nil)
		return h
	}
	return &Service{
		Base:    "https://slack.com",
		Refusal: RefusalSlack,
		Hosts: []Host{host("slack.com"), host("www.slack.com"), {
			Pattern: mustHost("files.slack.com"),
			Slots:   slots[:1],
			Routes: mustRoutes(`
				read  GET  /files-pri/{rest...}  download_file  files/download
				read  GET  /files-tmb/{rest...}  download_file  files/thumbnail
				write POST /upload/{rest...}     upload_file    files/upload`),
		}},
	}
}

const slackRoutes = `
write * /api/chat.postMessage              post_message      chat.postMessage
write * /api/chat.postEphemeral            post_message      chat.postEphemeral
write * /api/chat.meMessage                post_message      chat.meMessage
write * /api/chat.scheduleMessage          schedule_message  chat.scheduleMessage
write * /api/chat.deleteScheduledMessage   delete_message    chat.deleteScheduledMessage
write * /api/chat.update                   update_message    chat.update
write * /api/chat.delete                   delete_message    chat.delete
write * /api/chat.unfurl                   update_message    chat.unfurl
write * /api/chat.startStream              post_message      chat.startStream
write * /api/chat.appendStream             post_message      chat.appendStream
write * /api/chat.stopStream               post_message      chat.stopStream
read  * /api/chat.getPermalink             -                 chat.getPermalink
read  * /api/chat.scheduledMessages.list   -                 chat.scheduledMessages.list
write * /api/reactions.add                 add_reaction      reactions.add
write * /api/reactions.remove              remove_reaction   reactions.remove
read  * /api/reactions.get                 -                 reactions.get
read  * /api/reactions.list                -                 reactions.list
write * /api/pins.add                      add_pin           pins.add
write * /api/pins.remove                   remove_pin        pins.remove
read  * /api/pins.list                     -                 pins.list
read  * /api/bookmarks.list                -                 bookmarks.list
read  * /api/conversations.list            list_channels     conversations.list
read  * /api/conversations.info            read_channel      conversations.info
read  * /api/conversations.history         read_channel      conversations.history
read  * /api/conversations.replies         read_channel      conversations.replies
read  * /api/conversations.members         read_channel      conversations.members
write * /api/conversations.open            open_conversation conversations.open
write * /api/conversations.join            join_channel      conversations.join
write * /api/conversations.leave           leave_channel     conversations.leave
write * /api/conversations.mark            mark_channel      conversations.mark
admin * /api/conversations.create          create_channel    conversations.create
admin * /api/conversations.rename          rename_channel    conversations.rename
admin * /api/conversations.archive         archive_channel   conversations.archive
admin * /api/conversations.unarchive       unarchive_channel conversations.unarchive
admin * /api/conversations.invite          invite_member     conversations.invite
admin * /api/conversations.kick            remove_member     conversations.kick
admin * /api/conversations.setTopic        change_channel    conversations.setTopic
admin * /api/conversations.setPurpose      change_channel    conversations.setPurpose
write * /api/files.getUploadURLExternal    upload_file       files.getUploadURLExternal
write * /api/files.completeUploadExternal  upload_file       files.completeUploadExternal
write * /api/files.delete                  delete_file       files.delete
admin * /api/files.sharedPublicURL         -                 files.sharedPublicURL
read  * /api/files.info                    -                 files.info
read  * /api/files.list                    -                 files.list
read  * /api/search.messages               search            search.messages
read  * /api/search.files                  search            search.files
read  * /api/search.all                    search            search.all
read  * /api/users.list                    -                 users.list
read  * /api/users.info                    -                 users.info
read  * /api/users.conversations           list_channels     users.conversations
read  * /api/users.lookupByEmail           -                 users.lookupByEmail
read  * /api/users.getPresence             -                 users.getPresence
read  * /api/users.profile.get             -                 users.profile.get
write * /api/users.profile.set             change_profile    users.profile.set
read  * /api/usergroups.list               -                 usergroups.list
read  * /api/team.info                     -                 team.info
read  * /api/emoji.list                    -                 emoji.list
read  * /api/bots.info                     -                 bots.info
read  * /api/auth.test                     -                 auth.test
public * /api/api.test                     -                 api.test
write * /api/assistant.threads.setStatus           -         assistant.threads.setStatus
write * /api/assistant.threads.setTitle            -         assistant.threads.setTitle
write * /api/assistant.threads.setSuggestedPrompts -         assistant.threads.setSuggestedPrompts
write * /api/views.open                    open_view         views.open
write * /api/views.push                    open_view         views.push
write * /api/views.update                  open_view         views.update
write * /api/views.publish                 publish_view      views.publish
write * /api/apps.connections.open         open_socket       apps.connections.open
admin * /api/auth.revoke                   revoke_token      auth.revoke
`

// refineSlack makes one action of each channel that the arguments name. Slack takes them from the query, a form or JSON;
// given in two of these ways, or in one that cannot be read, the request is unknown. Slack takes a channel by name or by
// id and nothing here can tell which belong together: rules should name both.
func refineSlack(r *Request, m *Match) {
	base := m.Actions[0]
	channels, other, err := slackChannels(r, &base)
	if err != nil {
		m.deny("the channel cannot be read: " + err.Error())
		return
	}
	for i, c := range channels {
		base.Resource = Resource{"channel", c}
		if i == 0 {
			m.Actions[0] = base
		} else {
			m.Actions = append(m.Actions, base)
		}
	}
	if other {
		base.Resource, base.Also = Resource{}, true
		m.Actions = append(m.Actions, base)
	}
}

// slackTakes are the names under which methods take channels, each with the methods that do. What another method is sent under such a
// name Slack passes over: search.messages looks in all channels, whatever "channel" is.
var slackTakes = [...]struct{ name, methods string }{
	{"channel", " chat.appendStream chat.delete chat.deleteScheduledMessage chat.getPermalink chat.meMessage chat.postEphemeral chat.postMessage" +
		" chat.scheduleMessage chat.scheduledMessages.list chat.startStream chat.stopStream chat.unfurl chat.update" +
		" conversations.archive conversations.close conversations.history conversations.info conversations.invite conversations.join" +
		" conversations.kick conversations.leave conversations.mark conversations.members conversations.open conversations.rename" +
		" conversations.replies conversations.setPurpose conversations.setTopic conversations.unarchive" +
		" files.list pins.add pins.list pins.remove reactions.add reactions.get reactions.remove stars.add stars.remove "},
	{"channel_id", " assistant.threads.setStatus assistant.threads.setSuggestedPrompts assistant.threads.setTitle bookmarks.list files.completeUploadExternal "},
	{"channels", " files.completeUploadExternal files.remote.share files.upload "},
	// By these some name what they are about in the place of a channel.
	{"file", ""}, {"file_comment", ""}, {"unfurl_id", ""}, {"users", " conversations.invite "},
}

// slackChannels are the channels that a method is about. other says that it may be about something else than those: also where the
// body is one that Slack passes over, that of a GET, and JSON for a method that reads (docs.slack.dev/apis/web-api, "Evaluating methods").
func slackChannels(r *Request, a *Action) (list []string, other bool, err error) {
	args, passed, err := slackArguments(r, a.Class == Read)
	if err != nil {
		return nil, false, err
	}
	takes := false
	for _, t := range slackTakes {
		values := args[t.name]
		if len(values) > 1 {
			return nil, false, fmt.Errorf("%q is given more than once", t.name)
		}
		its := strings.Contains(t.methods, " "+a.Operation+" ")
		switch {
		case len(values) == 0 || values[0] == "":
		case !strings.HasPrefix(t.name, "channel"):
			other = other || !its
		default:
			takes = takes || its
			for v := range strings.SplitSeq(values[0], ",") {
				c, err := canonChannel(strings.TrimSpace(v))
				if err != nil {
					return nil, false, err
				}
				if !slices.Contains(list, c) {
					list = append(list, c)
				}
			}
		}
	}
	if !takes {
		return nil, false, nil
	}
	return list, other || passed, nil
}

// slackArguments gathers the query's and the body's arguments of the names that matter; passed says that Slack may pass over the body.
func slackArguments(r *Request, reads bool) (args map[string][]string, passed bool, err error) {
	if args, err = formArguments(r.Query); err != nil {
		return nil, false, err
	}
	b, err := rawBody(r, maxJSON)
	if err != nil || len(b) == 0 {
		return args, false, err
	}
	passed = r.Method == "GET" || r.Method == "HEAD"
	var body map[string][]string
	switch kind, err := contentType(r); {
	case err != nil:
		return nil, false, err
	case kind == "application/x-www-form-urlencoded":
		if err := beginsAsForm(b); err != nil {
			return nil, false, err
		}
		if body, err = formArguments(string(b)); err != nil {
			return nil, false, err
		}
	case kind == "application/json":
		if body, err = jsonArguments(b); err != nil {
			return nil, false, err
		}
		passed = passed || reads
	default:
		return nil, false, fmt.Errorf("the body's Content-Type is %q; send JSON or a form", clip(kind))
	}
	for name, values := range body {
		args[name] = append(args[name], values...)
	}
	return args, passed, nil
}

func formArguments(text string) (map[string][]string, error) {
	if strings.ContainsRune(text, ';') {
		return nil, errors.New("a semicolon parts arguments to some readers and not to others; escape it")
	}
	form, err := url.ParseQuery(text)
	if err != nil {
		return nil, errors.New("the arguments are not a form")
	}
	for key := range form {
		for _, t := range slackTakes {
			if key != t.name && respells(key, t.name) {
				return nil, fmt.Errorf("the argument %q differs from %q in spelling alone", clip(key), t.name)
			}
		}
	}
	return form, nil
}

func jsonArguments(b []byte) (map[string][]string, error) {
	var names []string
	for _, t := range slackTakes {
		names = append(names, t.name)
	}
	body, err := strictFields(b, names...)
	if err != nil {
		return nil, err
	}
	args := map[string][]string{}
	for name, v := range body {
		s, ok := v.(string)
		switch {
		case !ok && v != nil && strings.HasPrefix(name, "channel"):
			return nil, fmt.Errorf("%q is not a string", name)
		case !ok && v != nil:
			s = "?"
		}
		args[name] = append(args[name], s)
	}
	return args, nil
}

// canonChannel spells a channel as an id (C0123ABCD) or a name (#dev): Slack takes names with and without the #. A name has no
// capitals, so an id behind a # is neither.
func canonChannel(s string) (string, error) {
	name := strings.TrimPrefix(s, "#")
	if name == "" || len(name) > 100 || strings.ContainsAny(name, "*?#\\/ ") || s != name && slackID(name) {
		return "", fmt.Errorf("%q is no channel", clip(s))
	}
	for i := 0; i < len(name); i++ {
		if name[i] < ' ' || name[i] == 0x7f {
			return "", fmt.Errorf("%q is no channel", clip(s))
		}
	}
	if s == name && (s[0] == '@' || slackID(s)) {
		return s, nil
	}
	return "#" + strings.ToLower(name), nil
}

func slackID(s string) bool {
	return len(s) >= 8 && strings.IndexByte("CDGUW", s[0]) >= 0 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}
