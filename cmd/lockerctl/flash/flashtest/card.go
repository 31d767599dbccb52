package flashtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"lockerd/cmd/lockerctl/flash/disk"
)

// Card is a card in memory, with faults. Its zero faults are none.
type Card struct {
	Claims int64 // bytes it says it has; 0: what it has
	Is     disk.Number
	Fail   func(op string, off, n int64) error
	Read   func(off int64, p []byte) // may change what is read
	Drops  func(off int64) bool      // a write there is lost

	Ops   int // writes, zeroings and syncs done
	bytes []byte
	sure  []byte // what a loss of power leaves in any case
	open  []change
}

type change struct {
	off int64
	b   []byte
}

// NewCard makes a card that holds b.
func NewCard(b []byte) *Card { return &Card{bytes: slices.Clone(b), sure: slices.Clone(b)} }

// Used returns what a used card may hold: a table, and noise.
func Used(size int) []byte {
	b := make([]byte, size)
	Noise(b)
	copy(b, make([]byte, sector)) // no table but this
	gpt(b, [][2]int64{{1 << 20, int64(size) - 2<<20}})
	return b
}

// Bytes are what the card holds.
func (c *Card) Bytes() []byte { return c.bytes }

// Size implements card.Device.
func (c *Card) Size() int64 {
	if c.Claims > 0 {
		return c.Claims
	}
	return int64(len(c.bytes))
}

// WriteAt implements card.Device.
func (c *Card) WriteAt(p []byte, off int64) (int, error) {
	if err := c.op("write", off, int64(len(p))); err != nil {
		return 0, err
	}
	c.put(p, off)
	return len(p), nil
}

// Zero implements card.Device.
func (c *Card) Zero(off, n int64) error {
	if err := c.op("zero", off, n); err != nil {
		return err
	}
	c.put(make([]byte, n), off)
	return nil
}

// Sync implements card.Device.
func (c *Card) Sync() error {
	if err := c.op("sync", 0, 0); err != nil {
		return err
	}
	for _, ch := range c.open {
		c.copyTo(c.sure, ch.b, ch.off)
	}
	c.open = nil
	return nil
}

// ReadAt implements card.Device.
func (c *Card) ReadAt(p []byte, off int64) (int, error) {
	if c.Fail != nil {
		if err := c.Fail("read", off, int64(len(p))); err != nil {
			return 0, err
		}
	}
	if off < 0 || off+int64(len(p)) > c.Size() {
		return 0, errors.New("beyond the end")
	}
	for done := 0; done < len(p); {
		done += copy(p[done:], c.bytes[(off+int64(done))%int64(len(c.bytes)):])
	}
	if c.Read != nil {
		c.Read(off, p)
	}
	return len(p), nil
}

// Number returns what the card Is.
func (c *Card) Number() (disk.Number, error) { return c.Is, nil }

// Reread does nothing.
func (c *Card) Reread() error { return nil }

// Close does nothing.
func (c *Card) Close() error { return nil }

func (c *Card) op(name string, off, n int64) error {
	if off%sector != 0 || n%sector != 0 || off < 0 || off+n > c.Size() {
		return fmt.Errorf("%s of %d at %d: no whole sectors", name, n, off)
	}
	if c.Fail != nil {
		if err := c.Fail(name, off, n); err != nil {
			return err
		}
	}
	c.Ops++
	return nil
}

func (c *Card) put(p []byte, off int64) {
	if c.Drops != nil && c.Drops(off) {
		return
	}
	c.open = append(c.open, change{off, slices.Clone(p)})
	c.copyTo(c.bytes, p, off)
}

// copyTo wraps around where the card claims more than it has.
func (c *Card) copyTo(b, p []byte, off int64) {
	for len(p) > 0 {
		at := off % int64(len(b))
		n := copy(b[at:], p)
		p, off = p[n:], off+int64(n)
	}
}

// Cut returns what a loss of power may leave now: all that was synced, and of the rest
// some sectors.
func (c *Card) Cut(r *rand.Rand) []byte {
	b := slices.Clone(c.sure)
	keep := r.Uint32() % 5 // of 4: none to all
	for _, ch := range c.open {
		for at := 0; at < len(ch.b); at += sector {
			if r.Uint32()%4 < keep {
				c.copyTo(b, ch.b[at:at+sector], ch.off+int64(at))
			}
		}
	}
	return b
}

// Boots tells whether firmware could take a card for one with something to boot: a table
// or a boot sector in its first sector. Without that none looks for a GPT.
func Boots(b []byte) bool { return b[510] == 0x55 && b[511] == 0xaa }
