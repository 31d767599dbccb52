package journal

import (
	"strings"
	"testing"

	"lockerd/daemon/locker"
)

const all = ^uint64(0)

func verified(t *testing.T, j *Journal) VerifyResult {
	t.Helper()
	v, err := j.Verify(t.Context())
	if err != nil || !v.OK {
		t.Fatalf("%+v %v", v, err)
	}
	return v
}

// reread closes j, opens it again and verifies that it holds the same lines.
func reread(t *testing.T, j *Journal, o Options) *Journal {
	t.Helper()
	before, err := j.Events(1, MaxEvents)
	if err != nil {
		t.Fatal(err)
	}
	first, next, last := j.First(), j.Next(), j.LastIndex()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	k, found := open(t, j.dir, o)
	if found.TornBytes != 0 || len(found.Repaired) != 0 {
		t.Fatalf("found %+v", found)
	}
	after, err := k.Events(1, MaxEvents)
	if err != nil || len(after) != len(before) {
		t.Fatalf("%d lines, before %d, %v", len(after), len(before), err)
	}
	for i := range after {
		if string(after[i]) != string(before[i]) {
			t.Fatalf("line %d differs", i)
		}
	}
	if k.First() != first || k.Next() != next || k.LastIndex() != last {
		t.Fatalf("first %d next %d last %d, before %d %d %d", k.First(), k.Next(), k.LastIndex(), first, next, last)
	}
	verified(t, k)
	return k
}

func pruned(t *testing.T, fill func(j *Journal), p Policy) *Journal {
	t.Helper()
	o := Options{SegmentBytes: MinSegmentBytes}
	j, _ := open(t, create(t, o), o)
	fill(j)
	p.Covered = all
	if err := j.Prune(p); err != nil {
		t.Fatal(err)
	}
	if j.Due(p) {
		t.Error("there is still something to prune")
	}
	verified(t, j)
	return reread(t, j, o)
}

func TestPruneAcknowledgedFirst(t *testing.T) {
	j := pruned(t, func(j *Journal) { add(t, j, 200, locker.EvScanRefused) }, Policy{Bytes: 20 << 10, Acked: 200})
	if n := j.EventBytes(); n > 20<<10 || n < 10<<10 {
		t.Errorf("%d bytes", n)
	}
	if v := verified(t, j); v.Gaps != 0 || v.First == 1 || v.Last != 200 {
		t.Errorf("%+v", v)
	}
}

func TestPruneOldAcknowledged(t *testing.T) {
	j := pruned(t, func(j *Journal) { add(t, j, 100, locker.EvDoorOpened) }, Policy{Bytes: 1 << 20, Acked: 50, Before: 1795428000001})
	if j.First() < 20 || j.First() > 51 {
		t.Errorf("first %d", j.First())
	}
}

func TestPruneLeavesGaps(t *testing.T) {
	fill := func(j *Journal) {
		for range 10 {
			add(t, j, 20, locker.EvScanRefused)
			add(t, j, 1, locker.EvDoorOpened)
		}
	}
	j := pruned(t, fill, Policy{Bytes: 8 << 10})
	if j.First() == 1 {
		t.Fatal("nothing was removed")
	}
	lines, err := j.Events(1, MaxEvents)
	if err != nil {
		t.Fatal(err)
	}
	opened, covered := 0, uint64(0)
	for _, l := range lines {
		switch lineType(l) {
		case locker.EvDoorOpened:
			opened++
			covered++
		case locker.EvJournalGap:
			from, n, err := gapRun(l)
			if err != nil || from != covered+1 {
				t.Fatalf("gap %s: %v", l, err)
			}
			covered += uint64(n)
		default:
			covered++
		}
	}
	if opened != 10 || covered != 210 {
		t.Errorf("%d doors, %d events covered", opened, covered)
	}
	add(t, j, 1, locker.EvDoorOpened)
	verified(t, j)
}

func TestPruneOldestOfAll(t *testing.T) {
	j := pruned(t, func(j *Journal) { add(t, j, 300, locker.EvDoorOpened) }, Policy{Bytes: 8 << 10})
	if n := j.EventBytes(); n > full*8<<10 {
		t.Errorf("%d bytes", n)
	}
	lines, err := j.Events(1, 2)
	if err != nil || lineType(lines[0]) != locker.EvJournalGap || !strings.Contains(string(lines[0]), `"from":1,`) {
		t.Fatalf("%s %v", lines, err)
	}
	if v := verified(t, j); v.Gaps != 1 {
		t.Errorf("%+v", v)
	}
}

// TestPruneNeverBeyondCheckpoint: what no checkpoint covers stays.
func TestPruneNeverBeyondCheckpoint(t *testing.T) {
	o := Options{SegmentBytes: MinSegmentBytes}
	j, _ := open(t, create(t, o), o)
	add(t, j, 200, locker.EvScanRefused)
	if err := j.Prune(Policy{Bytes: 1, Acked: 200, Covered: 30}); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := j.Replay(30, func(Record) error { n++; return nil }); err != nil || n != 170 {
		t.Fatalf("%d records, %v", n, err)
	}
}

// TestCrashInMerge leaves the second of two merged segments behind.
func TestCrashInMerge(t *testing.T) {
	o := Options{SegmentBytes: MinSegmentBytes}
	j, _ := open(t, create(t, o), o)
	add(t, j, 100, locker.EvScanRefused)
	second := readAll(t, j.segs[1].path)
	path := j.segs[1].path
	if err := j.rewrite(action{level: levelKept, i: 0, k: 1}); err != nil {
		t.Fatal(err)
	}
	writeAll(t, path, second)
	reread(t, j, o)
}

// TestAppendWhilePruning runs both at once, with readers.
func TestAppendWhilePruning(t *testing.T) {
	o := Options{SegmentBytes: MinSegmentBytes}
	j, _ := open(t, create(t, o), o)
	done := make(chan error, 2)
	go func() {
		var err error
		for range 100 {
			if err == nil {
				err = j.Prune(Policy{Bytes: 8 << 10, Covered: all})
			}
		}
		done <- err
	}()
	go func() {
		var err error
		for range 100 {
			if err == nil {
				_, err = j.Events(1, 50)
			}
		}
		done <- err
	}()
	add(t, j, 300, locker.EvScanRefused)
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	reread(t, j, o)
}
