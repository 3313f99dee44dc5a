package limit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// The bounds of a file. It is written anew when it is over twice as long as after the last time, and longer than minRewrite.
const (
	minRewrite = 128 << 10
	maxJournal = 64 << 20
	lockWait   = 2 * time.Second
)

// File is a Store in a file that all processes of a user on one machine share: two of them never give the last permit
// twice, and a new process finds what others took. It appends a line before a permit is given, under a lock that is held
// for that long only.
//
// A kill at any moment loses no permit that was given. The lines go to the system, not to the disk, so that a power
// failure may lose the last seconds of them. What is damaged, not readable, locked for long or cannot be written is an
// *Error: nothing is permitted then.
type File struct {
	path string
	now  func() Reading
	gate chan struct{} // holds a token while nobody is inside
	lock *flock.Flock

	patience time.Duration // with who holds the lock

	// What was read of the file, and of which file.
	journal
	seen os.FileInfo // nil: none yet
	size int64       // of its whole lines
	tail []byte      // the end of them
}

// OpenFile opens the counters called name in dir, a directory that is for its owner alone, and makes them where they are
// not there. now is Now, if nil.
func OpenFile(dir, name string, now func() Reading) (*File, error) {
	if now == nil {
		now = Now
	}
	f := &File{path: filepath.Join(dir, name+".limits"), now: now, gate: make(chan struct{}, 1), patience: lockWait}
	f.lock = flock.New(filepath.Join(dir, name+".lock"), flock.SetPermissions(0o600), flock.SetFlag(os.O_CREATE|os.O_RDWR))
	f.gate <- struct{}{}
	err := f.locked(context.Background(), func(*os.File) error { return nil })
	return f, err
}

// Take counts all takes, or none of them when one does not fit.
func (f *File) Take(ctx context.Context, takes []Take) (Verdict, error) {
	if err := valid(ctx, takes); err != nil {
		return Verdict{}, err
	}
	for _, t := range takes {
		if strings.ContainsAny(t.Key, "\t\r\n\x00") || t.Key == "" {
			return Verdict{}, fmt.Errorf("limit %q: is no name that can be kept", t.Key)
		}
	}
	var v Verdict
	err := f.locked(ctx, func(file *os.File) error {
		clocks := f.now()
		now := f.at(clocks)
		f.sweep(now)
		switch v = f.check(takes, now); {
		case v.OK:
			return f.append(file, takes, now, clocks)
		case clocks.differs(f.clocks):
			return f.append(file, nil, now, clocks)
		}
		return nil
	})
	if err != nil {
		return Verdict{}, err
	}
	return v, nil
}

// locked does something while no other process changes the file, which was read to its end.
func (f *File) locked(ctx context.Context, do func(*os.File) error) error {
	ctx, cancel := context.WithTimeout(ctx, f.patience)
	defer cancel()
	select {
	case <-f.gate:
	case <-ctx.Done():
		return f.busy(ctx)
	}
	defer func() { f.gate <- struct{}{} }()
	const retry = 200 * time.Microsecond
	if ok, err := f.lock.TryLockContext(ctx, retry); !ok {
		if ctx.Err() != nil {
			return f.busy(ctx)
		}
		return f.fail(err, hintSpace)
	}
	defer f.lock.Unlock()
	file, err := f.open()
	if err != nil {
		return err
	}
	err = do(file)
	file.Close() // before it is replaced: some systems do not replace what is open
	if err == nil && f.size > max(minRewrite, 2*f.fixed) {
		clocks := f.now()
		err = f.rewrite(f.at(clocks), clocks)
	}
	return err
}

// at is the time of the journal when the clocks say so.
func (f *File) at(clocks Reading) time.Duration { return f.journal.now + clocks.since(f.clocks) }

// busy is the error of who waited for the lock in vain, or was not waited for.
func (f *File) busy(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return f.fail(fmt.Errorf("another process has held %s for %v", f.lock.Path(), f.patience), "end the process that holds it (a stopped agentguard?)")
}

