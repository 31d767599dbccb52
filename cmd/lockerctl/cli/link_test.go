package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
)

// TestLinkRows: a link that stands says since when, one that does not what to do.
func TestLinkRows(t *testing.T) {
	at := locker.TimeOf(time.Now())
	for _, c := range []struct {
		l    *bank.LinkStatus
		want []string
	}{
		{nil, nil},
		{&bank.LinkStatus{URL: "mqtt://b", Connected: true, Since: at, Acked: 41, AckedAt: at, Pending: 2}, []string{"mqtt://b", "connected since", "2 events to go up", "up to event 41"}},
		{&bank.LinkStatus{URL: "mqtt://b", Since: at, Error: "connection refused", Cure: "is the broker running?"}, []string{"not connected since", "nothing acknowledged yet", "connection refused", "is the broker running?"}},
	} {
		var out bytes.Buffer
		tab := &ui.Table{}
		linkRows(tab, c.l)
		tab.Write(&out, false)
		for _, w := range c.want {
			if !strings.Contains(out.String(), w) {
				t.Errorf("%q lacks %q", out.String(), w)
			}
		}
		if c.l == nil && strings.TrimSpace(out.String()) != "" {
			t.Errorf("a bank without broker shows %q", out.String())
		}
	}
}
