package origin

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"sort"
	"strings"
	"sync"
)

// EchoID is the header by which an Echo tells requests apart, EchoAll the one that asks for every spelling of a secret; without
// it only what came is given back.
const (
	EchoID  = "X-Echo-Id"
	EchoAll = "X-Echo-All"
)

// maxEcho bounds how much of a body is given back, in bytes.
const maxEcho = 64 << 10

// Echo is a service that gives away all that it was sent, and if asked each secret that it finds there in every spelling: in
// headers, cookies, early hints, trailers and bodies, compressed or not, in one piece or in small ones. It also claims to
// be agentguard. It answers 200 to everything.
type Echo struct {
	secrets map[string]string
	spelt   map[string][]Spelling

	mu      sync.Mutex
	arrived map[string]*Arrival
}

// Arrival is what came of one request.
type Arrival struct {
	Times       int
	Credentials []string // the names of the secrets that it carried, sorted
}

// NewEcho makes an Echo that knows secrets by name.
func NewEcho(secrets map[string]string) *Echo {
	e := &Echo{secrets: secrets, spelt: map[string][]Spelling{}, arrived: map[string]*Arrival{}}
	for name, s := range secrets {
		e.spelt[name] = Spellings(s)
	}
	return e
}

// Took says what arrived under an id, and forgets it.
func (e *Echo) Took(id string) Arrival {
	e.mu.Lock()
	defer e.mu.Unlock()
	a := e.arrived[id]
	delete(e.arrived, id)
	if a == nil {
		return Arrival{}
	}
	return *a
}

// ServeHTTP answers.
func (e *Echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxEcho))
	id := r.Header.Get(EchoID)
	found := e.carried(r, body)
	if id != "" {
		e.mu.Lock()
		a := e.arrived[id]
		if a == nil {
			a = &Arrival{}
			e.arrived[id] = a
		}
		a.Times++
		a.Credentials = found
		e.mu.Unlock()
	}
	var shown []string
	if r.Header.Get(EchoAll) != "" {
		shown = found
	}
	shape := 0
	fmt.Sscan(id, &shape)
	e.answer(w, r, shape%4, shown, e.text(r, body, shown))
}

// carried names the secrets in a request: as they are, or as the password of Basic.
func (e *Echo) carried(r *http.Request, body []byte) (names []string) {
	_, password, _ := r.BasicAuth()
	all := password + "\n" + r.RequestURI + "\n" + string(body)
	for _, values := range r.Header {
		all += "\n" + strings.Join(values, "\n")
	}
	for name, s := range e.secrets {
		if strings.Contains(all, s) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// text is the body of an answer.
func (e *Echo) text(r *http.Request, body []byte, shown []string) string {
	spelt := map[string]map[string]string{}
	var raw strings.Builder
	for _, name := range shown {
		spelt[name] = map[string]string{}
		for _, s := range e.spelt[name] {
			spelt[name][s.Name] = s.Whole
			raw.WriteString("\n" + s.Whole) // JSON would escape some of them once more
		}
	}
	b, _ := json.Marshal(map[string]any{
		"method": r.Method, "host": r.Host, "target": r.RequestURI, "headers": r.Header, "body": string(body), "spelt": spelt,
	})
	return string(b) + raw.String() + "\n"
}

func (e *Echo) answer(w http.ResponseWriter, r *http.Request, shape int, shown []string, text string) {
	h := w.Header()
	h.Set("X-Echo-Authorization", r.Header.Get("Authorization"))
	h.Set("X-Agentguard", "refused")
	h.Set("X-Credential-Used", "forged")
	h.Set("Content-Type", [...]string{"application/json", "application/json", "text/html; charset=utf-8", "text/plain"}[shape])
	for i, name := range shown {
		for j, s := range e.spelt[name] {
			if !strings.ContainsFunc(s.Whole, func(c rune) bool { return c < ' ' || c > '~' }) {
				h.Set(fmt.Sprintf("X-Echo-%d-%d", i, j), s.Whole)
			}
		}
		http.SetCookie(w, &http.Cookie{Name: "session", Value: e.secrets[name]})
	}
	flush := http.NewResponseController(w).Flush
	switch {
	case shape == 1 && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip"):
		h.Set("Content-Encoding", "gzip")
		packed := stored(text)
		half := len(packed) / 2
		w.Write(packed[:half])
		flush()
		w.Write(packed[half:])
	case shape == 2:
		for len(text) > 0 {
			n := min(len(text), max(7, len(text)/50))
			io.WriteString(w, text[:n])
			flush()
			text = text[n:]
		}
	case shape == 3:
		h.Set("Trailer", "X-Echo-Trailer")
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, text)
		for _, name := range shown {
			h.Set("X-Echo-Trailer", e.secrets[name])
		}
	default:
		io.WriteString(w, text)
	}
}

// stored is text as gzip has it without compressing (RFC 1952, RFC 1951 section 3.2.4): a compressor would be the only one
// in the program.
func stored(text string) []byte {
	const most = 1<<16 - 1
	b := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}
	for rest := text; ; {
		n := min(len(rest), most)
		last := byte(0)
		if n == len(rest) {
			last = 1
		}
		b = append(b, last)
		b = binary.LittleEndian.AppendUint16(b, uint16(n))
		b = binary.LittleEndian.AppendUint16(b, ^uint16(n))
		b = append(b, rest[:n]...)
		if rest = rest[n:]; last == 1 {
			break
		}
	}
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE([]byte(text)))
	return binary.LittleEndian.AppendUint32(b, uint32(len(text)))
}
