package store

import (
	"time"

	"go.etcd.io/bbolt"

	"lockerd/daemon/locker"
)

// merge brings all runs into bbolt in key order, slice by slice. Reading goes
// ahead of writing.
func (l *Load) merge() error {
	marked, err := l.marked()
	if err != nil {
		return err
	}
	m, err := newMerger(l.runs)
	if err != nil {
		return err
	}
	ahead := newBatches(m)
	defer ahead.stop()
	n := firstSlice
	for {
		items, err := ahead.take(n)
		if err != nil || len(items) == 0 {
			return err
		}
		took, err := l.slice(items, marked)
		if err != nil {
			return err
		}
		ahead.recycle()
		n = nextSlice(n, took)
	}
}

// nextSlice fits the size of a slice to the machine: took is what its puts took.
func nextSlice(n int, took time.Duration) int {
	switch {
	case took > sliceTime/2:
		return max(n/2, minSlice)
	case took < sliceTime/4:
		return min(n+n/2, maxSlice)
	}
	return n
}

// slice brings records into bbolt in one transaction.
func (l *Load) slice(items []runItem, marked map[uint64]bool) (took time.Duration, err error) {
	for i := range items {
		if len(marked) > 0 && marked[items[i].hash] {
			if err := l.remark(&items[i]); err != nil {
				return 0, err
			}
		}
	}
	l.size += len(items)
	l.s.hush.wait(l.s.stop)
	err = l.s.update("codes", func(tx *bbolt.Tx) error {
		begun := time.Now()
		defer func() { took = time.Since(begun) }()
		b := tx.Bucket([]byte(l.gen.codes()))
		b.FillPercent = loadFill
		for i := range items {
			if err := b.Put(items[i].tag[:], items[i].value); err != nil {
				return err
			}
		}
		return nil
	})
	return took, err
}

// remark puts the mark that the bank has into a record.
func (l *Load) remark(it *runItem) error {
	var e locker.Entry
	if err := decodeCode(it.tag[:], it.value, &e); err != nil {
		return err
	}
	m, ok, err := l.s.Mark(locker.CodeKey{Set: l.gen.Set, ID: e.Code.ID})
	if err != nil || !ok {
		return err
	}
	l.account(&e.Code, e.Mark, m)
	it.value = appendCode(nil, &e.Code, &m)
	return nil
}

// account takes a code out of count and digest that turns out to be revoked.
func (l *Load) account(c *locker.Code, had, has locker.Mark) {
	if !had.Revoked && has.Revoked {
		l.info.Count--
		l.info.Digest.Toggle(c.DigestPart())
	}
}

// marked returns the hashes of all ids of the set that have a mark. What is
// marked later is in fresh.
func (l *Load) marked() (map[uint64]bool, error) {
	out := map[uint64]bool{}
	l.s.mu.RLock()
	for _, layer := range l.s.ls {
		if layer == nil {
			continue
		}
		for key := range layer.marks {
			if key.Set == l.gen.Set {
				out[hashID(key.ID)] = true
			}
		}
	}
	l.s.mu.RUnlock()
	err := guard("the use marks", func() error {
		return l.s.db.View(func(tx *bbolt.Tx) error {
			return eachSealed(tx, bucketMarks, func(k, _ []byte) error {
				if key, ok := parseMarkKey(k); ok && key.Set == l.gen.Set {
					out[hashID(key.ID)] = true
				}
				return nil
			})
		})
	})
	return out, l.s.suspect(err)
}
