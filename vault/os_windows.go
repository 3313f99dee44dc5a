package vault

import (
	"io/fs"
	"os"
)

const (
	openNonblock = 0
	openNofollow = 0
	homeVariable = "USERPROFILE"
)

func sameVersion(a, b fs.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

func madeUp(*os.File) bool { return false }

// Access is by the directory's ACL on Windows; a profile directory is its user's own.
func private(string, fs.FileInfo) error { return nil }

func privateDir(string) error { return nil }

func keepOwner(*os.File, fs.FileInfo) error { return nil }

func hardLinks(fs.FileInfo) uint64 { return 1 }

// NTFS orders the rename in its log; a directory cannot be flushed.
func syncDir(string) error { return nil }
