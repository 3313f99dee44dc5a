package action

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// aws is Amazon's cloud: the services of the table in catalogue, each at its regional or global host. An action has
// IAM's name ("s3:GetObject"), an operation the API's ("s3:HeadObject"). There is no slot: a credential is never sent
// to these hosts as it is, requests are signed with it.
func aws() *Service {
	h := Host{Pattern: mustHost("*.amazonaws.com"), EncodedSlash: true, Refine: refineAWS,
		Routes: []Route{{Method: "*", Template: "/"}, {Method: "*", Template: "/{path...}"}}}
	h.whole = awsRoutes
	router, _ := newRouter(h.Routes) // two routes that cannot clash
	h.router = func() *node { return router }
	return &Service{
		Base:          "https://sts.amazonaws.com",
		Hosts:         []Host{h},
		Refusal:       RefusalAWS,
		Signed:        true,
		ResourceKinds: []string{"arn", "bucket", "function", "key", "log_group", "parameter", "path", "queue", "secret", "table", "topic"},
	}
}

// refineAWS reads which service, operation and resource a signed request is for. Nothing is guessed: the host, the scope
// of the signature and the protocol have to agree (Signature Version 4, "Credential scope").
func refineAWS(r *Request, m *Match) {
	if err := classifyAWS(r, m); err != nil {
		m.deny("AWS: " + err.Error())
	}
}

func classifyAWS(r *Request, m *Match) error {
	at := awsHost(r.Authority.Host)
	scope, err := awsScope(r)
	if err != nil {
		return err
	}
	table := awsTable()
	models := table.models[at.endpoint]
	switch {
	case len(models) == 0:
		return fmt.Errorf("%q is no service that the catalogue knows", clip(at.endpoint))
	case scope.service != models[0].signing:
		return fmt.Errorf("the signature is for %q and the host is %s's", clip(scope.service), models[0].signing)
	case at.region != "" && scope.region != at.region:
		return fmt.Errorf("the signature is for region %q and the host is in %s", clip(scope.region), at.region)
	}
	query, err := parseForm(r.Query)
	if err != nil {
		return err
	}
	x := awsRequest{Request: r, at: at, query: query}
	op, model, err := x.operation(models)
	if err != nil {
		return err
	}
	m.Actions = []Action{{Name: model.iam + ":" + op.action, Operation: model.iam + ":" + op.name, Class: op.class}}
	if m.Actions[0].Resource, err = x.resource(model, op); err != nil {
		return err
	}
	if err := x.copies(m); err != nil {
		return err
	}
	if id, ok := x.query["x-id"]; ok && model.strict && (len(id) != 1 || "s3:"+id[0] != m.Actions[0].Operation) {
		return fmt.Errorf("the query says %q where the rest of the request is %s", clip(id[0]), m.Actions[0].Operation)
	}
	return x.besides(m)
}

// awsRequest is a request and what was read of it.
type awsRequest struct {
	*Request
	at    awsEndpoint
	query url.Values
	named Resource  // what a field names
	route *compiled // of services told by their paths
	caps  captures
	path  []string
}

// awsEndpoint is what a host name says.
type awsEndpoint struct{ endpoint, region, bucket string }

// awsHost reads "SERVICE[-fips][.dualstack][.REGION].amazonaws.com", and for S3 the bucket in front. DynamoDB has an endpoint
// of each account too ("Account-based endpoints"), S3 one that is quicker from afar ("Transfer Acceleration").
func awsHost(host string) (at awsEndpoint) {
	labels := strings.Split(strings.TrimSuffix(host, ".amazonaws.com"), ".")
	if n := len(labels); n > 1 && awsRegion(labels[n-1]) {
		at.region, labels = labels[n-1], labels[:n-1]
	}
	if n := len(labels); n > 1 && labels[n-1] == "dualstack" {
		labels = labels[:n-1]
	}
	if n := len(labels); n == 2 {
		switch host := strings.TrimSuffix(labels[1], "-fips"); {
		case host == "s3" || host == "s3-accelerate":
			at.bucket, labels = labels[0], []string{"s3"}
		case host == "ddb" && len(labels[0]) == 12 && strings.Trim(labels[0], "0123456789") == "":
			labels = []string{"dynamodb"}
		}
	}
	at.endpoint = strings.TrimSuffix(strings.Join(labels, "."), "-fips")
	return at
}

// awsRegion says whether a label is a region's name: "eu-central-1", "us-gov-west-1".
func awsRegion(s string) bool {
	parts := strings.Split(s, "-")
	if len(parts) < 3 || len(parts[0]) != 2 {
		return false
	}
	last := parts[len(parts)-1]
	return last != "" && strings.Trim(last, "0123456789") == "" && strings.Trim(strings.Join(parts[:len(parts)-1], ""), "abcdefghijklmnopqrstuvwxyz") == ""
}

