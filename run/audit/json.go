package audit

import (
	"math"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

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
