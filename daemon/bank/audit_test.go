package bank

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/locker"
)

func thing(serial string, c locker.Condition) *locker.Item {
	return &locker.Item{SKU: "laptop-14", Serial: serial, Condition: c}
}

// TestAudit: what agrees stays since when it came, what differs is set right, what
// has moved leaves the other door, all in one step with who looked.
func TestAudit(t *testing.T) {
	in(t, 3, func(r *rig) {
		r.restart(chained)
		r.load(1, "SN-1")
		r.load(2, "SN-2")
		since := r.b.slots[0].rec.Since
		time.Sleep(time.Hour)
		if _, err := r.b.Open(r.t.Context(), at(1), "stock audit a-1", "ada"); err != nil {
			r.t.Fatal(err)
		}
		r.events()
		audit := func(a Audited) {
			r.t.Helper()
			a.Audit = "a-1"
			if err := r.b.Audit(r.t.Context(), a, "ada"); err != nil {
				r.t.Fatal(err)
			}
		}
		audit(Audited{Door: at(1), Expected: thing("SN-1", locker.Ready), Found: thing("SN-1", locker.Ready)})
		r.want("stock.audited 1-01 agrees SN-1 ready", "item.delivered 1-01 SN-1 ready", "stock.changed 1-01 +1=2")
		if d := r.b.slots[0].rec; d.Since != since || d.Item.Condition != locker.Ready {
			r.t.Errorf("%v since %v, it came %v", d.Item, d.Since, since)
		}
		audit(Audited{Door: at(3), Found: thing("SN-2", locker.Faulty), From: at(2)})
		r.want("stock.audited 1-03 differs SN-2 faulty", "item.cleared 1-02 SN-2 ready", "stock.changed 1-02 -1=1", "item.delivered 1-03 SN-2 faulty")
		audit(Audited{Door: at(2)})
		r.want("stock.audited 1-02 agrees")
		if v := replayOf(r); !v.OK || v.Replay.Unjudged > 0 {
			r.t.Error(v.Text)
		}
	})
}

func TestAuditRefusals(t *testing.T) {
	in(t, 3, func(r *rig) {
		r.load(1, "SN-1")
		r.load(2, "SN-2")
		r.events()
		one := thing("SN-1", locker.Ready)
		for _, test := range []struct {
			want string
			a    Audited
		}{
			{"door 1-01 holds laptop-14 SN-1 ready now, not empty", Audited{Audit: "a", Door: at(1)}},
			{"there is no door 1-09", Audited{Audit: "a", Door: at(9)}},
			{"the audit has no id", Audited{Door: at(1), Expected: one, Found: one}},
			{"who looks knows", Audited{Audit: "a", Door: at(1), Expected: one, Found: thing("SN-1", locker.Uncertain)}},
			{"serial SN-2 is behind door 1-02 already", Audited{Audit: "a", Door: at(1), Expected: one, Found: thing("SN-2", locker.Ready)}},
			{"door 1-03 does not hold laptop-14 SN-2", Audited{Audit: "a", Door: at(1), Expected: one, Found: thing("SN-2", locker.Ready), From: at(3)}},
		} {
			err := r.b.Audit(r.t.Context(), test.a, "ada")
			if err == nil || !strings.Contains(err.Error(), test.want) {
				r.t.Errorf("%v, want %q", err, test.want)
			}
		}
		if err := r.b.EndAudit(r.t.Context(), AuditEnd{Audit: "a", Outcome: "bored"}, "ada"); err == nil {
			r.t.Error("an outcome that is none is taken")
		}
		r.want()
	})
}

// auditDoor says what an engineer finds behind a door: a serial or empty, with its
// condition (is=), what the bank has had before the opening (was=), and the door behind which the bank had it (from=); done ends the
// audit.
func (s *script) auditDoor(args []string) error {
	if args[0] == AuditDone {
		return s.b.EndAudit(context.Background(), AuditEnd{Audit: "a-1", Outcome: AuditDone, Doors: len(s.specs)}, "jo")
	}
	m := pairs(args[2:])
	a := Audited{Audit: "a-1", Door: s.id(args[0]), Expected: s.holds(args[0])}
	if was := m["was"]; was != "" { // before it was opened
		it := *a.Expected
		it.Condition = locker.Condition(was)
		a.Expected = &it
	}
	if from := m["from"]; from != "" {
		a.From = s.id(from)
	}
	if args[1] != "empty" {
		it := locker.Item{Tenant: m["tenant"], SKU: m["sku"]}
		for _, known := range []*locker.Item{s.holds(cmp.Or(m["from"], args[0])), a.Expected} {
			if known != nil && it.SKU == "" {
				it = *known
			}
		}
		it.Serial, it.Condition = args[1], locker.Condition(cmp.Or(m["is"], string(locker.Ready)))
		a.Found = &it
	}
	return s.b.Audit(context.Background(), a, "jo")
}

func (s *script) holds(door string) *locker.Item {
	list, err := s.b.Doors(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(d DoorStatus) bool { return d.ID == s.id(door) })
	return list[i].Item
}
