package bank

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/locker"
)

// TestFlood is an hour of a broker that repeats without end whatever was refused, each
// for another reason: what the journal has to keep of it is little, and what it may let
// go is bounded.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, nil)
		ctx := t.Context()
		reasons := []locker.Reason{
			"bad_signature", "unknown_key", "wrong_purpose", "wrong_bank", "wrong_journal", "wrong_tenant", "stale", "replayed", "retained",
			"too_large", "malformed", "quota",
		}
		r.b.commands.Counter = 1 << 40
		before := len(r.st.events)
		n := 0
		for begun := time.Now(); time.Since(begun) < time.Hour; n++ {
			time.Sleep(time.Second / 2)
			for _, why := range reasons {
				if err := r.b.Refuse(ctx, Refusal{Topic: topicCodes, Reason: why, Set: "acme", Op: "put", ID: "c-1", Why: "why"}); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.b.RejectDesired(ctx, 9, "why"); err != nil {
				t.Fatal(err)
			}
			if _, err := r.b.Execute(ctx, locker.Command{ID: fmt.Sprint(n), Type: locker.CmdPoll, Counter: 1}); err != nil {
				t.Fatal(err)
			}
			if _, err := r.b.Execute(ctx, locker.Command{ID: fmt.Sprint("late-", n), Type: locker.CmdPoll, Counter: 1 << 41}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		count, total, bytes := map[string]int{}, map[string]int{}, map[string]int{}
		for _, line := range r.st.events[before:] {
			var e locker.Event
			if err := json.Unmarshal(line, &e); err != nil {
				t.Fatal(err)
			}
			key := e.Type + " " + string(e.Reason)
			count[key]++
			total[key] += max(1, int(e.N))
			bytes[e.Type] += len(line)
		}
		for key, told := range count {
			most := 60 * (limitPerMinute + 1)
			if key[0] == 'c' {
				most = limitPerMinute + 2*60
			}
			if told > most+limitPerMinute || total[key] != n {
				t.Errorf("%s: %d events for %d of %d", key, told, total[key], n)
			}
		}
		if len(count) != len(reasons)+3 {
			t.Errorf("%v", count)
		}
		t.Logf("%d of each in an hour: bytes %v", n, bytes)
	})
}
