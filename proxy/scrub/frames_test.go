package scrub

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// frame writes one, with the least length that there is.
func frame(first byte, payload string, key ...byte) string {
	b := []byte{first}
	bit := byte(0)
	if len(key) == 4 {
		bit = maskBit
	}
	switch n := len(payload); {
	case n < 126:
		b = append(b, bit|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, bit|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, bit|127), uint64(n))
	}
	b = append(b, key...)
	for i := range len(payload) {
		c := payload[i]
		if len(key) == 4 {
			c ^= key[i%4]
		}
		b = append(b, c)
	}
	return string(b)
}

// message is what a reader of frames gets: whole messages, and control frames where they stood.
type message struct {
	op   byte
	text string
}

// messages reads a stream as a strict client does.
func messages(stream string) (list []message, frames int, err error) {
	var open *message
	p := []byte(stream)
	for len(p) > 0 {
		if len(p) < 2 {
			return list, frames, io.ErrUnexpectedEOF
		}
		fin, op, masked, n := p[0]&0x80 != 0, p[0]&0x0f, p[1]&0x80 != 0, int(p[1]&0x7f)
		size := 2
		switch n {
		case 126:
			n, size = int(binary.BigEndian.Uint16(p[2:])), 4
		case 127:
			n, size = int(binary.BigEndian.Uint64(p[2:])), 10
		}
		var key [4]byte
		if masked {
			copy(key[:], p[size:])
			size += 4
		}
		if len(p) < size+n {
			return list, frames, io.ErrUnexpectedEOF
		}
		payload := bytes.Clone(p[size : size+n])
		for i := range payload {
			payload[i] ^= key[i%4]
		}
		p, frames = p[size+n:], frames+1
		switch {
		case op >= 8:
			list = append(list, message{op, string(payload)})
		case op == 0 && open == nil, op != 0 && open != nil:
			return list, frames, errors.New("a wrong continuation")
		case op != 0:
			open = &message{op, ""}
			fallthrough
		default:
			open.text += string(payload)
			if fin {
				list, open = append(list, *open), nil
			}
		}
	}
	if open != nil {
		err = errors.New("an open message")
	}
	return list, frames, err
}

func throughFrames(s *Set, stream string, chunk, size int) (string, int, error) {
	hits := 0
	r := s.Frames(&chunked{text: stream, sizes: []int{chunk}}, func(n int) { hits += n })
	var out []byte
	p := make([]byte, size)
	for {
		n, err := r.Read(p)
		out = append(out, p[:n]...)
		if err == io.EOF {
			return string(out), hits, nil
		}
		if err != nil {
			return string(out), hits, err
		}
	}
}

func TestCleanFramesGoOnAsTheyCame(t *testing.T) {
	s := New(pairs())
	stream := frame(0x81, "hello") + frame(0x82, strings.Repeat("\x00\xff", 300)) + frame(0x01, "one ") + frame(0x89, "ping") + frame(0x00, "two ") +
		frame(0x80, "three") + frame(0x81, "", 1, 2, 3, 4) + frame(0x81, "masked", 9, 8, 7, 6) + frame(0x81, strings.Repeat("long ", 13000)) + frame(0x88, "\x03\xe8bye")
	for _, chunk := range []int{1, 2, 7, 1000, 1 << 20} {
		if got, hits, err := throughFrames(s, stream, chunk, 333); got != stream || hits != 0 || err != nil {
			t.Errorf("chunks of %d: %d bytes of %d, %d hits, %v", chunk, len(got), len(stream), hits, err)
		}
	}
	var none *Set
	if got, _, err := throughFrames(none, stream, 5, 100); got != stream || err != nil {
		t.Errorf("a nil Set: %v", err)
	}
}

func TestSecretsInFramesAtEveryBorder(t *testing.T) {
	text := "before " + secret + " after"
	want := "before " + holder + " after"
	s := New(pairs())
	for i := 0; i <= len(text); i++ {
		for _, key := range [][]byte{nil, {1, 2, 3, 4}} {
			stream := frame(0x01, text[:i], key...) + frame(0x89, "ping", key...) + frame(0x80, text[i:], key...) + frame(0x82, text, key...)
			for _, chunk := range []int{1, 3, 1000} {
				got, hits, err := throughFrames(s, stream, chunk, 50)
				list, _, err2 := messages(got)
				if err != nil || err2 != nil || hits != 2 || fmt.Sprint(list) != fmt.Sprint([]message{{9, "ping"}, {1, want}, {2, want}}) {
					t.Fatalf("split at %d, chunks of %d: %q, %d hits, %v, %v", i, chunk, list, hits, err, err2)
				}
			}
		}
	}
}

