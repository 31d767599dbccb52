package identity

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"lockerd/daemon/locker"
	"lockerd/daemon/seed"
	"lockerd/sync/enrol"
)

// Pace is how often is looked and asked.
type Pace struct {
	Look     time.Duration // between two looks for a seed and at the clock
	RetryMin time.Duration // after the first failure; doubles, with full jitter
	RetryMax time.Duration
	Refused  time.Duration // after a refusal, unless another seed comes
	Unset    time.Duration // between two questions while the time is not known
}

// DefaultPace is that of a bank.
func DefaultPace() Pace {
	return Pace{Look: 3 * time.Second, RetryMin: time.Second, RetryMax: 5 * time.Minute, Refused: time.Hour, Unset: 24 * time.Hour}
}

// Manager enrols a bank, erases the seed, and renews the certificate.
type Manager struct {
	ID      *Identity
	Pace    Pace
	Changed func() // a new certificate is in force
	Log     *slog.Logger

	start    time.Time // monotonic
	enrols   schedule
	renewals schedule
	seen     string            // hash of the token that was shown last
	told     map[string]string // what was logged last of each kind
	last     *tls.Certificate  // that Changed was called for, or that was there
}

// schedule is when something may be tried again.
type schedule struct {
	next  time.Duration // since start
	tries int
}

// Run works until ctx ends.
func (m *Manager) Run(ctx context.Context) {
	m.start, m.told = time.Now(), map[string]string{}
	_, m.last = m.ID.present()
	for ctx.Err() == nil {
		m.step(ctx)
		t := time.NewTimer(m.rest())
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
		}
	}
}

// rest is how long nothing is looked at: less than Look where something is due before.
func (m *Manager) rest() time.Duration {
	due := m.Pace.Look
	if again := m.enrols.next - m.since(); m.enrols.tries > 0 && again > 0 {
		due = min(due, again)
	}
	if _, cert := m.ID.present(); cert != nil {
		now, status := m.ID.o.Clock()
		renewal := enrol.RenewAt(cert.Leaf).Sub(now)
		if status == locker.ClockUnset || renewal <= 0 {
			renewal = m.renewals.next - m.since()
		}
		due = min(due, renewal)
	}
	return max(due, least)
}

// least is the shortest rest, whatever is due.
const least = 100 * time.Millisecond

// step does what is due.
func (m *Manager) step(ctx context.Context) {
	m.ID.refresh()
	m.sow(ctx)
	m.renew(ctx)
	m.tell("the identity is not whole", m.ID.settle())
	if _, cert := m.ID.present(); cert != m.last {
		m.last = cert
		clear(m.told)
		m.explain("")
		s := m.ID.Status()
		m.Log.Info("the bank has a new certificate", slog.String("serial", s.Serial), slog.String("until", s.Until.String()))
		if m.Changed != nil {
			m.Changed()
		}
	}
}

// sow enrols by a seed, and erases it once it has been used.
func (m *Manager) sow(ctx context.Context) {
	const unread = "the seed can't be used"
	s, err := m.ID.seed.read()
	rec, _ := m.ID.present()
	switch {
	case rec != nil && rec.Sown && (s == nil || enrol.TokenHash(string(s.Enrol.Token)) == rec.Token):
		m.erase() // a cut has come between
	case err != nil:
		m.tell(unread, err)
		m.explain(err.Error())
	case s != nil && m.show(ctx, s):
		m.erase()
	}
}

func (m *Manager) erase() {
	m.tell("the seed stays on the card; its token is worthless by now", m.ID.used())
}

// show enrols by a seed, and tells whether the identity is the one of that seed.
func (m *Manager) show(ctx context.Context, s *seed.Seed) bool {
	hash := enrol.TokenHash(string(s.Enrol.Token))
	if rec, _ := m.ID.present(); rec != nil && rec.Token == hash {
		return true // somebody has put the same seed there once more
	}
	if hash != m.seen { // a new card is not made to wait for what an old one did
		m.seen, m.enrols = hash, schedule{}
	}
	if m.since() < m.enrols.next {
		return false
	}
	if err := m.ID.Enrol(ctx, s); err != nil {
		m.failed(ctx, &m.enrols, "cannot enrol yet", err)
	}
	rec, _ := m.ID.present() // an error may have come after it was on disk
	return rec != nil && rec.Token == hash
}

// renew asks for a new certificate when two thirds of the present one's life are over,
// or, while nobody knows, once a day.
func (m *Manager) renew(ctx context.Context) {
	_, cert := m.ID.present()
	if cert == nil || m.since() < m.renewals.next {
		return
	}
	now, status := m.ID.o.Clock()
	if status != locker.ClockUnset && now.Before(enrol.RenewAt(cert.Leaf)) {
		return
	}
	fresh, err := m.ID.Renew(ctx)
	if err != nil {
		m.failed(ctx, &m.renewals, "cannot renew the certificate yet", err)
		return
	}
	m.renewals = schedule{}
	m.explain("")
	if !fresh || status == locker.ClockUnset {
		// The operator gives a young one again. A short life is asked after more often.
		most := m.Pace.RetryMax
		if status == locker.ClockUnset {
			most = m.Pace.Unset
		}
		part := cert.Leaf.NotAfter.Sub(cert.Leaf.NotBefore) / 6
		m.renewals.next = m.since() + min(most, part)
	}
}

func (m *Manager) since() time.Duration { return time.Since(m.start) }

// failed says when the next try is.
func (m *Manager) failed(ctx context.Context, s *schedule, what string, err error) {
	if ctx.Err() != nil {
		return
	}
	s.tries++
	if _, refused := errors.AsType[*enrol.Refusal](err); refused {
		s.next = m.since() + m.Pace.Refused
	} else {
		most := min(m.Pace.RetryMin<<min(s.tries, 20), m.Pace.RetryMax)
		s.next = m.since() + m.Pace.RetryMin + rand.N(max(most-m.Pace.RetryMin, 1))
	}
	m.tell(what, err)
	m.explain(sentence(err))
}

func (m *Manager) explain(why string) { m.tell("what is wrong can't be noted", m.ID.explain(why)) }

// tell logs what is new: weeks without a network fill no log.
func (m *Manager) tell(what string, err error) {
	if err == nil {
		delete(m.told, what)
		return
	}
	level := slog.LevelDebug
	if text := sentence(err); text != m.told[what] {
		m.told[what], level = text, slog.LevelWarn
	}
	args := []slog.Attr{slog.Any("error", err)}
	if r, ok := errors.AsType[*enrol.Refusal](err); ok && r.Cure != "" {
		args = append(args, slog.String("next", r.Cure))
	}
	m.Log.LogAttrs(context.Background(), level, what, args...) //nolint:sloglint // one of a few, all above
}

func sentence(err error) string {
	if r, ok := errors.AsType[*enrol.Refusal](err); ok && r.Cure != "" {
		return r.Text + "; next: " + r.Cure
	}
	return err.Error()
}
