package action

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// captured is one request of a real client; testdata/aws/README.md tells the form.
type captured struct {
	where, operation string
	expect           []string // "ACTION RESOURCE", sorted; "unknown"
	request          *Request
}

func capturedRequests(t testing.TB) (all []captured) {
	t.Helper()
	files, err := filepath.Glob("testdata/aws/*.tsv.gz")
	if err != nil || len(files) < 2 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(z)
		lines.Buffer(nil, 1<<20)
		for n := 1; lines.Scan(); n++ {
			if !strings.HasPrefix(lines.Text(), "#") {
				c := readCaptured(t, lines.Text())
				c.where = fmt.Sprintf("%s line %d", filepath.Base(file), n)
				all = append(all, c)
			}
		}
	}
	return all
}

func readCaptured(t testing.TB, line string) captured {
	t.Helper()
	f := strings.Split(line, "\t")
	if len(f) != 8 {
		t.Fatalf("%d fields: %q", len(f), line)
	}
	for i := range f {
		if f[i] == "-" {
			f[i] = ""
		}
	}
	u, err := url.Parse(f[4])
	if err != nil {
		t.Fatal(err)
	}
	path, err := ParsePath(cmp.Or(u.EscapedPath(), "/"), true)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	r := &Request{Authority: Authority{u.Host, 443}, Method: f[3], Path: path, Query: u.RawQuery, Header: http.Header{}}
	if f[5] != "" {
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20260102/"+f[5]+"/aws4_request, SignedHeaders=host, Signature=0")
	}
	for header := range strings.SplitSeq(f[6], " | ") {
		if name, value, ok := strings.Cut(header, ": "); ok {
			r.Header.Set(name, value)
		}
	}
	if body := strings.NewReplacer(`\\`, `\`, `\n`, "\n").Replace(f[7]); body != "" {
		r.Body = func(int64) ([]byte, error) { return []byte(body), nil }
		r.Peek = func(n int) ([]byte, error) { return []byte(body)[:min(n, len(body))], nil }
	}
	expect := strings.Split(f[2], "; ")
	slices.Sort(expect)
	return captured{operation: f[0] + ":" + f[1], expect: slices.Compact(expect), request: r}
}

// TestAWSClients: what boto3 and the SDK for JavaScript send is read as the actions that IAM asks for, on the right resources.
func TestAWSClients(t *testing.T) {
	s := Lookup("aws")
	operations := map[string]bool{}
	for _, c := range capturedRequests(t) {
		h := s.Host(c.request.Authority)
		if h == nil {
			t.Errorf("%s: %s has no host", c.where, c.request.Authority)
			continue
		}
		m := Classify(s, h, c.request)
		var got []string
		for _, a := range m.Actions {
			if a.Class == Unknown {
				got = append(got, "unknown")
				continue
			}
			got = append(got, strings.TrimSpace(a.Name+" "+a.Resource.String()))
			if class, known := s.Knows(a.Name); !known || class < a.Class {
				t.Errorf("%s: %s is %s, and policies know it as %s, %v", c.where, a.Name, a.Class, class, known)
			}
			operations[c.operation] = true
		}
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, c.expect) {
			t.Errorf("%s: %s %s %s?%s\n got %q (%s)\nwant %q", c.where, c.operation, c.request.Method, c.request.Path.Raw, c.request.Query, got, m.Reason, c.expect)
		}
	}
	for _, service := range []string{"s3", "lambda", "dynamodb", "sqs", "sts"} {
		for _, m := range awsTable().models[service] {
			names := slices.Collect(maps.Keys(m.ops))
			for _, variants := range m.variants {
				for _, op := range variants {
					names = append(names, op.name)
				}
			}
			for _, name := range names {
				if !operations[service+":"+name] {
					t.Errorf("no client was seen to ask for %s:%s", service, name)
				}
			}
		}
	}
}

// TestAWSBesides: what requests do besides has one class, however it is asked for.
func TestAWSBesides(t *testing.T) {
	s := Lookup("aws")
	for _, h := range awsByHeader {
		if class, known := s.Knows(h.action); !known || class != h.class {
			t.Errorf("%s by header is %s, and else %s, %v", h.action, h.class, class, known)
		}
	}
	for _, r := range awsBesides {
		if class, _ := s.Knows(r.Operation); class < r.Class {
			t.Errorf("%s is %s, and policies know it as %s", r.Operation, r.Class, class)
		}
	}
}

// FuzzAWSBodies: whatever is read of the bodies that name many things is what stands there.
func FuzzAWSBodies(f *testing.F) {
	f.Add(`<Delete><Object><Key>a&amp;b</Key><VersionId>v</VersionId></Object></Delete>`)
	f.Add(`SELECT a, 'from u' FROM "t"."i" WHERE b = 'it''s'`)
	f.Fuzz(func(t *testing.T, text string) {
		if objects, err := deletedObjects(text); err == nil {
			var other struct {
				Object []struct{ Key, VersionId string }
			}
			if err := xml.Unmarshal([]byte(text), &other); err != nil || len(other.Object) != len(objects) {
				t.Fatalf("%q: %v; another reader: %+v, %v", text, objects, other, err)
			}
			for i, o := range objects {
				if o.key != other.Object[i].Key || !o.versioned && other.Object[i].VersionId != "" {
					t.Errorf("%q: %+v; another reader: %+v", text, o, other.Object[i])
				}
			}
		}
		if a, err := partiQL(text); err == nil && (a.Class == Unknown || !strings.Contains(text, a.Resource.Name)) {
			t.Errorf("%q: %+v", text, a)
		}
	})
}
