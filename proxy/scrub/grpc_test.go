package scrub

import (
	"bytes"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
)

func grpcMessage(payload string) []byte {
	b := make([]byte, grpcHeader, grpcHeader+len(payload))
	binary.BigEndian.PutUint32(b[1:], uint32(len(payload)))
	return append(b, payload...)
}

func TestGRPCMessages(t *testing.T) {
	secret, placeholder := "ghp_Zk3vQ9xT1bR7mN5cL8dW2fH6jP4sY0aUeG1i", "ghp_000000000000000000000000000000000000"
	s := New([]Pair{{Secret: []byte(secret), Placeholder: placeholder}})
	var in, want []byte
	for _, p := range []string{"", "x", secret, "a" + secret + "b", strings.Repeat("z", 200<<10) + secret, secret[:13], secret[13:26], secret[26:]} {
		in = append(in, grpcMessage(p)...)
		want = append(want, grpcMessage(strings.ReplaceAll(p, secret, placeholder))...)
	}
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "halves": iotest.HalfReader, "data and error": iotest.DataErrReader,
	} {
		hits := 0
		got, err := io.ReadAll(s.Messages(wrap(bytes.NewReader(in)), func(n int) { hits += n }))
		if err != nil || !bytes.Equal(got, want) || hits != 3 {
			t.Errorf("%s: %d bytes, %d hits, %v", name, len(got), hits, err)
		}
	}
}

// The last byte of a message may begin a secret; it must not wait for the next message.
func TestGRPCMessageEndIsNotHeldBack(t *testing.T) {
	s := New([]Pair{{Secret: []byte("ghp_Zk3vQ9xT1bR7mN5cL8dW2fH6jP4s"), Placeholder: "ghp_0000000000000000000000000000"}})
	pr, pw := io.Pipe()
	defer pw.Close()
	r := s.Messages(pr, nil)
	for _, p := range []string{"g", "ghp_", "ghp_Zk3vQ9xT1bR7mN5"} {
		go pw.Write(grpcMessage(p))
		got := make([]byte, grpcHeader+len(p))
		if _, err := io.ReadFull(r, got); err != nil || string(got[grpcHeader:]) != p {
			t.Fatalf("%q, %v", got, err)
		}
	}
}

func TestGRPCThatCannotBeReadIsAnError(t *testing.T) {
	s := New([]Pair{{Secret: []byte("ghp_Zk3vQ9xT1bR7mN5cL8dW2fH6jP4s"), Placeholder: "ghp_0000000000000000000000000000"}})
	compressed := grpcMessage("xyz")
	compressed[0] = 1
	if _, err := io.ReadAll(s.Messages(bytes.NewReader(compressed), nil)); !errors.Is(err, errCompressedMessage) {
		t.Error(err)
	}
	for _, torn := range [][]byte{{0, 0}, grpcMessage("xyz")[:7]} {
		if _, err := io.ReadAll(s.Messages(bytes.NewReader(torn), nil)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(err)
		}
	}
}

// gRPC-Web's trailers and Connect's end of stream are messages with flags of their own.
func TestFlaggedMessagesAreScrubbed(t *testing.T) {
	secret, placeholder := "ghp_Zk3vQ9xT1bR7mN5cL8dW2fH6jP4s", "ghp_0000000000000000000000000000"
	s := New([]Pair{{Secret: []byte(secret), Placeholder: placeholder}})
	for _, flag := range []byte{0x80, 0x02} {
		m := grpcMessage("grpc-message: " + secret)
		m[0] = flag
		got, err := io.ReadAll(s.Messages(bytes.NewReader(m), nil))
		if err != nil || got[0] != flag || string(got[grpcHeader:]) != "grpc-message: "+placeholder {
			t.Errorf("%x: %q, %v", flag, got, err)
		}
	}
}

// An echo under the name of gRPC, whose first bytes the child chose: the first message ends inside the secret, whose rest
// would pass for the prefix of the next.
func TestTextIsNoMessage(t *testing.T) {
	secret := "ghp_Zk3vQ9xT1bR7mN5cL8dW2fH6jP4s"
	s := New([]Pair{{Secret: []byte(secret), Placeholder: "ghp_0000000000000000000000000000"}})
	for at := range len(secret) {
		text := append([]byte{0, 0, 0, 0, byte(at)}, secret+strings.Repeat(" ", 100)...)
		got, err := io.ReadAll(s.Messages(bytes.NewReader(text), nil))
		if !errors.Is(err, errNoMessage) && !errors.Is(err, errCompressedMessage) || len(got) > grpcHeader+at {
			t.Errorf("cut at %d: %q, %v", at, got, err)
		}
	}
}

