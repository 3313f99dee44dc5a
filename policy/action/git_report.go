package action

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// ReportContentType is the media type of ReportStatus's answer.
const ReportContentType = "application/x-git-receive-pack-result"

const (
	maxPkt    = 65520 // the longest pkt-line, its length included (gitprotocol-common)
	maxReason = 400   // of a ref's refusal, in bytes: git prints it on one line
)

// ReportStatus renders the refusal of a push as git reads it (gitprotocol-pack, "Report Status"): the body of an HTTP
// 200 of ReportContentType in which the pack is fine and each ref is rejected for the reason, so that git prints
// "[remote rejected]" and exits 1. head is what the request's body begins with, at least up to the pack; maxPushHead
// bytes of Request.Peek always are enough. An error says that the client could not read such a report: then an HTTP
// error is the answer.
func ReportStatus(head []byte, reason string) ([]byte, error) {
	h, whole, err := readPushHead(head)
	switch {
	case err != nil:
		return nil, err
	case !whole || len(h.commands) == 0:
		return nil, errors.New("there are no commands to report on")
	case !h.can("report-status") && !h.can("report-status-v2"):
		return nil, errors.New("the client did not ask for a report")
	}
	report := appendPkt(nil, "unpack ok\n")
	for _, c := range h.commands {
		report = appendPkt(report, rejection(c.ref, reason))
	}
	report = append(report, "0000"...)
	if !h.can("side-band-64k") {
		return report, nil
	}
	var b []byte
	for part := range slices.Chunk(report, maxPkt-5) {
		b = appendPkt(b, "\x01"+string(part))
	}
	return append(b, "0000"...), nil
}

// rejection is one line whatever the reason holds, and never longer than a pkt-line.
func rejection(ref, reason string) string {
	line := "ng " + ref + " agentguard: "
	return line + oneLine(reason, min(maxReason, maxPkt-5-len(line))) + "\n"
}

// oneLine makes a text fit for a terminal's line: what does not print (controls, escapes, bidirectional marks) becomes a
// space, and it is cut between characters to at most max bytes.
func oneLine(text string, max int) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= max {
		return text
	}
	end := 0
	for i := range text {
		if i > max-len("...") {
			break
		}
		end = i
	}
	return text[:end] + "..."
}

func appendPkt(b []byte, line string) []byte {
	return append(fmt.Appendf(b, "%04x", len(line)+4), line...)
}
