package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/term"
)

// placeEnv tells the process that shows the bank where its directory is.
const placeEnv = "LOCKERDEMO_PLACE"

// maxLastWords bounds what is repeated of a demo that has failed, in bytes.
const maxLastWords = 16 << 10

// guard runs the live demo in a child process, and gives the terminal back as
// it was whatever becomes of that: a panic in any goroutine, or a signal that
// nobody can catch. It returns what the child has left on stderr as the error.
func guard(dir string, stdin, stdout *os.File) error {
	before, err := term.GetState(int(stdin.Fd()))
	if err != nil {
		return fmt.Errorf("cannot read the state of the terminal: %w", err)
	}
	words, err := os.Create(filepath.Join(dir, "stderr"))
	if err != nil {
		return fmt.Errorf("cannot start the demo: %w", err)
	}
	defer words.Close() //nolint:errcheck // what it holds has been read
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot start the demo: %w", err)
	}
	cmd := exec.Command(exe) //nolint:noctx // it ends by the signals that are handed on to it
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, words
	cmd.Env = append(os.Environ(), placeEnv+"="+dir)
	err = runGuarded(cmd)
	if err == nil {
		return nil
	}
	_ = term.Restore(int(stdin.Fd()), before) // nothing better can be done
	_, _ = io.WriteString(stdout, leaveScreen)
	return lastWords(words, err)
}

// runGuarded runs the child and hands signals on to it.
func runGuarded(cmd *exec.Cmd) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			_ = cmd.Process.Signal(s) // it may have ended already
		case err := <-ended:
			return err
		}
	}
}

// lastWords is what the child has said, or how it ended if it has said nothing.
func lastWords(f *os.File, err error) error {
	b := make([]byte, maxLastWords)
	n, rerr := f.ReadAt(b, 0)
	said := strings.TrimSpace(strings.TrimPrefix(string(b[:n]), "lockerdemo:"))
	if said == "" || rerr != nil && !errors.Is(rerr, io.EOF) {
		return fmt.Errorf("cannot show the bank any longer: %w", err)
	}
	return errors.New(said)
}
