package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lockerd/daemon/slots"
	"lockerd/hal/sim"
	"lockerd/store"
)

// patience is for anything a test awaits on a slow machine.
const patience = 60 * time.Second

// site is a bank with one scanner, its slots, and the directory of all.
type site struct {
	t        *testing.T
	dir      string
	base     string
	slots    *slots.Dir
	deadline string // of the guard
	said     chan string
	stop     chan syscall.Signal
	ended    chan struct{}
	watchdog time.Duration
}

// siteConfig is the file of a bank: its directory, the scanner's port, its name, and what
// stands behind [update] hold and deadline.
const siteConfig = `version  = 1
bank     = "%[3]s"
data_dir = "%[1]s/data"

[update]
hold     = "1s"
%[4]s

[[bus]]
name   = "a"
driver = "sim"

[[locker]]
number = 1
bus    = "a"
size   = "M"
doors  = 8
boards = [ { address = 1, channels = 8, first_door = 1 } ]

[[scanner]]
name   = "front"
driver = "serial"
port   = "%[1]s/%[2]s"
`

// newSite installs v1 and waits until it is known to be well.
func newSite(t *testing.T) *site {
	t.Helper()
	return siteOf(t, "lon-042", "v1", `deadline = "4s"`)
}

// siteOf installs a version of lockerd for a bank.
func siteOf(t *testing.T, bank, version, more string) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{
		t: t, dir: dir, slots: &slots.Dir{Path: filepath.Join(dir, "update")}, deadline: "1m",
		said: make(chan string, 100), stop: make(chan syscall.Signal), ended: make(chan struct{}), watchdog: 10 * time.Second,
	}
	for name, port := range map[string]string{"site.toml": "front", "blind.toml": "nowhere"} {
		if err := os.WriteFile(filepath.Join(dir, name), fmt.Appendf(nil, siteConfig, dir, port, bank, more), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sc, err := sim.NewScanner(filepath.Join(dir, "front"), "\r")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sc.Close() })
	s.base = script(t, dir, version, s.real(version))
	return s
}

// real is the body of a program that is lockerd.
func (s *site) real(version string) string {
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprintf("%s=%s LOCKERD_TEST_VERSION=%s exec %s \"$@\"", roleEnv, roleLockerd, version, self)
}

// supervise is systemd: Type=notify, Restart=always, WatchdogSec.
func (s *site) supervise() {
	s.t.Cleanup(func() {
		close(s.stop)
		<-s.ended
	})
	go func() {
		defer close(s.ended)
		for s.runOnce() {
		}
	}()
}

func (s *site) runOnce() (again bool) {
	path := filepath.Join(s.dir, "notify")
	_ = os.Remove(path)
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		panic(err)
	}
	defer func() { _ = conn.Close() }()
	cmd := role(roleLaunch, "--dir", s.slots.Path, "--base", s.base, "--deadline", s.deadline, "--",
		"run", "--config", filepath.Join(s.dir, "site.toml"))
	cmd.Env = append(cmd.Env, "TMPDIR="+s.dir, "NOTIFY_SOCKET="+path, fmt.Sprintf("WATCHDOG_USEC=%d", s.watchdog.Microseconds()))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	errs, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer func() { _ = errs.Close() }()
	cmd.Stderr = errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		panic(err)
	}
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			s.said <- lines.Text()
		}
	}()
	gone := make(chan struct{})
	go s.watch(conn, cmd.Process, gone)
	done := make(chan struct{})
	go func() { <-read; _ = cmd.Wait(); close(done) }()
	defer close(gone)
	defer func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }() // what is left of its group
	for {
		select {
		case sig, more := <-s.stop:
			if !more {
				_ = cmd.Process.Kill()
				<-done
				return false
			}
			_ = cmd.Process.Signal(sig)
		case <-done:
			return true
		}
	}
}

// watch ends a process that has said nothing for the watchdog's time.
func (s *site) watch(conn *net.UnixConn, p *os.Process, gone chan struct{}) {
	buf := make([]byte, 256)
	for {
		_ = conn.SetReadDeadline(time.Now().Add(s.watchdog))
		if _, err := conn.Read(buf); err != nil {
			select {
			case <-gone:
			default:
				_ = p.Signal(syscall.SIGABRT)
			}
			return
		}
	}
}

// hears waits for a line on the programs' stdout.
func (s *site) hears(want string) {
	s.t.Helper()
	late := time.After(patience)
	for {
		select {
		case got := <-s.said:
			if strings.HasPrefix(got, want) {
				return
			}
		case <-late:
			s.fatal("has not said " + want)
		}
	}
}

func (s *site) fatal(text string) {
	s.t.Helper()
	st, _, err := s.slots.Load()
	log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	s.t.Fatalf("%s: %+v (trial %+v, last %+v), %v\n%s", text, st, st.Trial, st.Last, err, log)
}

// until waits for a state of the slots.
func (s *site) until(what string, is func(*slots.State) bool) slots.State {
	s.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if st, _, err := s.slots.Load(); err == nil && is(&st) {
			return st
		}
	}
	s.fatal("not so: " + what)
	return slots.State{}
}

