package fleettest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/backend"
	"lockerd/sync/ticket"
	"lockerd/sync/wire"
)

// Doors of a bank, by what may open them.
const (
	firstCommand = 13 // below: codes that name them
	firstStock   = 17
	firstReturn  = 21
)

// coupon is a code or a ticket as the person has it, and what is known of it.
type coupon struct {
	b    *box
	set  string
	id   string
	text string
	what string // collect, sku, return, ticket
	door int    // 0: none by name
	uses int    // 0: without limit

	landed  bool // the bank is known to have it
	lost    bool // the backend has forgotten that it issued it: the bank may have it or not
	dead    bool // its window is never now
	revoked bool // the backend has revoked it
	barred  bool // and the bank is known to have that
	shaky   bool // the backend was put back since, and may hold its set back for a while: see sync/backend/probe.go
	perhaps bool // it was revoked by a backend that has forgotten it
	doubt   bool // the bank was killed amid its scan

	scans  int
	opened int // accepted, as the bank has said
	last   [storyScanners]time.Time
}

func (c *coupon) String() string {
	return fmt.Sprintf("%s %s/%s of %s: landed %v, lost %v, dead %v, revoked %v, barred %v, perhaps revoked %v, shaky %v, in doubt %v; %d uses, %d scans, %d accepted",
		c.what, c.set, c.id, c.b.name, c.landed, c.lost, c.dead, c.revoked, c.barred, c.perhaps, c.shaky, c.doubt, c.uses, c.scans, c.opened)
}

// must says what a scan of it must come to: open, refuse, or "": either.
func (c *coupon) must() string {
	switch {
	case c.dead || c.barred || c.uses > 0 && c.opened >= c.uses:
		return "refuse"
	case c.landed && !c.lost && !c.shaky && !c.revoked && !c.perhaps && !c.doubt && c.what != "sku":
		return "open"
	}
	return ""
}

func (s *story) set() string { return s.sets[s.r.IntN(len(s.sets))] }

// done makes a word of what the backend says to a request.
func (s *story) done(err error, word string) string {
	if refused := (*backend.RefusedError)(nil); err != nil && !errors.As(err, &refused) {
		s.errorf("the backend: %v", err)
	}
	if err != nil {
		return err.Error()
	}
	return word
}

func (s *story) issue(b *box) string {
	if s.be == nil {
		return ""
	}
	c := &coupon{b: b, set: s.set(), what: "collect", uses: 1, shaky: s.restored > 0}
	now := locker.TimeOf(time.Now())
	code := locker.Code{Kind: locker.Collect, Ref: fmt.Sprintf("R-%d", len(s.coupons)), NotBefore: now, NotAfter: now.Add(time.Hour)}
	if s.r.IntN(4) == 0 {
		c.uses = s.r.IntN(3)
		code.Uses = &c.uses
	}
	switch n := s.r.IntN(10); {
	case n == 0 && s.count(b, "return") < storyDoors-firstReturn:
		c.what, c.uses, code.Uses = "return", 1, nil
		code.Kind, code.Size = locker.Return, locker.SizeM
	case n < 3 && c.set != locker.SetOperator:
		c.what, code.SKU = "sku", "laptop"
	default:
		c.door = 1 + s.r.IntN(firstCommand-1)
		code.Door = doorOf(c.door)
	}
	if s.r.IntN(12) == 0 {
		c.dead = true
		code.NotBefore, code.NotAfter = now.Add(time.Hour), now.Add(2*time.Hour)
	}
	list, err := s.be.Issue(context.Background(), b.name, c.set, code)
	if err == nil {
		c.id, c.text = list[0].Code.ID, list[0].Text
		s.coupons = append(s.coupons, c)
	}
	return s.done(err, fmt.Sprintf("%s %s of %s, door %d, %d uses", c.what, c.id, c.set, c.door, c.uses))
}

func (s *story) count(b *box, what string) (n int) {
	for _, c := range s.coupons {
		if c.b == b && c.what == what {
			n++
		}
	}
	return n
}

func (s *story) ticket(b *box) string {
	c := &coupon{b: b, set: s.sets[s.r.IntN(len(s.sets)-1)], what: "ticket", uses: 1, door: 1 + s.r.IntN(firstCommand-1)}
	t := ticket.Ticket{
		Bank: b.name, ID: [8]byte{byte(len(s.coupons)), byte(s.seed)}, NotBefore: locker.TimeOf(time.Now()), Lifetime: time.Hour, //nolint:gosec // any bytes
		Kind: locker.Collect, Door: doorOf(c.door), Tenant: c.set,
	}
	kid := c.set + "-1"
	for _, k := range s.keys {
		if k.KID != kid {
			continue
		}
		var err error
		if c.text, err = ticket.Sign(t, kid, k.Signer); err != nil {
			s.t.Fatal(err)
		}
	}
	c.id = t.CodeID()
	s.coupons = append(s.coupons, c)
	return fmt.Sprintf("%s of %s, door %d", c.id, c.set, c.door)
}

