package store

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"lockerd/daemon/locker"
	"lockerd/store/journal"
)

// The benchmarks measure against the barest way of doing the same, turn about
// in one run, because the machine is never quiet. They print ratios.

const loadChunk = 500 // codes that arrive at a time

func loadSet(tb testing.TB, s *Store, set string, n int) {
	tb.Helper()
	l, err := s.LoadSnapshot(set)
	if err != nil {
		tb.Fatal(err)
	}
	chunk := make([]locker.Code, 0, loadChunk)
	for i := range n {
		chunk = append(chunk, testCode(i))
		if len(chunk) == loadChunk || i == n-1 {
			if err := l.Add(chunk); err != nil {
				tb.Fatal(err)
			}
			chunk = chunk[:0]
		}
	}
	if _, err := l.Finish(locker.SetInfo{Epoch: 1, Version: 1}, nil); err != nil {
		tb.Fatal(err)
	}
}

func benchStore(b *testing.B) *Store {
	b.Helper()
	s, err := Open(b.Context(), b.TempDir(), Options{ApplyDelay: longDelay})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchLookup(b, n) })
	}
}

func benchLookup(b *testing.B, n int) {
	b.Helper()
	s := benchStore(b)
	loadSet(b, s, "acme", n)
	if err := s.flush(); err != nil {
		b.Fatal(err)
	}
	tags := make([]locker.Tag, 1<<16)
	for i := range tags {
		tags[i] = testCode(rand.IntN(n)).Tag
	}
	bucket := []byte(genID{"acme", s.sets["acme"].Gen}.codes())
	lookup := func(part []locker.Tag) time.Duration {
		begun := time.Now()
		for _, t := range part {
			if _, ok, err := s.Lookup(t); err != nil || !ok {
				b.Fatal(ok, err)
			}
		}
		return time.Since(begun)
	}
	get := func(part []locker.Tag) time.Duration {
		begun := time.Now()
		for _, t := range part {
			err := s.db.View(func(tx *bbolt.Tx) error {
				if tx.Bucket(bucket).Get(t[:]) == nil {
					b.Fatal("not there")
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(begun)
	}
	var ours, bare time.Duration
	b.ResetTimer()
	for range b.N {
		at := rand.IntN(len(tags)/512) * 512
		x, y := tags[at:at+256], tags[at+256:at+512]
		ours += lookup(x)
		bare += get(y)
		bare += get(x)
		ours += lookup(y)
	}
	per := float64(b.N * 512)
	b.ReportMetric(float64(ours.Nanoseconds())/per, "ns/lookup")
	b.ReportMetric(float64(bare.Nanoseconds())/per, "ns/bare")
	b.ReportMetric(float64(ours)/float64(bare), "ratio")
}

// bareLoad puts sorted records into a bbolt file of their own in slices of
// the size ours come to.
func bareLoad(b *testing.B, tags []locker.Tag, values [][]byte) (time.Duration, int64) {
	b.Helper()
	path := filepath.Join(b.TempDir(), "bare.db")
	db, err := bbolt.Open(path, 0o600, boltOptions())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	begun := time.Now()
	for at, n := 0, firstSlice; at < len(tags); {
		var took time.Duration
		err := db.Update(func(tx *bbolt.Tx) error {
			slice := time.Now()
			defer func() { took = time.Since(slice) }()
			bk, err := tx.CreateBucketIfNotExists([]byte("codes"))
			if err != nil {
				return err
			}
			bk.FillPercent = loadFill
			for i := at; i < min(at+n, len(tags)); i++ {
				if err := bk.Put(tags[i][:], values[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		at += n
		n = nextSlice(n, took)
	}
	return time.Since(begun), writtenBytes(b, path)
}

func writtenBytes(b *testing.B, path string) int64 {
	b.Helper()
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return info.Size()
}

func BenchmarkLoad1M(b *testing.B) {
	const n = 1_000_000
	codes := make([]locker.Code, n)
	order := make([]int, n)
	for i := range codes {
		codes[i], order[i] = testCode(i), i
	}
	slices.SortFunc(order, func(x, y int) int { return compareTags(codes[x].Tag, codes[y].Tag) })
	tags, values := make([]locker.Tag, n), make([][]byte, n)
	for k, i := range order {
		tags[k], values[k] = codes[i].Tag, appendCode(nil, &codes[i], &locker.Mark{})
	}
	var bares, all time.Duration
	for b.Loop() {
		bare, bareBytes := bareLoad(b, tags, values)
		s := benchStore(b)
		begun := time.Now()
		l, err := s.LoadSnapshot("acme")
		if err != nil {
			b.Fatal(err)
		}
		for at := 0; at < n; at += loadChunk {
			if err := l.Add(codes[at : at+loadChunk]); err != nil {
				b.Fatal(err)
			}
		}
		added := time.Since(begun)
		if _, err := l.Finish(locker.SetInfo{Epoch: 1, Version: 1}, nil); err != nil {
			b.Fatal(err)
		}
		ours := time.Since(begun)
		bares, all = bares+bare, all+ours
		b.ReportMetric(bares.Seconds()/all.Seconds(), "rate/bare")
		b.ReportMetric(float64(writtenBytes(b, s.path))/float64(bareBytes), "bytes/bare")
		b.Logf("bare %v %d MB, ours %v (adding %v) %d MB", bare, bareBytes>>20, ours, added, writtenBytes(b, s.path)>>20)
	}
}

// BenchmarkCommit compares a use with its event to the same bytes appended to a
// preallocated file.
func BenchmarkCommit(b *testing.B) {
	s := benchStore(b)
	c := use("acme", 1, 1)
	must2(b, s, c)
	var ours, bare time.Duration
	f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	size := int64(0)
	zeros := make([]byte, journal.DefaultSegmentBytes)
	before := s.Stats()
	must2(b, s, use("acme", 1, 1))
	rec := make([]byte, s.Stats().Bytes-before.Bytes)
	for i := 0; b.Loop(); i++ {
		if size%int64(len(zeros)) < int64(len(rec)) || size == 0 {
			size = int64(i) * int64(len(rec))
			if _, err := f.WriteAt(zeros, size); err != nil {
				b.Fatal(err)
			}
			if err := f.Sync(); err != nil {
				b.Fatal(err)
			}
		}
		begun := time.Now()
		must2(b, s, use("acme", 1, 1))
		middle := time.Now()
		if _, err := f.WriteAt(rec, size); err != nil {
			b.Fatal(err)
		}
		if err := datasync(f); err != nil {
			b.Fatal(err)
		}
		bare += time.Since(middle)
		ours += middle.Sub(begun)
		size += int64(len(rec))
	}
	st := s.Stats()
	b.ReportMetric(float64(st.Syncs)/float64(st.Commits), "syncs/commit")
	b.ReportMetric(float64(len(rec)), "bytes/commit")
	b.ReportMetric(float64(ours)/float64(bare), "ratio")
}

func must2(tb testing.TB, s *Store, c *locker.Commit) {
	tb.Helper()
	if _, err := s.Commit(c); err != nil {
		tb.Fatal(err)
	}
}

func datasync(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// BenchmarkOpen1M measures the start with a million codes: the check, the open
// and, for comparison, the full check of bbolt that does not fit.
func BenchmarkOpen1M(b *testing.B) {
	s, err := Open(b.Context(), b.TempDir(), Options{ApplyDelay: longDelay})
	if err != nil {
		b.Fatal(err)
	}
	loadSet(b, s, "acme", 1_000_000)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		begun := time.Now()
		if err := CheckFile(s.path); err != nil {
			b.Fatal(err)
		}
		checked := time.Now()
		again, err := Open(b.Context(), s.dir, Options{ApplyDelay: longDelay})
		if err != nil {
			b.Fatal(err)
		}
		opened := time.Now()
		err = again.db.View(func(tx *bbolt.Tx) error {
			for err := range tx.Check() {
				return err
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(checked.Sub(begun).Milliseconds()), "ms/check")
		b.ReportMetric(float64(opened.Sub(checked).Milliseconds()), "ms/open")
		b.ReportMetric(float64(time.Since(opened).Milliseconds()), "ms/full-check")
		if err := again.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
