package audit

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
)

// members are a record's first ones: all that checking and counting need.
type members struct {
	Seq   uint64    `json:"seq"`
	Time  time.Time `json:"timestamp"`
	Event Event     `json:"event"`
	RunID string    `json:"run_id"`
}

// readMembers reads them off a line as Append spells it, which is many times faster than decoding all of it, and
// decodes lines that are spelt in another way.
func readMembers(raw []byte) (m members, ok bool) {
	if m, ok = leadingMembers(raw); ok {
		return m, true
	}
	m = members{}
	return m, json.Unmarshal(raw, &m) == nil && m.Event != ""
}

func leadingMembers(raw []byte) (m members, ok bool) {
	seq, rest, ok := between(raw, `{"seq":`, `,"timestamp":"`)
	if !ok {
		return m, false
	}
	stamp, rest, ok := bytes.Cut(rest, []byte(`","event":"`))
	if !ok {
		return m, false
	}
	event, rest, ok := bytes.Cut(rest, []byte(`","run_id":"`))
	run, _, whole := bytes.Cut(rest, []byte{'"'})
	if !ok || !whole || !isPlain(event) || !isPlain(run) || len(event) == 0 {
		return m, false
	}
	var err error
	if m.Seq, err = strconv.ParseUint(string(seq), 10, 64); err != nil {
		return m, false
	}
	if m.Time, err = time.Parse(time.RFC3339, string(stamp)); err != nil {
		return m, false
	}
	m.Event, m.RunID = Event(event), string(run)
	return m, true
}

func between(raw []byte, before, after string) (in, rest []byte, ok bool) {
	if in, ok = bytes.CutPrefix(raw, []byte(before)); !ok {
		return nil, nil, false
	}
	return bytes.Cut(in, []byte(after))
}

func isPlain(b []byte) bool {
	for _, c := range b {
		if !plain[c] {
			return false
		}
	}
	return true
}
