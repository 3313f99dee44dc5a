// Package audit is the append-only record of a run.
package audit
