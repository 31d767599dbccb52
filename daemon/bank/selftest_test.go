package bank

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestSelfTestDoubtsWhatCannotBe has a board whose doors all say open.
func TestSelfTestDoubtsWhatCannotBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, func(c *Config) {
			c.Verify = func(context.Context) (VerifyResult, error) { return VerifyResult{OK: true}, nil }
		})
		bad := func() string {
			lines, err := r.b.SelfTest(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, l := range lines {
				if !l.OK {
					out = append(out, l.What)
				}
				if !l.OK && l.Cure == "" {
					t.Errorf("%q has no cure", l.What)
				}
			}
			return strings.Join(out, ", ")
		}
		for door := 1; door <= 3; door++ {
			r.bus.set(door, true)
		}
		time.Sleep(5 * time.Second)
		if got := bad(); got != "" {
			t.Errorf("three of four doors open: found %q", got)
		}
		r.bus.set(4, true)
		time.Sleep(5 * time.Second)
		if got := bad(); got != "feedback bus a board 1" {
			t.Errorf("found %q", got)
		}
	})
}
