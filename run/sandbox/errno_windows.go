package sandbox

func errorText(err error) string { return err.Error() }
