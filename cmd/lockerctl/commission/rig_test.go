package commission

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/commission"
	"lockerd/daemon/config"
	"lockerd/daemon/locker"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/probe"
	"lockerd/hal/sim"
)

// cabinet is a simulated bank whose doors bear labels.
type cabinet struct {
	t      *testing.T
	line   *sim.Line
	labels map[*sim.Door]locker.DoorID
}

func build(t *testing.T, cfg sim.LineConfig) *cabinet {
	t.Helper()
	l, err := sim.NewLine(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return &cabinet{t: t, line: l, labels: map[*sim.Door]locker.DoorID{}}
}

// label sticks the numbers of locker 1 on the doors of a board, from one on.
func (c *cabinet) label(board, channels int, first uint8) {
	for ch := 1; ch <= channels; ch++ {
		c.labels[c.line.Boards()[board].Door(ch)] = locker.DoorID{Locker: 1, Door: first + uint8(ch-1)}
	}
}

func (c *cabinet) door(id locker.DoorID) *sim.Door {
	for d, l := range c.labels {
		if l == id {
			return d
		}
	}
	c.t.Fatalf("no door is labelled %s", id)
	return nil
}

// open returns the label of a door that stands open; zero: none does.
func (c *cabinet) open() locker.DoorID {
	var out []locker.DoorID
	for d, l := range c.labels {
		if d.IsOpen() {
			out = append(out, l)
		}
	}
	switch len(out) {
	case 0:
		return locker.DoorID{}
	case 1:
		return out[0]
	}
	c.t.Errorf("several doors stand open: %v", out)
	return out[0]
}

func (c *cabinet) shut() {
	for d := range c.labels {
		d.Shut()
	}
}

// watcher is the person of an unattended test: it looks at the simulator.
type watcher struct {
	*cabinet

	spans []commission.Span
	mend  func(commission.Fault) bool
	asked int
	tasks []TaskKind
}

func (w *watcher) Doors(_ context.Context, b probe.Board, p commission.Span) (commission.Span, error) {
	for _, sp := range w.spans {
		if sp.Address == b.Address {
			return sp, nil
		}
	}
	return p, nil
}

func (w *watcher) Moved(_ context.Context, q Question) (locker.DoorID, bool, error) {
	w.asked++
	id := w.open()
	w.shut()
	return id, true, nil
}

func (w *watcher) Do(_ context.Context, k Task) (bool, error) {
	w.tasks = append(w.tasks, k.Kind)
	if k.Kind == Mend {
		return w.mend != nil && w.mend(k.Fault), nil
	}
	w.shut()
	return true, nil
}

// options are those of a test, which has no time to lose.
func options(t *testing.T, c *cabinet, family string, last int) Options {
	t.Helper()
	return Options{
		Config: filepath.Join(t.TempDir(), "lockerd.toml"), Bank: "lon-042", DataDir: "/var/lib/lockerd", Size: locker.SizeM,
		Ports: []Port{{Bus: "a", Path: c.line.Path()}},
		Scan:  probe.Options{Families: []string{family}, Last: last, Reply: 150 * time.Millisecond},
		Pulse: 300 * time.Millisecond, Times: Times{Prove: 500 * time.Millisecond, Shut: 5 * time.Second},
		By: "test", Now: time.Now, Dial: rs485.Dial,
	}
}

func said(t *testing.T) func(string, ...any) {
	t.Helper()
	return func(format string, args ...any) { t.Log("  | " + fmt.Sprintf(format, args...)) }
}

func kinds(r *commission.Report) []string {
	var out []string
	for _, f := range r.Faults {
		where := f.Door.String()
		if where == "" {
			where = fmt.Sprintf("%s:%d", f.Place.Bus, f.Place.Address)
		}
		out = append(out, fmt.Sprintf("%s %s %s", where, f.Kind, f.Status))
	}
	return out
}

func wantFaults(t *testing.T, r *commission.Report, want ...string) {
	t.Helper()
	got := kinds(r)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("faults\n got %q\nwant %q", got, want)
	}
}

// written loads the file as lockerd would.
func written(t *testing.T, o *Options) *config.Config {
	t.Helper()
	c, err := config.Load(o.Config)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"lockerd.commission.html", "lockerd.commission.json"} {
		b, err := os.ReadFile(filepath.Join(filepath.Dir(o.Config), p))
		if err != nil || !bytes.Contains(b, []byte("lon-042")) {
			t.Errorf("report %s: %v", p, err)
		}
	}
	return c
}

func contains(text string, all ...string) bool {
	return !slices.ContainsFunc(all, func(s string) bool { return !strings.Contains(text, s) })
}
