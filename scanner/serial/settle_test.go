package serial

import (
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/scanner/device"
	"lockerd/scanner/scannertest"
	"lockerd/scanner/serial/module"
)

func openModule(t *testing.T, name, mod string) (*device.Source, *scannertest.Log, <-chan Notice) {
	t.Helper()
	l, notices := scannertest.NewLog(), make(chan Notice, 16)
	s, err := Open(Config{
		Name: "front", Port: name, Baud: 9600, Suffix: "\r", Module: mod, Trigger: "presence",
		Notice: func(n Notice) { notices <- n },
	}, l)
	if err != nil {
		t.Fatal(err)
	}
	return s, l, notices
}

func next(t *testing.T, notices <-chan Notice) Notice {
	t.Helper()
	select {
	case n := <-notices:
		return n
	case <-time.After(10 * time.Second):
		t.Fatal("no notice came")
	}
	return Notice{}
}

// TestPrankIsMended sets every module wrong, as setup barcodes do, and wants it
// right after the start and again after an unplug, with scans all the while.
func TestPrankIsMended(t *testing.T) {
	for _, f := range simFamilies() {
		t.Run(f.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "scanner")
			m := &simModule{eat: f.eat}
			m.set(f.pranked)
			end := plugModule(t, name, m)
			s, l, notices := openModule(t, name, f.name)
			defer closeSource(t, s)
			if got := l.Wait(t); got != "front back" {
				t.Fatal(got)
			}
			send(t, end, "1234\r")
			if got := l.Wait(t); got != "1234" {
				t.Errorf("scanned %q while the settings were asserted", got)
			}
			for round := range 2 {
				n := next(t, notices)
				if n.Err != nil || strings.Join(n.Mended, ", ") != f.mended {
					t.Errorf("round %d: mended %q, want %s: %v", round, n.Mended, f.mended, n.Err)
				}
				if wrong := m.is(f.proper); wrong != "" {
					t.Errorf("round %d: %s", round, wrong)
				}
				if round > 0 {
					break
				}
				_ = end.Close()
				if got := l.Wait(t); !strings.HasPrefix(got, "front lost") {
					t.Error(got)
				}
				m.set(f.pranked)
				end = plugModule(t, name, m)
				if got := l.Wait(t); got != "front back" {
					t.Error(got)
				}
			}
			send(t, end, "ABCD\r")
			if got := l.Wait(t); got != "ABCD" {
				t.Errorf("scanned %q", got)
			}
		})
	}
}

// TestMuteModule holds that a module that answers nothing is told of, once a
// round, and that its scans come.
func TestMuteModule(t *testing.T) {
	name := filepath.Join(t.TempDir(), "scanner")
	m := &simModule{eat: eatGM65, mute: true, values: map[string]string{}}
	end := plugModule(t, name, m)
	s, l, notices := openModule(t, name, "gm65")
	defer closeSource(t, s)
	l.Wait(t)
	send(t, end, "1234\r")
	if got := l.Wait(t); got != "1234" {
		t.Errorf("scanned %q", got)
	}
	if n := next(t, notices); n.Err == nil || !strings.Contains(n.Err.Error(), "does not answer: check") {
		t.Errorf("noticed %v", n.Err)
	}
}

// TestDisobedientModule holds that a setting that does not take is told by name.
func TestDisobedientModule(t *testing.T) {
	f := simFamilies()[0]
	name := filepath.Join(t.TempDir(), "scanner")
	m := &simModule{eat: f.eat, stuck: map[string]bool{"0": true}}
	m.set(f.pranked)
	plugModule(t, name, m)
	s, _, notices := openModule(t, name, f.name)
	defer closeSource(t, s)
	n := next(t, notices)
	if n.Err == nil || !strings.Contains(n.Err.Error(), "trigger: it did not take") || slices.Contains(n.Mended, "trigger") {
		t.Errorf("noticed %q, %v", n.Mended, n.Err)
	}
}

