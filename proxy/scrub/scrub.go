// Package scrub takes live secrets out of what comes back.
package scrub
