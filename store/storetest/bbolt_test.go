package storetest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

const boltCommits = 200

// boltBucket holds the counter of commits, and under the key of each commit as
// many bytes as boltValue says.
var boltBucket = []byte("b")

func boltValue(n int) string { return strings.Repeat(strconv.Itoa(n)+".", 1+n*7%90) }

// openBolt opens a file with the map the store uses.
func openBolt(path string) (*bolt.DB, error) {
	return bolt.Open(path, 0o600, &bolt.Options{PageSize: pageSize, InitialMmapSize: 4 << 20})
}

func boltCommit(db *bolt.DB, n int) error {
	return db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(boltBucket)
		if err != nil {
			return err
		}
		if n > 20 {
			if err := b.Delete([]byte(strconv.Itoa(n - 20))); err != nil {
				return err
			}
		}
		if err := b.Put([]byte(strconv.Itoa(n)), []byte(boltValue(n))); err != nil {
			return err
		}
		return b.Put([]byte("last"), binary.BigEndian.AppendUint64(nil, uint64(n)))
	})
}

// boltLast opens an image and returns the commit it holds, after looking at
// every key, and if deep at every page: that can only be survived if the file is
// sound.
func boltLast(path string, deep bool) (last int, err error) {
	db, err := openBolt(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.View(func(tx *bolt.Tx) error {
		if deep {
			for e := range tx.Check() { // to its end: it reads in a goroutine of its own
				err = errors.Join(err, e)
			}
		}
		if err != nil {
			return err
		}
		if b := tx.Bucket(boltBucket); b != nil {
			last = int(binary.BigEndian.Uint64(b.Get([]byte("last"))))
			return boltHolds(b, last)
		}
		return nil
	})
	return last, err
}

func boltHolds(b *bolt.Bucket, last int) error {
	want := map[string]string{"last": string(binary.BigEndian.AppendUint64(nil, uint64(last)))}
	for n := max(1, last-19); n <= last; n++ {
		want[strconv.Itoa(n)] = boltValue(n)
	}
	got := map[string]string{}
	err := b.ForEach(func(k, v []byte) error {
		got[string(k)] = string(v)
		return nil
	})
	if err == nil && !maps.Equal(got, want) {
		err = fmt.Errorf("content is not that of commit %d: %d keys, want %d", last, len(got), len(want))
	}
	return err
}

// recordBolt runs the commits on a mount and returns the log, with the marks
// "ready" and one number for each commit.
func recordBolt(t *testing.T) *Log {
	t.Helper()
	rec := Mount(t)
	path := filepath.Join(rec.Dir(), "b.db")
	db, err := openBolt(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := syncDir(rec.Dir()); err != nil {
		t.Fatal(err)
	}
	rec.Mark("ready")
	for n := 1; n <= boltCommits; n++ {
		if err := boltCommit(db, n); err != nil {
			t.Fatal(err)
		}
		rec.Mark(strconv.Itoa(n))
	}
	if err := db.View(func(tx *bolt.Tx) error { return boltHolds(tx.Bucket(boltBucket), boltCommits) }); err != nil {
		t.Errorf("mapped file and writes disagree: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if last, err := boltLast(path, true); err != nil || last != boltCommits {
		t.Errorf("opened again on the mount: commit %d, %v", last, err)
	}
	return rec.Log()
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// boltCheck returns a check that an image holds the last commit that was
// answered or the one after it.
func boltCheck(l *Log, deep bool) func(string, Image) error {
	marks := l.Marks()
	return func(dir string, im Image) error {
		passed := -1 // "ready" is the first mark
		for _, m := range marks {
			passed += b2i(m.At < im.At)
		}
		if passed < 0 {
			return nil
		}
		last, err := boltLast(filepath.Join(dir, "b.db"), deep)
		if err == nil && last != passed && last != passed+1 {
			err = fmt.Errorf("holds commit %d after %d was answered", last, passed)
		}
		return err
	}
}

func TestBoltSurvivesEveryImage(t *testing.T) {
	l := recordBolt(t)
	n := 2*(l.Len()+1) + 2000
	rng := rand.New(rand.NewPCG(1, 2))
	if got := Each(t, l.Images(rng, n), boltCheck(l, true)); got != n {
		t.Errorf("looked at %d images, want %d", got, n)
	}
}

// A disk that does nothing at fdatasync must be found out: else the images, or
// the check, prove nothing.
func TestBoltWithoutSyncIsCaught(t *testing.T) {
	l := recordBolt(t)
	marks := l.Marks()
	lying := &Log{}
	for i := range l.ops {
		if o := l.ops[i]; !o.isSync() || i < marks[0].At {
			lying.ops = append(lying.ops, o)
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	if _, failures := sweep(scratch(t), lying.Images(rng, 1000), boltCheck(lying, false), 20); len(failures) < 20 {
		t.Errorf("only %d of 1000 images of a store without syncs failed", len(failures))
	}
}
