package action

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"agentguard/policy/pack"
)

// The bounds of what the server is asked about one push.
const (
	maxQuestions = 16
	maxWants     = 512
	maxHistory   = 16 << 20 // of an answer, in bytes: some 100,000 commits
)

// resolver asks the server about the history that a push leaves to it: a push holds no commit that the server is known to
// have, be it of another branch, of an upstream that was merged, or from below the bottom of a shallow clone.
//
// It fetches, by protocol v2 (gitprotocol-v2), what the commits at which the pack ends descend from and the old commit does
// not. The ids of what comes are recomputed, so that an answer which is cut off or of something else proves nothing.
type resolver struct {
	request *Request
	about   Action
	history *pack.History

	ready  bool
	filter bool // the server leaves files out
}

// resolve marks the updates that the server's history proves, and says at the others what came of asking.
func (s *resolver) resolve(updates []pack.Update) {
	if s.request.Ask == nil {
		return
	}
	asked := 0
	for i := range updates {
		u := &updates[i]
		if !u.Open() || u.Asked != "" {
			continue
		}
		wants := s.wants(updates, u.Old)
		if len(wants) == 0 {
			u.Asked = "it cannot be asked for what was cut off"
			continue
		}
		err := errors.New("this push asks for too many histories")
		if asked++; asked <= maxQuestions {
			err = s.fetch(wants, u.Old, updates)
		}
		said := "neither does what the server has"
		if err != nil {
			said = "the server could not be asked for the rest: " + err.Error()
		}
		for j := range updates {
			if updates[j].Old == u.Old {
				updates[j].Asked = said
			}
		}
	}
}

// wants are the commits at which the pack ends, on the ways from what is new to one old commit.
func (s *resolver) wants(updates []pack.Update, old string) []string {
	var list []string
	seen := map[string]bool{}
	for i := range updates {
		u := &updates[i]
		if u.Old != old || !u.Open() {
			continue
		}
		for _, id := range s.history.Outside(u.New, maxWants) {
			if !seen[id] && len(list) < maxWants {
				seen[id], list = true, append(list, id)
			}
		}
	}
	return list
}

// fetch adds to the history what the wanted commits descend from and the old one does not.
func (s *resolver) fetch(wants []string, old string, updates []pack.Update) error {
	if err := s.open(); err != nil {
		return err
	}
	reply, err := s.ask(&Question{Method: http.MethodPost, Path: s.path("git-upload-pack"), Body: s.command(wants, old), Max: maxHistory,
		Header: http.Header{"Content-Type": {"application/x-git-upload-pack-request"}}}, "application/x-git-upload-pack-result")
	if err != nil {
		return err
	}
	answer, err := packOf(reply.Body)
	if err != nil {
		return err
	}
	s.history.Unshallow() // that was the client's
	if err := s.history.Read(bytes.NewReader(answer), updates); err != nil && !s.history.Judge(updates) {
		return fmt.Errorf("its answer: %w", err)
	}
	return nil
}

// open asks what the server can do, once.
func (s *resolver) open() error {
	if s.ready {
		return nil
	}
	reply, err := s.ask(&Question{Method: http.MethodGet, Path: s.path("info/refs"), Query: "service=git-upload-pack", Header: http.Header{}},
		"application/x-git-upload-pack-advertisement")
	if err != nil {
		return err
	}
	s.filter, err = canFilter(reply.Body)
	s.ready = err == nil
	return err
}

func (s *resolver) ask(q *Question, kind string) (*Reply, error) {
	q.About, q.Why = []Action{s.about}, "whether a push is forced"
	q.Header.Set("Git-Protocol", "version=2")
	q.Header.Set("Accept", kind)
	reply, err := s.request.Ask(q)
	switch {
	case err != nil:
		return nil, err
	case reply.Status != http.StatusOK:
		return nil, fmt.Errorf("it answered %d", reply.Status)
	case reply.Header.Get("Content-Type") != kind:
		return nil, errors.New("it answered something else than git does")
	}
	return reply, nil
}

// path leads to another door of the repository that is pushed to.
func (s *resolver) path(door string) string {
	return strings.TrimSuffix(strings.TrimSuffix(s.request.Path.Raw, "/"), "git-receive-pack") + door
}

func (s *resolver) command(wants []string, old string) []byte {
	b := appendPkt(nil, "command=fetch")
	if len(old) != 40 {
		b = appendPkt(b, "object-format=sha256")
	}
	b = appendPkt(append(b, "0001"...), "no-progress")
	if s.filter {
		b = appendPkt(b, "filter tree:0")
	}
	for _, id := range wants {
		b = appendPkt(b, "want "+id)
	}
	b = appendPkt(appendPkt(b, "have "+old), "done")
	return append(b, "0000"...)
}

// canFilter reads the capabilities of a server that speaks protocol v2. The announcement of the service may stand before
// them.
func canFilter(b []byte) (filter bool, err error) {
	v2 := false
	for len(b) > 0 {
		var line []byte
		if line, b, err = cutPkt(b); err != nil {
			return false, err
		}
		said := strings.TrimSuffix(string(line), "\n")
		v2 = v2 || said == "version 2"
		if features, ok := strings.CutPrefix(said, "fetch="); ok && v2 {
			filter = strings.Contains(" "+features+" ", " filter ")
		}
	}
	if !v2 {
		err = errors.New("it does not speak protocol v2")
	}
	return filter, err
}

// packOf gives what stands in band 1 of the answer's section "packfile", in the answer's own memory. An answer that is cut
// off gives what there is.
func packOf(b []byte) ([]byte, error) {
	inside, within := b[:0], false
	for len(b) > 0 {
		line, rest, err := cutPkt(b)
		if err != nil {
			break
		}
		b = rest
		switch {
		case len(line) == 0:
		case bytes.HasPrefix(line, []byte("ERR ")):
			return nil, fmt.Errorf("it said %q", clip(string(line[len("ERR "):])))
		case !within:
			within = string(line) == "packfile\n"
		case line[0] == 1:
			inside = append(inside, line[1:]...)
		case line[0] == 3:
			return nil, fmt.Errorf("it said %q", clip(string(line[1:])))
		}
	}
	if !within {
		return nil, errors.New("its answer holds no pack")
	}
	return inside, nil
}

// cutPkt takes the first pkt-line off; what is no line, a flush or a delimiter, is empty.
func cutPkt(b []byte) (line, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, errors.New("its answer is cut off")
	}
	n, err := pktPrefix(b)
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("its answer: %w", err)
	case n < 4:
		return nil, b[4:], nil
	case n > len(b):
		return nil, nil, errors.New("its answer is cut off")
	}
	return b[4:n], b[n:], nil
}
