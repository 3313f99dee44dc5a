package action

import (
	"errors"
	"fmt"
)

// refineGit reads git's smart HTTP protocol (gitprotocol-http, gitprotocol-pack) and the batch requests of LFS.
func refineGit(r *Request, m *Match) {
	var err error
	switch m.Actions[0].Operation {
	case "git/info-refs":
		err = refineInfoRefs(r, m)
	case "git/receive-pack":
		err = refineReceivePack(r, m)
	case "lfs/batch":
		err = refineBatch(r, m)
	}
	if err != nil {
		m.deny(err.Error())
	}
}

// refineInfoRefs takes the service from the query. Asking for the refs before a push moves nothing, but it is of no use
// to who may not push: refusing it here stops a push before its pack is made.
func refineInfoRefs(r *Request, m *Match) error {
	a := &m.Actions[0]
	switch r.Query {
	case "service=git-upload-pack":
		a.Name, a.Operation, a.Class = "clone", "git/upload-pack", Read
	case "service=git-receive-pack":
		a.Name, a.Operation, a.Class = "push", "git/receive-pack", Write
	default:
		return errors.New("the query of info/refs is neither service=git-upload-pack nor service=git-receive-pack")
	}
	return nil
}

// refineReceivePack makes one action of each ref. What is created or deleted has its own name. An update of a branch is a
// push where the pack proves that the new commit descends from the old; any other moves what exists, and is a force_push
// too.
func refineReceivePack(r *Request, m *Match) error {
	if kind, err := contentType(r); err != nil || kind != "application/x-git-receive-pack-request" {
		return errors.New("the Content-Type is not that of a git push")
	}
	head, err := peekPush(r)
	if err != nil {
		return fmt.Errorf("the push could not be read: %w", err)
	}
	if len(head.commands) == 0 {
		return nil // a flush alone: git's probe whether it may speak, before a large push
	}
	forced, err := readPush(r, head)
	if err != nil {
		return fmt.Errorf("the push could not be read: %w", err)
	}
	base := m.Actions[0]
	m.Actions = nil
	for i, c := range head.commands {
		names := c.actions()
		if c.moves() && forced[i] == "" {
			names = names[:1]
		}
		for _, name := range names {
			base.Name = name
			m.Actions = append(m.Actions, base)
		}
		if forced[i] != "" && m.Reason == "" {
			m.Reason = fmt.Sprintf("the update of %s counts as push and force_push: %s", clip(c.ref), forced[i])
		}
	}
	return nil
}

// refineBatch tells downloads from uploads of LFS objects (git-lfs docs/api/batch.md).
func refineBatch(r *Request, m *Match) error {
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
