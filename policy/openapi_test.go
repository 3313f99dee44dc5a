package policy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"agentguard/policy/action"
)

const describedPolicy = `version = 1
[agent]
name = "support"
[service.crm]
openapi = "crm.yaml"
auth = "header:X-Api-Key"
[allow.customers]
service = "crm"
actions = ["read", "updateCustomer", "PUT /customers/{id}/tags"]
[deny.x]
service = "crm"
actions = ["deleteCustomer"]
`

const describedAPI = `openapi: 3.0.0
servers:
- url: https://crm.example.com/api/v1
paths:
  /customers:
    get: {}
  /customers/{customer-id}:
    get:
      operationId: getCustomer
    patch:
      operationId: updateCustomer
    delete:
      operationId: deleteCustomer
      x-agentguard-class: admin
  /customers/{customer-id}.json:
    get:
      operationId: getCustomerAsJSON
  /customers/{id}/tags:
    put:
      summary: no name
  /search:
    post:
      operationId: search
      x-agentguard-class: read
`

// write puts a policy and its description into a folder, and reads the policy.
func loadDescribed(t testing.TB, policy, name, api string) (*Policy, error) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "agentguard.toml")
	err := errors.Join(os.WriteFile(file, []byte(policy), 0o600), os.WriteFile(filepath.Join(dir, name), []byte(api), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	return Load(file)
}

// reading is what a request is, in short: "getCustomer read allow".
func reading(p *Policy, method, url string) string {
	rest := strings.TrimPrefix(url, "https://")
	host, path, _ := strings.Cut(rest, "/")
	a, err := action.ParseAuthority(host, 443)
	if err != nil {
		return err.Error()
	}
	claim := p.Claim(a, false)
	if claim.Kind != ForService {
		return "unclaimed"
	}
	parsed, err := action.ParsePath("/"+path, false)
	if err != nil {
		return err.Error()
	}
	r := &action.Request{Authority: a, Method: method, Path: parsed}
	m := action.Classify(claim.Service, claim.Host, r)
	return fmt.Sprintf("%s %s %s", m.Actions[0].Name, m.Actions[0].Class, p.Decide(&m, r).Effect)
}

func TestDescribedService(t *testing.T) {
	p, err := loadDescribed(t, describedPolicy, "crm.yaml", describedAPI)
	if err != nil {
		t.Fatal(err)
	}
	if base := p.Services["crm"].Base; base != "https://crm.example.com/api/v1" {
		t.Errorf("base %s", base)
	}
	if len(p.Files) != 1 || p.Files[0].Key != "service.crm.openapi" || p.Files[0].Hash != hashOf([]byte(describedAPI)) {
		t.Errorf("files %+v", p.Files)
	}
	if len(p.Warnings) != 0 {
		t.Errorf("warnings %v", p.Warnings)
	}
	for request, want := range map[string]string{
		"GET /api/v1/customers":           "GET /customers read allow",
		"HEAD /api/v1/customers":          "GET /customers read allow",
		"GET /api/v1/customers/C1":        "getCustomer read allow",
		"GET /api/v1/customers/C1.json":   "getCustomerAsJSON read allow",
		"PATCH /api/v1/customers/C1":      "updateCustomer write allow",
		"DELETE /api/v1/customers/C1":     "deleteCustomer admin deny",
		"PUT /api/v1/customers/C1/tags":   "PUT /customers/{id}/tags write allow",
		"POST /api/v1/search":             "search read allow",
		"GET /customers":                  "unknown unknown deny",
		"GET /api/v1/customers/C1/tags":   "unknown unknown deny",
		"GET /api/v1/Customers":           "unknown unknown deny",
		"OPTIONS /api/v1/customers":       "unknown unknown deny",
		"GET /api/v1/customers/C1/extra/": "unknown unknown deny",
	} {
		method, path, _ := strings.Cut(request, " ")
		if got := reading(p, method, "https://crm.example.com"+path); got != want {
			t.Errorf("%s is %q, want %q", request, got, want)
		}
	}
	if got := reading(p, "GET", "https://other.example.com/api/v1/customers"); got != "unclaimed" {
		t.Errorf("another host: %s", got)
	}
}

// TestDescribedAndWritten: what the policy names itself stands in the place of what the description names.
func TestDescribedAndWritten(t *testing.T) {
	text := strings.Replace(describedPolicy, "[deny.x]", `[service.crm.actions]
customer = "GET /api/v1/customers/{id} -> customer:{id}"
updateCustomer = "PUT /api/v1/customers/{id} -> customer:{id}"
[allow.one]
service = "crm"
actions = ["customer"]
resources = ["customer:C1"]
[deny.x]`, 1)
	text = strings.Replace(text, `actions = ["read", `, `actions = ["search", `, 1)
	p, err := loadDescribed(t, text, "crm.yaml", describedAPI)
	if err != nil {
		t.Fatal(err)
	}
	for request, want := range map[string]string{
		"GET /api/v1/customers/C1":      "customer read allow",
		"GET /api/v1/customers/C2":      "customer read deny",
		"GET /api/v1/customers/C1.json": "getCustomerAsJSON read deny",
		"PUT /api/v1/customers/C2":      "updateCustomer write allow",
		"PATCH /api/v1/customers/C2":    "unknown unknown deny", // its name means something else here
	} {
		method, path, _ := strings.Cut(request, " ")
		if got := reading(p, method, "https://crm.example.com"+path); got != want {
			t.Errorf("%s is %q, want %q", request, got, want)
		}
	}
}

// TestDescribedHosts says where a service is, by the policy's hosts and base and the description's servers.
func TestDescribedHosts(t *testing.T) {
	const noServers = "openapi: 3.0.0\npaths:\n  /x:\n    get:\n      operationId: x\n"
	servers := func(urls ...string) string {
		s := "openapi: 3.0.0\nservers:\n"
		for _, u := range urls {
			s += "- url: '" + u + "'\n  variables:\n    v:\n      default: v2\n"
		}
		return s + strings.TrimPrefix(noServers, "openapi: 3.0.0\n")
	}
	for _, c := range []struct {
		name, hosts, api, want string // want: where x is, or an error
	}{
		{"from the servers", ``, servers("https://a.test/v1"), "https://a.test/v1/x"},
		{"two of one path", ``, servers("https://a.test/v1", "https://b.test:8443/v1/"), "https://b.test:8443/v1/x"},
		{"the same twice", ``, servers("https://a.test/v1", "https://a.test/v1"), "https://a.test/v1/x"},
		{"two paths", ``, servers("https://a.test/v1", "https://b.test/v2"), "crm.yaml:3: the servers are at different paths: /v1 and /v2"},
		{"two paths, one host", `hosts = ["b.test"]`, servers("https://a.test/v1", "https://b.test/v2"), "https://b.test/v2/x"},
		{"two paths and a base", "hosts = [\"a.test\"]\nbase = \"https://a.test/v3\"", servers("https://a.test/v1", "https://a.test/v2"), "https://a.test/v3/x"},
		{"other hosts", `hosts = ["c.test"]`, servers("https://a.test/v1"), `crm.yaml:3: no server is at a host of the service: the first is "https://a.test/v1"`},
		{"another scheme", `hosts = ["a.test"]`, servers("http://a.test/v1"), "crm.yaml:3: no server is at a host"},
		{"a wildcard", `hosts = ["*.a.test"]`, servers("https://x.a.test/v1"), "https://y.a.test/v1/x"},
		{"a path alone", `hosts = ["a.test"]`, servers("/v1"), "https://a.test/v1/x"},
		{"a path alone, no hosts", ``, servers("/v1"), "crm.yaml:3: the server's address \"/v1\" does not name a host alone"},
		{"none", `hosts = ["a.test"]`, noServers, "https://a.test/x"},
		{"none, no hosts", ``, noServers, "crm.yaml:1: the description names no servers"},
		{"plain", ``, servers("http://a.test/v1"), "crm.yaml:3: the server \"http://a.test/v1\" is not reached by https"},
		{"variables, no hosts", ``, servers("https://a.test/{v}"), "crm.yaml:3: the server's address has variables"},
		{"variables", `hosts = ["a.test"]`, servers("https://a.test/{v}"), "https://a.test/v2/x"},
		{"unknown variables", `hosts = ["a.test"]`, servers("https://{w}.test/{w}", "https://a.test/v1"), "https://a.test/v1/x"},
		{"a strange host", ``, servers("https://a_b test/v1"), "does not name a host alone"},
		{"a user", ``, servers("https://a@b.test/v1"), "does not name a host alone"},
		{"a top-level wildcard", ``, servers("https://*.com/v1"), "top-level"},
		{"a host with another port", `hosts = ["a.test"]`, servers("https://a.test:8443/v1"), "no server is at a host"},
	} {
		t.Run(c.name, func(t *testing.T) {
			policy := "version = 1\n[agent]\nname = \"bot\"\n[service.crm]\nopenapi = \"crm.yaml\"\n" + c.hosts + "\n[allow.x]\nservice = \"crm\"\nactions = [\"x\"]\n"
			p, err := loadDescribed(t, policy, "crm.yaml", c.api)
			if !strings.HasPrefix(c.want, "https://") {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, want %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := reading(p, "GET", c.want); got != "x read allow" {
				t.Errorf("%s is %q", c.want, got)
			}
		})
	}
}

// TestDescribedWrong: errors name the description's file and line; what cannot be told apart is left out, which is said.
func TestDescribedWrong(t *testing.T) {
	const head = "openapi: 3.0.0\nservers: [] # none\npaths:\n"
	policy := strings.Replace(describedPolicy, "[allow.customers]", "hosts = [\"a.test\"]\n[allow.customers]", 1)
	policy = policy[:strings.Index(policy, "actions = ")] + "actions = [\"*\"]\n"
	for _, c := range []struct{ api, want string }{
		{"openapi: 3.0.0\npaths: [a]\n", "crm.yaml:2: a mapping must stand here"},
		{head + "  /a/{x}:\n    get: {}\n  /a/{y}:\n    get: {}\n", "crm.yaml:7: requests of GET /a/{y} are those of line 5 too"},
		{head + "  /a:\n    get: {}\n  /a/:\n    get: {}\n", "crm.yaml:7: requests of GET /a/ are those of line 5 too"},
		{head + "  /a:\n    get:\n      x-agentguard-class: harmless\n", "crm.yaml:5: x-agentguard-class must be read, write or admin"},
		{head + "  x: {}\n", "crm.yaml:4: the path \"x\" does not begin with a slash"},
		{head + "  /a{b}c:\n    get: {}\n", "service.crm: service \"crm\" has no actions"},
	} {
		_, err := loadDescribed(t, policy, "crm.yaml", c.api)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.api, err, c.want)
		}
	}
	for _, c := range []struct{ path, want string }{
		{"  /a{b}c:\n    get: {}\n", "crm.yaml:7: is left out, and so unknown: GET /a{b}c: {b}c stands within the segment"},
		{"  /{a}:{b}:\n    get: {}\n  /a/../b:\n    get: {}\n", "crm.yaml:7: is left out, and so unknown: GET /{a}:{b}: the segment \"{a}:{b}\" is not one that requests have (and 1 more)"},
		{"  /{x}/{x}/{a.b}/{}:\n    get: {}\n  /{b:\n    get: {}\n", "GET /{b: the segment \"{b\" has no closing brace"},
		{"  /a//b:\n    get: {}\n", "an empty segment"},
		{"  /a%20b:\n    get: {}\n", "is not one that requests have"},
		{"  /a?b=c:\n    get: {}\n", "is not one that requests have"},
		{"  /a:\n    servers: []\n    get: {}\n", "GET /a: it has servers of its own"},
		{"  /{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}:\n    get: {}\n", "more than 8 parameters"},
		{"  /a:\n    get:\n      operationId: read\n", `operationId "read" cannot be used (the name is taken): its name is "GET /a"`},
		{"  /a:\n    get:\n      operationId: a b\n", `operationId "a b" cannot be used (it is no name): its name is "GET /a"`},
	} {
		p, err := loadDescribed(t, policy, "crm.yaml", head+"  /fine:\n    get: {}\n"+c.path)
		if err != nil {
			t.Errorf("%q: %v", c.path, err)
			continue
		}
		if len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0].Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.path, p.Warnings, c.want)
		}
		if got := reading(p, "GET", "https://a.test/fine"); got != "GET /fine read allow" {
			t.Errorf("%q: %s", c.path, got)
		}
	}
	_, err := Parse("agentguard.toml", []byte(policy))
	if err == nil || !strings.Contains(err.Error(), "agentguard.toml:5: service.crm.openapi cannot be followed here") {
		t.Errorf("without files: %v", err)
	}
	_, err = loadDescribed(t, policy, "other.yaml", "")
	if err == nil || !strings.Contains(err.Error(), ":5: service.crm.openapi cannot be read: open ") {
		t.Errorf("without the file: %v", err)
	}
}

