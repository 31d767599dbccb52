package bank

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/locker"
)

const ticketText = "155667240485392521771517277993203984578123080231819210455704324236309707086096"

// ticketRig is a bank that knows one ticket, for door 1.
func ticketRig(t *testing.T, change func(*locker.Code)) (*rig, string) {
	t.Helper()
	text := ticketText + strings.Repeat("0", 100)
	now := locker.TimeOf(time.Now())
	c := locker.Code{ID: "t-0102030405060708", Kind: locker.Collect, Door: locker.DoorID{Locker: 1, Door: 1}, NotBefore: now, NotAfter: now.Add(24 * time.Hour)}
	if change != nil {
		change(&c)
	}
	return newRig(t, 2, func(cfg *Config) {
		cfg.Tickets = func(s string) (Ticket, locker.Reason) {
			if s != text {
				return Ticket{}, locker.BadSignature
			}
			return Ticket{Set: "acme", Code: c}, locker.Granted
		}
	}), text
}

func TestTicketOpensOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, text := ticketRig(t, nil)
		r.st.epoch = 1763800000
		r.events()
		r.scan(text)
		time.Sleep(time.Second)
		r.pulses(1)
		r.bus.set(1, false)
		time.Sleep(10 * time.Minute)
		r.events()
		r.scan(text)
		r.want("scan.refused used")
		r.cut()
		r.start(2, func(c *Config) { c.Tickets = r.b.cfg.Tickets })
		r.events()
		r.scan(text)
		r.want("scan.refused used")
		r.pulses()
	})
}

func TestTicketRefusals(t *testing.T) {
	for _, x := range []struct {
		name string
		code func(*locker.Code)
		set  func(*rig)
		want string
	}{
		{"before the first snapshot", nil, func(r *rig) { r.st.epoch = 0 }, "scan.refused stale_cache"},
		{"expired", func(c *locker.Code) { c.NotAfter = c.NotBefore; c.NotBefore -= 1000 }, func(*rig) { time.Sleep(time.Minute) }, "scan.refused expired"},
		{"not yet", func(c *locker.Code) { c.NotBefore = c.NotBefore.Add(time.Hour) }, nil, "scan.refused not_yet"},
		{"revoked", nil, func(r *rig) {
			r.st.marks[locker.CodeKey{Set: "acme", ID: "t-0102030405060708"}] = locker.Mark{Revoked: true}
		}, "scan.refused revoked"},
	} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, text := ticketRig(t, x.code)
				r.st.epoch = 1
				if x.set != nil {
					x.set(r)
				}
				r.events()
				r.scan(text)
				r.want(x.want)
				r.pulses()
			})
		})
	}
}

// After a restore that could not tell what was used before, a ticket from before opens
// nothing, a service ticket and one behind a snapshot no more than others; one that
// was signed since does, and a service ticket needs no set as ever.
func TestTicketsAfterARestore(t *testing.T) {
	for _, x := range []struct {
		name  string
		kind  locker.Kind
		from  time.Duration // before its beginning: the restore
		epoch int64
		opens bool
	}{
		{"from before", locker.Collect, -time.Minute, 1, false},
		{"service from before", locker.Service, -time.Minute, 0, false},
		{"since", locker.Collect, time.Minute, 1, true},
		{"since, before the first snapshot", locker.Collect, time.Minute, 0, false},
		{"service since", locker.Service, time.Minute, 0, true},
	} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var begins locker.Time
				r, text := ticketRig(t, func(c *locker.Code) {
					begins, c.Kind = c.NotBefore, x.kind
					if x.kind == locker.Service {
						c.Door = locker.DoorID{}
					}
				})
				r.cut()
				r.st.epoch = x.epoch
				r.st.values[locker.ValueTicketsFrom] = decimal(int64(begins.Add(-x.from)))
				r.start(2, func(c *Config) { c.Tickets = r.b.cfg.Tickets })
				time.Sleep(time.Second)
				r.events()
				r.scan(text)
				switch {
				case !x.opens:
					r.want("scan.refused stale_cache")
				case x.kind == locker.Service:
					r.want() // waits for a door to be chosen
					if r.b.serviceVisit() == nil {
						t.Error("it begins no visit")
					}
				default:
					r.want("code.accepted 1-01")
				}
			})
		})
	}
}

// While the clock is unset the begin of a ticket is not judged.
func TestTicketWithoutAClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, text := ticketRig(t, func(c *locker.Code) { c.NotBefore = c.NotBefore.Add(time.Hour) })
		r.st.epoch = 1
		r.clk.set(locker.ClockUnset)
		r.scan(text)
		time.Sleep(time.Second)
		r.pulses(1)
	})
}

// A jammed door found closed after a restart gives the ticket its use back,
// though no record of it is stored.
func TestTicketReleasedAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, text := ticketRig(t, nil)
		r.st.epoch = 1
		r.cut()
		key, door := locker.CodeKey{Set: "acme", ID: "t-0102030405060708"}, locker.DoorID{Locker: 1, Door: 1}
		r.st.marks[key] = locker.Mark{Used: 1}
		r.st.doors[door] = locker.DoorRecord{Door: door, Out: []locker.Cause{locker.CauseJammed}, Intent: &locker.Intent{
			Code: key, Kind: locker.Collect, Tenant: "acme", Jammed: true,
		}}
		r.start(2, func(c *Config) { c.Tickets = r.b.cfg.Tickets })
		time.Sleep(5 * time.Second)
		if err := r.b.SetService(context.Background(), locker.DoorID{Locker: 1, Door: 1}, true, "test"); err != nil {
			t.Fatal(err)
		}
		r.bus.takePulses()
		r.scan(text)
		time.Sleep(time.Second)
		r.pulses(1)
	})
}
