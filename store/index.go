package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/fnv"

	"go.etcd.io/bbolt"

	"lockerd/daemon/locker"
)

// The index of ids of a generation: what a load brings is packed into sorted
// blocks, one run of blocks for each run of the load, so that a million codes
// need 8,000 keys more and not a million. Codes put one by one have a key each.
// An entry only says where to look: the record itself settles it.
const (
	idBlockEntries = 128
	idEntrySize    = 8 + 16 // hash of the id, tag
	prefixBlock    = 'b'    // + run + hash of the first entry
	prefixSingle   = 'p'    // + hash + tag
)

// idEntry is one entry of the index.
type idEntry struct {
	hash uint64
	tag  locker.Tag
}

func hashID(id string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // never fails
	return h.Sum64()
}

func blockKey(run uint32, hash uint64) []byte {
	b := binary.BigEndian.AppendUint32([]byte{prefixBlock}, run)
	return binary.BigEndian.AppendUint64(b, hash)
}

func singleKey(hash uint64, tag locker.Tag) []byte {
	b := binary.BigEndian.AppendUint64([]byte{prefixSingle}, hash)
	return append(b, tag[:]...)
}

func compareIDs(a, b idEntry) int {
	if a.hash != b.hash {
		return cmp.Compare(a.hash, b.hash)
	}
	return bytes.Compare(a.tag[:], b.tag[:])
}

// putIDBlock stores one block of sorted entries.
func putIDBlock(b *bbolt.Bucket, run uint32, es []idEntry) error {
	v := make([]byte, sumSize, sumSize+len(es)*idEntrySize)
	for _, e := range es {
		v = binary.BigEndian.AppendUint64(v, e.hash)
		v = append(v, e.tag[:]...)
	}
	key := blockKey(run, es[0].hash)
	if b.Get(key) != nil { // only equal hashes could make two blocks begin alike
		return fmt.Errorf("cannot index codes: more than %d ids share a hash", idBlockEntries)
	}
	return b.Put(key, seal(key, v))
}

// tagsOf returns the tags under which an id may stand, newest way of storing
// first.
func tagsOf(tx *bbolt.Tx, g genID, id string) ([]locker.Tag, error) {
	b := tx.Bucket([]byte(g.ids()))
	if b == nil {
		return nil, nil
	}
	h, c := hashID(id), b.Cursor()
	var out []locker.Tag
	prefix := singleKey(h, locker.Tag{})[:9]
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		out = append(out, locker.Tag(k[9:]))
	}
	for run := uint32(0); ; run++ {
		k, _ := c.Seek(blockKey(run, 0))
		if len(k) == 0 || k[0] != prefixBlock {
			return out, nil
		}
		tags, err := tagsInRun(c, run, h)
		if err != nil {
			return nil, fmt.Errorf("cannot read the ids of set %q: %w", g.Set, err)
		}
		out = append(out, tags...)
	}
}

// tagsInRun searches one run: from the last block that begins below h to the
// last that may hold it.
func tagsInRun(c *bbolt.Cursor, run uint32, h uint64) ([]locker.Tag, error) {
	low := blockKey(run, 0)[:5]
	c.Seek(blockKey(run, h))
	k, v := c.Prev()
	if !bytes.HasPrefix(k, low) {
		k, v = c.Seek(blockKey(run, h))
	}
	var out []locker.Tag
	for ; bytes.HasPrefix(k, low) && binary.BigEndian.Uint64(k[5:]) <= h; k, v = c.Next() {
		p, err := unseal(k, v)
		if err != nil || len(p)%idEntrySize != 0 {
			return nil, ErrDamaged
		}
		for ; len(p) > 0; p = p[idEntrySize:] {
			if binary.BigEndian.Uint64(p) == h {
				out = append(out, locker.Tag(p[8:idEntrySize]))
			}
		}
	}
	return out, nil
}
