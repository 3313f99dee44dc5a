package run

// ReaperMain has nothing to do on Windows, where a job object ends with us.
func ReaperMain() {}
