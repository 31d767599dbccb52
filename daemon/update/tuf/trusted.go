package tuf

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Trusted is what is believed so far, and the time at which that is judged. Its steps go
// in order: roots, timestamp, snapshot, targets.
type Trusted struct {
	Root      *Root
	Timestamp *Index
	Snapshot  *Index
	Targets   *Targets
	At        time.Time
}

// New begins with a root that was trusted before, or came with the bank. It has to be signed
// by itself; that it has expired is no matter, as long as a later one has not.
func New(root []byte, at time.Time) (*Trusted, error) {
	var r Root
	f, err := open(root, "root", &r, &r.head)
	if err != nil {
		return nil, err
	}
	if err := r.verify("root", f); err != nil {
		return nil, err
	}
	return &Trusted{Root: &r, At: at}, nil
}

// NextRoot takes the root that follows the present one: signed by both (5.3.4).
func (t *Trusted) NextRoot(b []byte) error {
	var r Root
	f, err := open(b, "root", &r, &r.head)
	if err != nil {
		return err
	}
	if err := t.Root.verify("root", f); err != nil {
		return err
	}
	if r.Version != t.Root.Version+1 {
		return fmt.Errorf("%w: root %d does not follow %d", ErrOlder, r.Version, t.Root.Version)
	}
	if err := r.verify("root", f); err != nil {
		return err
	}
	t.Root = &r
	return nil
}

// TakeTimestamp takes a timestamp above the one that is believed (5.4). One that has
// expired is still remembered, so that nothing older comes behind it.
func (t *Trusted) TakeTimestamp(b []byte) error {
	if t.At.After(t.Root.Expires) {
		return fmt.Errorf("%w: the root", ErrExpired)
	}
	var x Index
	f, err := open(b, "timestamp", &x, &x.head)
	if err != nil {
		return err
	}
	if err := t.Root.verify("timestamp", f); err != nil {
		return err
	}
	next, ok := x.Meta["snapshot.json"]
	if !ok || next.Version < 1 {
		return fmt.Errorf("%w: it names no snapshot", ErrMalformed)
	}
	if was := t.Timestamp; was != nil {
		switch {
		case x.Version < was.Version, next.Version < was.Meta["snapshot.json"].Version:
			return fmt.Errorf("%w: timestamp %d, snapshot %d; were %d, %d", ErrOlder, x.Version, next.Version, was.Version, was.Meta["snapshot.json"].Version)
		case x.Version == was.Version:
			return ErrSame
		}
	}
	t.Timestamp = &x
	return t.fresh(&x.head, "timestamp")
}

func (t *Trusted) fresh(h *head, role string) error {
	if t.At.After(h.Expires) {
		return fmt.Errorf("%w: the %s, on %s", ErrExpired, role, h.Expires.Format(time.DateOnly))
	}
	return nil
}

// TakeSnapshot takes the snapshot that the timestamp names (5.5). kept is one that was
// believed before: it needs no digest, and an older one is remembered only.
func (t *Trusted) TakeSnapshot(b []byte, kept bool) error {
	if err := t.fresh(&t.Timestamp.head, "timestamp"); err != nil {
		return err
	}
	m := t.Timestamp.Meta["snapshot.json"]
	if !kept {
		if err := m.check(b); err != nil {
			return err
		}
	}
	var x Index
	f, err := open(b, "snapshot", &x, &x.head)
	if err != nil {
		return err
	}
	if err := t.Root.verify("snapshot", f); err != nil {
		return err
	}
	if t.Snapshot != nil {
		for name, was := range t.Snapshot.Meta {
			if now, ok := x.Meta[name]; !ok || now.Version < was.Version {
				return fmt.Errorf("%w: %s %d, was %d", ErrOlder, name, now.Version, was.Version)
			}
		}
	}
	t.Snapshot = &x
	if err := t.fresh(&x.head, "snapshot"); err != nil {
		return err
	}
	if x.Version != m.Version {
		return fmt.Errorf("%w: snapshot %d, the timestamp names %d", ErrOlder, x.Version, m.Version)
	}
	return nil
}

// TakeTargets takes the targets that the snapshot names (5.6).
func (t *Trusted) TakeTargets(b []byte) error {
	m, ok := t.Snapshot.Meta["targets.json"]
	if !ok {
		return fmt.Errorf("%w: the snapshot names no targets", ErrMalformed)
	}
	if err := m.check(b); err != nil {
		return err
	}
	var x Targets
	f, err := open(b, "targets", &x, &x.head)
	if err != nil {
		return err
	}
	if err := t.Root.verify("targets", f); err != nil {
		return err
	}
	if x.Version != m.Version {
		return fmt.Errorf("%w: targets %d, the snapshot names %d", ErrOlder, x.Version, m.Version)
	}
	if err := t.fresh(&x.head, "targets"); err != nil {
		return err
	}
	t.Targets = &x
	return nil
}

// check compares length and digest where they are named.
func (m meta) check(b []byte) error {
	if m.Length != 0 && m.Length != int64(len(b)) {
		return fmt.Errorf("%w: %d bytes, %d are named", ErrMalformed, len(b), m.Length)
	}
	if len(m.Hashes) == 0 {
		return nil
	}
	sum := sha256.Sum256(b)
	if want, ok := m.Hashes["sha256"]; !ok || len(m.Hashes) != 1 || want != hex.EncodeToString(sum[:]) {
		return fmt.Errorf("%w: another digest is named", ErrMalformed)
	}
	return nil
}