func TestFramesOfAnotherLength(t *testing.T) {
	for _, ph := range []string{"x", strings.Repeat("long", 100)} {
		s := New([]Pair{{Secret: []byte(secret), Placeholder: ph}})
		stream := frame(0x81, secret) + frame(0x81, strings.Repeat(secret+" ", 3)) + frame(0x89, secret) + frame(0x88, "\x03\xe8"+secret)
		got, hits, err := throughFrames(s, stream, 17, 100)
		list, _, err2 := messages(got)
		if err != nil || err2 != nil || hits != 6 || list[0].text != ph || list[1].text != strings.Repeat(ph+" ", 3) {
			t.Errorf("%q, %d hits, %v, %v", list, hits, err, err2)
		}
		if len(list[2].text) > 125 || len(list[3].text) > 125 || !strings.HasPrefix(list[3].text, "\x03\xe8"+ph[:1]) || strings.Contains(got, secret) {
			t.Errorf("control frames: %q", list[2:])
		}
	}
}

func TestCloseReasonsStayText(t *testing.T) {
	s := New([]Pair{{Secret: []byte(secret), Placeholder: strings.Repeat("é", 100)}})
	got, _, err := throughFrames(s, frame(0x88, "\x03\xe8"+secret), 5, 100)
	list, _, _ := messages(got)
	if err != nil || len(list) != 1 || len(list[0].text) > 125 || !utf8.ValidString(list[0].text[2:]) {
		t.Errorf("%q, %v", list, err)
	}
}

// a close frame has a status code before its reason; not every server knows
func TestCloseWithoutACode(t *testing.T) {
	got, hits, err := throughFrames(New(pairs()), frame(0x88, secret), 5, 100)
	if list, _, _ := messages(got); err != nil || hits != 1 || len(list) != 1 || list[0].text != holder {
		t.Errorf("%q, %d hits, %v", list, hits, err)
	}
}

