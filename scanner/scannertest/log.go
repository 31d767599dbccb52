// Package scannertest is the sink of a scanner's tests: it writes down what a
// source says, a line for each call.
package scannertest

import (
	"strings"
	"sync"
	"testing"
	"time"

	"lockerd/scanner"
)

// patience is how long a test on a real device waits for what must come.
const patience = 10 * time.Second

// linesMax bounds what a Log can take before somebody waits for it.
const linesMax = 1000

// Log is a scanner.Sink. Its lines are the text of a scan, "malformed", "NAME
// back", or "NAME lost: " and why.
type Log struct {
	mu    sync.Mutex
	lines []string
	scans []scanner.Scan
	news  chan struct{} // one for each line
}

var _ scanner.Sink = (*Log)(nil)

// NewLog returns an empty log.
func NewLog() *Log { return &Log{news: make(chan struct{}, linesMax)} }

// Scanned implements scanner.Sink.
func (l *Log) Scanned(s scanner.Scan) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.scans = append(l.scans, s)
	if s.Malformed {
		s.Text = "malformed"
	}
	l.add(s.Text)
}

// Expect implements scanner.Sink.
func (*Log) Expect(string) {}

// ScannerState implements scanner.Sink.
func (l *Log) ScannerState(name string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.add(name + " lost: " + err.Error())
		return
	}
	l.add(name + " back")
}

func (l *Log) add(s string) {
	l.lines = append(l.lines, s)
	l.news <- struct{}{}
}

// Scans returns what was scanned.
func (l *Log) Scans() []scanner.Scan {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]scanner.Scan(nil), l.scans...)
}

// All returns all lines.
func (l *Log) All() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// Wait returns the next line.
func (l *Log) Wait(t *testing.T) string {
	t.Helper()
	select {
	case <-l.news:
	case <-time.After(patience):
		t.Fatalf("nothing came; so far:\n%s", l.All())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines[len(l.lines)-1-len(l.news)]
}
