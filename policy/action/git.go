package action

import (
	"errors"
	"fmt"
	"strings"
)

// refineGit reads git's smart HTTP protocol (gitprotocol-http, gitprotocol-pack) and the batch requests of LFS.
func refineGit(r *Request, m *Match) {
	var err error
	switch m.Actions[0].Operation {
	case "git/info-refs":
		err = refineInfoRefs(r, m)
	case pushOperation, gistPush:
		err = refineReceivePack(r, m)
	case "lfs/batch":
		err = refineBatch(r, m)
	}
	if err != nil {
		m.deny(err.Error())
	}
}

// pushOperation is what every push of git is, but one to a gist, which is what the REST API calls the update of a gist.
const (
	pushOperation = "git/receive-pack"
	gistPush      = "gists/receive-pack"
)

// pushNames are the actions that a push may turn out to be.
var pushNames = []string{"push", "create_branch", "create_tag", "delete_branch", "delete_tag", "force_push"}

// refineInfoRefs takes the service from the query. Asking for the refs before a push moves nothing, but it is of no use
// to who may not push in any way: refusing it here stops a push before its pack is made.
func refineInfoRefs(r *Request, m *Match) error {
	a := &m.Actions[0]
	switch r.Query {
	case "service=git-upload-pack":
		a.Name, a.Operation, a.Class = "clone", "git/upload-pack", Read
	case "service=git-receive-pack":
		a.Name, a.Operation, a.Class = "push", pushOperation, Write
		if a.Resource.Kind == "gist" {
			a.Operation = gistPush
		}
		m.Probe = pushNames
	default:
		return errors.New("the query of info/refs is neither service=git-upload-pack nor service=git-receive-pack")
	}
	return nil
}

// refineReceivePack makes one action of each ref. What is created or deleted has its own name. An update is a push where
// the new commit is shown to descend from the old; any other moves what exists, and is a force_push too. Which of both it
// is tell the pack and the server alone: that is left in doubt.
func refineReceivePack(r *Request, m *Match) error {
	if kind, err := contentType(r); err != nil || kind != "application/x-git-receive-pack-request" {
		return errors.New("the Content-Type is not that of a git push")
	}
	if err := gitEncoding(r); err != nil {
		return err
	}
	head, err := peekPush(r)
	if err != nil {
		return fmt.Errorf("the push could not be read: %w", err)
	}
	if len(head.commands) == 0 {
		if b, err := r.Peek(head.size + 1); err != nil || len(b) > head.size {
			return errors.New("something follows its empty list of refs")
		}
		m.Probe = pushNames
		return nil // a flush alone: git's probe whether it may speak, before a large push
	}
	p := &pushReading{head: head, base: m.Actions[0], forced: make([]string, len(head.commands))}
	least, reason := p.actions()
	if p.find(); len(p.updates) == 0 {
		m.Actions, m.Reason = least, reason
		return nil
	}
	for _, i := range p.of {
		p.forced[i] = notRead
	}
	m.Actions, m.Reason = p.actions()
	m.Doubt = &Doubt{Least: least, settle: p.settle}
	return nil
}

// gitEncoding refuses what git's server would not decode (http-backend.c, get_content_type and read_request): it would read
// something else than is read here.
func gitEncoding(r *Request) error {
	switch e := r.Header["Content-Encoding"]; {
	case len(e) == 0, len(e) == 1 && (e[0] == "gzip" || e[0] == "x-gzip"):
		return nil
	default:
		return fmt.Errorf("the Content-Encoding %q is none that git's servers know", clip(strings.Join(e, ", ")))
	}
}

// refineBatch tells downloads from uploads of LFS objects (git-lfs docs/api/batch.md).
func refineBatch(r *Request, m *Match) error {
	if r.Query != "" {
		return errors.New("a query string could change what the body asks for; the batch API takes none")
	}
	body, err := jsonObject(r, "operation")
	if err != nil {
		return err
	}
	a := &m.Actions[0]
	switch textOf(body["operation"]) {
	case "download":
		a.Name, a.Class = "lfs_download", Read
	case "upload":
		a.Name, a.Class = "lfs_upload", Write
	default:
		return errors.New(`the batch's "operation" is neither "download" nor "upload"`)
	}
	return nil
}

// ServesGit says whether git can push to the host or fetch from it, as far as the routes tell that are written by hand.
func (h *Host) ServesGit() bool {
	for i := range h.Routes {
		if t := h.Routes[i].Template; strings.HasSuffix(t, "/git-receive-pack") || strings.HasSuffix(t, "/git-upload-pack") {
			return true
		}
	}
	return false
}
