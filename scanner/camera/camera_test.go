package camera

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/scanner"
	"lockerd/scanner/camera/luma"
)

// sink writes down what it is told.
type sink struct {
	mu    sync.Mutex
	lines []string
	news  chan struct{}
}

func newSink() *sink { return &sink{news: make(chan struct{}, 1000)} }

func (s *sink) add(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
	s.news <- struct{}{}
}

func (s *sink) Scanned(scan scanner.Scan) {
	if scan.Malformed {
		scan.Text = "malformed"
	}
	s.add(scan.Scanner + " read " + scan.Text)
}

func (s *sink) Expect(string) {}

func (s *sink) ScannerState(name string, err error) {
	if err != nil {
		s.add(name + " lost: " + err.Error())
		return
	}
	s.add(name + " back")
}

func (s *sink) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

// wait waits until a line has come.
func (s *sink) wait(t *testing.T, line string) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for !strings.Contains("\n"+s.all()+"\n", "\n"+line) {
		select {
		case <-s.news:
		case <-limit:
			t.Fatalf("%q did not come; so far:\n%s", line, s.all())
		}
	}
}

func open(t *testing.T, cfg Config, to *sink) {
	t.Helper()
	cfg.Name, cfg.FPS = "front", 1000
	s, err := Open(cfg, to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestFolder(t *testing.T) {
	to := newSink()
	open(t, Config{Port: "testdata"}, to)
	to.wait(t, "front back")
	to.wait(t, "front read AST-E0T1UGSVKHEX-FXZ")
	to.wait(t, "front read 5586697782818")
}

func TestMJPEGFile(t *testing.T) {
	var data []byte
	for _, name := range []string{"neg-text-00.jpg", "ean13-g2-00.jpg"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, b...)
	}
	name := filepath.Join(t.TempDir(), "film.mjpeg")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	to := newSink()
	open(t, Config{Port: name}, to)
	to.wait(t, "front read 5586697782818")
	if got := to.all(); strings.Count(got, "read") != 1 {
		t.Errorf("the same text again within 1.5 s: %s", got)
	}
}

func TestNothingThere(t *testing.T) {
	dir := t.TempDir()
	film := filepath.Join(dir, "film")
	if err := os.WriteFile(film, []byte("no film"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ port, want string }{
		{dir, "the folder has 0 pictures"},
		{film, "no JPEG picture"},
		{filepath.Join(dir, "video9"), "no such file"},
		{os.DevNull, ""}, // a device that is no camera
	} {
		to := newSink()
		open(t, Config{Port: c.port}, to)
		to.wait(t, "front lost: cannot open camera")
		if got := to.all(); !strings.Contains(got, c.want) {
			t.Errorf("%s: got %s, want %q", c.port, got, c.want)
		}
	}
}

// script is a camera that plays what a test says: nil shows a picture.
type script struct {
	steps  []error
	closed bool
}

func (s *script) next(ctx context.Context, m *luma.Image) error {
	if len(s.steps) == 0 {
		<-ctx.Done()
		return ctx.Err()
	}
	err := s.steps[0]
	s.steps = s.steps[1:]
	m.Reset(32, 32)
	clear(m.Pix)
	return err
}

func (s *script) close() error {
	s.closed = true
	return nil
}

func TestLostAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("no such device")
		var bad []error
		for range maxBad + 1 {
			bad = append(bad, errBadFrame)
		}
		sessions := []*script{
			{steps: []error{nil, nil, gone}},
			{steps: bad},
			{steps: []error{errBadFrame, nil}},
		}
		first, opened := sessions[0], 0
		to := newSink()
		s, err := start(Config{Name: "front", Port: "/dev/x"}, to, func(Config) (frames, error) {
			opened++
			if opened == 2 {
				return nil, gone
			}
			f := sessions[0]
			sessions = sessions[1:]
			return f, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		want := "front back\nfront lost: cannot read camera \"/dev/x\": no such device; check its cable\nfront back"
		if got := to.all(); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		if opened != 4 || !first.closed {
			t.Errorf("opened %d times, want 4; the first is closed: %v", opened, first.closed)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestHangingCamera(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		to := newSink()
		s, err := start(Config{Name: "front", Port: "/dev/x"}, to, func(Config) (frames, error) {
			<-free
			return nil, errors.New("too late")
		})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := s.Close(); err == nil {
			t.Error("a camera that hangs was closed")
		}
		close(free)
	})
}
