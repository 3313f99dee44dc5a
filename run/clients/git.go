package clients

import (
	"fmt"
	"strconv"
	"strings"

	"agentguard/run/environ"
)

// sshNames are further beginnings of a host's remotes over ssh (docs.github.com, "Using SSH over the HTTPS port").
var sshNames = map[string][]string{"github.com": {"ssh://git@ssh.github.com:443/"}}

// gitConfig is git's configuration by which whatever leads to one of the hosts, over ssh above all, goes over https: that
// way passes the proxy, which reads what is pushed.
//
// Of all url.*.insteadOf git takes the longest that the URL begins with, of two of one length the first, and applies no
// second one to the result; to push, pushInsteadOf goes before (remote.c, alias_url and add_pushurl_alias). This file is
// read after the user's own. So the beginnings that people rewrite to ssh stand here longer by one character, too.
//
// Every command of git reads it, 20 KB a millisecond: it should stay short.
func gitConfig(hosts []string) []byte {
	var b strings.Builder
	rules := func(key string, beginnings ...string) {
		for _, s := range beginnings {
			fmt.Fprintf(&b, "%s=%s\n", key, s)
		}
	}
	for _, host := range hosts {
		name, _, _ := strings.Cut(host, ":")
		https, scp, ssh := "https://"+host+"/", "git@"+name+":", "ssh://git@"+name+"/"
		fmt.Fprintf(&b, "[url %q]\n", https)
		for _, key := range []string{"insteadOf", "pushInsteadOf"} {
			rules(key, scp, scp+"/", name+":", ssh, "ssh://"+name+"/", "ssh://git@"+name+":22/", "git+ssh://git@"+name+"/", "git://"+name+"/")
			rules(key, sshNames[name]...)
		}
		for _, c := range "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" {
			fmt.Fprintf(&b, "[url %q]\n", https+string(c))
			rules("insteadOf", https+string(c), scp+string(c), ssh+string(c))
			rules("pushInsteadOf", https+string(c))
		}
	}
	return []byte(b.String())
}

// setGitConfig appends to the configuration that the environment has for git (git-config(1), GIT_CONFIG_COUNT): the file,
// and the proxy, since a user's http.proxy would win over HTTPS_PROXY. Who signs all commits could make none without a key.
func (f Files) setGitConfig(env *environ.Env, proxyURL string, unsigned bool) {
	n, err := strconv.Atoi(env.Get("GIT_CONFIG_COUNT"))
	if err != nil || n < 0 {
		n = 0 // git would not run with it
	}
	sign := ""
	if unsigned {
		sign = "false"
	}
	for _, pair := range [][2]string{
		{"include.path", f.GitConfig}, {"http.proxy", proxyURL}, {"commit.gpgSign", sign}, {"tag.gpgSign", sign},
	} {
		if pair[1] != "" {
			env.Set("GIT_CONFIG_KEY_"+strconv.Itoa(n), pair[0])
			env.Set("GIT_CONFIG_VALUE_"+strconv.Itoa(n), pair[1])
			n++
			env.Set("GIT_CONFIG_COUNT", strconv.Itoa(n))
		}
	}
}
