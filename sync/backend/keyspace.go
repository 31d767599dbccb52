package backend

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"lockerd/daemon/locker"
)

// Keys of the store: a letter, then names that never hold a zero byte, each ended
// by one, then numbers in big endian.
//
//	b bank                  → bank
//	c bank set id           → record of a code
//	t bank tag              → set NUL id of the live code that holds the tag
//	l bank set version      → digest part before, after, id
//	e bank journal seq fork → stored event
//	a arrival               → its key e
//	d bank, q bank          → last state/doors, state/stock
//	d bank aside, q …       → the last of a journal whose birth has not come
//	D bank                  → desired document
//	T version               → key set
//	m                       → meta
//	R                       → rollout: plan and how it stands
//	r bank                  → how far it is at the bank
//	I …                     → not ours: enrolment's (sync/enrol/authority)
func key(letter byte, names ...string) []byte {
	k := []byte{letter}
	for _, n := range names {
		k = append(append(k, n...), 0)
	}
	return k
}

func key64(n uint64, letter byte, names ...string) []byte {
	return binary.BigEndian.AppendUint64(key(letter, names...), n)
}

// last64 is the number a key ends with.
func last64(k []byte) uint64 { return binary.BigEndian.Uint64(k[len(k)-8:]) }

func bankKey(bank string) []byte          { return key('b', bank) }
func codeKey(bank, set, id string) []byte { return key('c', bank, set, id) }
func tagKey(bank string, tag locker.Tag) []byte {
	return append(key('t', bank), tag[:]...)
}

func logKey(bank, set string, version int64) []byte {
	return key64(uint64(version), 'l', bank, set) //nolint:gosec // versions are positive
}

func eventKey(bank, journal string, seq uint64, fork uint32) []byte {
	return binary.BigEndian.AppendUint32(key64(seq, 'e', bank, journal), fork)
}

func arrivalKey(n uint64) []byte { return key64(n, 'a') }

// txn is one change under way. It keeps the first error of the store, and whoever
// began it looks at it once, before the commit.
type txn struct {
	tx  Tx
	r   Reader
	now locker.Time
	c   *core
	err error
	out []effect

	touched string           // the one bank that a request changes
	changed map[string]*bank // by a rollout's request
}

func (t *txn) fail(err error) {
	if t.err == nil && err != nil {
		t.err = err
	}
}

func (t *txn) get(k []byte) []byte {
	v, err := t.r.Get(k)
	t.fail(err)
	return v
}

func (t *txn) put(k, v []byte) { t.fail(t.tx.Put(k, v)) }

func (t *txn) del(k []byte) { t.fail(t.tx.Delete(k)) }

func (t *txn) scan(prefix, from []byte, each func(k, v []byte) bool) {
	t.fail(t.r.Scan(prefix, from, each))
}

func (t *txn) putJSON(k []byte, v any) {
	b, err := json.Marshal(v)
	t.fail(err)
	if err == nil {
		t.put(k, b)
	}
}

// getJSON tells whether there was a value.
func (t *txn) getJSON(k []byte, v any) bool {
	b := t.get(k)
	if b == nil {
		return false
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.fail(fmt.Errorf("cannot read the record %q of the store: %w; bring it back from a backup", k, err))
		return false
	}
	return true
}
