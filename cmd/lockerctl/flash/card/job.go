package card

import (
	"io"
)

// Device is a card that was opened for this purpose alone.
type Device interface {
	io.WriterAt
	// ReadAt reads what the card holds, not what a cache does, of all that was written
	// before the last Sync.
	io.ReaderAt
	// Zero makes n bytes zeros.
	Zero(off, n int64) error
	// Sync returns when all that was written lies on the card.
	Sync() error
	Size() int64
}

// Step is a part of the work, for whoever shows how it goes.
type Step string

// Steps, in their order. Reading is its caller's.
const (
	StepRead   Step = "reading"
	StepBlank  Step = "blanking"
	StepWrite  Step = "writing"
	StepVerify Step = "verifying"
	StepSeed   Step = "seeding"
	StepHead   Step = "finishing"
)

// Job is an image to be put on a card.
type Job struct {
	Plan   *Plan
	Image  io.Reader // from its beginning, once more
	Device Device
	Name   string // of the card, for people
	// Seed is the seed's file on a card, in all its bytes; nil: none. Place finds where it
	// belongs, as File does on the finished card.
	Seed  []byte
	Place func(r io.ReaderAt) ([]Extent, error)
	// Tell is called as the work goes on.
	Tell func(step Step, done, all int64)
}

// Extent is a run of bytes of the card.
type Extent struct{ Off, Len int64 }

// Result is what was done.
type Result struct {
	Written int64 // bytes, with the first unit
	Kept    int64 // zeros of the image that the card had already
	Zeroed  int64 // zeros of the image that were written
}

// State says what a card is left as.
type State int

// States of a card after a failure.
const (
	StateAsWas   State = iota // nothing was written
	StateBlank                // does not boot
	StateUnknown              // nobody knows
)

// String names a state for scripts.
func (s State) String() string {
	switch s {
	case StateAsWas:
		return "as it was"
	case StateBlank:
		return "blank"
	case StateUnknown:
	}
	return "unknown"
}

// FailedError is returned by Write for whatever happened.
type FailedError struct {
	Err   error
	State State
}

// Error implements error.
func (f *FailedError) Error() string { return f.Err.Error() }

// Unwrap returns what happened.
func (f *FailedError) Unwrap() error { return f.Err }
