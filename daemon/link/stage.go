package link

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
	"lockerd/store"
	"lockerd/sync/wire"
)

// staging is a snapshot that is not whole yet.
type staging struct {
	set       string
	epoch, to int64
	digest    locker.Digest // announced
	chunks    int
	got       []bool // by chunk, from 1
	left      int
	answers   bool        // a chunk of it came for our nonce
	at        locker.Time // the latest that a chunk tells of its signature
	load      *store.Load
	seed      maphash.Seed
	ids       []uint64 // hashes of all ids
	claims    []bank.Claim
	thin      int       // claims at which those that have ended go
	moved     time.Time // the last new chunk, or request for one
	asked     int
}

// chunk takes one chunk of a snapshot (contract 6.5). It tells whether the chunk
// was any good.
func (l *Link) chunk(ctx context.Context, m *wire.Codes) (bool, error) {
	answers := l.answers(m)
	if why, r := l.judge(m, answers, time.Now()); r != "" {
		l.refuse(ctx, &wire.Refusal{Reason: r, Topic: wire.TypCodes, Set: m.Set, Why: why})
		if r == wire.Quota {
			l.want(m.Set, false)
		}
		return false, nil
	}
	s, err := l.stagingFor(m)
	if err != nil {
		return false, err
	}
	s.answers, s.at = s.answers || answers, max(s.at, m.At)
	if s.got[m.Chunk] {
		return true, nil // delivered twice
	}
	refused, err := l.take(ctx, s, m)
	if err != nil || refused != nil {
		l.discard(m.Set)
		if refused != nil {
			l.refuse(ctx, refused)
		}
		return false, err
	}
	if s.left > 0 {
		return true, nil
	}
	defer l.discard(m.Set)
	return l.finish(ctx, s)
}

func (l *Link) answers(m *wire.Codes) bool {
	a := l.asks[m.Set]
	return a != nil && m.Nonce != "" && m.Nonce == a.nonce
}

// judge tells why a chunk is of no use.
func (l *Link) judge(m *wire.Codes, answers bool, now time.Time) (why, reason string) {
	s := l.staged[m.Set]
	of := bank.Snapshot{Set: m.Set, Epoch: m.Epoch, To: m.To, Answers: answers || s != nil && s.is(m) && s.answers}
	switch is := l.store.Set(m.Set); {
	case m.Epoch <= 0:
		return "epoch: must be above 0", wire.Malformed
	case of.Older(is):
		return fmt.Sprintf("epoch %d, version %d is here", is.Epoch, is.Version), wire.Stale
	case s != nil && (m.Epoch < s.epoch || m.Epoch == s.epoch && m.To < s.to):
		return fmt.Sprintf("version %d is being loaded", s.to), wire.Stale
	case (s == nil || !s.is(m)) && l.pace.over(m.Set, now):
		return whyPace, wire.Quota
	}
	return "", ""
}

// is tells whether a chunk belongs to what is staged.
func (s *staging) is(m *wire.Codes) bool {
	return m.Epoch == s.epoch && m.To == s.to && m.Chunks == s.chunks && *m.Digest == s.digest
}

// stagingFor returns what the chunk belongs to; a newer snapshot begins anew.
func (l *Link) stagingFor(m *wire.Codes) (*staging, error) {
	if s := l.staged[m.Set]; s != nil {
		if s.is(m) {
			return s, nil
		}
		l.discard(m.Set)
	}
	if len(l.staged) >= maxStaged {
		l.giveWay()
	}
	load, err := l.store.LoadSnapshot(m.Set)
	if err != nil {
		return nil, err
	}
	s := &staging{
		set: m.Set, epoch: m.Epoch, to: m.To, digest: *m.Digest, chunks: m.Chunks, got: make([]bool, m.Chunks+1), left: m.Chunks,
		load: load, seed: maphash.MakeSeed(), moved: time.Now(),
	}
	l.staged[m.Set] = s
	l.pace.changed(m.Set, s.moved)
	return s, nil
}

// giveWay drops the staging that has waited longest. It is asked for later.
func (l *Link) giveWay() {
	var oldest *staging
	for _, s := range l.staged {
		if oldest == nil || s.moved.Before(oldest.moved) {
			oldest = s
		}
	}
	l.discard(oldest.set)
	l.want(oldest.set, false)
}

func (l *Link) discard(set string) {
	if s := l.staged[set]; s != nil {
		delete(l.staged, set)
		s.load.Discard()
	}
}

