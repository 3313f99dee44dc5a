package child

import "testing"

// TestFilteredChild: a filtered child starts, ends, and gets its signals as any other does.
func TestFilteredChild(t *testing.T) {
	again(t, "filtered", "^(TestExitCodes|TestNotFoundSuggestsTheWorkingDirectory|TestPathIsTheChilds|TestOnlyStandardFilesReachTheChild|TestIgnoredSignalsStayIgnored|"+
		"TestChildHasNoIgnoredOrBlockedSignals|TestChildHasItsGroupAndDumpability|TestSignalsAreForwarded|TestKilledSupervisorLeavesNothing|TestChildDiesWithUsWithoutTheReaper)$")
}

// TestTerminalFiltered: so does its terminal.
func TestTerminalFiltered(t *testing.T) {
	again(t, "filtered", "^TestTerminal")
}
