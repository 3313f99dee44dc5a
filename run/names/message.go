package names

import (
	"encoding/binary"
	"strings"
)

// Of RFC 1035 sections 3.2 and 4.1.
const (
	headerLen = 12
	typeA     = 1
	classIN   = 1

	flagAnswer    = 0x8000
	maskOpcode    = 0x7800
	flagRecursion = 0x0100
	flagAvailable = 0x0080

	formatError    = 1
	serverFailure  = 2
	noSuchName     = 3
	notImplemented = 4

	maxName = 253
	ttl     = 60 // seconds; an address stays for the whole run
)

// question is the one question of a query.
type question struct {
	name string // lower case, without the last dot
	kind uint16
	end  int // where it ends in the message
}

// answer gives the response to a query, nil to what is none. Only addresses of the fourth version exist.
func (t *Table) answer(query []byte) []byte {
	if len(query) < headerLen {
		return nil
	}
	flags := binary.BigEndian.Uint16(query[2:])
	if flags&flagAnswer != 0 {
		return nil
	}
	q, ok := readQuestion(query)
	switch {
	case flags&maskOpcode != 0:
		return respond(query, headerLen, notImplemented)
	case !ok:
		return respond(query, headerLen, formatError)
	case q.name == "" || !isHost(q.name) || strings.HasSuffix(q.name, ".arpa"):
		return respond(query, q.end, noSuchName)
	case q.kind != typeA:
		return respond(query, q.end, 0)
	}
	a, ok := t.Address(q.name)
	if !ok {
		return respond(query, q.end, serverFailure)
	}
	r := respond(query, q.end, 0)
	r[7] = 1                                                                 // answers
	r = append(r, 0xc0, headerLen, 0, typeA, 0, classIN, 0, 0, 0, ttl, 0, 4) // the name is the question's (section 4.1.4)
	b := a.As4()
	return append(r, b[:]...)
}

// respond makes a response without answers, that repeats the question which ends at end.
func respond(query []byte, end, code int) []byte {
	r := append(make([]byte, 0, end+16), query[:end]...)
	flags := binary.BigEndian.Uint16(query[2:])
	binary.BigEndian.PutUint16(r[2:], flags&(maskOpcode|flagRecursion)|flagAnswer|flagAvailable|uint16(code))
	clear(r[4:headerLen])
	if end > headerLen {
		r[5] = 1
	}
	return r
}

// readQuestion reads the only question of a query; what comes behind it does not matter (EDNS, RFC 6891).
func readQuestion(query []byte) (q question, ok bool) {
	if binary.BigEndian.Uint16(query[4:]) != 1 {
		return q, false
	}
	var labels []string
	at, length := headerLen, 0
	for {
		if at >= len(query) {
			return q, false
		}
		n := int(query[at])
		at++
		if n == 0 {
			break
		}
		if n > 63 || at+n > len(query) {
			return q, false
		}
		if length += n + 1; length > maxName+1 {
			return q, false
		}
		labels = append(labels, string(query[at:at+n]))
		at += n
	}
	if at+4 > len(query) || binary.BigEndian.Uint16(query[at+2:]) != classIN {
		return q, false
	}
	return question{strings.ToLower(strings.Join(labels, ".")), binary.BigEndian.Uint16(query[at:]), at + 4}, true
}

// isHost is true for letters, digits, hyphens, underscores and the dots between.
func isHost(name string) bool {
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return !strings.Contains(name, "..")
}