// pick chooses a coupon of a bank, a newer one rather than an older one.
func (s *story) pick(b *box) *coupon {
	var mine []*coupon
	for _, c := range s.coupons {
		if c.b == b {
			mine = append(mine, c)
		}
	}
	if len(mine) == 0 {
		return nil
	}
	return mine[max(s.r.IntN(len(mine)), s.r.IntN(len(mine)))]
}

func (s *story) revoke(b *box) string {
	c := s.pick(b)
	if c == nil || s.be == nil {
		return ""
	}
	err := s.be.Revoke(context.Background(), b.name, c.set, c.id)
	if err == nil {
		c.revoked = true
	}
	return s.done(err, c.id)
}

func (s *story) scanOne(b *box) string {
	c := s.pick(b)
	if c == nil || !b.isUp() {
		return ""
	}
	return s.scan(c, s.r.IntN(6) == 0)
}

// scanner chooses one at which the text was not shown just now: there it would be the same
// scan.
func (c *coupon) scanner() int {
	best := 0
	for i := range c.last {
		if c.last[i].Before(c.last[best]) {
			best = i
		}
	}
	if time.Since(c.last[best]) < 2*time.Second {
		return -1
	}
	return best
}

// scan shows a coupon at its bank, which is up, and waits for what comes of it.
func (s *story) scan(c *coupon, twice bool) string {
	s.t.Helper()
	i := c.scanner()
	if i < 0 {
		return ""
	}
	b, must := c.b, c.must()
	from := b.next()
	s.show(c, i)
	if twice {
		s.show(c, i)
	}
	c.scans++
	e := b.event(from, "outcome of a scan", func(e *locker.Event) bool {
		return e.Scanner == scannerName(i) && (e.Type == locker.EvCodeAccepted || e.Type == locker.EvScanRefused)
	})
	if e.Type == locker.EvScanRefused {
		if must == "open" {
			s.errorf("%s: %s %s was refused: %s", b.name, c.what, c.id, e.Reason)
		}
		return fmt.Sprintf("%s refused: %s", c.id, e.Reason)
	}
	c.opened++
	if must == "refuse" || e.Code != c.id {
		s.errorf("%s: %s %s was accepted as %s: %s", b.name, c.what, c.id, e.Code, c)
	}
	b.event(e.Seq, "opening for "+c.id, func(x *locker.Event) bool { return x.Type == locker.EvDoorOpened && x.Visit == e.Visit })
	b.event(e.Seq, "end of the visit of "+c.id, func(x *locker.Event) bool { return x.Type == locker.EvVisitEnded && x.Visit == e.Visit })
	return fmt.Sprintf("%s has opened %s", c.id, e.Door)
}

func (s *story) show(c *coupon, scanner int) {
	s.t.Helper()
	c.last[scanner] = time.Now()
	if err := c.b.scanners[scanner].Scan(c.text); err != nil {
		s.t.Fatal(err)
	}
}

