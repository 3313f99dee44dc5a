package proc

// Parent knows no parent: a parent's number is given again as soon as it ends.
func Parent(int) int { return 0 }
