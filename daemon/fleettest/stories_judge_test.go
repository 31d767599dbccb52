package fleettest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/backend"
)

// look notes what the bank is known to have: all of a set that the backend knows to be
// applied. One that was put back may take an older word of the bank for that, until all of
// the bank's journal is here.
func (s *story) look() {
	if s.be == nil {
		return
	}
	for _, b := range s.banks {
		st, ok := s.be.Bank(b.name)
		if !ok {
			continue
		}
		for _, c := range s.coupons {
			if c.b == b && st.Sets[c.set].Applied {
				c.landed = c.landed || !c.lost
				c.barred = c.barred || c.revoked && (s.restored == 0 || s.healed)
			}
		}
	}
}

// converge waits until both sides have the same of everything.
func (s *story) converge(when string) {
	s.t.Helper()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	late := time.After(storyPatience)
	nudged := time.Now()
	for {
		left := ""
		for _, b := range s.banks {
			if left = s.differs(b); left == "" {
				continue
			}
			if s.restored > 0 && strings.Contains(left, ": set ") && time.Since(nudged) > 2*time.Second {
				nudged = time.Now() // what a backend put back has forgotten of revocations shows at new connections
				s.note("%s: %s: a new connection", when, left)
				b.link.Reset()
			}
			break
		}
		if left == "" {
			s.note("%s: all the same on both sides", when)
			return
		}
		select {
		case <-look.C:
		case <-late:
			s.note("%s: %s", when, left)
			s.t.Fatalf("%s: %s", when, left)
		}
	}
}

// differs says what a bank and the backend have not the same of.
func (s *story) differs(b *box) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	st, ok := s.be.Bank(b.name)
	if !ok || !st.Online {
		return b.name + " is not born"
	}
	at, err := b.client.Status(ctx)
	if err != nil {
		return fmt.Sprintf("%s: %v", b.name, err)
	}
	for name, set := range st.Sets {
		live := 0
		if err := s.be.Codes(b.name, name, func(c *backend.CodeStatus) bool {
			if c.State == backend.StateLive {
				live++
			}
			return true
		}); err != nil {
			return err.Error()
		}
		if got := at.Codes[name]; live != set.Live || !set.Applied || got.Epoch != set.Epoch || got.Version != set.Version || got.Digest != set.Digest || got.Count != set.Live {
			return fmt.Sprintf("%s: set %s is %+v, should be %+v, of %d live codes", b.name, name, got, set, live)
		}
	}
	switch {
	case st.Journal.ID != at.Journal.ID || st.Journal.Stored != at.Journal.Next-1 || at.Link == nil || at.Link.Pending > 0:
		return fmt.Sprintf("%s: of journal %+v there is %+v, the bank knows of it as %+v", b.name, at.Journal, st.Journal, at.Link)
	case st.Desired.State == backend.DocPending || !st.Trust.Current:
		return fmt.Sprintf("%s: desired %+v, trust %+v", b.name, st.Desired, st.Trust)
	}
	return s.shown(ctx, b, &st)
}

// shown compares what the backend shows of doors and stock with the bank's own.
func (s *story) shown(ctx context.Context, b *box, st *backend.Status) string {
	doors, err := b.client.Doors(ctx)
	if err != nil {
		return err.Error()
	}
	out := 0
	for i := range doors {
		if slices.Contains(doors[i].Out, locker.CauseDesired) {
			out = i + 1
		}
	}
	if out != s.docs[b.name] && st.Desired.State != backend.DocNone { // a store that has no document leaves the bank its own
		return fmt.Sprintf("%s: the document has door %d out of service, the bank %d", b.name, s.docs[b.name], out)
	}
	stock, err := b.client.Stock(ctx)
	if err != nil {
		return err.Error()
	}
	at := map[string]int{}
	for _, l := range stock {
		at[l.Tenant+"/"+l.SKU] += l.Count
	}
	for _, l := range st.Stock {
		at[l.Tenant+"/"+l.SKU] -= l.Count
	}
	for k, n := range at {
		if n != 0 {
			return fmt.Sprintf("%s: of %s the bank has %d more than the backend shows: %+v, %+v", b.name, k, n, stock, st.Stock)
		}
	}
	return ""
}

// scanAll shows every coupon once more: all that is revoked or used is refused, all that is
// good is served.
func (s *story) scanAll() {
	s.t.Helper()
	for _, c := range s.coupons {
		if wait := 2*time.Second - time.Since(slices.MinFunc(c.last[:], time.Time.Compare)); wait > 0 {
			time.Sleep(wait) // at none of the scanners it would be another scan
		}
		if said := s.scan(c, false); s.t.Failed() {
			s.t.Fatalf("last scan of %s: %s", c.id, said)
		}
	}
}

