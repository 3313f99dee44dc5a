package proxy

import (
	"io"
	"net/http"
	"testing"
)

// BenchmarkExchange is one small request on an open connection through client, proxy and origin, all in this process:
// credential swapped, response scrubbed, recorded without a file.
func BenchmarkExchange(b *testing.B) {
	body := []byte(`{"object":"list","data":[{"id":"item","ok":true},{"id":"item","ok":true}]}`)
	r := newRig(b, func(w http.ResponseWriter, _ *http.Request) { w.Write(body) }, rigOptions{http1: true})
	r.proxy.Record = func(*Exchange, bool) error { return nil }
	c := r.client(false)
	req, _ := http.NewRequest("GET", "https://api.example.com/items/1", nil)
	req.Header.Set("Authorization", "Bearer "+r.placeholder("api-key"))
	b.ReportAllocs()
	for b.Loop() {
		resp, err := c.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// BenchmarkStages is the request half of the pipeline alone: identify, decide, limit, inject, record.
func BenchmarkStages(b *testing.B) {
	r := newRig(b, echoAuth, rigOptions{})
	r.proxy.Record = func(*Exchange, bool) error { return nil }
	a, _ := authority("api.example.com:443")
	req, _ := http.NewRequest("GET", "/items/1", nil)
	req.RequestURI = "/items/1"
	value := []string{"Bearer " + r.placeholder("api-key")}
	b.ReportAllocs()
	for b.Loop() {
		req.Header["Authorization"] = value
		if f := r.proxy.runRequest(newExchange(req, "connect", a, false)); f != nil {
			b.Fatal(f.Reason)
		}
	}
}
