package live

import "strings"

// patterns are the shapes of credentials that vendors document: a prefix, and how many characters follow at least.
var patterns = []struct {
	prefix string
	n      int
}{
	{"ghp_", 36}, {"gho_", 36}, {"ghu_", 36}, {"ghs_", 36}, {"ghr_", 36}, {"github_pat_", 22},
	{"sk-ant-", 40}, {"sk-proj-", 40}, {"sk-", 48}, {"sk_live_", 24}, {"rk_live_", 24},
	{"AKIA", 16}, {"ASIA", 16}, {"AIza", 35}, {"xoxb-", 24}, {"xoxp-", 24}, {"glpat-", 20}, {"npm_", 36}, {"hf_", 34},
}

// looksLike finds what looks like somebody's credential in a text.
func looksLike(text string) (found []string) {
	for _, p := range patterns {
		for rest := text; ; {
			i := strings.Index(rest, p.prefix)
			if i < 0 {
				break
			}
			end := i + len(p.prefix)
			for end < len(rest) && isKeyByte(rest[end]) {
				end++
			}
			if end-i-len(p.prefix) >= p.n {
				found = append(found, rest[i:end])
			}
			rest = rest[i+len(p.prefix):]
		}
	}
	return found
}

func isKeyByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}
