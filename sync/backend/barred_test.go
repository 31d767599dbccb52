package backend

import (
	"strings"
	"testing"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// TestBarred leaves aside what comes in the name of a bank whose board was revoked, tells it
// nothing, and takes up with the next board where the last one was.
func TestBarred(t *testing.T) {
	r := newRig(t)
	r.bank("lon-042", "j-1")
	r.bank("lon-043", "j-2")
	r.connect("lon-042", "lon-043")
	r.banks["lon-042"].Emit(r.at(), locker.Event{Type: "door.opened", Door: locker.DoorID{Locker: 1, Door: 1}})
	r.settle()
	before := len(r.events("lon-042"))

	barred := true
	r.be.cfg.Barred = func(bank string) bool { return barred && bank == "lon-042" }
	down := r.sentDown
	r.banks["lon-042"].Emit(r.at(), locker.Event{Type: "door.opened", Door: locker.DoorID{Locker: 1, Door: 2}})
	r.issue("lon-042", "acme", 1) // it was there a moment ago
	r.issue("lon-042", "acme", logMax+1)
	give(t, r, openDoor)
	r.settle()
	r.connect("lon-042")
	r.settle()
	if n := len(r.events("lon-042")); n != before {
		t.Errorf("%d events of a revoked board were taken", n-before)
	}
	if r.sentDown != down {
		t.Errorf("%d messages were sent to it", r.sentDown-down)
	}
	s, _ := r.be.Bank("lon-042")
	if s.Online || len(s.Alarms) == 0 || !strings.Contains(s.Alarms[0], "revoked") {
		t.Errorf("online %t, alarms %q", s.Online, s.Alarms)
	}
	if other, _ := r.be.Bank("lon-043"); !other.Online || len(other.Alarms) != 0 {
		t.Errorf("the other bank: online %t, alarms %q", other.Online, other.Alarms)
	}

	barred = false
	r.connect("lon-042")
	r.settle()
	if n := len(r.events("lon-042")); n <= before {
		t.Error("the next board's events are left aside too")
	}
	r.agree("lon-042")
}

func doorWith(id, sku string) wire.Door {
	door, _ := locker.ParseDoorID(id) // they are written here
	d := wire.Door{ID: door, State: "closed"}
	if sku != "" {
		d.Item = &locker.Item{Tenant: "acme", SKU: sku, Serial: "SN-1", Condition: locker.Ready}
	}
	return d
}

// TestShown gives the doors as a bank's last state/doors had them.
func TestShown(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	b.DoorsNow = append(b.DoorsNow, doorWith("1-01", "laptop-14"), doorWith("1-02", ""))
	if doors, err := r.be.Shown("lon-042"); err != nil || doors != nil {
		t.Fatalf("%v, %v", doors, err)
	}
	r.connect("lon-042")
	r.settle()
	doors, err := r.be.Shown("lon-042")
	if err != nil || len(doors) != 2 || doors[0].Item == nil || doors[0].Item.SKU != "laptop-14" || doors[1].Item != nil {
		t.Errorf("%+v, %v", doors, err)
	}
}