// TestDescribedNames: a policy may name what the description names, and nothing that it does not.
func TestDescribedNames(t *testing.T) {
	_, err := loadDescribed(t, strings.Replace(describedPolicy, `"updateCustomer"`, `"updateCustomers"`, 1), "crm.yaml", describedAPI)
	if err == nil || !strings.Contains(err.Error(), `has no action "updateCustomers" (did you mean "updateCustomer"?)`) {
		t.Errorf("%v", err)
	}
	p, err := loadDescribed(t, describedPolicy, "crm.yaml", describedAPI)
	if err != nil {
		t.Fatal(err)
	}
	names := p.Services["crm"].ActionNames()
	for _, want := range []string{"GET /customers", "PUT /customers/{id}/tags", "getCustomer", "search"} {
		if !slices.Contains(names, want) {
			t.Errorf("%q is not among %q", want, names)
		}
	}
	before, after := *p, p
	changed, err := loadDescribed(t, describedPolicy, "crm.yaml", strings.Replace(describedAPI, "/search", "/find", 1))
	if err != nil {
		t.Fatal(err)
	}
	if changes := fmt.Sprint(Diff(&before, after)); changes != "[]" {
		t.Errorf("the same differs: %s", changes)
	}
	if changes := fmt.Sprint(Diff(p, changed)); !strings.Contains(changes, "action search = POST /api/v1/find is new") {
		t.Errorf("another description: %s", changes)
	}
}
