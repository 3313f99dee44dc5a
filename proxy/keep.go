package proxy

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"

	"agentguard/policy"
	"agentguard/policy/action"
	"agentguard/proxy/scrub"
)

// Kept is a field of an answer that the record keeps.
type Kept struct {
	Name, Value string
	Literal     bool // a number, true or false
}

// The bounds of what is kept: how much of an answer is looked at, and how long a value may be, in bytes.
const (
	maxKeepRead  = 1 << 20
	maxKeepValue = 256
)

// keep looks for the fields that rules and catalogue name, while the answer passes: as the child gets it, without secrets,
// and neither held back nor changed. What is no JSON object has none.
func (p *Proxy) keep(ex *Exchange, r *http.Response) *Refusal {
	if ex.Claim.Kind != policy.ForService || r.StatusCode == http.StatusSwitchingProtocols || !bodyAllowed(r) || !isJSON(r.Header.Get("Content-Type")) {
		return nil
	}
	if fields := action.Results(&ex.Match, ex.Decision.Keep); len(fields) > 0 {
		set := p.live()
		r.Body = &keptBody{r.Body, newKeeper(fields), set, ex}
	}
	return nil
}

// isJSON takes application/json and what is built on it (RFC 6839 section 3.1).
func isJSON(contentType string) bool {
	kind := mediaType(contentType)
	return kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")
}