type awsScoped struct{ region, service string }

// awsScope reads the credential scope, of the header or of a presigned URL, but not of both.
func awsScope(r *Request) (awsScoped, error) {
	var found []string
	for _, v := range r.Header.Values("Authorization") {
		params, ok := strings.CutPrefix(v, "AWS4-HMAC-SHA256 ")
		if !ok {
			return awsScoped{}, errors.New("the request is not signed with Signature Version 4 (AWS4-HMAC-SHA256)")
		}
		for p := range strings.SplitSeq(params, ",") {
			if c, ok := strings.CutPrefix(strings.TrimSpace(p), "Credential="); ok {
				found = append(found, c)
			}
		}
	}
	query, err := parseForm(r.Query)
	if err != nil {
		return awsScoped{}, err
	}
	found = append(found, query["X-Amz-Credential"]...)
	if len(found) != 1 {
		return awsScoped{}, fmt.Errorf("the request holds %d signatures, not one", len(found))
	}
	f := strings.Split(found[0], "/")
	if n := len(f); n < 5 || f[n-1] != "aws4_request" {
		return awsScoped{}, errors.New("the credential of the signature is malformed")
	}
	return awsScoped{f[len(f)-3], f[len(f)-2]}, nil
}

// operation finds what is asked for, by each of the protocols in turn; a request that speaks two is refused.
func (x *awsRequest) operation(models []*awsModel) (*awsOp, *awsModel, error) {
	targets := x.Header.Values("X-Amz-Target")
	form, err := x.form()
	if err != nil {
		return nil, nil, err
	}
	inQuery, inBody := x.query["Action"], form["Action"]
	switch n := len(inQuery) + len(inBody); {
	case x.Header.Get("Smithy-Protocol") != "":
		return nil, nil, errors.New("the catalogue does not know the protocol that Smithy-Protocol names; configure the SDK for another")
	case len(targets) > 1 || n > 1 || n > 0 && len(targets) > 0:
		return nil, nil, errors.New("the operation is named more than once")
	case len(targets) == 1:
		return x.byTarget(models, targets[0])
	case n == 1:
		return x.byAction(models, append(inQuery, inBody...)[0], form)
	}
	return x.byPath(models)
}

// form is the body where it is declared to be one.
func (x *awsRequest) form() (url.Values, error) {
	kind, err := contentType(x.Request)
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, err
	}
	b, err := rawBody(x.Request, maxJSON)
	if err != nil {
		return nil, err
	}
	return parseForm(string(b))
}

func (x *awsRequest) byTarget(models []*awsModel, target string) (*awsOp, *awsModel, error) {
	i := strings.LastIndexByte(target, '.')
	for _, m := range models {
		if i < 0 || m.target == "" || m.target != target[:i] {
			continue
		}
		op := m.ops[target[i+1:]]
		if op == nil || x.Method != "POST" || x.Path.Raw != "/" || x.Request.Query != "" {
			break
		}
		return op, m, x.jsonFields(op)
	}
	return nil, nil, fmt.Errorf("%s %q is no operation that the catalogue knows", clip(x.Method), clip(target))
}

func (x *awsRequest) byAction(models []*awsModel, name string, form url.Values) (*awsOp, *awsModel, error) {
	if b, err := rawBody(x.Request, maxJSON); form == nil && (err != nil || len(b) > 0) { // whose fields may be read, whatever it says it is
		return nil, nil, errors.New("the operation is named in the query, and the body is no form")
	}
	for _, m := range models {
		op := m.ops[name]
		if !m.form || op == nil || x.Path.Raw != "/" || x.Method != "POST" && x.Method != "GET" {
			continue
		}
		return op, m, x.formFields(op, x.query, form)
	}
	return nil, nil, fmt.Errorf("%q is no operation that the catalogue knows", clip(name))
}

