package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

// What the terminal is told. The other screen keeps what stood there before.
const (
	enterScreen = "\x1b[?1049h\x1b[2J"
	leaveScreen = "\x1b[?1049l\x1b[?25h\x1b[0m"
	hideCursor  = "\x1b[?25l"
	showCursor  = "\x1b[?25h"
	home        = "\x1b[H"
	clearRight  = "\x1b[K"
)

// maxTyped bounds what is read of the keyboard at one time, in bytes; a pasted
// code has some thirty.
const maxTyped = 256

// terminal is the screen in raw mode, and the keyboard.
type terminal struct {
	tty     *os.File // the controlling terminal, opened anew so that closing it ends a read
	before  *term.State
	keys    chan []byte
	resized chan os.Signal
	gone    chan struct{} // closed by Close
	done    chan struct{} // closed when nothing reads any more
}

// openTerminal takes the terminal over. Close gives it back.
func openTerminal() (*terminal, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open the terminal: %w", err)
	}
	t := &terminal{tty: tty, keys: make(chan []byte), resized: make(chan os.Signal, 1), gone: make(chan struct{}), done: make(chan struct{})}
	if err := t.raw(); err != nil {
		_ = tty.Close()
		return nil, fmt.Errorf("cannot take over the terminal: %w", err)
	}
	signal.Notify(t.resized, syscall.SIGWINCH)
	_, _ = io.WriteString(tty, enterScreen)
	go t.read()
	return t, nil
}

// control runs f with the descriptor, which stays as it is: Fd would make it
// blocking.
func (t *terminal) control(f func(fd int) error) error {
	c, err := t.tty.SyscallConn()
	if err != nil {
		return err
	}
	var ferr error
	if err := c.Control(func(fd uintptr) { ferr = f(int(fd)) }); err != nil {
		return err
	}
	return ferr
}

func (t *terminal) raw() error {
	return t.control(func(fd int) (err error) {
		t.before, err = term.MakeRaw(fd)
		return err
	})
}

// size returns columns and rows; a terminal that does not tell is small.
func (t *terminal) size() (w, h int) {
	err := t.control(func(fd int) (err error) {
		w, h, err = term.GetSize(fd)
		return err
	})
	if err != nil || w <= 0 || h <= 0 {
		return minWidth, minHeight
	}
	return w, h
}

// read hands on what is typed until the terminal is closed or hangs up; then
// the channel of keys is closed.
func (t *terminal) read() {
	defer close(t.done)
	defer close(t.keys)
	for {
		b := make([]byte, maxTyped)
		n, err := t.tty.Read(b)
		if err != nil || n == 0 {
			return
		}
		select {
		case t.keys <- b[:n]:
		case <-t.gone:
			return
		}
	}
}

// write puts a frame on the screen. A terminal that has gone ends the demo by
// its keys.
func (t *terminal) write(frame string) { _, _ = io.WriteString(t.tty, frame) }

// Close gives the terminal back as it was.
func (t *terminal) Close() error {
	signal.Stop(t.resized)
	t.write(leaveScreen)
	err := t.control(func(fd int) error { return term.Restore(fd, t.before) })
	close(t.gone)
	_ = t.tty.Close()
	<-t.done
	if err != nil {
		return fmt.Errorf("cannot give the terminal back (type reset): %w", err)
	}
	return nil
}