// well waits until the active program has been well for its hold.
func (s *site) well() {
	s.t.Helper()
	s.until("the bank is well", func(st *slots.State) bool { return st.Good != nil && st.Trial == nil && len(st.Good.Scanners) == 1 })
}

// order stages a program and has it tried at the next start.
func (s *site) order(path string) {
	s.t.Helper()
	size, sum, err := slots.Measure(path)
	if err != nil {
		s.t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := s.slots.Put(slots.Program{Version: filepath.Base(path), SHA256: sum, Size: size}, f, time.Now()); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.slots.Change(func(st slots.State) (slots.State, error) { return st.Arm(st.Good) }); err != nil {
		s.t.Fatal(err)
	}
	s.stop <- syscall.SIGTERM
}

// journal returns the events of the bank, which has stopped or not.
func (s *site) journal() string {
	files, err := filepath.Glob(filepath.Join(s.dir, "data", "journal", "*.seg"))
	if err != nil || len(files) == 0 {
		s.t.Fatal("no journal")
	}
	var all strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			s.t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}

func TestLife(t *testing.T) {
	for _, tc := range []struct {
		name   string
		body   func(s *site) string // of v2
		guard  string               // its deadline
		dog    time.Duration
		result string
		why    string
	}{
		{"good", func(s *site) string { return s.real("v2") }, "1m", 10 * time.Second, slots.Confirmed, ""},
		{"crashes", func(*site) string { return "exit 3" }, "1m", 10 * time.Second, slots.RolledBack, "2 starts"},
		{"hangs", func(*site) string { return "exec sleep 1000" }, "1m", 3 * time.Second, slots.RolledBack, "2 starts"},
		{"never decides", func(*site) string { return "exec sleep 1000" }, "2s", patience, slots.RolledBack, "not confirmed within 2s"},
		{"is no program", func(*site) string { return "" }, "1m", 10 * time.Second, slots.RolledBack, "2 starts"},
		{
			"loses the scanner", func(s *site) string {
				return strings.Replace(s.real("v2"), `"$@"`, "run --config "+filepath.Join(s.dir, "blind.toml"), 1)
			}, "1m", 10 * time.Second, slots.RolledBack, "lost: scanner front",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(t)
			s.deadline, s.watchdog = tc.guard, tc.dog
			s.supervise()
			s.hears("started v1")
			s.well()
			first := s.until("it has a journal", func(st *slots.State) bool { return st.Good.Next > 1 }).Good
			s.order(script(t, s.dir, "v2", tc.body(s)))
			want := "started v1"
			if tc.result == slots.Confirmed {
				want = "started v2"
			}
			s.hears(want)
			st := s.until("the update has ended and is told", func(st *slots.State) bool {
				return st.Trial == nil && st.Last != nil && st.Last.Told && st.Starts == 0
			})
			if st.Last.Result != tc.result || !strings.Contains(st.Last.Why, tc.why) {
				s.fatal("ended otherwise")
			}
			if st.Good.Journal != first.Journal || st.Good.Next < first.Next || st.Good.StoreReads != store.FormatReads {
				s.fatal("the old data is not intact")
			}
			if !strings.Contains(s.journal(), `"type":"update.`+tc.result+`"`) {
				s.fatal("the journal does not tell it")
			}
		})
	}
}

// TestOrderlyStops holds that a reboot, a second time and a third, is no failure of a program on trial.
func TestOrderlyStops(t *testing.T) {
	s := newSite(t)
	s.supervise()
	s.hears("ready")
	s.well()
	s.order(script(t, s.dir, "v2", s.real("v2")))
	for range slots.Tries + 1 {
		s.hears("started v2")
		s.hears("ready")
		st, _, err := s.slots.Load()
		if err != nil || st.Trial == nil {
			t.Skip("this machine was so slow that the trial is over")
		}
		s.stop <- syscall.SIGTERM
	}
	s.hears("started v2")
	if st := s.until("the update has ended", func(st *slots.State) bool { return st.Trial == nil }); st.Last.Result != slots.Confirmed {
		s.fatal("rolled back")
	}
}

// TestOrderCutShort holds that an order whose lockerd was killed is over with the next
// start, and told.
func TestOrderCutShort(t *testing.T) {
	s := newSite(t)
	s.supervise()
	s.well()
	if _, err := s.slots.Change(func(st slots.State) (slots.State, error) {
		return st.Begin(slots.Program{Version: "v2", Size: 1}, time.Now())
	}); err != nil {
		t.Fatal(err)
	}
	s.stop <- syscall.SIGKILL
	st := s.until("the update has ended and is told", func(st *slots.State) bool {
		return st.Trial == nil && st.Last != nil && st.Last.Told
	})
	if st.Last.Result != slots.Abandoned || !strings.Contains(st.Last.Why, "order it again") {
		s.fatal("ended otherwise")
	}
	if !strings.Contains(s.journal(), `"type":"update.abandoned"`) {
		s.fatal("the journal does not tell it")
	}
}
