//go:build !linux

package vault

import "errors"

func mountTmpfs(string) error { return errors.New("linux only") }

func unmount(string) error { return nil }
