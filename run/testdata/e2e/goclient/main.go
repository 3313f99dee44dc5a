// Command goclient is a Go program as users write them: net/http with its defaults.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
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
