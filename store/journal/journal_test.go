package journal

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"lockerd/daemon/locker"
)

func create(t *testing.T, o Options) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "journal")
	if err := Create(dir, "j-test", o); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t *testing.T, dir string, o Options) (*Journal, Found) {
	t.Helper()
	j, found, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j, found
}

func add(t *testing.T, j *Journal, n int, typ string) {
	t.Helper()
	for range n {
		ev := []locker.Event{{At: 1795428000000, Clock: locker.ClockSynced, Boot: 1, Type: typ, Scanner: "front"}}
		if _, _, err := j.Append(ev, []byte(`{"s":1}`)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGoldenVector(t *testing.T) {
	b, err := os.ReadFile("../../testdata/vectors/journal.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Journal string
		Events  []string
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "journal")
	if err := Create(dir, v.Journal, Options{}); err != nil {
		t.Fatal(err)
	}
	j, _ := open(t, dir, Options{})
	for _, line := range v.Events {
		var ev locker.Event
		if err := json.Unmarshal([]byte(line), &ev); err != nil {
			t.Fatal(err)
		}
		ev.Seq, ev.Hash = 0, ""
		if _, _, err := j.Append([]locker.Event{ev}, nil); err != nil {
			t.Fatal(err)
		}
	}
	got, err := j.Events(1, 10)
	if err != nil || len(got) != len(v.Events) {
		t.Fatalf("%d events, %v", len(got), err)
	}
	for i := range got {
		if string(got[i]) != v.Events[i] {
			t.Errorf("event %d\n got %s\nwant %s", i+1, got[i], v.Events[i])
		}
	}
}

func TestRollAndReopen(t *testing.T) {
	o := Options{SegmentBytes: MinSegmentBytes}
	dir := create(t, o)
	j, _ := open(t, dir, o)
	add(t, j, 100, locker.EvScanRefused)
	if len(j.segs) < 3 {
		t.Fatalf("%d segments: nothing rolled", len(j.segs))
	}
	syncs, _ := j.Counters()
	if syncs != 100 {
		t.Fatalf("%d syncs for 100 commits", syncs)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	k, found := open(t, dir, o)
	if found.TornBytes != 0 || len(found.Repaired) != 0 {
		t.Fatalf("a clean journal was found %+v", found)
	}
	if k.Next() != 101 || k.First() != 1 || k.LastIndex() != 100 || k.ID() != "j-test" {
		t.Fatalf("next %d first %d last index %d", k.Next(), k.First(), k.LastIndex())
	}
	add(t, k, 1, locker.EvDoorOpened)
	got, err := k.Events(100, 10)
	if err != nil || len(got) != 2 {
		t.Fatalf("%d events, %v", len(got), err)
	}
}

// TestRehearseLeavesNoTrace: the file is the same with and without.
func TestRehearseLeavesNoTrace(t *testing.T) {
	var files [2][]byte
	for i := range files {
		dir := create(t, Options{})
		j, _ := open(t, dir, Options{})
		for range 3 {
			if i == 1 {
				j.Rehearse([]locker.Event{{At: 1795428000001, Type: locker.EvCodeAccepted}}, []byte(`{"s":2}`))
			}
			add(t, j, 1, locker.EvScanRefused)
		}
		b, err := os.ReadFile(segPath(dir, 1))
		if err != nil {
			t.Fatal(err)
		}
		files[i] = b
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("a rehearsed commit has changed the journal")
	}
}
