package action

import (
	"net/url"
	"strings"
)

// google is Gmail, Drive and Calendar, one service since they share a host and a credential: the operations are those of
// the discovery documents, with their uploads. Batches (/batch/...) are not understood.
func google() *Service {
	slots := []Slot{{Bearer, ""}, {Query, "access_token"}, {Query, "oauth_token"}} // as the discovery documents list them
	mail := Host{Pattern: mustHost("gmail.googleapis.com"), Slots: slots, Routes: mustRoutes(gmailRoutes), Refine: refineGoogle, Canon: canonGoogle}
	mail.generated("gmail", "", googleResource)
	www := Host{Pattern: mustHost("www.googleapis.com"), Slots: slots, Routes: mustRoutes(workspaceRoutes), Refine: refineGoogle, Canon: canonGoogle}
	www.generated("workspace", "", googleResource)
	return &Service{Base: "https://www.googleapis.com", Refusal: RefusalGoogle, Hosts: []Host{mail, www}}
}

const gmailRoutes = `
write POST /gmail/v1/users/{userId}/messages/send   send_mail    gmail.users.messages.send -> mailbox:{userId}
write POST /gmail/v1/users/{userId}/drafts          create_draft gmail.users.drafts.create -> mailbox:{userId}
write POST /gmail/v1/users/{userId}/drafts/send     send_mail    gmail.users.drafts.send -> mailbox:{userId}
read  GET  /gmail/v1/users/{userId}/messages        read_mail    gmail.users.messages.list -> mailbox:{userId}
read  GET  /gmail/v1/users/{userId}/messages/{id}   read_mail    gmail.users.messages.get -> mailbox:{userId}
write POST /upload/gmail/v1/users/{userId}/messages/send send_mail gmail.users.messages.send -> mailbox:{userId}
write POST /resumable/upload/gmail/v1/users/{userId}/messages/send send_mail gmail.users.messages.send -> mailbox:{userId}
write POST /upload/gmail/v1/users/{userId}/drafts/send send_mail gmail.users.drafts.send -> mailbox:{userId}
write POST /resumable/upload/gmail/v1/users/{userId}/drafts/send send_mail gmail.users.drafts.send -> mailbox:{userId}
`

const workspaceRoutes = `
read  GET    /drive/v3/files                                 list_files    drive.files.list
read  GET    /drive/v3/files/{fileId}                        read_file     drive.files.get -> file:{fileId}
write POST   /drive/v3/files                                 create_file   drive.files.create
write POST   /upload/drive/v3/files                          create_file   drive.files.create
write PATCH  /drive/v3/files/{fileId}                        update_file   drive.files.update -> file:{fileId}
write PATCH  /upload/drive/v3/files/{fileId}                 update_file   drive.files.update -> file:{fileId}
admin DELETE /drive/v3/files/{fileId}                        delete_file   drive.files.delete -> file:{fileId}
admin POST   /drive/v3/files/{fileId}/permissions            share_file    drive.permissions.create -> file:{fileId}
admin PATCH  /drive/v3/files/{fileId}/revisions/{revisionId} -            drive.revisions.update -> file:{fileId}
write POST   /calendar/v3/calendars/{calendarId}/events      create_event  calendar.events.insert -> calendar:{calendarId}
write DELETE /calendar/v3/calendars/{calendarId}/events/{eventId} delete_event calendar.events.delete -> calendar:{calendarId}
admin POST   /calendar/v3/calendars/{calendarId}/acl         share_calendar calendar.acl.insert -> calendar:{calendarId}
`

// canonGoogle folds what is or begins as an address of mail, which Google takes in any case.
func canonGoogle(param, value string) (string, error) {
	if param == "userId" || param == "calendarId" {
		return strings.ToLower(value), nil
	}
	return value, nil
}

func googleResource(template string) string {
	for _, r := range [...][2]string{{"/users/{userId}/", "mailbox:{userId}"}, {"/files/{fileId}", "file:{fileId}"},
		{"/calendars/{calendarId}", "calendar:{calendarId}"}, {"/drives/{driveId}", "drive:{driveId}"}} {
		if strings.Contains(template, r[0]) {
			return r[1]
		}
	}
	return ""
}

// refineGoogle refuses the system parameters by which Google's front end takes a request for another one ($httpMethod,
// $httpHeaders, $req): those that merely shape the answer are known. An event that is moved belongs to two calendars.
func refineGoogle(r *Request, m *Match) {
	if a := m.Actions[0]; a.Operation == "calendar.events.move" {
		args, err := formFields(r.Query, []string{"destination"})
		to, given := args["destination"].(FormValue)
		if err != nil || !given {
			m.deny("the query does not say to which calendar the event is moved")
			return
		}
		a.Resource, a.Also = Resource{"calendar", strings.ToLower(string(to))}, true
		m.Actions = append(m.Actions, a)
	}
	for pair := range strings.FieldsFuncSeq(r.Query, func(c rune) bool { return c == '&' || c == ';' }) {
		key, _, _ := strings.Cut(pair, "=")
		if k, err := url.QueryUnescape(key); err == nil {
			key = k
		}
		switch key {
		case "$alt", "$fields", "$prettyPrint", "$.xgafv", "$unique":
		default:
			if strings.HasPrefix(key, "$") {
				m.deny("the query parameter " + clip(key) + " could change the request behind the policy's back")
				return
			}
		}
	}
}
