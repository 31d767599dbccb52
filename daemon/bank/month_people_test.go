package bank

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing/synctest"
	"time"

	"lockerd/daemon/access"
	"lockerd/daemon/locker"
	"lockerd/scanner"
)

// deed is something that somebody does, so often in all.
type deed struct {
	weight int
	name   string
	do     func(*month)
}

// deeds are what a month is made of.
func deeds() []deed {
	return []deed{
		{40, "somebody collects", (*month).collects},
		{8, "somebody comes twice", (*month).comesTwice},
		{8, "three come at once", (*month).threeAtOnce},
		{4, "several share a code", (*month).shares},
		{4, "somebody comes back to silence", (*month).reopensIntoSilence},
		{8, "somebody scans rubbish", (*month).scansRubbish},
		{1, "somebody scans rubbish for long", (*month).scansOn},
		{16, "a code is issued", (*month).issues},
		{3, "a code is revoked", (*month).revokes},
		{16, "a door is loaded", (*month).loads},
		{2, "a door is cleared", (*month).clears},
		{4, "a door is taken out or put in", (*month).serves},
		{5, "an engineer opens a door", (*month).opens},
		{5, "an engineer scans in", (*month).visits},
		{6, "a door jams", (*month).jams},
		{3, "a door opens late", (*month).lates},
		{4, "a door is forced", (*month).forces},
		{1, "a switch flaps", (*month).flaps},
		{5, "a board falls silent", (*month).silences},
		{6, "a board falls silent at a pulse", (*month).mutes},
		{4, "a pulse is not sent", (*month).drops},
		{2, "a bus is unplugged", (*month).unplugs},
		{2, "a scanner is unplugged", (*month).unplugsScanner},
		{4, "the clock is moved", (*month).movesClock},
		{3, "lockerd is restarted", (*month).restarts},
		{6, "the power is cut", (*month).cuts},
		{6, "the power is cut at a commit", (*month).cutsAtCommit},
		{8, "doors are mended", (*month).mends},
	}
}

// arrive has the next deed done and plans the one after it.
func (m *month) arrive() {
	wait := m.upTo(90 * time.Second)
	if m.rng.IntN(2) == 0 {
		wait = m.upTo(6 * time.Hour)
	}
	m.after(wait, "arrive", m.arrive)
	if !m.up {
		return
	}
	all, sum := deeds(), 0
	for _, d := range all {
		sum += d.weight
	}
	n := m.rng.IntN(sum)
	for _, d := range all {
		if n -= d.weight; n < 0 {
			m.note("%s", d.name)
			m.seen[d.name]++
			d.do(m)
			break
		}
	}
	m.looks()
}

// looks has the bank looked at often for a while.
func (m *month) looks() {
	for _, d := range []time.Duration{300 * time.Millisecond, 2 * time.Second, 5 * time.Second, 9 * time.Second, 14 * time.Second, 25 * time.Second} {
		m.after(d, "look", func() {})
	}
}

// look plans the shutting of doors that stand open: most are shut at once, some
// are left ajar, some for hours.
func (m *month) look() {
	for _, d := range m.world.doors {
		if !m.world.isOpen(d) || m.seen["shut "+d.spec.ID.String()] > 0 {
			continue
		}
		m.seen["shut "+d.spec.ID.String()] = 1
		wait := m.between(2*time.Second, 25*time.Second)
		switch m.rng.IntN(10) {
		case 0:
			wait = m.between(25*time.Second, 4*time.Minute)
		case 1:
			wait = m.upTo(5 * time.Hour)
		}
		m.after(wait, "shut "+d.spec.ID.String(), func() { m.shut(d) })
	}
}

func (m *month) shut(d *ironDoor) {
	delete(m.seen, "shut "+d.spec.ID.String())
	m.world.edit(func() { d.open = false })
	m.looks()
}

// scan is answered as the model says: with a door, a visit or one reason.
func (m *month) scan(name, text string, bad bool) {
	if !m.up || m.st.lost() {
		return
	}
	synctest.Wait()
	m.absorb()
	if m.st.lost() || m.err() != nil {
		return
	}
	want := m.model.predict(text, bad, m.clk.Now(), m.clk.Status())
	from := m.model.seq
	m.bank.Expect(text)
	m.bank.Scanned(scanner.Scan{Scanner: name, Text: text, Malformed: bad, At: time.Now()})
	synctest.Wait()
	got := m.answer(name, from)
	who := "somebody"
	if c := m.model.byText(text); c != nil {
		who = c.name
	}
	m.note("%s scans at %s: %s, wanted %v", who, name, got, want)
	m.absorb()
	if m.st.lost() {
		return // whatever it said, it said it to the dark
	}
	if got == "" && slices.Contains(want, "visit") {
		m.model.scanned(m.model.byText(text))
	}
	m.judge(name, got, want)
}

// answer is what the journal says of a scan; "" if it says nothing.
func (m *month) answer(name string, from uint64) string {
	out := ""
	lines, err := m.st.Events(from+1, 1<<20)
	if err != nil {
		m.model.fail("the journal can't be read: %v", err)
	}
	for _, l := range lines {
		e := decode(l)
		switch {
		case e.Type == locker.EvScanRefused && e.Scanner == name && e.N == 0:
			out += string(e.Reason)
		case e.Type == locker.EvCodeAccepted && e.Scanner == name:
			out += "accepted " + e.Door.String()
		}
	}
	return out
}