// a ping overtakes the beginning of a secret that waits for the next fragment
func TestControlFramesDoNotWait(t *testing.T) {
	s := New(pairs())
	pr, pw := io.Pipe()
	r := s.Frames(pr, nil)
	go io.WriteString(pw, frame(0x01, "abc "+secret[:20])+frame(0x89, "ping"))
	got := make([]byte, len(frame(0x01, "abc ")+frame(0x89, "ping")))
	done := make(chan error)
	go func() { _, err := io.ReadFull(r, got); done <- err }()
	select {
	case err := <-done:
		if want := frame(0x01, "abc ") + frame(0x89, "ping"); err != nil || string(got) != want {
			t.Errorf("%q, not %q: %v", got, want, err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the ping waits")
	}
	pw.Close()
}

func TestHugeFramesAreStreamed(t *testing.T) {
	s := New(pairs())
	const size = 256 << 20
	head := []byte{0x82, 127, 0, 0, 0, 0, size >> 24, size >> 16 & 0xff, size >> 8 & 0xff, size & 0xff}
	pattern := []byte(strings.Repeat("some text ", 9999) + secret)
	r := s.Frames(io.MultiReader(bytes.NewReader(head), &endless{pattern: pattern, n: size}), nil)
	var payload int64
	for {
		var h [4]byte
		if _, err := io.ReadFull(r, h[:2]); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		n := int64(h[1])
		switch n {
		case 126:
			io.ReadFull(r, h[:2])
			n = int64(binary.BigEndian.Uint16(h[:2]))
		case 127:
			var w [8]byte
			io.ReadFull(r, w[:])
			n = int64(binary.BigEndian.Uint64(w[:]))
		}
		if copied, err := io.CopyN(io.Discard, r, n); err != nil {
			t.Fatal(copied, err)
		}
		payload += n
	}
	f := r.(*frames)
	if kept := cap(f.part) + cap(f.store) + cap(f.msg.store) + cap(f.msg.held); payload != size || kept > 1<<20 {
		t.Errorf("%d bytes of payload; %d are kept", payload, kept)
	}
}

func TestMalformedFramesAreRefused(t *testing.T) {
	s := New(pairs())
	long := strings.Repeat("x", 126)
	for name, c := range map[string]struct{ stream, reason string }{
		"compressed":              {frame(0xc1, "x"), "reserved bit"},
		"RSV2":                    {frame(0xa1, "x"), "reserved bit"},
		"RSV3 on control":         {frame(0x99, "x"), "reserved bit"},
		"opcode 3":                {frame(0x83, "x"), "reserved"},
		"opcode 11":               {frame(0x8b, "x"), "reserved"},
		"long ping":               {frame(0x89, long), "too long"},
		"fragmented ping":         {frame(0x09, "x"), "fragmented"},
		"close with one byte":     {frame(0x88, "x"), "half a status"},
		"after close":             {frame(0x88, "") + frame(0x81, "x"), "after the close"},
		"continuation of nothing": {frame(0x80, "x"), "continuation"},
		"message in message":      {frame(0x01, "x") + frame(0x81, "y"), "inside another"},
		"long form of 5":          {"\x81\x7e\x00\x05hello", "length"},
		"longer form of 5":        {"\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x05hello", "length"},
		"negative length":         {"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", "length"},
		"cut header":              {"\x81", "unexpected EOF"},
		"cut length":              {"\x81\x7e\x01", "unexpected EOF"},
		"cut mask":                {"\x81\x85\x01\x02", "unexpected EOF"},
		"cut payload":             {"\x81\x05hell", "unexpected EOF"},
		"cut ping":                {"\x89\x05hell", "unexpected EOF"},
		"cut message":             {frame(0x01, "x"), "unexpected EOF"},
	} {
		good := frame(0x81, "good")
		got, _, err := throughFrames(s, good+c.stream, 4, 100)
		if err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.HasPrefix(got, good) {
			t.Errorf("%s: what came before is lost: %q", name, got)
		}
	}
}

func TestFramesAgainstMessages(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for range 3000 {
		s := randomSet(r, "abc")
		var stream string
		var want []message
		hits := 0
		for range 1 + r.IntN(3) {
			text := string(word(r, "abcx", 40))
			clean, n := s.String(text)
			hits += n
			first := byte(1 + r.IntN(2))
			op := first
			for text != "" && r.IntN(3) > 0 {
				n := r.IntN(len(text) + 1)
				stream, text, first = stream+frame(first, text[:n]), text[n:], 0
				if r.IntN(3) == 0 {
					stream += frame(0x8a, "")
					want = append(want, message{10, ""})
				}
			}
			stream += frame(first|0x80, text)
			want = append(want, message{op, clean})
		}
		got, gotHits, err := throughFrames(s, stream, 1+r.IntN(20), 1+r.IntN(50))
		list, _, err2 := messages(got)
		if err != nil || err2 != nil || gotHits != hits || fmt.Sprint(list) != fmt.Sprint(want) {
			t.Fatalf("%q\ngot  %q, %d, %v, %v\nwant %q, %d", stream, list, gotHits, err, err2, want, hits)
		}
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(frame(0x01, "a "+secret[:9])+frame(0x80, secret[9:]), uint8(3))
	f.Add(frame(0x81, secret, 1, 2, 3, 4)+frame(0x88, "\x03\xe8"), uint8(100))
	sets := bothWays(pairs())
	through := func(t *testing.T, s *Set, exact bool, stream string, chunk uint8) {
		out, _, err := throughFrames(s, stream, int(chunk)+1, 64)
		again, _, err2 := throughFrames(s, stream, 1<<20, 1<<20)
		if exact && out != again || !alike([]byte(out), []byte(again)) || (err == nil) != (err2 == nil) {
			t.Errorf("%q: %q, %v in chunks; %q, %v whole", stream, out, err, again, err2)
		}
		list, _, bad := messages(out)
		if err == nil && bad != nil {
			t.Errorf("%q became %q: %v", stream, out, bad)
		}
		for _, m := range list {
			if strings.Contains(m.text, secret) {
				t.Errorf("%q let %q through", stream, m.text)
			}
		}
	}
	f.Fuzz(func(t *testing.T, stream string, chunk uint8) {
		for exact, s := range sets {
			through(t, s, exact, stream, chunk)
		}
	})
}

func BenchmarkFrames(b *testing.B) {
	s := exactly(100)
	for _, size := range []int{100, 4096, 60000, 1 << 20} {
		stream := strings.Repeat(frame(0x81, strings.Repeat("text and ", size/9)), 1+(1<<20)/size)
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			for b.Loop() {
				io.Copy(io.Discard, s.Frames(strings.NewReader(stream), nil))
			}
		})
	}
}
