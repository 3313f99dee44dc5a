package scrub

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func token(r *rand.Rand, prefix string, n int) string {
	b := []byte(prefix)
	for range n {
		b = append(b, alphabet[r.IntN(len(alphabet))])
	}
	return string(b)
}

func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// exactly is a Set of n needles of one secret each, and nothing but them.
func exactly(n int) *Set {
	r := rand.New(rand.NewPCG(1, 2))
	var forms []form
	for range n {
		forms = append(forms, form{needle: []byte(token(r, "ghp_", 36)), repl: []byte(token(r, "ghp_", 36)), deep: 8})
	}
	return newSet(forms)
}

func secrets(n int) *Set {
	r := rand.New(rand.NewPCG(3, 4))
	var p []Pair
	for range n {
		p = append(p, Pair{Secret: []byte(token(r, "ghp_", 36)), Placeholder: token(r, "ghp_", 36)})
	}
	return New(p)
}

// padded is a Set of one secret that has a character which begins an escape.
func padded() *Set {
	r := rand.New(rand.NewPCG(7, 8))
	return New([]Pair{{Secret: []byte(token(r, "", 42) + "=="), Placeholder: token(r, "", 42) + "=="}})
}

const benchSize = 1 << 20

func fill(f func(i int) string) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < benchSize; i++ {
		b.WriteString(f(i))
	}
	return b.Bytes()[:benchSize]
}

// traffic is what the benchmarks scan.
func traffic(s *Set) map[string][]byte {
	r := rand.New(rand.NewPCG(5, 6))
	needle := s.forms[0].needle
	return map[string][]byte{
		"json": fill(func(i int) string {
			return fmt.Sprintf(`{"id":%d,"node_id":"PR_kwDO%d","url":"https://api.example.com/repos/octo/repo%d/pulls/%d","state":"open","title":"Fix the login of user %d","sha":"%x","labels":["bug","ui"],"body":"First line.\r\nSecond.","draft":false},`,
				r.IntN(1e6), r.IntN(1e6), i, i, r.IntN(1e6), noise(r, 20))
		}),
		"json escapes": fill(func(i int) string {
			return fmt.Sprintf(`{"id":%d,"url":"https://api.example.com/repos/o/r%d/pulls?page=%d&per_page=30","title":"Fix login of user %d","sha":"%x","body":"Line one.\r\nIt \"works\".","draft":false},`,
				r.IntN(1e6), i, i, r.IntN(1e6), noise(r, 20))
		}),
		"json in json": fill(func(i int) string {
			return fmt.Sprintf(`{"type":"delta","arguments":"{\"path\":\"src/a%d.go\",\"text\":\"func f() {\\n\\treturn \\\"x%d\\\"\\n}\\n\"}"}`, i, r.IntN(1e6))
		}),
		"pretty json": fill(func(i int) string {
			return fmt.Sprintf("  {\n    \"id\": %d,\n    \"name\": \"item number %d\",\n    \"tags\": [\n      \"a\",\n      \"b\"\n    ]\n  },\n", i, r.IntN(1e6))
		}),
		"html": fill(func(i int) string {
			return fmt.Sprintf("<li class=\"item\" id=\"n%d\"><a href=\"/x?a=%d&amp;b=%d\">Some words &amp; others</a></li>\n", i, i, r.IntN(1e6))
		}),
		"sse": fill(func(i int) string {
			return fmt.Sprintf("data: {\"id\":\"chatcmpl-%d\",\"choices\":[{\"delta\":{\"content\":\" word\\n\"}}]}\n\n", i)
		}),
		"random":      noise(r, benchSize),
		"base64":      []byte(base64.StdEncoding.EncodeToString(noise(r, benchSize))[:benchSize]),
		"mime base64": []byte(wrap(76, "\r\n")(base64.StdEncoding.EncodeToString(noise(r, benchSize)))[:benchSize]),
		"hex":         fill(func(int) string { return fmt.Sprintf("%x", noise(r, 32)) }),
		"zeros":       make([]byte, benchSize),
		"u escapes":   fill(func(int) string { return fmt.Sprintf(`\u4e%02x`, r.IntN(256)) }),
		"u ascii":     fill(func(int) string { return fmt.Sprintf(`\u00%02x`, 32+r.IntN(90)) }),
		"percent":     fill(func(int) string { return fmt.Sprintf(`%%%02X`, r.IntN(256)) }),
		"backslashes": []byte(strings.Repeat(`\`, benchSize)),
		"near misses": fill(func(i int) string { return token(r, "ghp_", 36) + " " + token(r, "sk-", 48) + " " }),
		// hostile: every look-up meets a gram, and every comparison goes on to the last byte
		"hostile":         bytes.Repeat(append(bytes.Clone(needle[:len(needle)-1]), '!'), benchSize/len(needle)),
		"hostile windows": bytes.Repeat(windowOf(s), benchSize/len(windowOf(s))),
		"hostile escapes": bytes.Repeat([]byte(each("%%%02x")(string(needle[:len(needle)-1]))+"!"), benchSize/(3*len(needle)-2)),
		"hits":            fill(func(i int) string { return string(s.forms[i%len(s.forms)].needle) + " some words between " }),
	}
}

// windowOf is the text whose grams the most forms share.
func windowOf(s *Set) []byte {
	best, n := 0, 0
	for i, sl := range s.grams.slots {
		if m := int(sl.to - sl.from); m > n {
			best, n = i, m
		}
	}
	at := s.grams.places[s.grams.slots[best].from]
	needle := s.forms[at.form].needle
	return needle[at.offset:min(int(at.offset)+s.grams.stride, len(needle))]
}

func BenchmarkScrub(b *testing.B) {
	for _, set := range []struct {
		name string
		s    *Set
	}{{"1 needle", exactly(1)}, {"100 needles", exactly(100)}, {"1 secret", secrets(1)}, {"3 secrets", secrets(3)}, {"20 secrets", secrets(20)}, {"with =", padded()}} {
		for name, text := range traffic(set.s) {
			b.Run(fmt.Sprintf("%s/%d/%s", set.name, len(set.s.forms), name), func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				p := make([]byte, 64<<10)
				for b.Loop() {
					r := set.s.Reader(bytes.NewReader(text), nil)
					for {
						if _, err := r.Read(p); err == io.EOF {
							break
						}
					}
				}
			})
		}
	}
}

func BenchmarkBytes(b *testing.B) {
	s := exactly(100)
	for _, size := range []int{40, 400, 4000} {
		text := bytes.Clone(traffic(s)["json"][:size])
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				s.Bytes(text)
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				secrets(n)
			}
		})
	}
	b.Run("of 2 kB", func(b *testing.B) { // a service account's key
		r := rand.New(rand.NewPCG(1, 2))
		pair := Pair{Secret: []byte(token(r, "", 2000)), Placeholder: token(r, "", 2000)}
		b.ReportAllocs()
		for b.Loop() {
			New([]Pair{pair})
		}
	})
}
