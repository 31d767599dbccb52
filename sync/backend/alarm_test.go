package backend

import (
	"slices"
	"testing"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// TestAlarmOfADoor: an uncertain opening is alarm until it is settled; what the door
// was found to be meanwhile stays.
func TestAlarmOfADoor(t *testing.T) {
	tests := map[string]struct {
		events []string
		want   string
	}{
		"uncertain":        {[]string{locker.EvDoorUncertain}, alarmUncertain},
		"settled":          {[]string{locker.EvDoorUncertain, locker.EvDoorSettled}, ""},
		"opened late":      {[]string{locker.EvDoorUncertain, locker.EvDoorOpened}, ""},
		"forced meanwhile": {[]string{locker.EvDoorUncertain, locker.EvDoorForced, locker.EvDoorSettled}, "forced open"},
		"settled before":   {[]string{locker.EvDoorSettled, locker.EvDoorUncertain}, alarmUncertain},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := &bank{}
			for _, typ := range tt.events {
				b.learnAlarm(&locker.Event{Type: typ, Door: locker.DoorID{Locker: 1, Door: 7}})
			}
			if got := b.Alarms["door 1-07"].Text; got != tt.want {
				t.Errorf("alarm %q, want %q", got, tt.want)
			}
		})
	}
}

// TestAlarmOfStock: with and without a tenant.
func TestAlarmOfStock(t *testing.T) {
	two := 2
	low := []wire.StockLine{{Tenant: "acme", SKU: "laptop-14", Count: 1, Min: &two}, {SKU: "dongle", Min: &two}}
	want := []string{"stock low: acme laptop-14 1 of 2", "stock low: dongle 0 of 2"}
	if got := (&bank{}).alarms(&Status{Low: low}); !slices.Equal(got, want) {
		t.Errorf("alarms %q, want %q", got, want)
	}
}

// TestAlarmsAreBounded: a heartbeat has room for thousands of boards that are lost.
func TestAlarmsAreBounded(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	h := wire.Health{
		V: 1, Bank: "lon-042", Boot: b.Boot, Conn: b.Conn, At: r.at(), Clock: b.Clock, Scanners: []wire.ScannerHealth{}, CacheAge: map[string]int64{},
		Buses: []wire.BusHealth{{Name: "a", Boards: make([]wire.BoardHealth, 2000)}}, Journal: wire.JournalHealth{ID: "j-1"},
	}
	for i := range h.Buses[0].Boards {
		h.Buses[0].Boards[i] = wire.BoardHealth{Address: i, State: "lost"}
	}
	r.say("lon-042", wire.TopicHealth, mustJSON(t, h), true)
	r.settle()
	st, _ := r.be.Bank("lon-042")
	if n := len(st.Alarms); n != shownMax+1 || st.Alarms[n-1] != "and 1872 alarms more" {
		t.Errorf("%d alarms", n)
	}
}