// formFields reads the fields of forms that name what the operation works on.
func (x *awsRequest) formFields(op *awsOp, forms ...url.Values) error {
	for _, f := range op.on() {
		kind, name, _ := strings.Cut(f, ".")
		for _, form := range forms {
			for _, v := range form[name] {
				if err := x.name(kind, v); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// jsonFields reads those of a JSON body.
func (x *awsRequest) jsonFields(op *awsOp) error {
	on := op.on()
	if len(on) == 0 {
		return nil
	}
	names := make([]string, len(on))
	for i, f := range on {
		_, names[i], _ = strings.Cut(f, ".")
	}
	fields, err := x.body(names...)
	for i, name := range names {
		kind, _, _ := strings.Cut(on[i], ".")
		v, ok := fields[name].(string)
		if !ok && fields[name] != nil {
			return fmt.Errorf("%q is not a string", name)
		}
		if err := x.name(kind, v); err != nil {
			return err
		}
	}
	return err
}

// name takes what a field names, of which there may be one.
func (x *awsRequest) name(kind, v string) (err error) {
	switch {
	case v == "":
		return nil
	case x.named.Kind != "":
		return errors.New("the request names what it is about more than once")
	}
	x.named, err = awsResource(kind, v, x.Authority.Host)
	return err
}

// body reads fields of a JSON body; there may be none.
func (x *awsRequest) body(names ...string) (map[string]any, error) {
	kind, err := contentType(x.Request)
	if err != nil {
		return nil, err
	}
	b, err := rawBody(x.Request, maxPrompt)
	if err != nil || len(b) == 0 {
		return nil, err
	}
	if kind != "application/x-amz-json-1.0" && kind != "application/x-amz-json-1.1" && kind != "application/json" {
		return nil, fmt.Errorf("the body's Content-Type is %q", clip(kind))
	}
	return strictFields(b, names...)
}

// byPath routes by method, path and those query parameters that tell operations apart.
func (x *awsRequest) byPath(models []*awsModel) (*awsOp, *awsModel, error) {
	x.path = x.Path.Segments
	if x.at.bucket != "" {
		x.path = append([]string{x.at.bucket}, x.path...)
	}
	for _, m := range models {
		if x.route = m.router().find(x.Method, x.path, &x.caps); x.route == nil {
			continue
		}
		op, err := pickByFlags(m.variants[x.route.at], x.query)
		if err == nil && m.strict {
			err = op.knowsAll(x.query)
		}
		return op, m, err
	}
	return nil, nil, fmt.Errorf("%s %s is no operation that the catalogue knows", clip(x.Method), clip(x.Path.Raw))
}

// knowsAll refuses query parameters that the operation does not have: a younger API may take one for the name of another
// operation (S3's ?renameObject). Clients repeat the operation's name as x-id, which is checked elsewhere, and a presigned URL
// holds signature and headers in its query.
func (op *awsOp) knowsAll(query url.Values) error {
	for name := range query {
		if !op.flagged(name) && !slices.Contains(op.more, "~"+name) && name != "x-id" && !awsHoisted(strings.ToLower(name)) {
			return fmt.Errorf("the query parameter %q is none of %s", clip(name), op.name)
		}
	}
	return nil
}

// awsHoisted says whether a header may stand in the query of a presigned URL, where it is known what it does. What names the
// source of a copy must not: it is looked for in the headers.
func awsHoisted(name string) bool {
	switch name {
	case "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signedheaders", "x-amz-signature", "x-amz-security-token",
		"x-amz-content-sha256", "x-amz-storage-class", "x-amz-expected-bucket-owner", "x-amz-request-payer", "x-amz-user-agent":
		return true
	}
	for _, prefix := range [...]string{"x-amz-checksum", "x-amz-sdk-", "x-amz-server-side-encryption", "x-amz-meta-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	for i := range awsByHeader {
		if awsByHeader[i].named(name) {
			return true
		}
	}
	return false
}

// pickByFlags chooses the operation all of whose flags are there. A flag that only another one has would let the server
// choose otherwise.
func pickByFlags(among []*awsOp, query url.Values) (*awsOp, error) {
	var best *awsOp
	for _, op := range among {
		if op.asked(query) && (best == nil || len(op.flags) > len(best.flags)) {
			best = op
		}
	}
	if best == nil {
		return nil, errors.New("the request lacks a query parameter that its operation needs")
	}
	for _, op := range among {
		for _, f := range op.flags {
			key, _, _ := strings.Cut(f, "=")
			if query.Has(key) && !best.flagged(key) {
				return nil, fmt.Errorf("the query parameter %q belongs to another operation (%s) than the rest of the request (%s)", key, op.name, best.name)
			}
		}
	}
	return best, nil
}

func (op *awsOp) asked(query url.Values) bool {
	for _, f := range op.flags {
		key, value, valued := strings.Cut(f, "=")
		if len(query[key]) != 1 || valued && query[key][0] != value {
			return false
		}
	}
	return true
}

func (op *awsOp) flagged(key string) bool {
	for _, f := range op.flags {
		if name, _, _ := strings.Cut(f, "="); name == key {
			return true
		}
	}
	return false
}
