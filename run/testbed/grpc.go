package testbed

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
)

// grpcEcho speaks gRPC's framing over HTTP/2 (PROTOCOL-HTTP2.md of grpc/grpc): Say answers once, Count three times, and
// both end with trailers that hold what the call was authorised with.
func grpcEcho(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Type", "application/grpc")
	head.Set("Trailer", "Grpc-Status, Grpc-Message, X-Reflect-Trailer")
	fail := func(code int, why string) {
		head.Set("Grpc-Status", fmt.Sprint(code))
		head.Set("Grpc-Message", why)
	}
	if r.ProtoMajor != 2 || r.Header.Get("Te") != "trailers" {
		fail(13, "not gRPC: "+r.Proto+", te "+r.Header.Get("Te"))
		return
	}
	message, err := readFrame(r.Body)
	if err != nil {
		fail(13, err.Error())
		return
	}
	answers := 1
	if r.PathValue("method") == "Count" {
		answers = 3
	}
	for i := range answers {
		writeFrame(w, fmt.Appendf(nil, "%d:%s:%s", i, message, credentials(r)))
		http.NewResponseController(w).Flush()
	}
	head.Set("X-Reflect-Trailer", credentials(r))
	fail(0, "")
}

func readFrame(r io.Reader) ([]byte, error) {
	var prefix [5]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(prefix[1:])
	if prefix[0] != 0 || n > 1<<20 {
		return nil, fmt.Errorf("frame: compression %d, %d bytes", prefix[0], n)
	}
	message := make([]byte, n)
	_, err := io.ReadFull(r, message)
	return message, err
}

func writeFrame(w io.Writer, message []byte) {
	frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))
	w.Write(append(frame, message...))
}
