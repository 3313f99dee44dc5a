// Command goclient is a Go program as users write them: net/http with its defaults. With the argument "direct" it is one that
// knows better: no proxy, and the roots of a file that it names itself.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "direct" {
		http.DefaultTransport = direct()
	}
	for _, method := range []string{"GET", "DELETE"} {
		request, err := http.NewRequest(method, "https://api.echo.test/v1/things/7", nil)
		if err != nil {
			panic(err)
		}
		request.Header.Set("Authorization", "Bearer "+os.Getenv("ECHO_TOKEN"))
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			panic(err)
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			panic(err)
		}
		fmt.Println(answer.Proto, answer.StatusCode, answer.Header, answer.Trailer, string(body))
	}
}

func direct() *http.Transport {
	text, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
}