// take stages the records of a chunk.
func (l *Link) take(ctx context.Context, s *staging, m *wire.Codes) (*wire.Refusal, error) {
	refuse := func(reason, id, why string) (*wire.Refusal, error) {
		r := &wire.Refusal{Reason: reason, Topic: wire.TypCodes, Set: s.set, ID: id, Why: why}
		if id != "" {
			r.Op = "put"
		}
		return r, nil
	}
	most, err := l.b.Most(ctx, s.set)
	if err != nil {
		return nil, err
	}
	if n := s.load.Info().Count + len(m.Put); n > most {
		return refuse(wire.Quota, "", fmt.Sprintf("the set would hold %d records or more, %d are allowed", n, most))
	}
	switch over, err := l.thin(ctx, s, len(m.Put)); {
	case err != nil:
		return nil, err
	case !over.IsZero():
		return refuse(wire.Quota, "", fmt.Sprintf("more live codes would name door %s than may", over))
	}
	tags := make([]locker.Tag, len(m.Put))
	for i := range m.Put {
		c := &m.Put[i]
		tags[i] = c.Tag
		s.ids = append(s.ids, maphash.String(s.seed, c.ID))
		if claim, ok := bank.ClaimOf(s.set, c); ok {
			s.claims = append(s.claims, claim)
		}
	}
	other, taken, err := l.store.Elsewhere(s.set, tags)
	if err != nil {
		return nil, err
	}
	if taken {
		i := slices.Index(tags, other.Code.Tag)
		return refuse(wire.Malformed, m.Put[i].ID, "another live code has its tag")
	}
	switch err := s.load.Add(m.Put); {
	case errors.Is(err, store.ErrRoom):
		return refuse(wire.Quota, "", whyRoom)
	case err != nil:
		return nil, err
	}
	s.got[m.Chunk], s.left = true, s.left-1
	s.moved, s.asked = time.Now(), 0
	return nil, nil
}

// thin bounds the memory that claims take: a snapshot may bring as many codes that name
// doors as it likes, few of which can live.
func (l *Link) thin(ctx context.Context, s *staging, more int) (over locker.DoorID, err error) {
	if len(s.claims)+more <= max(s.thin, claimsKept) {
		return over, nil
	}
	s.claims, over, err = l.b.LiveClaims(ctx, s.claims)
	s.thin = 2 * len(s.claims)
	return over, err
}

// finish has a whole snapshot switched.
func (l *Link) finish(ctx context.Context, s *staging) (bool, error) {
	raw := s.load.Info().Digest
	info, err := s.load.Seal()
	why := ""
	switch {
	case errors.Is(err, store.ErrTwice):
		why = "two records have the same tag"
	case err != nil:
		return false, err
	case s.twice():
		why = "two records have the same id"
	case s.digest != info.Digest && s.digest != raw: // a backend may not know what was revoked here
		why = whyDigest
	}
	if why != "" {
		l.refuse(ctx, &wire.Refusal{Reason: wire.Malformed, Topic: wire.TypCodes, Set: s.set, Why: why})
		l.want(s.set, true)
		return false, nil
	}
	if err := s.load.Freshen(); err != nil {
		return false, err
	}
	v, err := l.b.Switch(ctx, &bank.Snapshot{
		Set: s.set, Epoch: s.epoch, To: s.to, Answers: s.answers, At: s.at, Records: s.load.Size(), Claims: s.claims, Load: s.load,
	})
	if err != nil {
		return false, err
	}
	l.follow(s.set, v)
	return v.Refused == nil, nil
}

// twice tells whether an id stands twice among all chunks.
func (s *staging) twice() bool {
	slices.Sort(s.ids)
	for i := 1; i < len(s.ids); i++ {
		if s.ids[i] == s.ids[i-1] {
			return true
		}
	}
	return false
}

// askLost asks for the first missing chunk of what has not moved on.
func (l *Link) askLost(now time.Time) {
	for set, s := range l.staged {
		if now.Sub(s.moved) < lostAfter {
			continue
		}
		if s.asked++; s.asked > lostTries {
			l.discard(set)
			l.want(set, false)
			continue
		}
		a := l.asks[set]
		if a == nil {
			a = &ask{}
			l.asks[set] = a
		}
		info := l.store.Set(set)
		s.moved = now
		l.send(a, wire.Get{Set: set, Epoch: s.epoch, From: info.Version, Chunk: slices.Index(s.got[1:], false) + 1, To: s.to}, now)
	}
}
