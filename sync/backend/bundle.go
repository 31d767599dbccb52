package backend

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// Bounds of support bundles on their way. They are kept in memory only.
const (
	bundlesMax   = 8                // banks whose bundles are awaited at one time
	bundleEach   = 2                // bundles of one bank: an old one's chunks may still come
	bundleStall  = 20 * time.Second // without a chunk, before the missing are asked for
	bundleLife   = 5 * time.Minute  // of the command
	bundleFutile = 5                // questions for missing chunks that brought none; then it fails
)

// gathered is one bundle as far as it has come.
type gathered struct {
	id            string
	bytes, chunks int
	sum           string
	have          map[int][]byte
}

// awaited are the bundles of one bank that somebody waits for.
type awaited struct{ list []*gathered }

// expect begins to keep the chunks of a bank. The backend's mutex is held.
func (c *core) expect(bank string) error {
	if c.bundles == nil {
		c.bundles = map[string]*awaited{}
	}
	switch {
	case c.bundles[bank] != nil:
		return refusef("cannot ask %s for a support bundle: one is on its way; wait for its end", bank)
	case len(c.bundles) >= bundlesMax:
		return refusef("cannot ask %s for a support bundle: those of %d banks are on their way; wait for the end of one", bank, bundlesMax)
	}
	c.bundles[bank] = &awaited{}
	return nil
}

// bundle takes one chunk, if it is waited for. A bundle that contradicts itself
// begins anew with each contradiction: it costs its bank time, and us nothing.
func (t *txn) bundle(b *bank, m *wire.Bundle) {
	w := t.c.bundles[b.Name]
	piece, why := m.Piece()
	if w == nil || why != "" {
		return
	}
	g := w.of(m)
	g.have[m.Chunk] = piece
}

func (w *awaited) of(m *wire.Bundle) *gathered {
	for i, g := range w.list {
		if g.id == m.ID {
			if g.bytes != m.Bytes || g.sum != m.SHA256 {
				w.list[i] = newGathered(m)
			}
			return w.list[i]
		}
	}
	if len(w.list) == bundleEach {
		w.list = w.list[1:]
	}
	g := newGathered(m)
	w.list = append(w.list, g)
	return g
}

func newGathered(m *wire.Bundle) *gathered {
	return &gathered{id: m.ID, bytes: m.Bytes, chunks: m.Chunks, sum: m.SHA256, have: map[int][]byte{}}
}

// missing is the first chunk that has not come, 0: none is missing.
func (g *gathered) missing() int {
	for n := 1; n <= g.chunks; n++ {
		if g.have[n] == nil {
			return n
		}
	}
	return 0
}

// whole puts the chunks together and checks their digest.
func (g *gathered) whole() ([]byte, error) {
	b := make([]byte, 0, g.bytes)
	for n := 1; n <= g.chunks; n++ {
		b = append(b, g.have[n]...)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != g.sum {
		return nil, errors.New("its digest is another than the bank has told")
	}
	return b, nil
}

// BundleError is a support bundle that did not come. Reply is the bank's, if that is
// why.
type BundleError struct {
	Text  string
	Reply *locker.Reply
}

// Error implements error.
func (e *BundleError) Error() string { return e.Text }

// Bundle orders a support bundle of a bank, encrypted to a recipient, and returns it
// when every chunk has come and the digest is right. Chunks that do not come are
// asked for again, also over connections that end, until ctx does. told is called
// with each chunk that has come; it may be nil.
func (b *Backend) Bundle(ctx context.Context, bankName, to string, told func(have, chunks int)) ([]byte, error) {
	b.mu.Lock()
	err := b.core.expect(bankName)
	b.mu.Unlock()
	if err != nil {
		return nil, err
	}
	defer func() {
		b.mu.Lock()
		delete(b.core.bundles, bankName)
		b.mu.Unlock()
	}()
	r, err := b.Command(ctx, bankName, Order{Type: locker.CmdBundle, Args: locker.CommandArgs{To: to}, Life: bundleLife})
	if err != nil {
		return nil, err
	}
	id, _ := r.Result["bundle"].(string)
	if r.Status != locker.ReplyDone || id == "" {
		return nil, &BundleError{Text: "the bank makes none", Reply: &r}
	}
	return b.gather(ctx, bankName, to, id, told)
}

// gather waits for the chunks of a bundle, and asks for those that do not come.
func (b *Backend) gather(ctx context.Context, bankName, to, id string, told func(have, chunks int)) ([]byte, error) {
	had, futile := 0, 0
	for {
		g, have := b.gathered(bankName, id)
		if g != nil && have > had && told != nil {
			told(have, g.chunks)
		}
		if g != nil && g.missing() == 0 {
			return b.wholeOf(bankName, g)
		}
		if have > had {
			had, futile = have, 0
		}
		came, err := b.moreThan(ctx, bankName, id, have)
		if err != nil {
			return nil, fmt.Errorf("%d chunks of the bundle have come: %w", have, err)
		}
		if came {
			continue
		}
		if futile++; futile > bundleFutile {
			return nil, &BundleError{Text: fmt.Sprintf("%d chunks of the bundle have come, and no more do", have)}
		}
		from := uint64(1)
		if g != nil {
			from = uint64(g.missing()) //nolint:gosec // from 1 on
		}
		r, err := b.Command(ctx, bankName, Order{Type: locker.CmdBundle, Args: locker.CommandArgs{To: to, Bundle: id, From: &from}, Life: bundleLife})
		if err != nil {
			return nil, fmt.Errorf("%d chunks of the bundle have come: %w", have, err)
		}
		if r.Status != locker.ReplyDone && r.Status != Unanswered {
			return nil, &BundleError{Text: fmt.Sprintf("%d chunks of the bundle have come, and the bank does not send the rest", have), Reply: &r}
		}
	}
}

// gathered returns a copy of what has come of a bundle, nil if nothing has.
func (b *Backend) gathered(bankName, id string) (*gathered, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if w := b.core.bundles[bankName]; w != nil {
		for _, g := range w.list {
			if g.id == id {
				seen := *g
				seen.have = maps.Clone(g.have)
				return &seen, len(g.have)
			}
		}
	}
	return nil, 0
}

// moreThan waits until more chunks are there, false: none came in time.
func (b *Backend) moreThan(ctx context.Context, bankName, id string, have int) (bool, error) {
	wctx, cancel := context.WithTimeout(ctx, bundleStall)
	defer cancel()
	err := b.await(wctx, func() bool {
		_, n := b.gathered(bankName, id)
		return n > have
	})
	if err != nil && ctx.Err() == nil {
		return false, nil
	}
	return err == nil, err
}

// wholeOf is the end of a bundle. One with a wrong digest is an answer of its bank: it
// is not asked for again.
func (b *Backend) wholeOf(bankName string, g *gathered) ([]byte, error) {
	whole, err := g.whole()
	if err != nil {
		return nil, &BundleError{Text: fmt.Sprintf("the bundle of %s is damaged: %v", bankName, err)}
	}
	return whole, nil
}
