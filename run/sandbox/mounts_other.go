//go:build !linux

package sandbox

type mountPoint struct{}

func ourMounts() []mountPoint { return nil }

func otherNames(map[string]View, []mountPoint) map[string]View { return nil }

func layerNames(map[string]View, []mountPoint) map[string]View { return nil }

func swapFiles(string) []string { return nil }
