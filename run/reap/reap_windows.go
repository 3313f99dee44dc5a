// Package reap holds nothing on Windows, where a job object ends with us.
package reap

// DirPrefix begins the names of runtime directories.
const DirPrefix = "agentguard-run-"

// DropProgram does nothing.
func DropProgram() {}
