package audit

import (
	"bytes"
	"io"
	"testing"
	"time"
)

// sample is what the proxy writes when a request has ended.
func sample() *Record {
	return &Record{
		Event: Ended, AgentID: "github-pr-creator-001", Owner: "@dev-team", ID: 42,
		Service: "github", Action: "create_pr", Resource: "repo:myorg/myrepo", Rule: "allow.open-prs", Effect: Allow,
		Credential: "github-token",
		Request: Request{
			Method: "POST", Authority: "api.github.com:443", Path: "/repos/myorg/myrepo/pulls", Proto: "HTTP/2.0",
			BodySHA256: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", Bytes: 71,
		},
		Response:   Response{Status: 201, Bytes: 21034, Scrubbed: 1},
		DurationMS: 123.456,
		Stages: Stages{
			{"identify", 412}, {"decide", 730 * time.Nanosecond}, {"limit", 210}, {"inject", 1520}, {"redact", 90}, {"scrub", 3300},
		},
		Pid: 4711, IPAddress: "127.0.0.1", Transport: "connect",
	}
}

func BenchmarkAppend(b *testing.B) {
	l := newLog(b)
	r := sample()
	b.ReportAllocs()
	for b.Loop() {
		r.Time = time.Time{}
		if err := l.Append(r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDefer includes its share of the write.
func BenchmarkDefer(b *testing.B) {
	l := newLog(b)
	r := sample()
	b.ReportAllocs()
	for b.Loop() {
		r.Time = time.Time{}
		if err := l.Defer(r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAppendDefer is one request: its record, and what became of it.
func BenchmarkAppendDefer(b *testing.B) {
	l := newLog(b)
	r := sample()
	b.ReportAllocs()
	for b.Loop() {
		r.Time = time.Time{}
		if err := l.Append(r); err != nil {
			b.Fatal(err)
		}
		r.Time = time.Time{}
		if err := l.Defer(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendParallel(b *testing.B) {
	l := newLog(b)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r := sample()
		for pb.Next() {
			r.Time = time.Time{}
			if err := l.Append(r); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	r := sample()
	r.Time = time.Now()
	var e encoder
	b.ReportAllocs()
	for b.Loop() {
		e.b = e.b[:0]
		e.record(r)
	}
	b.SetBytes(int64(len(e.b)))
}

func BenchmarkRead(b *testing.B) {
	text := logText(b, 2000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Read(bytes.NewReader(text), func(int, *Record, []byte) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	l := newLog(b)
	for range 2000 {
		if err := l.Append(sample()); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(l.size)
	b.ReportAllocs()
	for b.Loop() {
		if rep, err := Verify(l.Path(), l.opts.AnchorDir); err != nil || len(rep.Problems) > 0 {
			b.Fatal(rep, err)
		}
	}
}

func logText(b *testing.B, n int) []byte {
	l := newLog(b)
	for range n {
		if err := l.Append(sample()); err != nil {
			b.Fatal(err)
		}
	}
	f, err := openRegular(l.Path())
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		b.Fatal(err)
	}
	return text
}
