package backend

import (
	"encoding/json"
	"fmt"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// snapshot is an order to send a whole set. Its content is read after the commit
// that ordered it, in one view of the store, so that it holds up the bank's other
// traffic only while it is read.
type snapshot struct {
	head  wire.Head
	set   string
	nonce string
	chunk int   // 0: all
	to    int64 // of the chunk asked for; another version now means all again
}

// chunks reads the set and packs it. The same version gives the same chunks, so
// that a lost one can be made again.
func (t *txn) chunks(b *bank, o *snapshot) []*wire.Codes {
	s := b.Sets[o.set]
	if s == nil || o.head.Journal != b.Journal {
		return nil
	}
	digest := s.Digest
	var list []*wire.Codes
	begin := func() *wire.Codes {
		m := &wire.Codes{Head: o.head, Set: o.set, Epoch: s.Epoch, To: s.Version, Digest: &digest, Nonce: o.nonce, At: t.now}
		list = append(list, m)
		return m
	}
	m, size := begin(), 0
	t.records(b.Name, o.set, func(r *record) bool {
		if r.State != StateLive || r.Held {
			return true
		}
		n := codeSize(&r.Code)
		if size+n > bodyBytes && len(m.Put) > 0 {
			m, size = begin(), 0
		}
		m.Put = append(m.Put, r.Code)
		size += n
		return true
	})
	for i, c := range list {
		c.Chunk, c.Chunks = i+1, len(list)
	}
	if o.chunk > 0 && o.to == s.Version && o.chunk <= len(list) {
		return list[o.chunk-1 : o.chunk]
	}
	return list
}

func codeSize(c *locker.Code) int {
	b, err := json.Marshal(c)
	if err != nil {
		return bodyBytes
	}
	return len(b) + 1
}

// want answers up/get.
func (t *txn) want(b *bank, g *wire.Get) {
	s := b.Sets[g.Set]
	switch {
	case g.Want != wire.TypCodes:
		b.find(t.now, FoundMalformed, fmt.Sprintf("up/get wants %.40q", g.Want))
		return
	case s == nil || !b.online() || len(g.Nonce) > 128 || !s.credible(position{g.Epoch, max(g.From, g.To)}):
		return
	}
	at := position{g.Epoch, g.From}
	if s.Probe != nil && len(s.Probe.Group) > 0 {
		return // the refusal's event decides about the group; a lost message comes again by itself
	}
	repeated := s.asked.position == at && s.asked.nonce != g.Nonce && t.now < s.asked.at.Add(getRepeat)
	s.asked = question{at, g.Nonce, t.now}
	s.Bank, b.dirty = at, true
	switch {
	case g.Chunk > 0 && g.To == s.Version && g.Epoch <= s.Epoch:
		t.snapshot(b, g.Set, s, g.Nonce, g.Chunk, g.To)
	case at.above(s.want()) || s.untold(at):
		b.find(t.now, FoundRestored, fmt.Sprintf("the bank's set %s is ahead of this store: it gets a new epoch", g.Set))
		t.newEpoch(b, g.Set, s)
		t.syncSet(b, g.Set, s, g.Nonce)
	case repeated: // a delta did not help: what it builds on is not what the bank has
		t.snapshot(b, g.Set, s, g.Nonce, 0, 0)
	default:
		t.syncSet(b, g.Set, s, g.Nonce)
	}
}
