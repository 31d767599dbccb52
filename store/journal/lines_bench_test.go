package journal

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"lockerd/daemon/locker"
)

// BenchmarkLines reads 20,000 events in windows of 200, as a drain does, against
// reading the bytes of the same files, in turns.
func BenchmarkLines(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "journal")
	o := Options{Datasync: func(*os.File) error { return nil }}
	if err := Create(dir, "j-bench", o); err != nil {
		b.Fatal(err)
	}
	j, _, err := Open(dir, o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = j.Close() })
	for j.Next() <= 20_000 {
		evs := make([]locker.Event, 1+j.Next()%4)
		for i := range evs {
			evs[i] = locker.Event{At: 1795428000000, Clock: locker.ClockSynced, Boot: 1, Type: locker.EvDoorOpened, Scanner: "front"}
		}
		if _, _, err := j.Append(evs, []byte(`{"s":1}`)); err != nil {
			b.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"+segSuffix))
	if err != nil || len(files) == 0 {
		b.Fatal(files, err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for from := uint64(1); from < j.Next(); {
			left := 200
			if err := j.Lines(from, func([]byte) bool { left--; return left > 0 }); err != nil {
				b.Fatal(err)
			}
			from += uint64(200 - left)
		}
	}
	begun := time.Now()
	for range b.N {
		for _, f := range files {
			if _, err := os.ReadFile(f); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/time.Since(begun).Seconds(), "of-bytes")
	b.ReportMetric(0, "ns/op")
}