// TestOptionalSetting holds that a model without a setting that not all have is
// no fault.
func TestOptionalSetting(t *testing.T) {
	name := filepath.Join(t.TempDir(), "scanner")
	m := &simModule{eat: eatHoneywell, values: map[string]string{"TRGMOD": "3", "VSUFCR": ""}}
	plugModule(t, name, m)
	s, _, notices := openModule(t, name, "honeywell")
	defer closeSource(t, s)
	if n := next(t, notices); n.Err != nil || len(n.Mended) > 0 {
		t.Errorf("noticed %q, %v", n.Mended, n.Err)
	}
}

// memory is a port in memory with a GM65 behind it that answers at once.
type memory struct {
	mu       sync.Mutex
	m        simModule
	in       chan []byte
	closed   chan struct{}
	commands [][]byte
}

func (p *memory) Read(b []byte) (int, error) {
	select {
	case s := <-p.in:
		return copy(b, s), nil
	case <-p.closed:
		return 0, io.ErrClosedPipe
	}
}

func (p *memory) Write(b []byte) (int, error) {
	p.mu.Lock()
	p.commands = append(p.commands, slices.Clone(b))
	p.mu.Unlock()
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	if _, r := p.m.eat(p.m.values, b); !p.m.mute {
		p.in <- r
	}
	return len(b), nil
}

func (p *memory) Close() error { close(p.closed); return nil }

func (p *memory) sent() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.commands)
}

// TestAssertedAgain holds how long a prank can last, and that a module that
// answers nothing is asked little.
func TestAssertedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &memory{m: simModule{eat: eatGM65}, in: make(chan []byte, 64), closed: make(chan struct{})}
		p.m.set(simFamilies()[0].proper)
		mod, err := module.New("gm65", module.Presence, "\r")
		if err != nil {
			t.Fatal(err)
		}
		var notices []Notice
		s := newSettler(p, mod, func(n Notice) { notices = append(notices, n) })
		go func() { _, _ = s.Read(make([]byte, 64)) }()
		synctest.Wait()
		if len(notices) != 1 || notices[0].Err != nil || p.sent() != 3 {
			t.Fatalf("%d commands, noticed %v", p.sent(), notices)
		}
		p.m.set(simFamilies()[0].pranked)
		time.Sleep(assertEvery - time.Nanosecond)
		if p.sent() != 3 {
			t.Errorf("%d commands in a round's pause", p.sent()-3)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if wrong := p.m.is(simFamilies()[0].proper); wrong != "" || len(notices) != 2 {
			t.Errorf("after ten minutes: %s, noticed %v", wrong, notices)
		}
		p.m.mu.Lock()
		p.m.mute = true
		p.m.mu.Unlock()
		before := p.sent()
		time.Sleep(assertEvery + tries*answerWithin + assertSoon)
		synctest.Wait()
		if n := p.sent() - before; n < tries || n > 2*tries {
			t.Errorf("%d commands to a mute module in two rounds", n)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestHostTrigger holds that a module that waits for it is made to read again
// and again, and that what it answers is no scan.
func TestHostTrigger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &memory{m: simModule{eat: eatGM65}, in: make(chan []byte, 64), closed: make(chan struct{})}
		p.m.set(map[string]string{"0": "D5", "3": "00", "60": "01"})
		mod, err := module.New("gm65", module.Host, "\r")
		if err != nil {
			t.Fatal(err)
		}
		s := newSettler(p, mod, func(Notice) {})
		read := make(chan string, 1)
		go func() {
			b := make([]byte, 64)
			n, _ := s.Read(b)
			read <- string(b[:n])
		}()
		time.Sleep(10*triggerEvery + time.Second)
		if n := p.sent(); n != 3+11 {
			t.Errorf("%d commands, want three settings and 11 triggers", n)
		}
		p.in <- []byte("1234\r")
		if got := <-read; got != "1234\r" {
			t.Errorf("read %q", got)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestBadModule(t *testing.T) {
	if _, err := Open(Config{Name: "front", Module: "gm65", Trigger: "presence"}, scannertest.NewLog()); err == nil {
		t.Error("a module without suffix was taken")
	}
}
