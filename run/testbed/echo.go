package testbed

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// echoAPI is a service that gives away in every answer what it was sent: the worst upstream there can be.
func echoAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/things/{id}", reflect)
	mux.HandleFunc("/v1/upload", upload)
	mux.HandleFunc("GET /v1/bytes", download)
	mux.HandleFunc("GET /v1/ws", websocketEcho)
	mux.HandleFunc("GET /v1/things/unasked", unasked)
	mux.HandleFunc("POST /echo.Echo/{method}", grpcEcho)
	var wait sync.Map // SSE stream id -> channel closed by its acknowledgement
	mux.HandleFunc("GET /v1/sse/{id}", func(w http.ResponseWriter, r *http.Request) { sse(w, r, &wait) })
	mux.HandleFunc("POST /v1/ack/{id}", func(w http.ResponseWriter, r *http.Request) {
		if c, ok := wait.LoadAndDelete(r.PathValue("id")); ok {
			close(c.(chan struct{}))
		}
	})
	return mux
}

// credentials is everything of the request that may hold a credential, as one line.
func credentials(r *http.Request) string {
	var parts []string
	for _, name := range []string{"Authorization", "X-Api-Key", "X-Crm-Key"} {
		parts = append(parts, r.Header.Values(name)...)
	}
	if key := r.URL.Query().Get("key"); key != "" {
		parts = append(parts, key)
	}
	return strings.Join(parts, " ")
}

// reflect answers with the credential in headers, a cookie, the body (in several spellings) and a trailer; the body is
// compressed if the client takes gzip, and flushed in the middle of the credential.
func reflect(w http.ResponseWriter, r *http.Request) {
	key := credentials(r)
	sent, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	body, _ := json.Marshal(map[string]any{
		"id": r.PathValue("id"), "method": r.Method, "path": r.URL.RequestURI(), "proto": r.Proto,
		"raw": key, "base64": base64.StdEncoding.EncodeToString([]byte(key)), "hex": hex.EncodeToString([]byte(key)),
		"sent": string(sent),
	})
	head := w.Header()
	head.Set("Content-Type", "application/json")
	head.Set("X-Reflect", key)
	head.Set("X-Reflect-Base64", base64.URLEncoding.EncodeToString([]byte(key)))
	head.Set("Set-Cookie", "session="+strings.ReplaceAll(key, " ", "%20")+"; Path=/")
	head.Set("Trailer", "X-Reflect-Trailer")
	var out io.Writer = w
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		head.Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer func() { z.Close(); head.Set("X-Reflect-Trailer", key) }()
		out = z
	} else {
		defer head.Set("X-Reflect-Trailer", key)
	}
	middle := bytes.Index(body, []byte(key)) + len(key)/2
	out.Write(body[:middle])
	if z, ok := out.(*gzip.Writer); ok {
		z.Flush()
	}
	http.NewResponseController(w).Flush()
	out.Write(body[middle:])
}

// upload answers with the size and checksum of what arrived, and how it arrived.
func upload(w http.ResponseWriter, r *http.Request) {
	sum := sha256.New()
	n, err := io.Copy(sum, r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintf(w, "size=%d sha256=%x encoding=%s\n", n, sum.Sum(nil), strings.Join(r.TransferEncoding, ","))
}

// download sends n reproducible bytes; their checksum follows as a trailer.
func download(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.ParseInt(r.URL.Query().Get("n"), 10, 64)
	if err != nil || n < 0 || n > 1<<30 {
		http.Error(w, "n: 0 to 1 GiB", http.StatusBadRequest)
		return
	}
	w.Header().Set("Trailer", "X-Sha256")
	sum := sha256.New()
	io.Copy(io.MultiWriter(w, sum), Bytes(n))
	w.Header().Set("X-Sha256", hex.EncodeToString(sum.Sum(nil)))
}

// unasked answers over HTTP/1.1, and says the credential once more when nobody has asked.
func unasked(w http.ResponseWriter, r *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusHTTPVersionNotSupported)
		return
	}
	defer conn.Close()
	fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nasked\n")
	time.Sleep(50 * time.Millisecond) // until the connection is put by for the next request
	fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nX-Key: %s\r\n\r\n", credentials(r))
	io.Copy(io.Discard, conn)
}

// Bytes is the stream of n pseudo-random bytes that GET /v1/bytes sends.
func Bytes(n int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{1}), n)
}

// sse sends one event, and the second only when the first was acknowledged through POST /v1/ack/{id}: a proxy that
// holds the stream back never sees the second.
func sse(w http.ResponseWriter, r *http.Request, wait *sync.Map) {
	acknowledged := make(chan struct{})
	wait.Store(r.PathValue("id"), acknowledged)
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprintf(w, "data: first %s\n\n", credentials(r))
	http.NewResponseController(w).Flush()
	select {
	case <-acknowledged:
		fmt.Fprintf(w, "data: second\n\n")
	case <-time.After(10 * time.Second):
		fmt.Fprintf(w, "data: never acknowledged\n\n")
	case <-r.Context().Done():
	}
}
