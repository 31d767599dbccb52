package bank

import (
	"cmp"
	"math/big"
	"slices"
	"strings"
	"time"

	"lockerd/daemon/locker"
)

// predict says how a scan must be answered: "accepted 1-03", "visit" or a
// reason. More than one answer stands where contract 5 leaves a choice.
func (m *model) predict(text string, bad bool, now locker.Time, clock locker.Clock) []string {
	c := m.byText(text)
	switch {
	case bad:
		return []string{"malformed"}
	case len(text) >= 100 && strings.Trim(text, "0123456789") == "":
		return []string{"bad_signature"}
	case len(text) == 26 && !checks(text):
		return []string{"misread"}
	case c == nil:
		return []string{"unknown"}
	case c.revoked:
		return []string{"revoked"}
	case c.from > now.Add(time.Minute) && clock == locker.ClockUnset:
		return []string{"clock_untrusted"}
	case c.from > now.Add(time.Minute):
		return []string{"not_yet"}
	}
	if d := m.doubtful(c); d != nil {
		out := m.at(d)
		if d.doubt.shaky {
			out = append(out, m.fresh(c, now)...)
		}
		return out
	}
	return m.fresh(c, now)
}

// checks tells whether a number of 26 digits is 1 modulo 97, as ISO 7064 wants.
func checks(text string) bool {
	n, ok := new(big.Int).SetString(text, 10)
	return ok && n.Mod(n, big.NewInt(97)).Int64() == 1
}

func (m *model) fresh(c *mCode, now locker.Time) []string {
	switch {
	case now > c.to:
		return []string{"expired"}
	case !m.spent(c) && c.kind == locker.Service:
		return []string{"visit"}
	case !m.spent(c):
		return m.choose(c, now)
	}
	d, sure := m.reopens(c, now)
	switch {
	case d == nil && m.pending(c):
		return []string{"used", "board_silent"}
	case d == nil:
		return []string{"used"}
	case !sure:
		return append(m.at(d), "used")
	}
	return m.at(d)
}

func (m *model) byText(text string) *mCode {
	for _, c := range m.all {
		if c.text == text {
			return c
		}
	}
	return nil
}

// doubtful returns the door that a code may open again.
func (m *model) doubtful(c *mCode) *mDoor {
	for _, id := range m.order {
		if d := m.doors[id]; d.opening == nil && d.doubt != nil && d.doubt.code == c.key {
			return d
		}
	}
	return nil
}

// reopens returns the door that a spent code may open once more, and whether
// that is sure: a clock that was moved meanwhile makes the window a matter of
// which clock one asks.
func (m *model) reopens(c *mCode, now locker.Time) (d *mDoor, sure bool) {
	for _, id := range m.order {
		d := m.doors[id]
		if c.kind != locker.Collect || d.lastCode != c.key || c.newest != id || d.lastShut.IsZero() {
			continue
		}
		byBank := now >= d.lastShut && now.Sub(d.lastShut) <= testTimes.ReopenWindow
		byMono := time.Since(d.lastShutAt) <= testTimes.ReopenWindow
		if byBank || byMono {
			return d, byBank == byMono
		}
	}
	return nil, true
}

// at answers for one door.
func (m *model) at(d *mDoor) []string {
	switch {
	case len(d.out) > 0, m.isOpen(d):
		return []string{"door_out_of_service"}
	case m.silent(d) && d.stood:
		return []string{"board_silent", "door_out_of_service"} // open when last seen
	case m.silent(d):
		return []string{"board_silent"}
	}
	return []string{"accepted " + d.spec.ID.String()}
}

func (m *model) choose(c *mCode, now locker.Time) []string {
	if !c.door.IsZero() {
		return m.byName(c)
	}
	var fit []*mDoor
	silent, stood := false, false
	for _, id := range m.order {
		d := m.doors[id]
		if !m.fits(d, c, now) {
			continue
		}
		if m.silent(d) {
			silent, stood = true, stood || d.stood
			continue
		}
		fit = append(fit, d)
	}
	switch {
	case len(fit) == 0 && stood:
		return []string{"board_silent", "no_stock"}
	case len(fit) == 0 && silent:
		return []string{"board_silent"}
	case len(fit) == 0:
		return []string{"no_stock"}
	}
	best := slices.MinFunc(fit, func(a, b *mDoor) int {
		return cmp.Or(cmp.Compare(a.spec.Size, b.spec.Size), wheelsLast(a, b, c.wheels), cmp.Compare(a.since, b.since))
	})
	return []string{"accepted " + best.spec.ID.String()}
}

func wheelsLast(a, b *mDoor, asked bool) int {
	switch {
	case asked || a.spec.Accessible == b.spec.Accessible:
		return 0
	case a.spec.Accessible:
		return 1
	}
	return -1
}

// exists tells whether there is such a door for a tenant.
func (d *mDoor) exists(tenant string) bool {
	return (d.spec.Tenant == "" || d.spec.Tenant == tenant) && (d.item == nil || d.item.Tenant == tenant)
}

func (m *model) byName(c *mCode) []string {
	d := m.doors[c.door]
	switch {
	case !d.exists(c.tenant):
		return []string{"no_stock"}
	case len(d.out) > 0, m.isOpen(d):
		return []string{"door_out_of_service"}
	case d.item != nil && d.item.Condition != locker.Ready && d.stood:
		return append(m.at(d), "no_stock")
	case d.item != nil && d.item.Condition != locker.Ready:
		return []string{"no_stock"}
	}
	return m.at(d)
}

func (m *model) fits(d *mDoor, c *mCode, now locker.Time) bool {
	return d.item != nil && d.item.Condition == locker.Ready && d.item.SKU == c.sku && d.item.Tenant == c.tenant &&
		d.exists(c.tenant) && len(d.out) == 0 && !m.isOpen(d) && !m.named(d.spec.ID, now, d.item.Tenant) && (d.spec.Accessible || !c.wheels)
}
