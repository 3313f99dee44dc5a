//go:build !linux

package job

// EndByDefault is there on Linux alone.
func EndByDefault() {}
