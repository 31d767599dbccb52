package suite

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"lockerd/sync/brokertest"
	"lockerd/sync/uplink"
)

// BenchmarkSessions keeps a thousand idle sessions on one mosquitto and weighs
// them.
func BenchmarkSessions(b *testing.B) {
	const banks = 1000
	m := brokertest.StartMosquitto(b, brokertest.Options{})
	s := newSite(b, m)
	for b.Loop() {
		rss := resident(b, m.PID())
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		threads := runtime.NumGoroutine()
		var all []*bank
		for i := range banks {
			all = append(all, startOn(b, newBook(), m.URL(), "", s.pub, func(c *uplink.Config, _ *uplink.Options) {
				c.Bank, c.KeepAlive, c.Heartbeat = fmt.Sprintf("bank-%d", i), 30*time.Second, time.Minute
			}))
		}
		for _, k := range all {
			for !k.u.Stats().Connected {
				time.Sleep(time.Millisecond)
			}
		}
		time.Sleep(time.Second)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc+after.StackInuse-before.HeapAlloc-before.StackInuse)/banks/1024, "KiB-a-bank")
		b.ReportMetric(float64(runtime.NumGoroutine()-threads)/banks, "goroutines-a-bank")
		b.ReportMetric(float64(resident(b, m.PID())-rss)/banks/1024, "KiB-mosquitto-a-bank")
		for _, k := range all {
			k.stop()
		}
	}
	b.ReportMetric(0, "ns/op")
}

// resident returns the resident bytes of a process.
func resident(b *testing.B, pid int) (n int) {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), "VmRSS:")
	if _, err := fmt.Sscan(rest, &n); err != nil {
		b.Fatal(err)
	}
	return n * 1024
}