// mediaType is a Content-Type without its parameters, whatever they are.
func mediaType(contentType string) string {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// keptBody is a response's body in which fields are looked for.
type keptBody struct {
	io.ReadCloser
	*keeper
	set *scrub.Set
	ex  *Exchange
}

func (b *keptBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if !b.done {
		b.look(p[:n])
	}
	return n, err
}

// Close ends the search, however far the answer came.
func (b *keptBody) Close() error {
	b.ex.Kept = b.result(b.set)
	return b.ReadCloser.Close()
}

// keeper finds scalars in a JSON object that comes in pieces. It keeps its place, the name or value that it is in, and what
// it found; nothing else of the text. Text that is no JSON gives nothing, or what a lenient reader would find in it.
type keeper struct {
	fields []action.Field
	found  []Kept // by field; Name is "" where nothing was found
	left   int    // bytes that are still looked at
	done   bool

	levels [maxKeepDepth]level
	depth  int    // of the innermost open object or list; 0: none
	at     place  // what the next byte belongs to
	isKey  bool   // the string at hand is a name
	wants  uint32 // fields whose value is at hand
	leads  uint32 // fields that lead through the value at hand
	text   []byte // the name or value at hand, as far as anybody wants it
	cut    bool   // there was more of it
}

// maxKeepDepth bounds the nesting that is followed.
const maxKeepDepth = 64

type level struct {
	list   bool
	fields uint32 // fields whose path has led here
}

// place says what the next byte belongs to.
type place uint8

const (
	between place = iota // values, names and punctuation
	inText
	afterBackslash
	inLiteral
)

func newKeeper(fields []action.Field) *keeper {
	return &keeper{fields: fields, found: make([]Kept, len(fields)), left: maxKeepRead}
}

// look takes the next piece.
func (k *keeper) look(p []byte) {
	if len(p) > k.left {
		p = p[:k.left]
	}
	k.left -= len(p)
	for i := 0; i < len(p) && !k.done; i++ {
		k.step(p[i])
	}
	k.done = k.done || k.left == 0
}

func (k *keeper) step(c byte) {
	switch k.at {
	case inText:
		switch c {
		case '"':
			k.at = between
			k.closeText()
			return
		case '\\':
			k.at = afterBackslash
		}
		k.take(c)
	case afterBackslash:
		k.at = inText
		k.take(c)
	case inLiteral:
		if strings.IndexByte(",]} \t\r\n", c) < 0 {
			k.take(c)
			return
		}
		k.at = between
		k.closeLiteral()
		k.punctuation(c)
	default:
		k.punctuation(c)
	}
}

func (k *keeper) punctuation(c byte) {
	switch c {
	case ' ', '\t', '\r', '\n':
	case '{', '[':
		k.open(c == '[')
	case '}', ']':
		if k.depth--; k.depth <= 0 {
			k.done = true
		}
		k.isKey = false
		k.wants, k.leads = 0, 0
	case ',':
		k.isKey = k.depth > 0 && !k.levels[k.depth-1].list
		k.wants, k.leads = 0, 0
	case ':':
		k.isKey = false
	case '"':
		k.at, k.text, k.cut = inText, k.text[:0], false
	default:
		if k.depth == 0 {
			k.done = true // a scalar alone
			return
		}
		k.at, k.text, k.cut = inLiteral, k.text[:0], false
		k.take(c)
	}
}

// open enters an object or a list. Nothing leads into a list.
func (k *keeper) open(list bool) {
	if k.depth == maxKeepDepth || list && k.depth == 0 {
		k.done = true
		return
	}
	l := level{list: list}
	switch {
	case list:
	case k.depth == 0:
		l.fields = uint32(1)<<len(k.fields) - 1
	default:
		l.fields = k.leads
	}
	k.levels[k.depth] = l
	k.depth++
	k.isKey = !list
	k.wants, k.leads = 0, 0
}

// take keeps a byte of a name or value, if somebody wants it.
func (k *keeper) take(c byte) {
	switch {
	case k.depth == 0 || k.wants == 0 && !(k.isKey && k.levels[k.depth-1].fields != 0):
	case len(k.text) < maxKeepValue:
		k.text = append(k.text, c)
	default:
		k.cut = true
	}
}

// closeText has read a name or a value.
func (k *keeper) closeText() {
	if k.depth == 0 {
		k.done = true
		return
	}
	if !k.isKey {
		if k.wants != 0 {
			k.keepText()
		}
		return
	}
	k.wants, k.leads = 0, 0
	in := k.levels[k.depth-1].fields
	if in == 0 || k.cut {
		return
	}
	name, _ := unquote(k.text, false)
	for i := range k.fields {
		path := k.fields[i].Path
		if in&(1<<i) == 0 || len(path) < k.depth || path[k.depth-1] != name && path[k.depth-1] != "*" {
			continue
		}
		if len(path) == k.depth {
			k.wants |= 1 << i
		} else {
			k.leads |= 1 << i
		}
	}
}

func (k *keeper) keepText() {
	if s, ok := unquote(k.text, k.cut); ok {
		k.keep(s, false)
	}
}

// closeLiteral has read a number, true, false or null; what is neither is let go.
func (k *keeper) closeLiteral() {
	text := string(k.text)
	if k.wants != 0 && !k.cut && text != "null" && json.Valid(k.text) {
		k.keep(text, true)
	}
	k.wants = 0
}

// keep takes a value for the fields that want it, and the first for each.
func (k *keeper) keep(value string, literal bool) {
	missing := false
	for i := range k.found {
		if k.wants&(1<<i) != 0 && k.found[i].Name == "" {
			k.found[i] = kept(&k.fields[i], value, literal)
		}
		missing = missing || k.found[i].Name == ""
	}
	k.wants, k.done = 0, !missing
}

// kept is a value as a field has it; without a name where the field has nothing of it.
func kept(f *action.Field, value string, literal bool) Kept {
	if f.Tail && !literal {
		if value = value[strings.LastIndexByte(value, '/')+1:]; value == "" {
			return Kept{}
		}
		literal = len(value) < 16 && value[0] != '0' && strings.Trim(value, "0123456789") == ""
	}
	return Kept{f.Name, value, literal}
}

// result is what was found, in the order in which it was asked for, each name once, without secrets in any spelling that
// JSON hid.
func (k *keeper) result(set *scrub.Set) []Kept {
	var out []Kept
	for _, f := range k.found {
		if f.Name != "" && !slices.ContainsFunc(out, func(o Kept) bool { return o.Name == f.Name }) {
			f.Value, _ = set.String(f.Value)
			out = append(out, f)
		}
	}
	return out
}

// unquote reads the inside of a JSON string; of one that was cut, what can be read of it.
func unquote(text []byte, cut bool) (s string, ok bool) {
	quoted := append(append([]byte{'"'}, text...), '"')
	for range len(`\ud83d\ude00`) { // the longest escape that the cut can have gone through
		if json.Unmarshal(quoted, &s) == nil {
			if cut {
				s += "..."
			}
			return s, true
		}
		if !cut || len(quoted) < 3 {
			break
		}
		quoted = append(quoted[:len(quoted)-2], '"')
	}
	return "", false
}