func (f *File) fail(err error, hint string) error {
	return &Error{fmt.Errorf("%s: %w", f.path, err), hint}
}

// open gives the file, read to its end. One that is not there is made: from what this process knows, where it has read it
// before, since then somebody took it away.
func (f *File) open() (*os.File, error) {
	file, err := os.OpenFile(f.path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		clocks := f.now()
		if f.seen == nil {
			f.journal = journal{book: newBook(), clocks: clocks}
		}
		if err := f.rewrite(f.at(clocks), clocks); err != nil {
			return nil, err
		}
		file, err = os.OpenFile(f.path, os.O_RDWR, 0)
	}
	if err != nil {
		return nil, f.fail(err, "mend its permissions")
	}
	if err := f.catchUp(file); err != nil {
		file.Close()
		f.seen = nil // what was read is worth nothing
		return nil, f.fail(err, "its counts cannot be told: put a copy back, or remove it to begin again with none taken")
	}
	return file, nil
}

// catchUp reads what others wrote.
func (f *File) catchUp(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if f.seen == nil || !os.SameFile(f.seen, info) {
		f.journal, f.size, f.tail = journal{book: newBook()}, 0, nil
	}
	f.seen = info
	switch {
	case !info.Mode().IsRegular():
		return errors.New("is no file")
	case info.Size() > maxJournal:
		return fmt.Errorf("is longer than %d MiB", maxJournal>>20)
	case info.Size() < f.size:
		return errors.New("is shorter than it was")
	}
	text := make([]byte, int64(len(f.tail))+info.Size()-f.size)
	if _, err := file.ReadAt(text, f.size-int64(len(f.tail))); err != nil {
		return err
	}
	if !bytes.HasPrefix(text, f.tail) {
		return errors.New("is not what was read of it before")
	}
	if text = text[len(f.tail):]; len(text) == 0 && f.begun {
		return nil
	}
	whole := bytes.LastIndexByte(text, '\n') + 1
	if err := f.read(text[:whole]); err != nil {
		return err
	}
	if f.wrote(text[:whole]); whole == len(text) {
		return nil
	}
	return file.Truncate(f.size) // a line that was never finished
}

// wrote notes what stands at the end of the file.
func (f *File) wrote(lines []byte) {
	f.size += int64(len(lines))
	if len(lines) > 0 {
		f.tail = append(f.tail[:0], lines[max(0, len(lines)-64):]...)
	}
}

// append writes what is taken, and counts it when that is done.
func (f *File) append(file *os.File, takes []Take, now time.Duration, clocks Reading) error {
	l := lines{sum: f.sum}
	l.entry(takes, now, clocks)
	if _, err := file.WriteAt(l.text, f.size); err != nil {
		file.Truncate(f.size) // and if not: the next reader drops an unfinished line
		return f.fail(err, hintSpace)
	}
	f.wrote(l.text)
	f.took(takes, now, clocks)
	f.sum, f.line = l.sum, f.line+1
	return nil
}

// rewrite puts a file in the place of the old one that says the same at now, in one step.
func (f *File) rewrite(now time.Duration, clocks Reading) error {
	l, fresh := f.anew(now, clocks), f.path+".new"
	info, err := create(fresh, l.text)
	if err == nil {
		err = os.Rename(fresh, f.path)
	}
	if err != nil {
		os.Remove(fresh)
		return f.fail(err, hintSpace)
	}
	f.took(nil, now, clocks)
	f.seen, f.size, f.tail = info, 0, nil
	f.wrote(l.text)
	f.sum, f.fixed, f.begun, f.line = l.sum, f.size, true, bytes.Count(l.text, []byte{'\n'})
	return nil
}

const hintSpace = "free space there, or mend the permissions"

// create writes a file to the disk.
func create(name string, text []byte) (os.FileInfo, error) {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = file.Write(text)
	info, statErr := file.Stat()
	return info, errors.Join(err, statErr, file.Sync(), file.Close())
}
