package main

import (
	"path"
	"strings"
)

// review is what a person decided about operations of a service: a class, or "-" for those left out, and patterns of
// operation names (path.Match). The first that matches counts.
//
// What nobody looked at is the most powerful: an operation that a refresh brings is admin until it stands here, unless it
// is a GET of a service whose GETs are harmless as a rule. A table's class yields, too, to any route of the hand-written
// tables that covers the operation.
type review struct{ class, patterns string }

func (r review) matches(operation string) bool {
	for p := range strings.FieldsSeq(r.patterns) {
		if ok, err := path.Match(p, operation); err != nil {
			panic(p)
		} else if ok {
			return true
		}
	}
	return false
}

// classOf gives the class of an operation; get is what a GET is that no review names.
func classOf(reviews []review, method, operation, get string) string {
	for _, r := range reviews {
		switch {
		case !r.matches(operation):
		case r.class == "w" && method == "GET":
			return "r" // the pattern is about the family's changes
		default:
			return r.class
		}
	}
	if method == "GET" || method == "HEAD" {
		return get
	}
	return "a"
}

// githubReviews: what mints a credential is left out, for the agent would then hold it. Nearly all GETs are covered by
// the hand-written table; of the others only those named here are reads.
var githubReviews = []review{
	{"-", `apps/create-installation-access-token apps/create-from-manifest apps/scope-token apps/reset-token apps/check-token
		actions/create-registration-token-* actions/create-remove-token-* actions/generate-runner-jitconfig-*`},
	{"-", `repos/upload-release-asset`}, // another host serves it
	{"r", `codes-of-conduct/* meta/* markdown/* orgs/list users/list apps/get-by-slug classroom/*
		apps/list-repos-accessible-to-installation orgs/list-attestations-bulk users/list-attestations-bulk`},
	{"w", `activity/* reactions/* checks/create-suite checks/rerequest-* pull-request-stacks/* pulls/* gists/* git/* projects/*
		issues/add-* issues/remove-* issues/create* issues/update* issues/delete-* issues/pin-* issues/unpin-* issues/repr* issues/set-*
		code-scanning/upload-sarif dependency-graph/create-* repos/request-pages-build repos/create-pages-deployment
		repos/cancel-pages-deployment repos/create-attestation`},
}