func (m *month) judge(name, got string, want []string) {
	s := m.model.scanner[name]
	switch {
	case slices.Contains(want, got):
		return
	case got == "" && slices.Contains(want, "visit"):
		return
	case got != "" || len(want) == 1 && len(want[0]) > 8 && want[0][:8] == "accepted":
		m.model.fail("a scan at %s is answered %q, wanted %v", name, got, want)
		return
	}
	if s.waiting == 0 {
		s.since = time.Now()
	}
	s.waiting++
	recent := 0
	for _, at := range s.told {
		if time.Since(at) <= time.Minute+time.Second {
			recent++
		}
	}
	if recent < limitPerMinute {
		m.model.fail("a scan at %s is not answered, wanted %v", name, want)
	}
}

// pick returns something of a list.
func pick[T any](m *month, of []T) T { return of[m.rng.IntN(len(of))] }

func (m *month) someone() *mCode {
	if len(m.model.all) == 0 {
		m.issues()
	}
	if len(m.model.all) == 0 {
		return &mCode{text: "nobody"}
	}
	if late := len(m.model.all) - 12; late > 0 && m.rng.IntN(8) > 0 {
		return pick(m, m.model.all[late:])
	}
	return pick(m, m.model.all)
}

func (m *month) collects() {
	if m.rng.IntN(3) == 0 {
		m.loads()
	}
	c := m.someone()
	if m.rng.IntN(3) > 0 {
		m.issues()
		c = m.model.newest(c)
	}
	m.scan(pick(m, monthScanners()), c.text, false)
	m.again(c)
}

// newest returns the newest code, or c if there is none.
func (m *model) newest(c *mCode) *mCode {
	if len(m.all) == 0 {
		return c
	}
	return m.all[len(m.all)-1]
}

// again has a code scanned again, at any time after.
func (m *month) again(c *mCode) {
	for range m.rng.IntN(3) {
		m.after(m.upTo(4*time.Minute), "again", func() {
			m.scan(pick(m, monthScanners()), c.text, false)
			m.looks()
		})
	}
}

func (m *month) comesTwice() {
	c := m.someone()
	m.scan("front", c.text, false)
	m.scan("back", c.text, false)
	m.again(c)
}

// threeAtOnce come in one moment, each at a scanner.
func (m *month) threeAtOnce() {
	m.loads()
	m.issues()
	for _, n := range monthScanners() {
		m.scan(n, m.someone().text, false)
	}
}

func (m *month) scansRubbish() {
	name := pick(m, monthScanners())
	m.scan(name, "", true)
	m.scan(name, m.digits(26), false)
	m.scan(name, access.WithCheck(m.digits(24)), false)
	m.scan(name, m.digits(120), false)
	m.scan(name, "hello", false)
}

func (m *month) scansOn() {
	for range 60 {
		m.scan("side", access.WithCheck(m.digits(24)), false)
	}
	m.after(70*time.Second, "look", func() {})
}

func (m *month) digits(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = '0' + byte(m.rng.IntN(10))
	}
	return string(b)
}

func (m *month) issues() {
	n := NewCode{Kind: locker.Collect, TTL: m.between(time.Minute, 96*time.Hour)}
	if m.rng.IntN(2) == 0 {
		n.Door = pick(m, m.model.order)
	} else {
		n.SKU, n.Tenant, n.Accessible = pick(m, []string{"laptop", "phone"}), pick(m, []string{"acme", "globex"}), m.rng.IntN(6) == 0
	}
	if m.rng.IntN(4) == 0 {
		uses := m.rng.IntN(4)
		n.Uses = &uses
	}
	m.issue(n)
}

func (m *month) issue(n NewCode) *mCode {
	if !m.up {
		return nil
	}
	from := m.clk.Now()
	c, err := m.bank.NewCode(context.Background(), n, "test")
	if err != nil {
		return m.refusedBy(err)
	}
	synctest.Wait()
	k := &mCode{
		name: fmt.Sprintf("c%d", len(m.model.all)+1), key: locker.CodeKey{Set: locker.SetLocal, ID: c.ID}, text: c.Text, kind: n.Kind,
		door: n.Door, sku: n.SKU, tenant: n.Tenant, wheels: n.Accessible, uses: 1, from: from, to: c.NotAfter,
	}
	if n.Uses != nil {
		k.uses = *n.Uses
	}
	if d := m.model.doors[n.Door]; d != nil && n.Tenant == "" {
		k.tenant = d.spec.Tenant
		if d.item != nil {
			k.tenant = d.item.Tenant
		}
	}
	m.model.codes[k.key] = k
	m.model.all = append(m.model.all, k)
	m.note("%s is issued: %s %s%s %s, %d uses", k.name, k.kind, k.door, k.sku, k.tenant, k.uses)
	return k
}

// refusedBy takes what the control side says no to: only the power going may
// make it fail.
func (m *month) refusedBy(err error) *mCode {
	var e *Error
	if !errors.As(err, &e) || e.Code == "failed" {
		m.model.fail("an order failed: %v", err)
	}
	m.note("refused: %v", err)
	return nil
}

func (m *month) revokes() {
	c := m.someone()
	if c.key.IsZero() {
		return
	}
	if err := m.bank.RevokeCode(context.Background(), c.key.ID, "test"); err != nil {
		m.refusedBy(err)
		return
	}
	c.revoked = true
	m.note("%s is revoked", c.name)
}

func decode(line []byte) locker.Event {
	var e locker.Event
	_ = json.Unmarshal(line, &e) // absorb says what can't be read
	return e
}
