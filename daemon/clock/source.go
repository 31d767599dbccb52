package clock

import (
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// System returns the kernel's clock.
func System() Source { return systemSource{} }

type systemSource struct{}

func (systemSource) String() string { return "system" }

// Read asks the kernel with adjtimex(2), modes 0, which needs no privilege. Where
// even that is refused nothing is known, so the clock is not synchronised.
func (systemSource) Read() (now time.Time, synced bool) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return time.Now(), err == nil && state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0
}

// maxFileText bounds what is read of a time file.
const maxFileText = 256

// File returns the clock of `[time] file`: an RFC 3339 time, read at each use,
// that counts as synchronised unless the first word before it is "unset". A
// file that can't be read, or is just being rewritten, says what it said last;
// one that could never be read is without time and unsynchronised.
func File(path string) Source { return &fileSource{path: path} }

type fileSource struct {
	path string

	mu     sync.Mutex
	last   time.Time
	synced bool
}

func (f *fileSource) String() string { return f.path }

func (f *fileSource) Read() (now time.Time, synced bool) {
	text, err := readText(f.path)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		if t, ok, good := parseFile(text); good {
			f.last, f.synced = t, ok
		}
	}
	return f.last, f.synced
}

func readText(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only read
	b, err := io.ReadAll(io.LimitReader(f, maxFileText))
	return string(b), err
}

// parseFile reads "TIME", "unset TIME" or "unset". Good is false for anything
// else.
func parseFile(text string) (t time.Time, synced, good bool) {
	words := strings.Fields(text)
	synced = true
	if len(words) > 0 && words[0] == "unset" {
		synced, words = false, words[1:]
	}
	if len(words) == 0 {
		return time.Time{}, false, !synced
	}
	t, err := time.Parse(time.RFC3339Nano, words[0])
	return t, synced && err == nil, err == nil
}
