package link

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
	"lockerd/sync/uplink"
	"lockerd/sync/wire"
)

// Receive implements uplink.Bank.
func (l *Link) Receive(ctx context.Context, in uplink.Inbound) {
	l.down.Lock()
	defer l.down.Unlock()
	keys, _ := l.c.Trust.Keys()
	m, key, refused := keys.Open(wire.Expect{Bank: l.c.Bank, Journal: l.journal}, in.Topic, in.Payload, in.Retained)
	if refused != nil {
		l.refuse(ctx, refused)
		return
	}
	var err error
	switch m := m.(type) {
	case *wire.Ack:
		err = l.ack(ctx, m)
	case *wire.Codes:
		err = l.codes(ctx, m, key)
	case *wire.Desired:
		err = l.desired(ctx, m)
	case *wire.Command:
		err = l.command(ctx, m)
	case *wire.Trust:
		err = l.trust(ctx, m)
	}
	if err != nil && ctx.Err() == nil && !stopping(err) {
		l.log.Error("cannot handle a message", slog.String("topic", in.Topic), slog.Any("error", err))
	}
}

// stopping tells that the bank had ended before the session: what came in between, as
// what follows a restart, is said again to its next start.
func stopping(err error) bool {
	var e *bank.Error
	return errors.As(err, &e) && e.Code == "unavailable"
}

// toSession is an error of the bank as the session is told it.
func toSession(err error) error {
	if stopping(err) {
		return fmt.Errorf("%w: %w", uplink.ErrStopped, err)
	}
	return err
}

func (l *Link) refuse(ctx context.Context, r *wire.Refusal) {
	err := l.b.Refuse(ctx, bank.Refusal{
		Topic: r.Topic, Reason: locker.Reason(r.Reason), Set: r.Set, Op: r.Op, ID: r.ID, Why: r.Why,
	})
	if err != nil && ctx.Err() == nil {
		l.log.Warn("cannot journal that a message was refused", slog.String("reason", r.Reason), slog.Any("error", err))
	}
}

// ack hands on how far the backend has the events. Its time raises the clock
// floor: only an operator's key may sign an ack. What is below the bank's last one
// is still the outbox's to judge: after a resync it is how a restored backend says
// that it has the next.
func (l *Link) ack(ctx context.Context, m *wire.Ack) error {
	v, err := l.b.Acknowledged(ctx, m.UpTo, m.At)
	if err != nil || v.Refused != nil {
		return err
	}
	if !v.Ignored {
		l.signed(m.At, m.At)
	}
	l.box.Acked(m.UpTo)
	return nil
}

// signed takes note of a time that a * key has signed: it vouches for the clock in this
// connection and raises its floor. One that lies well behind the floor vouches for
// nothing: it was heard before, or kept back, and an order to open that is kept back
// as well would be in time by it.
func (l *Link) signed(at, floor locker.Time) {
	if at >= l.clock.Read().Floor.Add(-oldSigned) {
		l.clock.Signed(floor)
	}
}

func (l *Link) desired(ctx context.Context, m *wire.Desired) error {
	if m.Bad != "" {
		return l.b.RejectDesired(ctx, m.Version, m.Bad)
	}
	_, err := l.b.ApplyDesired(ctx, m.Version, m.Doc)
	return err
}

// command hands on an order. That it was accepted vouches for the clock in this
// connection (contract 8); its iat raises no floor.
func (l *Link) command(ctx context.Context, m *wire.Command) error {
	if m.Bad != "" {
		return l.b.RejectCommand(ctx, m.ID, m.Asked, m.Counter)
	}
	if _, err := l.b.Execute(ctx, m.Command); err != nil {
		return err
	}
	born, err := l.b.Born(ctx)
	if err == nil && born.Counter == m.Counter {
		l.signed(m.IAT, 0)
	}
	return err
}

// trust puts a key set in the place of the one in force: on disk, then in use.
func (l *Link) trust(ctx context.Context, m *wire.Trust) error {
	if _, version := l.c.Trust.Keys(); m.Version <= version {
		l.refuse(ctx, &wire.Refusal{Reason: wire.Stale, Topic: wire.TypTrust, Why: "a later key set is here"})
		return nil
	}
	stored, err := json.Marshal(storedTrust{Version: m.Version, JWKS: m.JWKS})
	if err != nil {
		return err
	}
	if err := l.b.StoreTrust(ctx, m.Version, stored); err != nil {
		return err
	}
	l.c.Trust.put(m.Keys, m.Version)
	return nil
}