func (s *story) scanUnknown(b *box) string {
	if !b.isUp() {
		return ""
	}
	text, err := backend.NewText(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	c := &coupon{b: b, what: "unknown", text: text, dead: true}
	said := s.scan(c, false)
	if !strings.HasSuffix(said, string(locker.Unknown)) {
		s.errorf("%s: a text that nobody has issued: %s", b.name, said)
	}
	return said
}

func (s *story) give(b *box, o backend.Order, door int) string {
	id, err := s.be.Give(b.name, o)
	if err == nil {
		s.orders = append(s.orders, order{b: b, id: id, door: door})
	}
	return s.done(err, o.Type+" "+id)
}

func (s *story) open(b *box) string {
	if s.be == nil {
		return ""
	}
	door := firstCommand + s.r.IntN(firstStock-firstCommand)
	o := backend.Order{Type: locker.CmdOpen, Args: locker.CommandArgs{Door: doorOf(door)}, Life: time.Duration(2+s.r.IntN(9)) * time.Second}
	return s.give(b, o, door) + fmt.Sprintf(", door %d", door)
}

func (s *story) command(b *box) string {
	if s.be == nil {
		return ""
	}
	o := backend.Order{Type: locker.CmdPoll, Life: 10 * time.Second}
	switch s.r.IntN(4) {
	case 0:
		o.Type, o.Args.Door = locker.CmdOutOfService, doorOf(firstCommand+s.r.IntN(2))
	case 1:
		o.Type, o.Args.Door = locker.CmdInService, doorOf(firstCommand+s.r.IntN(2))
	case 2:
		o.Type, o.Args.Door = locker.CmdSetStock, doorOf(firstStock+s.r.IntN(firstReturn-firstStock))
		o.Args.Item = &locker.Item{Tenant: s.sets[s.r.IntN(len(s.sets)-1)], SKU: "laptop", Serial: fmt.Sprintf("SN-%06d", len(s.orders)), Condition: locker.Ready}
	}
	return s.give(b, o, 0)
}

// desired takes one of the command's doors out of service, or none.
func (s *story) desired(b *box) string {
	if s.be == nil {
		return ""
	}
	door := firstCommand + 2 + s.r.IntN(firstStock-firstCommand-1)
	var doc locker.Desired
	if door < firstStock {
		doc.Doors = []locker.DoorRule{{ID: doorOf(door), Out: true}}
	} else {
		door = 0
	}
	v, err := s.be.SetDesired(b.name, doc)
	if err == nil {
		s.docs[b.name] = door
	}
	return s.done(err, fmt.Sprintf("version %d: door %d out of service", v, door))
}

// rotate gives the operator a new key, once all banks have the set with the last one, which
// stays good.
func (s *story) rotate(*box) string {
	if s.be == nil || !s.long && s.backup != nil { // a bank whose keys were forgotten is found by trying, every 30 s
		return ""
	}
	for _, b := range s.banks {
		if st, ok := s.be.Bank(b.name); !ok || !st.Trust.Current {
			return ""
		}
	}
	var all []wire.Key
	newest := ""
	for _, k := range s.now.All() {
		if k.Tenant == "*" && k.KID > newest {
			newest = k.KID
		}
	}
	for _, k := range s.now.All() {
		if k.Tenant != "*" || k.KID == newest {
			all = append(all, k)
		}
	}
	k := s.newKey(wire.Key{KID: fmt.Sprintf("ops-%d", len(s.keys)), Tenant: "*"})
	s.now = s.keySet(append(all, k)...)
	_, err := s.be.SetTrust(s.now, s.keys[len(s.keys)-1])
	return s.done(err, k.KID)
}

// takeBackup keeps the backend's store as it is now, or what was kept before.
func (s *story) takeBackup(*box) string {
	if s.backup != nil && s.r.IntN(2) == 0 {
		return ""
	}
	k := &backup{mem: s.mem.Clone(), coupons: len(s.coupons), revoked: map[*coupon]bool{}, docs: maps.Clone(s.docs), trust: s.now}
	for _, c := range s.coupons {
		k.revoked[c] = c.revoked
	}
	s.backup = k
	return "taken"
}

// restore puts the backend back to it. The operator, who has the keys, sends the newest set
// again if the backup has an older one.
func (s *story) restore(*box) string {
	if s.backup == nil {
		return ""
	}
	s.revokeLast()
	s.stopBackend()
	s.mem = s.backup.mem.Clone()
	for i, c := range s.coupons {
		if i >= s.backup.coupons && c.what != "ticket" {
			c.lost = true
		}
		c.shaky = c.what != "ticket"
		if c.barred && !c.lost && c.shaky && !s.backup.revoked[c] {
			s.unsaid++
		}

		if c.revoked && !c.barred && !s.backup.revoked[c] {
			c.revoked, c.perhaps = false, true
		}
	}
	s.docs = maps.Clone(s.backup.docs)
	s.restored++
	s.serve()
	if s.backup.trust != s.now {
		if _, err := s.be.SetTrust(s.now); err != nil {
			s.errorf("%v", err)
		}
	}
	return fmt.Sprintf("to %d coupons of %d", s.backup.coupons, len(s.coupons))
}

// revokeLast revokes a good code that the backup has as one: what is lost with the store then is
// that, if the bank gets it in time.
func (s *story) revokeLast() {
	if s.be == nil || s.r.IntN(2) == 0 {
		return
	}
	for _, c := range s.coupons[:s.backup.coupons] {
		if c.what == "ticket" || c.must() != "open" || s.backup.revoked[c] {
			continue
		}
		s.note("revoke, as the last thing before the restore, at %s: %s", c.b.name, s.done(s.be.Revoke(context.Background(), c.b.name, c.set, c.id), c.id))
		c.revoked = true
		for end := time.Now().Add(300 * time.Millisecond); !c.barred && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			s.look()
		}
		return
	}
}

func (s *story) turnBackend(*box) string {
	if s.be == nil {
		s.serve()
		return "started"
	}
	s.stopBackend()
	return "stopped"
}
