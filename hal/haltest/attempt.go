package haltest

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

const (
	// attempts is how often a case is made whose failures may all be the
	// machine's fault.
	attempts = 3
	// lateness is from when on they may be: some wakings as late as this, one
	// after the other, and a sound board has answered after its time.
	lateness = replyTimeout / 8
)

// attempt is the testing.TB of one run of a case: it keeps what is wrong until
// it is known whose fault that is. It belongs to one goroutine.
type attempt struct {
	testing.TB

	failed   bool
	lines    []string
	cleanups []func()
}

// inTime makes a case, and makes it again if it failed while this process was so
// late that the simulated boards can't have been in time. A driver that is wrong
// fails each time.
func inTime(tb testing.TB, worst func(since time.Time) time.Duration, run func(*attempt)) {
	tb.Helper()
	for n := 1; ; n++ {
		begun := time.Now()
		a := &attempt{TB: tb}
		a.do(func() { run(a) })
		late, said := worst(begun), strings.Join(a.lines, "\n")
		switch {
		case !a.failed:
			if said != "" {
				tb.Log(said)
			}
			return
		case n == attempts || late < lateness:
			tb.Errorf("attempt %d, this process was %v late at most:\n%s", n, late, said)
			return
		}
		tb.Logf("attempt %d failed while this process was up to %v late, so it is made again:\n%s", n, late, said)
	}
}

// do runs f and what it leaves to be cleaned up, in a goroutine that may end
// anywhere.
func (a *attempt) do(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for _, c := range a.cleanups {
				defer c() // the last first, whatever ends another
			}
		}()
		f()
	}()
	<-done
}

// Cleanup implements testing.TB.
func (a *attempt) Cleanup(f func()) { a.cleanups = append(a.cleanups, f) }

// Failed implements testing.TB.
func (a *attempt) Failed() bool { return a.failed }

// Fail implements testing.TB.
func (a *attempt) Fail() { a.failed = true }

// FailNow implements testing.TB.
func (a *attempt) FailNow() {
	a.failed = true
	runtime.Goexit()
}

// Log implements testing.TB.
func (a *attempt) Log(args ...any) { a.note(fmt.Sprintln(args...)) }

// Logf implements testing.TB.
func (a *attempt) Logf(format string, args ...any) { a.note(fmt.Sprintf(format, args...)) }

// Error implements testing.TB.
func (a *attempt) Error(args ...any) {
	a.failed = true
	a.note(fmt.Sprintln(args...))
}

// Errorf implements testing.TB.
func (a *attempt) Errorf(format string, args ...any) {
	a.failed = true
	a.note(fmt.Sprintf(format, args...))
}

// Fatal implements testing.TB.
func (a *attempt) Fatal(args ...any) {
	a.Error(args...)
	runtime.Goexit()
}

// Fatalf implements testing.TB.
func (a *attempt) Fatalf(format string, args ...any) {
	a.Errorf(format, args...)
	runtime.Goexit()
}

// note keeps a line, behind the line of the case that it comes from.
func (a *attempt) note(text string) {
	pcs := make([]uintptr, 16)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if name := filepath.Base(f.File); strings.HasPrefix(name, "cases_") {
			text = fmt.Sprintf("%s:%d: %s", name, f.Line, text)
			break
		}
		if !more {
			break
		}
	}
	a.lines = append(a.lines, strings.TrimSpace(text))
}
