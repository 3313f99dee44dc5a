package audit

import (
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxLine is the longest line that Append writes, LF included. The bounds below hold for the encoded text, where one
// byte can take six, and add up to less (a test fills them all).
const MaxLine = 64 << 10

const (
	maxWord    = 128     // names of things that agentguard or the policy named
	maxName    = 256     // and of values that an answer holds
	maxText    = 1 << 10 // reasons, errors, resources
	maxPath    = 8 << 10 // path and query, each
	maxActions = 6 << 10 // all together; their resources as much again
	maxCounts  = 3 << 9
	maxDetail  = 16 << 10
	maxStages  = 32
	maxResult  = 4 << 10
)

// encoder appends the members of JSON objects to b.
type encoder struct {
	b []byte

	second int64 // of the Unix time that spelt spells, once spelt[0] is set
	spelt  [len("2006-01-02T15:04:05")]byte
}

// record writes r without a chain. It is written by hand, since encoding/json takes several times as long as all the
// rest of Append and lets bidirectional controls through.
func (e *encoder) record(r *Record) {
	e.b = append(e.b, '{')
	e.uint(`"seq":`, r.Seq)
	e.time(`"timestamp":`, r.Time)
	e.key(`"event":`)
	e.b = appendString(e.b, string(r.Event), maxWord)
	e.str(`"run_id":`, r.RunID, maxWord)
	e.str(`"agent_id":`, r.AgentID, maxName)
	e.str(`"owner":`, r.Owner, maxName)
	e.uint(`"exchange":`, r.ID)
	e.str(`"service":`, r.Service, maxName)
	e.str(`"action":`, r.Action, maxName)
	e.list(`"actions":`, r.Actions)
	e.counts(`"operations":`, r.Operations)
	e.str(`"resource":`, r.Resource, maxText)
	e.list(`"resources":`, r.Resources)
	e.str(`"rule":`, r.Rule, maxName)
	e.str(`"effect":`, r.Effect, maxWord)
	e.str(`"reason":`, r.Reason, maxText)
	e.str(`"credential_used":`, r.Credential, maxName)
	e.request(&r.Request)
	e.response(&r.Response)
	e.thousandths(`"duration_ms":`, micros(r.DurationMS))
	e.stages(r.Stages)
	e.int(`"pid":`, int64(r.Pid))
	e.str(`"ip_address":`, r.IPAddress, maxWord)
	e.str(`"transport":`, r.Transport, maxWord)
	e.uint(`"requests":`, r.Requests)
	e.uint(`"denied":`, r.Denied)
	e.detail(r.Detail)
	e.b = append(e.b, '}')
}

func (e *encoder) request(r *Request) {
	if *r == (Request{}) {
		return
	}
	e.open(`"request":`)
	e.str(`"method":`, r.Method, maxWord)
	e.str(`"scheme":`, r.Scheme, maxWord)
	e.str(`"authority":`, r.Authority, maxText)
	e.str(`"path":`, r.Path, maxPath)
	e.str(`"query":`, r.Query, maxPath)
	e.str(`"proto":`, r.Proto, maxWord)
	e.str(`"body_hash":`, r.BodySHA256, maxWord)
	e.int(`"bytes":`, r.Bytes)
	e.b = append(e.b, '}')
}

func (e *encoder) response(r *Response) {
	if r.Status == 0 && r.Bytes == 0 && r.Scrubbed == 0 && r.Error == "" && len(r.Result) == 0 {
		return
	}
	e.open(`"response":`)
	e.int(`"status":`, int64(r.Status))
	e.int(`"bytes":`, r.Bytes)
	e.int(`"scrubbed":`, int64(r.Scrubbed))
	e.str(`"error":`, r.Error, maxText)
	if len(r.Result) > 0 {
		e.key(`"result":`)
		e.resultObject(r.Result)
	}
	e.b = append(e.b, '}')
}

// resultObject writes what is no number, true or false as a string, whatever it is said to be.
func (e *encoder) resultObject(fields Result) {
	e.b = append(e.b, '{')
	end := len(e.b) + maxResult
	for _, f := range fields {
		e.sep()
		if len(e.b) > end {
			e.b = append(e.b, `"...":"[cut]"`...)
			break
		}
		e.b = append(appendString(e.b, f.Name, maxWord), ':')
		if f.Literal && isLiteral(f.Value) {
			e.b = append(e.b, f.Value...)
		} else {
			e.b = appendString(e.b, f.Value, maxName)
		}
	}
	e.b = append(e.b, '}')
}

func (e *encoder) stages(stages Stages) {
	if len(stages) > 0 {
		e.key(`"stages_us":`)
		e.stageObject(stages)
	}
}

func (e *encoder) stageObject(stages Stages) {
	e.b = append(e.b, '{')
	for _, s := range stages[:min(len(stages), maxStages)] {
		e.sep()
		e.b = appendString(e.b, s.Name, maxWord)
		e.b = appendThousandths(append(e.b, ':'), max(0, int64(s.Took)))
	}
	e.b = append(e.b, '}')
}

func (e *encoder) list(key string, items []string) {
	if len(items) == 0 {
		return
	}
	e.key(key)
	e.b = append(e.b, '[')
	end := len(e.b) + maxActions
	for i, s := range items {
		e.sep()
		if len(e.b) > end {
			e.b = append(e.b, `"...[cut `...)
			e.b = strconv.AppendInt(e.b, int64(len(items)-i), 10)
			e.b = append(e.b, ` more]"`...)
			break
		}
		e.b = appendString(e.b, s, maxName)
	}
	e.b = append(e.b, ']')
}

func (e *encoder) counts(key string, counts []int) {
	if len(counts) == 0 {
		return
	}
	e.key(key)
	e.b = append(e.b, '[')
	end := len(e.b) + maxCounts
	for _, n := range counts {
		if len(e.b) > end {
			break // whoever adds up finds that some are missing
		}
		e.sep()
		e.b = strconv.AppendInt(e.b, int64(n), 10)
	}
	e.b = append(e.b, ']')
}

// detail writes the keys in order, so that equal records have equal lines.
func (e *encoder) detail(m map[string]string) {
	if len(m) == 0 {
		return
	}
	e.open(`"detail":`)
	end := len(e.b) + maxDetail
	for k, v := range sorted(m) {
		e.sep()
		if len(e.b) > end {
			e.b = append(e.b, `"...":"[cut]"`...)
			break
		}
		e.b = appendString(e.b, k, maxWord)
		e.b = appendString(append(e.b, ':'), v, maxText)
	}
	e.b = append(e.b, '}')
}

// Cut says whether a text of a record, or an item of a list, stands for more than was kept.
func Cut(s string) bool {
	return strings.HasSuffix(s, "]") && strings.Contains(s, "...[cut ")
}

// sorted goes through m by key.
func sorted(m map[string]string) iter.Seq2[string, string] {
	return func(yield func(k, v string) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}

// sep writes the comma that the next member or item needs.
func (e *encoder) sep() {
	if c := e.b[len(e.b)-1]; c != '{' && c != '[' {
		e.b = append(e.b, ',')
	}
}

// key writes a member's name, which comes with its quotes and colon: the record's own names are constants.
//
//go:noinline
func (e *encoder) key(key string) {
	e.sep()
	e.b = append(e.b, key...)
}

func (e *encoder) open(key string) {
	e.key(key)
	e.b = append(e.b, '{')
}

func (e *encoder) str(key, s string, max int) {
	if s != "" {
		e.key(key)
		e.b = appendString(e.b, s, max)
	}
}

func (e *encoder) uint(key string, n uint64) {
	if n != 0 {
		e.key(key)
		e.b = strconv.AppendUint(e.b, n, 10)
	}
}

func (e *encoder) int(key string, n int64) {
	if n != 0 {
		e.key(key)
		e.b = strconv.AppendInt(e.b, n, 10)
	}
}

func (e *encoder) thousandths(key string, n int64) {
	if n != 0 {
		e.key(key)
		e.b = appendThousandths(e.b, n)
	}
}

// time writes RFC 3339 in UTC with milliseconds. Consecutive records mostly share their second, which is kept spelt.
func (e *encoder) time(key string, t time.Time) {
	if sec := t.Unix(); sec != e.second || e.spelt[0] == 0 {
		e.second = sec
		representable(t).AppendFormat(e.spelt[:0], "2006-01-02T15:04:05")
	}
	ms := t.Nanosecond() / 1e6
	e.key(key)
	e.b = append(append(e.b, '"'), e.spelt[:]...)
	e.b = append(e.b, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z', '"')
}

// representable gives the nearest time that RFC 3339 can spell.
func representable(t time.Time) time.Time {
	t = t.UTC()
	switch y := t.Year(); {
	case y < 0:
		return time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	case y > 9999:
		return time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	}
	return t
}

// micros gives the whole microseconds of ms; what is no duration is 0.
func micros(ms float64) int64 {
	if !(ms > 0 && ms < 1e12) {
		return 0
	}
	return int64(math.Round(ms * 1000))
}

// appendThousandths appends n/1000 without trailing zeros.
func appendThousandths(b []byte, n int64) []byte {
	b = strconv.AppendInt(b, n/1000, 10)
	frac := n % 1000
	if frac == 0 {
		return b
	}
	b = append(b, '.', byte('0'+frac/100), byte('0'+frac/10%10), byte('0'+frac%10))
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}

// appendString appends s as a JSON string of at most max bytes between its quotes, and the mark of a cut if more was there.
func appendString(b []byte, s string, max int) []byte {
	b = append(b, '"')
	start := plainPrefix(s)
	if start == len(s) && start <= max {
		return append(append(b, s...), '"')
	}
	n := fit(s, max)
	start = min(start, n)
	b = append(b, s[:start]...)
	for i := start; i < n; {
		if plain[s[i]] {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r >= utf8.RuneSelf && harmless(r, size) {
			i += size
			continue
		}
		b = appendEscaped(append(b, s[start:i]...), r)
		i += size
		start = i
	}
	b = append(b, s[start:n]...)
	if n < len(s) {
		b = append(b, "...[cut "...)
		b = strconv.AppendInt(b, int64(len(s)-n), 10)
		b = append(b, " bytes]"...)
	}
	return append(b, '"')
}

// plainPrefix counts the leading plain bytes of s, eight at a time: nearly all strings are plain from end to end.
func plainPrefix(s string) (n int) {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; len(s)-n >= 8; n += 8 {
		c := s[n : n+8]
		w := uint64(c[0]) | uint64(c[1])<<8 | uint64(c[2])<<16 | uint64(c[3])<<24 |
			uint64(c[4])<<32 | uint64(c[5])<<40 | uint64(c[6])<<48 | uint64(c[7])<<56
		// Each term sets the top bit of bytes that are: above 0x7e, below a space, a quote, a backslash. A borrow may set
		// one too many above such a byte, which only sends a word the slow way.
		quote, slash := w^ones*'"', w^ones*'\\'
		if (w|(w+ones)|(w-ones*' ')|(quote-ones)|(slash-ones))&tops != 0 {
			break
		}
	}
	for n < len(s) && plain[s[n]] {
		n++
	}
	return n
}

// fit says how many leading bytes of s, whole characters, take at most max bytes in JSON.
func fit(s string, max int) int {
	if len(s) <= max/6 { // the most one byte takes
		return len(s)
	}
	n := 0
	for i := 0; i < len(s); {
		size, cost := 1, 1
		if !plain[s[i]] {
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			cost = escapedLen(r, size)
		}
		if n += cost; n > max {
			return i
		}
		i += size
	}
	return len(s)
}

func escapedLen(r rune, size int) int {
	switch {
	case r == '"' || r == '\\':
		return 2
	case r >= utf8.RuneSelf && harmless(r, size):
		return size
	case r > 0xffff:
		return 12
	}
	return 6
}

// appendEscaped spells r in ASCII. What is not UTF-8 has become U+FFFD, as in encoding/json.
func appendEscaped(b []byte, r rune) []byte {
	if r == '"' || r == '\\' {
		return append(b, '\\', byte(r))
	}
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		return appendUnit(appendUnit(b, high), low)
	}
	return appendUnit(b, r)
}

func appendUnit(b []byte, u rune) []byte {
	const hex = "0123456789abcdef"
	return append(b, '\\', 'u', hex[u>>12&15], hex[u>>8&15], hex[u>>4&15], hex[u&15])
}
