package backend

import (
	"testing"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// TestShownOutlivesARestart: what a bank has shown last is known to a backend that starts
// while the bank is away, behind a broker that has lost its retained messages.
func TestShownOutlivesARestart(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	two := 2
	b.StockNow = []wire.StockLine{{Tenant: "acme", SKU: "laptop-14", Count: 1, Min: &two}}
	b.DoorsNow = []wire.Door{
		{ID: locker.DoorID{Locker: 1, Door: 1}, State: "open"},
		{ID: locker.DoorID{Locker: 1, Door: 2}, State: "closed", Out: []locker.Cause{locker.CauseJammed}},
	}
	r.connect("lon-042")
	before, _ := r.be.Bank("lon-042")
	clear(r.retained)
	r.start()
	r.settle()
	after, _ := r.be.Bank("lon-042")
	if before.Doors.Total != 2 || after.Doors != before.Doors || len(after.Stock) != 1 || len(after.Low) != 1 || len(after.Alarms) != len(before.Alarms) {
		t.Errorf("before %+v\nafter %+v", before, after)
	}

	// nothing of an old board's is taken for its successor's
	r.bank("lon-042", "j-2")
	r.banks["lon-042"].DoorsNow = nil
	r.say("lon-042", wire.TopicState, mustJSON(t, r.banks["lon-042"].Birth(r.at())), false)
	r.settle()
	r.start()
	if st, _ := r.be.Bank("lon-042"); st.Journal.ID != "j-2" || st.Doors.Total != 0 || len(st.Stock) != 0 {
		t.Errorf("%+v", st)
	}
}