// The length of a message stands before it, whatever its placeholder would take: one of another length or with other punctuation, escaped
// where the secret was not.
func TestMessagesKeepTheirLength(t *testing.T) {
	for _, secret := range []string{`p&ss"word$1`, `a<b>c"d'e&f\g/h`, "pass word+1 %41=x", "pässwört-ß€"} {
		for _, placeholder := range []string{"x", "placeholder_" + strings.Repeat("y", 32)} {
			s := New([]Pair{{Secret: []byte(secret), Placeholder: placeholder}})
			js, _ := json.Marshal(secret)
			twice, _ := json.Marshal(string(js))
			for _, text := range []string{secret, string(js), string(twice), url.QueryEscape(secret), url.PathEscape(secret), string(htmlEscaped([]byte(secret))),
				base64.StdEncoding.EncodeToString(htmlEscaped([]byte(secret))), base64.StdEncoding.EncodeToString(js), hex.EncodeToString([]byte(secret))} {
				in := append(grpcMessage("<"+text+">"), grpcMessage("next")...)
				hits := 0
				got, err := io.ReadAll(s.Messages(iotest.OneByteReader(bytes.NewReader(in)), func(n int) { hits += n }))
				if err != nil || hits != 1 || len(got) != len(in) || !bytes.HasSuffix(got, grpcMessage("next")) || bytes.Contains(got, []byte(text)) {
					t.Errorf("%q: %q, %v", text, got, err)
				}
			}
		}
	}
}

// What is held back of a long secret, escaped at length, is more than is read at once.
func TestLongSecretsInMessages(t *testing.T) {
	sum := sha512.Sum512([]byte("a secret"))
	secret := hex.EncodeToString(bytes.Repeat(sum[:], 13))
	s := New([]Pair{{Secret: []byte(secret), Placeholder: strings.Repeat("x", len(secret))}})
	var text strings.Builder
	for _, c := range []byte(secret) {
		fmt.Fprintf(&text, "&#x%s%x;", strings.Repeat("%25%33%30", 4), c) // a 0 escaped twice, in leading zeros
	}
	in := grpcMessage(text.String())
	hits := 0
	got, err := io.ReadAll(s.Messages(bytes.NewReader(in), func(n int) { hits += n }))
	if err != nil || hits != 1 || len(got) != len(in) || len(in) <= maxPart {
		t.Errorf("%d of %d bytes, %d hits, %v", len(got), len(in), hits, err)
	}
}

func FuzzMessages(f *testing.F) {
	const odd = `pa"s&w<ö>r%d=1`
	for _, p := range []string{secret, toJSON(odd), url.QueryEscape(odd), `a pa\"s\u0026w&lt;\u00f6>r%25d=3D1`} {
		f.Add(append(grpcMessage("x "+p), grpcMessage(p+" y")...))
	}
	sets := bothWays(append(pairs(), Pair{Secret: []byte(odd), Placeholder: "placeholder_0123456789"}))
	whole := func(t *testing.T, s *Set, exact bool, stream []byte) {
		got, err := io.ReadAll(s.Messages(bytes.NewReader(stream), nil))
		again, err2 := io.ReadAll(s.Messages(iotest.OneByteReader(bytes.NewReader(stream)), nil))
		if exact && !bytes.HasPrefix(again, got) && !bytes.HasPrefix(got, again) || !alike(got, again) || (err == nil) != (err2 == nil) || err == nil && len(got) != len(stream) {
			t.Errorf("%q: %q, %v; in bytes %q, %v", stream, got, err, again, err2)
		}
		for len(got) >= grpcHeader && bytes.Equal(got[:grpcHeader], stream[:grpcHeader]) { // each stands where it stood
			n := min(grpcHeader+int(binary.BigEndian.Uint32(got[1:])), len(got))
			if m := got[grpcHeader:n]; bytes.Contains(m, []byte(secret)) || bytes.Contains(m, []byte(odd)) {
				t.Errorf("%q let %q through", stream, m)
			}
			got, stream = got[n:], stream[n:]
		}
		if len(got) > 0 {
			t.Errorf("%q instead of %q", got, stream)
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		for exact, s := range sets {
			whole(t, s, exact, stream)
		}
	})
}
