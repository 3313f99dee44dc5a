// Agentguard lets an AI agent use credentials without holding them:
//
//	agentguard run -- CMD
//
// Everything is in run/cmd and below.
package main

import (
	"os"

	"agentguard/run/cmd"
)

func main() { os.Exit(cmd.Main()) }
