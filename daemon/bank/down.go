package bank

import (
	"context"

	"lockerd/daemon/locker"
)

// What comes down is verified and cut into the types of this file before it
// reaches the bank. Nothing here knows of topics, signatures or JSON; what is
// refused here is refused for what the bank knows: versions, tags, quotas, doors.

// Reasons for refusing a message that only the bank can find (contract 6.1).
const (
	refusedStale     locker.Reason = "stale"
	refusedReplayed  locker.Reason = "replayed"
	refusedMalformed locker.Reason = "malformed"
	refusedQuota     locker.Reason = "quota"
)

// Words of Refusal.Topic.
const (
	topicAck     = "ack"
	topicCodes   = "codes"
	topicDesired = "desired"
)

// whyDigest is the why of a message whose digest is another than the set's
// (contract 6.1).
const whyDigest = "digest"

// Refusal is a message from above that is not honoured. It becomes the event
// message.refused, of which 30 a minute and reason are written and the rest
// counted.
type Refusal struct {
	Topic  string // last word of its topic
	Reason locker.Reason
	Set    string
	Op     string // put, revoke, drop: the record at fault
	ID     string // its id
	Why    string // in words; never a code's text
}

// Verdict is what became of a message.
type Verdict struct {
	Refused *Refusal // nil: applied, or a gap that only asks
	Ask     bool     // up/get is due: the bank lacks something
	Whole   bool     // and it should ask for everything: its own records are in doubt
	Ignored bool     // nothing came of it, and nobody needs to know
}

// Uplink is what the bank tells its link. Its methods never block.
type Uplink interface {
	Reply(r locker.Reply)
	// Resync has the events sent again from a seq on.
	Resync(from uint64)
	Status() LinkStatus
}

// LinkStatus is the link to the broker as `lockerctl status` shows it.
type LinkStatus struct {
	URL       string      `json:"url"`
	Connected bool        `json:"connected"`
	Since     locker.Time `json:"since,omitzero"` // of the present state
	Acked     uint64      `json:"acked"`          // last event the backend has
	AckedAt   locker.Time `json:"acked_at,omitzero"`
	Pending   uint64      `json:"pending"` // events not yet acknowledged
	Keys      int         `json:"keys"`    // that may sign what comes down
	Trust     int64       `json:"trust"`   // version of the key set; 0: the keys file
	Error     string      `json:"error,omitempty"`
	Cure      string      `json:"cure,omitempty"`
}

// noUplink is the link of a bank that runs without a broker.
type noUplink struct{}

func (noUplink) Reply(locker.Reply) {}
func (noUplink) Resync(uint64)      {}
func (noUplink) Status() LinkStatus { return LinkStatus{} }

// AttachLink gives the bank its link, before Run.
func (b *Bank) AttachLink(u Uplink) { b.uplink, b.linked = u, true }

// Refuse journals that a message was not honoured.
func (b *Bank) Refuse(ctx context.Context, r Refusal) error {
	return b.step(ctx, func(t *tx) { t.refuseMessage(&r) })
}

func (t *tx) refuseMessage(r *Refusal) {
	t.add(locker.Event{
		Type: locker.EvMessageRefused, Reason: r.Reason, Cause: r.Topic,
		Set: r.Set, Op: r.Op, ID: r.ID, Why: r.Why,
	})
}

// StoreTrust keeps a key set in the data file. The caller has verified it.
func (b *Bank) StoreTrust(ctx context.Context, version int64, stored []byte) error {
	return b.step(ctx, func(t *tx) {
		t.value(locker.ValueTrust, stored)
		t.add(locker.Event{Type: locker.EvTrustApplied, Version: locker.Number(version)})
	})
}

// step runs one step of the bank from outside and returns when it is on disk.
func (b *Bank) step(ctx context.Context, f func(t *tx)) error {
	var lost error
	err := b.call(ctx, func() {
		t := b.begin()
		f(t)
		t.commit()
		lost = b.lost()
	})
	if err == nil {
		err = lost
	}
	return err
}

// judged is step for what may be refused.
func (b *Bank) judged(ctx context.Context, f func(t *tx) Verdict) (v Verdict, err error) {
	err = b.step(ctx, func(t *tx) {
		if v = f(t); v.Refused != nil {
			t.refuseMessage(v.Refused)
		}
	})
	return v, err
}
