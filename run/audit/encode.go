package audit

import (
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// maxLine is the longest line that Append writes, LF included. The bounds below hold for the encoded text, where one
// byte can take six, and add up to less (a test fills them all).
const maxLine = 64 << 10

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
