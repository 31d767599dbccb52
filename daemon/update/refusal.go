package update

import (
	"errors"
	"fmt"
	"io/fs"

	"lockerd/daemon/update/tuf"
)

// Codes of an Error, as the control socket has them.
const (
	CodeRefused     = "refused"
	CodeInvalid     = "invalid"
	CodeUnavailable = "unavailable"
	CodeFailed      = "failed"
)

// Error is an update that was not taken, and what to do.
type Error struct {
	Code string
	Text string
	Cure string
}

// Error implements error.
func (e *Error) Error() string { return e.Text + ": " + e.Cure }

func refused(cure, text string, args ...any) error {
	return &Error{Code: CodeRefused, Text: "cannot take the update: " + fmt.Sprintf(text, args...), Cure: cure}
}

// judged says in words why metadata of a role was not believed.
func judged(role string, err error) error {
	var known *Error
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return &Error{
			Code: CodeUnavailable, Text: fmt.Sprintf("cannot take the update: there is no %s of a repository", role),
			Cure: "check the address or directory (it holds metadata/timestamp.json), and copy the whole repository onto the stick",
		}
	case errors.Is(err, tuf.ErrExpired):
		return refused("have the repository renewed (lockerctl release refresh) and fetch it afresh; if it is fresh, look at the bank's clock: lockerctl clock show",
			"its %s has expired: somebody shows an old repository, or nobody renews it (%v)", role, err)
	case errors.Is(err, tuf.ErrOlder):
		return refused("fetch the repository afresh: this copy is older than one that this bank has seen",
			"its %s is older than what was seen before (%v)", role, err)
	case errors.Is(err, tuf.ErrUnsigned):
		return refused("fetch it from the operator's repository; if it is: let enough signers sign (lockerctl release status), and check that [update] root_file is of this repository",
			"too few valid signatures of trusted keys on its %s", role)
	}
	return refused("fetch it again; if it repeats, the repository is damaged", "its %s cannot be read (%v)", role, err)
}
