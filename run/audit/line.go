package audit

import (
	"fmt"
	"strconv"
	"strings"
)

// The widest that one field may be on a line for people.
const (
	showWord = 60
	showText = 160

	showFields = 8 // of a result
)

// Line is r for a person, in one line without LF, with all foreign text made safe. The time is in r.Time's own zone.
// color, if not nil, may dress the first word: it gets the effect ("" where there is none) and the text.
func (r Record) Line(color func(effect, s string) string) string {
	word := r.Effect
	if word == "" {
		word = strings.TrimPrefix(string(r.Event), "run.")
	}
	word = fmt.Sprintf("%-6s", Clip(word, showWord))
	if color != nil {
		word = color(r.Effect, word)
	}
	var b strings.Builder
	b.WriteString(r.Time.Format("15:04:05.000 "))
	b.WriteString(word)
	for _, part := range r.parts() {
		if part != "" {
			b.WriteString("  ")
			b.WriteString(part)
		}
	}
	return b.String()
}

func (r *Record) parts() []string {
	return []string{r.what(), r.target(), r.outcome(), r.who(), Clip(r.Reason, showText), r.details()}
}

// what was to be done, on which resource.
func (r *Record) what() string {
	s := Clip(r.Action, showWord)
	if n := len(r.Actions); n > 1 {
		s += fmt.Sprintf(" (one of %d)", n)
	}
	if r.Resource != "" {
		s = strings.TrimPrefix(s+" "+Clip(r.Resource, showText), " ")
	}
	return s
}

// target is the request line, its query left out.
func (r *Record) target() string {
	q := &r.Request
	return strings.TrimSpace(Clip(q.Method, showWord) + " " + Clip(q.Authority, showText) + Clip(q.Path, showText))
}

// outcome is what came back, how long it took, and what is kept of it.
func (r *Record) outcome() string {
	var parts []string
	if r.Response.Status != 0 {
		parts = append(parts, strconv.Itoa(r.Response.Status))
	}
	if r.Event == Sent {
		parts = append(parts, "sent")
	}
	if r.Event == Ended {
		parts = append(parts, size(r.Response.Bytes), fmt.Sprintf("%.1f ms", r.DurationMS))
	}
	if n := r.Response.Scrubbed; n > 0 {
		parts = append(parts, fmt.Sprintf("%d scrubbed", n))
	}
	if r.Response.Error != "" {
		parts = append(parts, "error: "+Clip(r.Response.Error, showText))
	}
	for _, f := range r.Response.Result[:min(len(r.Response.Result), showFields)] {
		parts = append(parts, Clip(f.Name, showWord)+" "+Clip(f.Value, showText))
	}
	if len(parts) == 0 {
		return ""
	}
	return "-> " + strings.Join(parts, ", ")
}

// who is the rule that decided and the credential that went along.
func (r *Record) who() string {
	switch rule, cred := Clip(r.Rule, showWord), Clip(r.Credential, showWord); {
	case rule != "" && cred != "":
		return "[" + rule + ", " + cred + "]"
	case rule+cred != "":
		return "[" + rule + cred + "]"
	}
	return ""
}

// details are those of the run's own events.
func (r *Record) details() string {
	var parts []string
	switch r.Event {
	case RunStart:
		parts = append(parts, "run "+Clip(r.RunID, showWord), "agent "+Clip(r.AgentID, showWord))
	case RunEnd:
		parts = append(parts, fmt.Sprintf("%d sent, %d refused", r.Requests, r.Denied))
	}
	for k, v := range sorted(r.Detail) {
		if r.Event == RunEnd && (k == "requests" || k == "denied") {
			continue // the same, counted otherwise
		}
		parts = append(parts, Clip(k, showWord)+"="+Clip(v, showText))
	}
	return strings.Join(parts, "  ")
}

// size spells n bytes as people do.
func size(n int64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, i := float64(n)/1000, 0
	for v >= 999.95 && i < len(units)-1 {
		v, i = v/1000, i+1
	}
	return fmt.Sprintf("%.1f %cB", v, units[i])
}
