package metrics

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/golden"
	"lockerd/daemon/health"
	"lockerd/daemon/locker"
	"lockerd/hal"
)

func sample(t *testing.T) []byte {
	t.Helper()
	two := 2
	s := &Snapshot{
		Status: bank.Status{
			Bank: "lon-042", Version: `1.2 "beta"\`, Up: 90 * time.Second, Clock: locker.ClockHeld, Ready: true, Doors: 34, Open: 1, Out: 1, Unknown: 3,
			Buses: []bank.BusStatus{{
				Name: "a", Driver: "xor8a", Stats: hal.Stats{Up: true, Requests: 1000, Replies: 990, Timeouts: 8, Garbage: 3, Foreign: 2, Echoes: 1, Reopened: 4, SweepMS: 214},
				Boards: []bank.BoardStatus{{Address: 1, State: "ok"}, {Address: 2, State: "lost"}},
			}},
			Scanners: []bank.ScannerStatus{{Name: "front", State: "ok"}, {Name: "side", State: "starting"}},
			Visits:   make([]bank.VisitStatus, 2),
			Journal:  bank.JournalStatus{First: 812, Next: 1044, Bytes: 65_536},
			Codes:    map[string]locker.SetInfo{"acme": {Count: 412, Confirmed: 1_763_800_000_500}, "local": {Count: 1}},
			Link:     &bank.LinkStatus{Connected: true, Pending: 7, AckedAt: 1_763_800_001_000},
		},
		Doors: []bank.DoorStatus{{ID: locker.DoorID{Locker: 1, Door: 7}, Out: []locker.Cause{locker.CauseJammed, locker.CauseControl}}, {ID: locker.DoorID{Locker: 1, Door: 8}}},
		Stock: []bank.StockLine{{Tenant: "acme", SKU: "laptop-14", Count: 3, Min: &two}, {Tenant: "acme", SKU: "phone"}},
		Disk:  &health.Disk{Free: 1 << 30, Total: 8 << 30}, TempC: 52.5,
		Self: Process{CPU: 1.5, Resident: 6 << 20, Goroutines: 31},
	}
	var tally Tally
	for _, line := range []string{
		`{"seq":1,"type":"scan.refused","reason":"unknown"}`,
		`{"seq":2,"type":"scan.refused","reason":"unknown","n":40}`,
		`{"seq":3,"type":"scan.refused","reason":"used"}`,
		`{"seq":4,"type":"door.opened","door":"1-07","ms":412,"tries":1}`,
		`{"seq":5,"type":"door.opened","door":"1-07","ms":9999}`, // by hand: nobody pulsed
		`{"seq":6,"type":"visit.ended","ms":{"decision":0,"pulse":1,"open":412}}`,
		`{"seq":7,"type":"visit.ended","ms":{"pulse":6000}}`,
		`{"seq":8,"type":"visit.ended","outcome":"refused"}`,
	} {
		if _, err := tally.AddJSON([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	return Write(s, &tally)
}

func TestWrite(t *testing.T) { golden.Same(t, "testdata/scrape.txt", string(sample(t))) }

// TestPromtool has Prometheus's own tool judge what is written, where it is installed.
func TestPromtool(t *testing.T) {
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip("promtool is not installed: apt-get install prometheus")
	}
	for _, args := range [][]string{{"check", "metrics"}, {"check", "rules", "alerts.yml"}} {
		cmd := exec.CommandContext(t.Context(), "promtool", args...)
		cmd.Stdin = bytes.NewReader(sample(t))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}

// TestAlerts: the rules name only what there is.
func TestAlerts(t *testing.T) {
	rules, err := os.ReadFile("alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	there := string(sample(t))
	names := regexp.MustCompile(`\blockerd_[a-z_]+`).FindAllString(string(rules), -1)
	if len(names) < 10 {
		t.Errorf("only %q are watched", names)
	}
	for _, n := range names {
		if !strings.Contains(there, "\n"+n+"{") && !strings.Contains(there, "\n"+n+" ") {
			t.Errorf("a rule asks for %s, which lockerd does not show", n)
		}
	}
}

// TestEmpty: a bank that has just begun has nothing to divide by.
func TestEmpty(t *testing.T) {
	b := string(Write(&Snapshot{}, &Tally{}))
	for _, want := range []string{"lockerd_ready 0\n", "lockerd_scan_to_pulse_seconds_count 0\n", "lockerd_clock{state=\"unset\"} 0\n"} {
		if !strings.Contains(b, want) {
			t.Errorf("no %q in\n%s", want, b)
		}
	}
	for _, absent := range []string{"lockerd_mqtt", "lockerd_disk", "lockerd_temperature"} {
		if strings.Contains(b, absent) {
			t.Errorf("%s is told of a bank that has none", absent)
		}
	}
}

func serve(t *testing.T, s *Server) (url string) {
	t.Helper()
	s.Log = slog.New(slog.DiscardHandler)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return "http://" + l.Addr().String()
}

func get(t *testing.T, url string) (code int, kind, body string) {
	t.Helper()
	r, err := http.Get(url) //nolint:gosec // of this test
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }() // was only read
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, r.Header.Get("Content-Type"), string(b)
}

func TestServer(t *testing.T) {
	url := serve(t, &Server{Gather: func(context.Context) ([]byte, error) { return []byte("lockerd_ready 1\n"), nil }})
	if code, kind, body := get(t, url+"/metrics"); code != 200 || kind != "text/plain; version=0.0.4; charset=utf-8" || body != "lockerd_ready 1\n" {
		t.Errorf("%d %q %q", code, kind, body)
	}
	if code, _, body := get(t, url+"/"); code != 200 || !strings.Contains(body, "/metrics") {
		t.Errorf("%d %q", code, body)
	}
	if code, _, _ := get(t, url+"/debug"); code != 404 {
		t.Errorf("/debug: %d", code)
	}
	r, err := http.Post(url+"/metrics", "text/plain", strings.NewReader("x")) //nolint:gosec // of this test
	if err != nil || r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %v %v", r, err)
	}
	_ = r.Body.Close() // nothing of it is wanted
}

func TestFailure(t *testing.T) {
	url := serve(t, &Server{Gather: func(context.Context) ([]byte, error) { return nil, errors.New("the bank stops") }})
	if code, _, body := get(t, url+"/metrics"); code != http.StatusServiceUnavailable || !strings.Contains(body, "the bank stops") {
		t.Errorf("%d %q", code, body)
	}
}

// TestBankIsNotHurried: however often somebody asks, the bank is asked once a second.
func TestBankIsNotHurried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		s := &Server{Gather: func(context.Context) ([]byte, error) { asked.Add(1); return []byte{'x'}, nil }}
		for range 100 {
			if _, err := s.now(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(Fresh / 10)
		}
		if n := asked.Load(); n != 10 {
			t.Errorf("the bank was asked %d times in ten seconds, want 10", n)
		}
	})
}

// TestTakenAddress: what can't be listened on is tried again until it can.
func TestTakenAddress(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := other.Addr().String()
	said := make(chan string, 16)
	s := &Server{
		Gather: func(context.Context) ([]byte, error) { return []byte("lockerd_ready 1\n"), nil },
		Log:    slog.New(slog.NewTextHandler(lines(said), nil)), Retry: 10 * time.Millisecond,
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx, addr) }()
	if line := <-said; !strings.Contains(line, "cannot serve metrics") || !strings.Contains(line, "metrics.listen") {
		t.Error(line)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if line := <-said; !strings.Contains(line, "metrics are served") { // and not a second complaint
		t.Error(line)
	}
	if code, _, _ := get(t, "http://"+addr+"/metrics"); code != 200 {
		t.Error(code)
	}
	cancel()
	<-done
}

// lines hands on what is written.
type lines chan<- string

// Write implements io.Writer.
func (l lines) Write(b []byte) (int, error) { l <- string(b); return len(b), nil }
