package identity

import (
	"strings"
	"testing"
	"time"

	"lockerd/daemon/locker"
)

func TestFinding(t *testing.T) {
	now := locker.TimeOf(time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC))
	good := Status{Bank: bank, Serial: "1", Until: now.Add(time.Hour)}
	for _, c := range []struct {
		name   string
		change func(s *Status)
		text   string // of the finding; "": none
	}{
		{"good", func(*Status) {}, ""},
		{"none", func(s *Status) { s.Serial, s.Why = "", "its token expired" }, "there is none: its token expired"},
		{"ran out", func(s *Status) { s.Until = now.Add(-time.Second) }, "it ran out at 2026-11-26T11:59:59.000Z"},
		{"refused", func(s *Status) { s.Why = "it was revoked" }, "could not be renewed: it was revoked"},
		{"seed stays", func(s *Status) { s.Waiting = true }, "the seed still lies on the card"},
	} {
		s := good
		c.change(&s)
		ok, text, cure := s.Finding(now)
		if ok != (c.text == "") || !strings.Contains(text, c.text) || ok != (cure == "") {
			t.Errorf("%s: %t %q, next: %q", c.name, ok, text, cure)
		}
	}
}
