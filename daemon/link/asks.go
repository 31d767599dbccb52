package link

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"log/slog"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// ask is what the bank wants of the backend for one set.
type ask struct {
	nonce string // of the last get
	last  time.Time
	wait  time.Duration // until the next one
	due   bool
	bad   int // digests in a row that did not fit
}

// want has a set asked for as soon as may be. doubt tells that the bank's own
// records may be other than the backend's: the second time in a row it asks as
// one that has nothing, for a delta would end the same way.
func (l *Link) want(set string, doubt bool) {
	a := l.asks[set]
	if a == nil {
		a = &ask{}
		l.asks[set] = a
	}
	a.due = true
	if doubt {
		a.bad++
	}
	l.get(set, a, time.Now())
}

// satisfied notes that a set is as the backend has it. What it was asked for has come:
// the same answer, delivered once more, is none.
func (l *Link) satisfied(set string) {
	if a := l.asks[set]; a != nil {
		a.nonce, a.due, a.wait, a.bad = "", false, 0, 0
	}
}

// get asks if it is time.
func (l *Link) get(set string, a *ask, now time.Time) {
	if !a.due || !l.isConnected() || now.Sub(a.last) < a.wait {
		return
	}
	g := wire.Get{Set: set}
	if info := l.store.Set(set); a.bad < 2 {
		g.Epoch, g.From = info.Epoch, info.Version
	}
	l.send(a, g, now)
}

// send sends a get with a nonce of its own.
func (l *Link) send(a *ask, g wire.Get, now time.Time) {
	nonce, err := newNonce()
	if err != nil {
		l.log.Error("cannot ask for codes", slog.Any("error", err))
		return
	}
	g.V, g.Bank, g.Want, g.Nonce = wire.Version, l.c.Bank, wire.TypCodes, nonce
	a.nonce, a.last, a.due = nonce, now, false
	a.wait = min(max(2*a.wait, askMin), askMax)
	l.say(wire.TopicGet, g)
}

func newNonce() (string, error) {
	var raw [16]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(raw[:]), nil
}

// tick asks for what is due: what was put off, lost chunks, and sets whose
// confirmation is a quarter of cache_max_age old (contract 6.5).
func (l *Link) tick(ctx context.Context, now time.Time) {
	if !l.isConnected() {
		return
	}
	age, err := l.b.MaxAge(ctx)
	if err != nil {
		return
	}
	l.down.Lock()
	defer l.down.Unlock()
	for set, a := range l.asks {
		l.get(set, a, now)
	}
	l.askLost(now)
	if age > 0 {
		l.askOld(age/4, now)
	}
}

func (l *Link) askOld(age time.Duration, now time.Time) {
	bankTime := l.clock.Read().Now
	for set, info := range l.store.Sets() {
		if set == locker.SetLocal || info.Epoch == 0 || bankTime.Sub(info.Confirmed) < age {
			continue
		}
		if a := l.asks[set]; a == nil || now.Sub(a.last) >= age {
			l.want(set, false)
		}
	}
}
