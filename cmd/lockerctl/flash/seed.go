package flash

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"lockerd/cmd/lockerctl/flash/card"
	"lockerd/cmd/lockerctl/flash/fault"
	"lockerd/cmd/lockerctl/flash/volume"
	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/seed"
)

// seeded is a seed without its secrets.
type seeded struct {
	Bank    string `json:"bank"`
	Site    string `json:"site"`
	Expires string `json:"expires"`
}

// seedFile is a seed as it will lie on the card.
type seedFile struct {
	told  seeded
	bytes []byte
}

// plausible is before any token's end: a clock that shows less has never been set.
var plausible = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// readSeed reads the file that --seed names.
func (c *call) readSeed(ctx context.Context) (*seedFile, error) {
	if c.noSeed {
		return nil, nil //nolint:nilnil // without a seed
	}
	b, err := ui.Await(ctx, c.seedBytes)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fault.New("name the seed's file, or --no-seed", "cannot read the seed: %v", err)
	}
	s, err := seed.Parse(b)
	if errors.Is(err, seed.ErrEmpty) {
		return nil, fault.New("lockerctl help flash shows one", "cannot use the seed: %s says nothing", c.seed)
	}
	if err != nil {
		return nil, fault.New("mend that in "+c.seed, "cannot use the seed: %v", err)
	}
	if now := c.now(); now.After(plausible) && !s.Expires.After(now) {
		return nil, fault.New("let the operator make a new token: lockerctl enrol token", "cannot use the seed: its token has expired at %s", s.Expires.Format(time.RFC3339))
	}
	f := &seedFile{told: seeded{Bank: s.Bank, Site: s.Site, Expires: s.Expires.Format(time.RFC3339)}}
	if f.bytes, err = seed.Encode(s); err != nil {
		return nil, fault.New("mend that in "+c.seed, "cannot use the seed: %v", err)
	}
	return f, nil
}

func (c *call) seedBytes() ([]byte, error) {
	if c.seed == "-" {
		return io.ReadAll(io.LimitReader(c.stdin, seed.Size+1))
	}
	f, err := os.Open(c.seed)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	return io.ReadAll(io.LimitReader(f, seed.Size+1))
}

// place finds where the seed belongs on a card, or in its image.
func (w *work) place(r io.ReaderAt) ([]card.Extent, error) {
	const cure = "take an image made for lockerd (make image-pi), or flash this one with --no-seed"
	f, err := volume.Find(r, w.plan.Size, seed.Name)
	if err != nil {
		return nil, fault.New(cure, "cannot place the seed: %v", err)
	}
	if f == nil {
		return nil, fault.New(cure, "cannot place the seed: the image has no file %s in the root of a FAT partition", seed.Name)
	}
	if f.Size != seed.Size {
		return nil, fault.New(cure, "cannot place the seed: %s in the image has %d bytes, not %d", seed.Name, f.Size, seed.Size)
	}
	place := make([]card.Extent, len(f.Extents))
	for i, e := range f.Extents {
		place[i] = card.Extent(e)
	}
	return place, nil
}
