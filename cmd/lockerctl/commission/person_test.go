package commission

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"lockerd/daemon/locker"
)

// prompted calls asked when a prompt is shown.
type prompted struct{ asked func() }

func (p prompted) Write(b []byte) (int, error) {
	if strings.HasSuffix(string(b), "> ") {
		p.asked()
	}
	return len(b), nil
}

// TestTypedAheadIsNoAnswer: an Enter too many confirms no door that nobody has looked at.
func TestTypedAheadIsNoAnswer(t *testing.T) {
	keyboard, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = keyboard.Close(), tty.Close() })
	press := func(text string) {
		if _, err := fmt.Fprint(keyboard, text); err != nil {
			t.Error(err)
		}
	}
	press("\n")
	for limit := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if n, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCINQ); err == nil && n > 0 {
			break
		} else if err != nil || time.Now().After(limit) {
			t.Fatalf("nothing is typed (%v)", err)
		}
	}
	expected := locker.DoorID{Locker: 1, Door: 1}
	person := NewTerminal(tty, prompted{func() { press("1-02\n") }})
	door, _, err := person.Moved(t.Context(), Question{Expected: expected, Switched: true})
	if want := (locker.DoorID{Locker: 1, Door: 2}); err != nil || door != want {
		t.Errorf("door %s moved, %v; want %s", door, err, want)
	}
}
