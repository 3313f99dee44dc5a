package cred

import (
	"crypto/rand"
	"io"
	"strings"
)

// prefixes are the public, constant beginnings of well-known credentials. Only these are copied into a placeholder: any
// other beginning is part of the secret. Longer ones stand before their own prefixes.
var prefixes = []string{
	"github_pat_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", // GitHub
	"sk-ant-api03-", "sk-ant-oat01-", "sk-ant-admin01-", "sk-ant-", // Anthropic
	"sk-proj-", "sk-svcacct-", "sk-admin-", // OpenAI
	"sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_", // Stripe
	"sk-",                                       // OpenAI and those who follow it
	"xoxb-", "xoxp-", "xoxa-", "xoxe-", "xapp-", // Slack
	"AKIA", "ASIA", "AIza", "ya29.", // AWS, Google
	"glpat-", "npm_", "pypi-", "hf_", "lin_api_", "ntn_", "dop_v1_", "SG.", "shpat_",
}

const (
	digits    = "0123456789"
	hexDigits = "0123456789abcdef"
	alnum     = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

	// enough random characters make a placeholder unguessable: 22 of 62 are 130 bits, 22 of 16 are 88.
	enough = 22

	// aNumber is how many digits by themselves are a number that programs may check, as they do a bot's in its token for Telegram.
	aNumber = 6
)

// NewPlaceholder makes a value shaped like the secret (prefix, alphabet, length, punctuation) that tells nothing else of
// it and cannot be guessed. A secret too short to give room for that gets a longer placeholder. If random is nil,
// crypto/rand.Reader.
func NewPlaceholder(random io.Reader, secret []byte) (string, error) {
	if random == nil {
		random = rand.Reader
	}
	prefix, rest := split(string(secret))
	alphabet := alnum
	if strings.Trim(rest, hexDigits+"-") == "" {
		alphabet = hexDigits
	}
	if countAlnum(rest) < enough {
		rest = strings.Repeat("x", 32)
		if prefix == "" {
			prefix = "placeholder_"
		}
	}
	out := []byte(prefix + rest)
	number := numbers(rest)
	for i := len(prefix); i < len(out); i++ {
		if !isAlnum(out[i]) && isPrintable(out[i]) {
			continue // punctuation keeps its place, so that every encoding of both has one length
		}
		from := alphabet
		if number[i-len(prefix)] {
			from = digits
		}
		c, err := pick(random, from)
		if err != nil {
			return "", err
		}
		out[i] = c
	}
	return string(out), nil
}

// numbers marks the digits of numbers between punctuation, where what is beside them is enough.
func numbers(rest string) []bool {
	marks, others := make([]bool, len(rest)), countAlnum(rest)
	for i := 0; i < len(rest); {
		end := i + 1
		for isAlnum(rest[i]) && end < len(rest) && isAlnum(rest[end]) {
			end++
		}
		if end-i >= aNumber && strings.Trim(rest[i:end], digits) == "" {
			others -= end - i
			for j := i; j < end; j++ {
				marks[j] = true
			}
		}
		i = end
	}
	if others < enough {
		clear(marks)
	}
	return marks
}

func split(secret string) (prefix, rest string) {
	for _, p := range prefixes {
		if rest, ok := strings.CutPrefix(secret, p); ok {
			return p, rest
		}
	}
	return "", secret
}

func countAlnum(s string) (n int) {
	for i := range len(s) {
		if isAlnum(s[i]) {
			n++
		}
	}
	return n
}

func isAlnum(c byte) bool     { return strings.IndexByte(alnum, c) >= 0 }
func isPrintable(c byte) bool { return c > ' ' && c < 0x7f }

// pick draws one character without bias.
func pick(random io.Reader, alphabet string) (byte, error) {
	limit := 256 - 256%len(alphabet)
	var b [1]byte
	for {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return 0, err
		}
		if int(b[0]) < limit {
			return alphabet[int(b[0])%len(alphabet)], nil
		}
	}
}
