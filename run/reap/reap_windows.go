// Package reap holds nothing on Windows, where a job object ends with us.
package reap

// DirPrefix begins the names of runtime directories.
const DirPrefix = "agentguard-run-"

// DropProgram does nothing.
func DropProgram() {}

// CarriesRun is false: other processes' environments are not to be read here.
func CarriesRun(pid int, runID string) bool { return false }
