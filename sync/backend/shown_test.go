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

// TestShownAheadOfItsBirth: a board was replaced while nobody listened. A broker may say
// what the new one has retained in any order.
func TestShownAheadOfItsBirth(t *testing.T) {
	r := newRig(t)
	doors := func(n int) (list []wire.Door) {
		for i := range n { // below 10
			list = append(list, wire.Door{ID: locker.DoorID{Locker: 1, Door: uint8(i + 1)}, State: "closed"})
		}
		return list
	}
	two := 2
	old := r.bank("lon-042", "j-1")
	old.DoorsNow = doors(2)
	r.connect("lon-042")
	b := r.bank("lon-042", "j-2")
	b.DoorsNow, b.StockNow = doors(3), []wire.StockLine{{Tenant: "acme", SKU: "laptop-14", Count: 1, Min: &two}}
	b.Connect(r.at())
	r.start()
	for _, topic := range []string{wire.TopicHealth, wire.TopicDoors, wire.TopicStock} {
		r.deliverUp(r.retained["lon-042/"+topic])
	}
	if st, _ := r.be.Bank("lon-042"); st.Doors.Total != 2 {
		t.Errorf("before the birth: %+v", st.Doors)
	}
	check := func(when string) {
		t.Helper()
		st, _ := r.be.Bank("lon-042")
		shown, err := r.be.Shown("lon-042")
		if st.Journal.ID != "j-2" || st.Health != nil && st.Health.Journal.ID != "j-2" || st.Doors.Total != 3 || len(st.Low) != 1 || len(shown) != 3 || err != nil {
			t.Errorf("%s: %+v, stock %v, %d shown, %v", when, st.Doors, st.Stock, len(shown), err)
		}
	}
	r.deliverUp(r.retained["lon-042/"+wire.TopicState])
	check("after the birth")
	old.Snapshots(r.at()) // late
	r.settle()
	check("after the old one's")
	r.start()
	check("after a restart")
}
