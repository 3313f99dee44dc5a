package cmd

import (
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

func (p *program) versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version",
		Description: `examples:
  agentguard version
  agentguard version --json`,
		Flags: []cli.Flag{jsonFlag()},
		Action: withoutArguments(func(c *cli.Context) error {
			return p.version(c.Bool("json"))
		}),
	}
}

func jsonFlag() cli.Flag { return boolFlag("json", "one JSON object a line") }

// build says what this binary is.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

func thisBuild() build {
	b := build{Version: "(devel)", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (p *program) version(asJSON bool) error {
	b := thisBuild()
	if asJSON {
		return p.json(b)
	}
	p.print("agentguard %s", b.Version)
	if b.Commit != "" {
		p.print(" (%.12s)", b.Commit)
	}
	p.print(" %s %s/%s\n", b.Go, b.OS, b.Arch)
	return nil
}
