package ui

import (
	"bufio"
	"context"
	"io"
	"os"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// Await returns what read does, or ctx's error if that ends first: reading a terminal heeds
// no context. The reading goes on until its input ends, or the program.
func Await[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		v   T
		err error
	}
	done := make(chan result, 1)
	go func() {
		v, err := read()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.v, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// Input is where answers come from, a line each: a person, a scanner that types, a file.
type Input struct {
	lines *bufio.Scanner
	tty   *os.File // nil: no terminal
}

// NewInput reads answers from r.
func NewInput(r io.Reader) *Input {
	i := &Input{lines: bufio.NewScanner(r)}
	if f, ok := r.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		i.tty = f
	}
	return i
}

// Line returns the next line, io.EOF behind the last, or ctx's error. After that it must not
// be called again.
func (i *Input) Line(ctx context.Context) (string, error) {
	return Await(ctx, func() (string, error) {
		if i.lines.Scan() {
			return i.lines.Text(), nil
		}
		if err := i.lines.Err(); err != nil {
			return "", err
		}
		return "", io.EOF
	})
}

// Forget drops what was typed at a terminal before a question is shown: an Enter too many,
// or a label that was read twice, is no answer to it.
func (i *Input) Forget() {
	if i.tty != nil {
		_ = unix.IoctlSetInt(int(i.tty.Fd()), unix.TCFLSH, unix.TCIFLUSH) // else it counts, as it would of a pipe
	}
}
