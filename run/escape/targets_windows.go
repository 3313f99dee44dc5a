package escape

import (
	"errors"
	"io"
)

// Stage is for systems that have attacks.
type Stage struct {
	Targets
	File string
}

// NewStage makes none.
func NewStage(string, string, []string) (*Stage, error) { return nil, errors.ErrUnsupported }

// Write does nothing.
func (s *Stage) Write() error { return errors.ErrUnsupported }

// LeaveOpen does nothing.
func (s *Stage) LeaveOpen() (int, error) { return 0, errors.ErrUnsupported }

// Close does nothing.
func (s *Stage) Close() {}

// Prey does nothing.
func Prey(string, io.Reader, io.Writer) error { return errors.ErrUnsupported }

// Anew does nothing.
func Anew([]string, []string, string) error { return errors.ErrUnsupported }