// judge stops everything and compares what is left.
func (s *story) judge() {
	s.t.Helper()
	for _, b := range s.banks {
		if !b.apart || s.base[b] == 0 {
			continue
		}
		var n int
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			if n = b.goroutines(); n <= s.base[b]+4 || time.Now().After(end) {
				break
			}
		}
		if n > s.base[b]+4 {
			s.errorf("%s has %d goroutines, %d at first", b.name, n, s.base[b])
		}
	}
	for _, b := range s.banks {
		b.end(false)
	}
	for _, b := range s.banks {
		id, lines := b.journal()
		s.judgeJournal(b, id, lines)
		s.judgeEvents(b, lines)
		s.judgeDoors(b)
	}
}

// judgeJournal compares a bank's journal with what the backend holds of it. What the bank
// wrote while it stopped may be missing.
func (s *story) judgeJournal(b *box, id string, lines []string) {
	s.t.Helper()
	st, _ := s.be.Bank(b.name)
	j := st.Journal
	if j.ID != id || j.Breaks+j.Holes+j.Gaps > 0 || j.Lacks > 0 {
		s.errorf("%s: journal %s is known as %+v", b.name, id, j)
	}
	var got []string
	for cursor := uint64(0); ; {
		list, next, err := s.be.Events(b.name, cursor, 1000)
		if err != nil {
			s.t.Fatal(err)
		}
		for i := range list {
			if list[i].Flag != backend.FlagNone || list[i].Journal != id {
				s.errorf("%s: event %d of %s is flagged %q", b.name, list[i].Seq, list[i].Journal, list[i].Flag)
			}
			got = append(got, string(list[i].Raw))
		}
		if cursor == next {
			break
		}
		cursor = next
	}
	if len(got) > len(lines) || uint64(len(got)) < j.Stored {
		s.errorf("%s: %d events are stored of %d, up to %d", b.name, len(got), len(lines), j.Stored)
		return
	}
	for i := range got {
		if got[i] != lines[i] {
			s.errorf("%s: in the place of event %d\n%s\nthe backend has\n%s", b.name, i+1, lines[i], got[i])
			return
		}
	}
	for _, f := range st.Findings {
		if f.Kind != backend.FoundRefused && (f.Kind != backend.FoundRestored || s.restored == 0) {
			s.errorf("%s: the backend has found %+v", b.name, f)
		}
	}
}

// judgeEvents holds a journal against what was asked for.
func (s *story) judgeEvents(b *box, lines []string) {
	s.t.Helper()
	opened, done, accepted := map[string]int{}, map[string]int{}, map[string]int{}
	for _, l := range lines {
		var e locker.Event
		if err := json.Unmarshal([]byte(l), &e); err != nil {
			s.t.Fatal(err)
		}
		switch {
		case e.Type == locker.EvDoorOpened && e.Code != "", e.Type == locker.EvBootRecovered && e.Outcome == "opened":
			opened[e.Code]++
		case e.Type == locker.EvCodeAccepted:
			accepted[e.Code]++
		case strings.HasPrefix(e.Type, "command.") && e.Type != locker.EvCommandRefused:
			done[e.ID]++
		case e.Type == locker.EvJournalGap || e.Type == locker.EvDoorForced || e.Type == locker.EvDoorJammed || e.Type == locker.EvStorageFault:
			s.errorf("%s: %s", b.name, l)
		}
	}
	for _, c := range s.coupons {
		if c.b == b && (c.uses > 0 && opened[c.id] > c.uses || accepted[c.id] < c.opened || accepted[c.id] > c.scans || opened[c.id] > c.scans) {
			s.errorf("%s: %s was accepted %d times, has opened %d doors: %s", b.name, c.id, accepted[c.id], opened[c.id], c)
		}
	}
	for id, n := range done {
		if n > 1 {
			s.errorf("%s: command %s has come to an end %d times", b.name, id, n)
		}
	}
}

// judgeDoors holds the pulses of the coils against what was asked for.
func (s *story) judgeDoors(b *box) {
	s.t.Helper()
	most := make([]int, storyDoors+1)
	free := 0 // openings that name no door
	for _, c := range s.coupons {
		if c.b != b {
			continue
		}
		n := c.scans
		if c.uses > 0 {
			n = min(n, c.uses)
		}
		if c.door > 0 {
			most[c.door] += n
		} else {
			free += n
		}
	}
	for _, o := range s.orders {
		if o.b == b && o.door > 0 {
			most[o.door]++
		}
	}
	pulsed := 0
	for d := 1; d <= storyDoors; d++ {
		switch n := b.pulses(d); {
		case d >= firstStock:
			pulsed += n
		case n > most[d]:
			s.errorf("%s: door %d was pulsed %d times, asked for %d times", b.name, d, n, most[d])
		}
	}
	if pulsed > free {
		s.errorf("%s: free doors were pulsed %d times, asked for %d times", b.name, pulsed, free)
	}
}
