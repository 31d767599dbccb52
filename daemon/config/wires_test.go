package config

import (
	"reflect"
	"strings"
	"testing"

	"lockerd/hal/rewire"
)

// TestWiresAreReadAndWritten holds that a cabinet whose wires are crossed can be
// described, written and read again.
func TestWiresAreReadAndWritten(t *testing.T) {
	text := strings.Replace(base, "id = \"1-07\"\n", `id = "1-07"
lock_channel = 8
feedback_inverted = true
[[door]]
id = "1-08"
lock_channel = 7
[[door]]
id = "1-09"
sensor = false
feedback_channel = 7 # of a door without switch: nobody's
`, 1)
	c, err := Parse([]byte(text), "crossed")
	if err != nil {
		t.Fatal(err)
	}
	want := []rewire.Wire{
		{Address: 1, Channel: 7, Lock: 8, Feedback: 7, Inverted: true},
		{Address: 1, Channel: 8, Lock: 7, Feedback: 8},
		{Address: 1, Channel: 9, Lock: 9, Feedback: 7},
	}
	if got := c.Wires("a"); !reflect.DeepEqual(got, want) {
		t.Errorf("wires %+v, want %+v", got, want)
	}
	if got := c.Wires("s"); got != nil {
		t.Errorf("wires of a plain bus: %+v", got)
	}
	again, err := Parse(c.TOML(), "again")
	if err != nil || !reflect.DeepEqual(again, c) {
		t.Errorf("written back: %v\n%s", err, c.TOML())
	}
}
