package controltest

import (
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/ledger"
	"lockerd/daemon/locker"
	"lockerd/hal"
)

func id(s string) locker.DoorID {
	d, err := locker.ParseDoorID(s)
	if err != nil {
		panic("controltest: " + err.Error())
	}
	return d
}

func doors() []bank.DoorStatus {
	return []bank.DoorStatus{
		{
			ID: id("1-01"), Size: locker.SizeM, State: "closed", Sensor: true, Since: Now, Bus: "a", Address: 1, Channel: 1, Named: true,
			Item: &locker.Item{Tenant: "acme", SKU: "laptop-14", Serial: "SN12345", Condition: locker.Ready},
		},
		{ID: id("1-02"), Size: locker.SizeM, State: "open", Sensor: true, Bus: "a", Address: 1, Channel: 2},
		{
			ID: id("1-03"), Size: locker.SizeL, State: "closed", Sensor: true, Accessible: true, Tenant: "acme",
			Out: []locker.Cause{locker.CauseJammed}, Bus: "a", Address: 1, Channel: 3,
		},
		{ID: id("2-01"), Size: locker.SizeS, State: "unknown", Bus: "a", Address: 2, Channel: 1},
	}
}

func firstEvents() []locker.Event {
	address := 2
	return []locker.Event{
		{Type: locker.EvBootStarted, Version: locker.Text("1.2.0"), Cause: "clean"},
		{Type: locker.EvCodeAccepted, Visit: "v-17-1", Scanner: "front", Door: id("1-02"), Code: "c-9f31", Set: "acme", Kind: locker.Collect, Ref: "REQ0012345"},
		{Type: locker.EvDoorOpened, Visit: "v-17-1", Door: id("1-02"), MS: locker.MS(412), Tries: 1},
		{Type: locker.EvDoorJammed, Door: id("1-03"), Tries: 3},
		{Type: locker.EvBoardLost, Bus: "a", Address: &address, Error: "no reply"},
	}
}

func page() bank.Status {
	return bank.Status{
		Bank: "lon-042", Version: "1.2.0", Boot: 17, Up: 26*time.Hour + 5*time.Minute, Time: Now, Clock: locker.ClockSynced, Timezone: "Europe/London", Ready: true,
		Doors: 4, Open: 1, Out: 1, Unknown: 1,
		Buses: []bank.BusStatus{{
			Name: "a", Driver: "xor8a",
			Stats:  hal.Stats{Port: "/dev/ttyUSB0", Up: true, Requests: 1200, Replies: 1190, Timeouts: 10, SweepMS: 43, LastError: "no reply"},
			Boards: []bank.BoardStatus{{Address: 1, State: "ok"}, {Address: 2, State: "lost", Error: "no reply"}},
		}},
		Scanners: []bank.ScannerStatus{{Name: "front", State: "ok"}, {Name: "rear", State: "lost", Error: "no such device"}},
		Visits:   []bank.VisitStatus{{Visit: "v-17-1", Scanner: "front", Kind: locker.Collect, Ref: "REQ0012345", Door: "1-02", Stage: "open"}},
		Journal:  bank.JournalStatus{ID: "j-test", First: 1, Next: 6, Bytes: 68157440},
		Codes: map[string]locker.SetInfo{
			"acme":  {Epoch: 1763800000, Version: 88, Count: 412, Confirmed: Now.Add(-90 * time.Second)},
			"local": {Count: 2},
		},
	}
}

func findings() []bank.SelfTestLine {
	return []bank.SelfTestLine{
		{What: "bus a", OK: true, Text: "2 of 2 boards answer"},
		{What: "disk", OK: true, Text: "3.1 GB free"},
	}
}

func checked() bank.VerifyResult {
	return bank.VerifyResult{
		Journal: "j-test", First: 1, Last: 5, Events: 5, OK: true, Text: "every hash follows from the one before",
		Replay: &ledger.Verdict{OK: true, Text: "replaying all events gives exactly what the bank holds: 4 doors, 4 counts", Doors: 4, Counts: 4},
	}
}
