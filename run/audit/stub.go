package audit

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"time"
)

var errStub = errors.New("not built yet")

type Options struct {
	Dir, AnchorDir, RunID, AgentID string
	Now                            func() time.Time
	Sync                           bool
}
type Log struct{}
type TornError struct {
	Line  int
	Bytes int
}

func (e *TornError) Error() string { return "torn" }

type Problem struct {
	Line int
	What string
}
type Report struct {
	Records     int
	First, Last time.Time
	Complete    bool
	Torn        bool
	Problems    []Problem
	Notes       []Problem
}
type Run struct {
	Path, RunID, AgentID string
	Start, End           time.Time
	Requests, Denied     int
}

func Create(Options) (*Log, error)                                               { return nil, errStub }
func (*Log) Append(*Record) error                                                { return errStub }
func (*Log) Path() string                                                        { return "" }
func (*Log) Close() error                                                        { return nil }
func Read(r io.Reader, each func(line int, rec *Record, raw []byte) error) error { return errStub }
func Verify(path, anchorDir string) (Report, error)                              { return Report{}, errStub }
func Runs(dir string) ([]Run, error)                                             { return nil, errStub }
func Follow(ctx context.Context, path string, each func(*Record) error) error    { return errStub }
func Dirs(stateHome string) (audit, anchors string) {
	return filepath.Join(stateHome, "agentguard", "audit"), filepath.Join(stateHome, "agentguard", "anchors")
}
func (r Record) Line(color func(effect, s string) string) string { return "" }
func SafeText(s string) string                                   { return s }
func Clip(s string, max int) string                              { return s }
