//go:build nightly

package hid

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockerd/scanner/scannertest"
)

// keyboardNode waits for the event device of qemu's USB keyboard.
func keyboardNode(t *testing.T) string {
	t.Helper()
	limit := time.Now().Add(30 * time.Second)
	for time.Now().Before(limit) {
		names, err := filepath.Glob("/sys/class/input/event*/device/name")
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			if text, err := os.ReadFile(n); err == nil && strings.Contains(string(text), "QEMU USB Keyboard") {
				return "/dev/input/" + strings.Split(n, "/")[4]
			}
		}
		time.Sleep(100 * time.Millisecond) // nothing tells of a new device without udev
	}
	t.Fatal("there is no keyboard")
	return ""
}

func typeKeys(keys ...string) {
	for _, k := range keys {
		fmt.Println("@host sendkey " + k + " 20")
	}
}

// TestKernelKeyboard reads a real event device: typed, grabbed, unplugged,
// plugged in again under its stable name.
func TestKernelKeyboard(t *testing.T) {
	name := filepath.Join(t.TempDir(), "usb-QEMU_Keyboard-event-kbd")
	node := keyboardNode(t)
	if err := os.Symlink(node, name); err != nil {
		t.Fatal(err)
	}
	l := scannertest.NewLog()
	s, err := Open(Config{Name: "front", Port: name, Suffix: "\r", Layout: "us"}, l, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want(t, l, "front back")
	typeKeys("ret", "a", "shift-b", "1", "minus", "kp_7", "ret")
	want(t, l, "aB1-7")

	if d, err := openDevice(name); err == nil || !strings.Contains(err.Error(), "another program has grabbed it") {
		t.Errorf("opened a second time: %v, %v", d, err)
	}

	fmt.Println("@host device_del kbd")
	if got := l.Wait(t); !strings.HasPrefix(got, "front lost: cannot read keyboard") {
		t.Error(got)
	}
	fmt.Println("@host device_add usb-kbd,id=kbd")
	_ = os.Remove(name)
	if err := os.Symlink(keyboardNode(t), name); err != nil {
		t.Fatal(err)
	}
	want(t, l, "front back")
	typeKeys("x", "y", "shift-z", "9", "kp_enter")
	want(t, l, "xyZ9")

	began := time.Now()
	if err := s.Close(); err != nil { // a read is under way, on a device that says nothing
		t.Error(err)
	}
	t.Logf("closed in %s", time.Since(began))
}
