package bank

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/locker"
)

func (r *rig) desire(version int64, doc locker.Desired) Verdict {
	r.t.Helper()
	v, err := r.b.ApplyDesired(context.Background(), version, doc)
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

func TestDesiredIsKeptAndReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 3, nil)
		one := 1
		r.events()
		d2 := locker.DoorID{Locker: 1, Door: 2}
		r.desire(5, locker.Desired{
			SKUs: []locker.SKURule{{SKU: "laptop-14", Min: &one}}, CacheMaxAge: locker.Duration(time.Hour),
			Doors: []locker.DoorRule{{ID: d2, Out: true, Tenant: "acme"}}, Open: &locker.OpenRule{Tries: 1},
		})
		r.want("config.applied", "stock.low", "door.out_of_service 1-02 desired")
		r.cut()
		r.start(3, nil)
		r.events()
		if s := r.b.byID[d2]; !s.out(locker.CauseDesired) || s.dedicated() != "acme" || r.b.cfg.Open.Tries != 1 || r.b.cfg.MaxAge != time.Hour {
			t.Errorf("not kept over a restart: %+v, tries %d, age %s", s.rec, r.b.cfg.Open.Tries, r.b.cfg.MaxAge)
		}
		if v := r.desire(5, locker.Desired{}); v.Refused == nil || v.Refused.Reason != refusedStale {
			t.Errorf("the same version again: %+v", v)
		}
		r.events()
		r.desire(6, locker.Desired{})
		r.want("config.applied", "door.in_service 1-02 desired")
		if s := r.b.byID[d2]; s.dedicated() != "" || r.b.cfg.Open.Tries != 3 || r.b.cfg.MaxAge != 0 || len(r.b.mins) != 0 {
			t.Error("what is no longer wanted still holds")
		}
	})
}

// in_service clears every cause but the backend's wish.
func TestDesiredOutlastsInService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, nil)
		up := r.link()
		r.desire(1, locker.Desired{Doors: []locker.DoorRule{{ID: locker.DoorID{Locker: 1, Door: 1}, Out: true}}})
		r.execute(command(1, locker.CmdInService, 1))
		wantAnswers(t, up, "k1=failed/desired")
	})
}

func TestDesiredRejected(t *testing.T) {
	d := func(n int) locker.DoorID { return locker.DoorID{Locker: 1, Door: uint8(n)} }
	below := -1
	for _, x := range []struct {
		name string
		doc  locker.Desired
		why  string
	}{
		{"unknown door", locker.Desired{Doors: []locker.DoorRule{{ID: d(9)}}}, "no door 1-09"},
		{"door twice", locker.Desired{Doors: []locker.DoorRule{{ID: d(2)}, {ID: d(2)}}}, "named twice"},
		{"tenant of a full door", locker.Desired{Doors: []locker.DoorRule{{ID: d(1), Tenant: "acme"}}}, "not empty"},
		{"no tenant", locker.Desired{Tenants: []locker.TenantRule{{Tenant: "local"}}}, "cannot be a tenant"},
		{"bound below 0", locker.Desired{Tenants: []locker.TenantRule{{Tenant: "acme", MaxDoors: -1}}}, "below 0"},
		{"min below 0", locker.Desired{SKUs: []locker.SKURule{{SKU: "x", Min: &below}}}, "below 0"},
		{"label", locker.Desired{SKUs: []locker.SKURule{{SKU: "x", Label: "("}}}, "RE2"},
		{"pulse", locker.Desired{Open: &locker.OpenRule{Pulse: locker.Duration(2 * time.Second)}}, "open.pulse"},
		{"alarm before warning", locker.Desired{Open: &locker.OpenRule{AjarAlarm: locker.Duration(2 * time.Second)}}, "open.ajar_alarm"},
		{"age", locker.Desired{CacheMaxAge: locker.Duration(time.Second)}, "cache_max_age"},
		{"texts", locker.Desired{Texts: []byte(`[1]`)}, "texts"},
	} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 2, nil)
				r.load(1, "SN-1")
				r.events()
				if v := r.desire(1, x.doc); v.Refused != nil {
					t.Errorf("%+v", v)
				}
				r.want("config.rejected")
				line, _ := r.st.Events(r.seen, 1)
				if !strings.Contains(string(line[0]), x.why) {
					t.Errorf("why in %s, want %q", line[0], x.why)
				}
				if r.b.desired.Version != 0 || r.b.cfg.Open != testTimes {
					t.Error("half applied")
				}
				r.desire(1, locker.Desired{}) // the version is free still
				r.want("config.applied")
			})
		})
	}
}
