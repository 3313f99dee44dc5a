package main

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// github reads GitHub's own description. Its permissions come from a package that knows a third of the operations: the
// others have none, so that no rule by permission covers them.
func github(specs, _ string) ([]string, string, error) {
	dir, from, err := npm(specs, "@octokit/openapi")
	if err != nil {
		return nil, "", err
	}
	var doc openAPI
	if err := readJSON(filepath.Join(dir, "generated", "api.github.com.json"), &doc); err != nil {
		return nil, "", err
	}
	permits, version, err := githubPermissions(specs)
	if err != nil {
		return nil, "", err
	}
	rows, err := doc.rows(func(method, template, id string) (row, bool) {
		permit := permits[method+" "+shape(template)]
		slices.Sort(permit)
		template = githubTemplate(template)
		r := row{classOf(githubReviews, method, id, "a"), method, template, id, strings.Join(slices.Compact(permit), ",")}
		return r, r.class != "-"
	})
	return spell(rows), from + ", " + version, err
}

// githubTemplate names parameters as the hand-written table does, and marks those that hold slashes.
func githubTemplate(t string) string {
	t = strings.Replace(t, "/users/{user_id}/", "/users/{username}/", 1)
	t = strings.Replace(t, "/{template_owner}/{template_repo}/", "/{owner}/{repo}/", 1)
	t = strings.Replace(t, "/compare/{base}...{head}", "/compare/{basehead}", 1)
	for _, tail := range []string{"/contents/{path}", "/git/ref/{ref}", "/git/refs/{ref}", "/git/matching-refs/{ref}",
		"/zipball/{ref}", "/tarball/{ref}", "/compare/{basehead}"} {
		if strings.HasSuffix(t, tail) {
			t = strings.TrimSuffix(t, "}") + "...}"
		}
	}
	return t
}

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// shape is a template whatever its parameters are called.
func shape(template string) string { return parameter.ReplaceAllString(template, "{}") }

func githubPermissions(specs string) (map[string][]string, string, error) {
	dir, version, err := npm(specs, "@octokit/app-permissions")
	if err != nil {
		return nil, "", err
	}
	var doc struct {
		Permissions map[string]struct{ Read, Write, Admin []string }
	}
	if err := readJSON(filepath.Join(dir, "generated", "api.github.com.json"), &doc); err != nil {
		return nil, "", err
	}
	permits := map[string][]string{}
	for name, p := range doc.Permissions {
		for level, list := range map[string][]string{"read": p.Read, "write": p.Write, "admin": p.Admin} {
			for _, endpoint := range list {
				permits[shape(endpoint)] = append(permits[shape(endpoint)], name+":"+level)
			}
		}
	}
	return permits, version, nil
}