// codes hands on a delta, or takes a chunk of a snapshot.
func (l *Link) codes(ctx context.Context, m *wire.Codes, key wire.Key) error {
	if _, known := l.store.Sets()[m.Set]; !known && l.tooMany(m.Set) {
		l.refuse(ctx, &wire.Refusal{Reason: wire.Quota, Topic: wire.TypCodes, Set: m.Set, Why: "the bank has as many sets as it may"})
		return nil
	}
	var good bool
	var err error
	if m.IsSnapshot() {
		good, err = l.chunk(ctx, m)
	} else {
		good, err = l.delta(ctx, m)
	}
	if good && key.Tenant == wire.Operator && !m.At.IsZero() {
		l.signed(m.At, m.At)
	}
	return err
}

// tooMany tells whether a set more would be beyond the bound.
func (l *Link) tooMany(set string) bool {
	n := len(l.store.Sets())
	for name := range l.asks {
		if _, known := l.store.Sets()[name]; !known && name != set {
			n++
		}
	}
	return n >= maxSets
}

// Whys of codes that are more than may be.
const (
	whyRoom = "the board has no room for more codes: drop some, or give it a larger disk"
	whyPace = "the set changes too often: put more into one delta; what is missing is asked for"
)

func (l *Link) delta(ctx context.Context, m *wire.Codes) (good bool, err error) {
	before, now := l.store.Set(m.Set), time.Now()
	why, err := l.tooMuch(m, before, now)
	if err != nil {
		return false, err
	}
	if why != "" {
		l.refuse(ctx, &wire.Refusal{Reason: wire.Quota, Topic: wire.TypCodes, Set: m.Set, Why: why})
		if why == whyPace {
			l.want(m.Set, false)
		}
		return false, nil
	}
	d := &bank.Delta{Set: m.Set, Epoch: m.Epoch, From: *m.From, To: m.To, Digest: m.Digest, At: m.At}
	for _, op := range m.Ops {
		d.Ops = append(d.Ops, locker.CodeChange{Set: m.Set, Put: op.Put, Revoke: op.Revoke, Drop: op.Drop})
	}
	v, err := l.b.ApplyDelta(ctx, d)
	if err != nil {
		return false, err
	}
	if l.store.Set(m.Set).Version != before.Version {
		l.pace.changed(m.Set, now)
	}
	l.follow(m.Set, v)
	return v.Refused == nil && !v.Ask, nil
}

// tooMuch tells why a delta that would be applied is more than may be.
func (l *Link) tooMuch(m *wire.Codes, is locker.SetInfo, now time.Time) (why string, err error) {
	if m.Epoch != is.Epoch || *m.From != is.Version || m.To == is.Version {
		return "", nil
	}
	if l.pace.over(m.Set, now) {
		return whyPace, nil
	}
	least := roomFor(m)
	if least == math.MinInt64 {
		return "", nil
	}
	left, err := l.store.Room()
	if left < least {
		why = whyRoom
	}
	return why, err
}

// roomFor is how much room there must be for a delta: for records what they may take,
// for a tenant's revocations less. Those of the operator always have room.
func roomFor(m *wire.Codes) int64 {
	least := int64(math.MinInt64)
	for _, op := range m.Ops {
		if op.Put != nil {
			return deltaRoom
		}
		if op.Revoke != "" && m.Set != locker.SetOperator {
			least = deltaRoom - revokeRoom
		}
	}
	return least
}

// follow does what the bank's verdict on a set asks for.
func (l *Link) follow(set string, v bank.Verdict) {
	switch {
	case v.Ask:
		l.want(set, v.Whole || v.Refused != nil && v.Refused.Why == whyDigest)
	case v.Refused == nil:
		l.satisfied(set)
	}
}

// whyDigest is the why of contract 6.1 for a wrong digest.
const whyDigest = "digest"
