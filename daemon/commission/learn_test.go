package commission

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/config"
	"lockerd/daemon/locker"
	"lockerd/hal/rs485/probe"
)

const channels = 24

// truth is how a board is wired: by door, from 1.
type truth struct {
	lock, feedback [channels + 1]int
	inverted, dead [channels + 1]bool
	view           int
}

func door(n int) locker.DoorID { return locker.DoorID{Locker: 1, Door: uint8(n)} }

// read is the channel that a reply of three bytes shows in the other order.
func other(ch int) int { return ((channels-ch)/8)*8 + (ch-1)%8 + 1 }

// walked is the state after a walk along a board that is wired so.
func (w *truth) walked() *State {
	s := &State{
		Version: Version, Bank: "lon-042", By: "test", Begun: time.Unix(1764000000, 0).UTC(),
		Buses: []Bus{{
			Name: "a", Port: "/dev/ttyUSB0",
			Found:    probe.Found{Family: "xor8a", Baud: 9600, Boards: []probe.Board{{Address: 1, Channels: channels, Answers: probe.Once}}},
			Voices:   []map[string]string{{}},
			Views:    []map[string]string{{"byte_order": "high-first"}, {"byte_order": "low-first"}},
			Polarity: []string{"1", "0"},
		}},
		Plan: []Span{{Bus: "a", Address: 1, First: door(1), Doors: channels, Channels: channels}},
	}
	for ch := 1; ch <= channels; ch++ {
		t := Trial{Place: Place{"a", 1, ch}, Tries: 2, Views: [][]Change{{}, {}}}
		for d := 1; d <= channels; d++ {
			if w.lock[d] != ch || w.dead[d] {
				continue
			}
			t.Tries, t.UnlockMS, t.Moved, t.Confirmed = 1, 120, door(d), true
			f := w.feedback[d]
			t.Views[w.view] = []Change{{f, w.inverted[d]}}
			t.Views[1-w.view] = []Change{{other(f), w.inverted[d]}}
		}
		s.Put(t)
	}
	return s
}

// random is a board with some wires crossed, some switches of the other kind,
// some locks dead.
func random(r *rand.Rand) *truth {
	w := &truth{view: r.IntN(2)}
	for d := 1; d <= channels; d++ {
		w.lock[d], w.feedback[d] = d, d
	}
	for range r.IntN(5) {
		a, b := 1+r.IntN(channels), 1+r.IntN(channels)
		w.lock[a], w.lock[b] = w.lock[b], w.lock[a]
	}
	for range r.IntN(5) {
		a, b := 1+r.IntN(channels), 1+r.IntN(channels)
		w.feedback[a], w.feedback[b] = w.feedback[b], w.feedback[a]
	}
	for range r.IntN(4) {
		w.inverted[1+r.IntN(channels)] = true
		w.dead[1+r.IntN(channels)] = true
	}
	return w
}

// tells reports whether more doors have lock and feedback on one channel in the order
// that the board speaks than in the other. Rarely so many wires are crossed
// that nothing could tell the order.
func (w *truth) tells() bool {
	own, others := 0, 0
	for d := 1; d <= channels; d++ {
		switch {
		case w.dead[d] || other(w.feedback[d]) == w.feedback[d]:
		case w.feedback[d] == w.lock[d]:
			own++
		case other(w.feedback[d]) == w.lock[d]:
			others++
		}
	}
	return own > others
}

// TestWhatIsWrittenIsTrue wires boards at random and wants a file that lockerd
// takes and that says for each door that moved where its wires are.
func TestWhatIsWrittenIsTrue(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	base, err := Base("lon-042", "/data")
	if err != nil {
		t.Fatal(err)
	}
	for range 2000 {
		w := random(r)
		if !w.tells() {
			continue
		}
		s := w.walked()
		l := Learn(s)
		c, text, err := Configure(base, s, l, locker.SizeM)
		if err != nil {
			t.Fatalf("%+v: %v", w, err)
		}
		if again, err := config.Parse(text, "again"); err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("%+v: read back: %v", w, err)
		}
		want := []string{"high-first", "low-first"}[w.view]
		if got := c.Buses[0].Profile["byte_order"]; got != want {
			t.Fatalf("byte_order = %s, want %s", got, want)
		}
		for d := 1; d <= channels; d++ {
			w.holds(t, c, d)
		}
		judge(t, w, &l)
	}
}

// holds wants the file to say of a door what is true.
func (w *truth) holds(t *testing.T, c *config.Config, d int) {
	t.Helper()
	x := c.Doors[d-1]
	got := [3]any{or(x.Wire.Lock, d), or(x.Wire.Feedback, d), x.Wire.Inverted}
	want := [3]any{w.lock[d], w.feedback[d], w.inverted[d]}
	if !w.dead[d] && got != want {
		t.Fatalf("door %d is written as lock, feedback, inverted = %v, and is %v: %+v", d, got, want, w)
	}
	if !x.Sensor {
		t.Fatalf("door %d is written without its sensor", d)
	}
}

func or(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// judge wants each thing that is wrong, and no other, to be named.
func judge(t *testing.T, w *truth, l *Learnt) {
	t.Helper()
	var got, want []string
	for _, f := range l.Faults {
		if !f.Door.IsZero() {
			got = append(got, f.Door.String()+" "+string(f.Kind)+" "+string(f.Status))
		}
		if f.Text == "" || f.Cure == "" {
			t.Fatalf("a fault without words: %+v", f)
		}
	}
	add := func(d int, on bool, what string) {
		if on {
			want = append(want, door(d).String()+" "+what)
		}
	}
	for d := 1; d <= channels; d++ {
		ok := !w.dead[d]
		mover := 0 // whose lock hangs where this door is planned
		for o := 1; o <= channels; o++ {
			if w.lock[o] == d && !w.dead[o] {
				mover = o
			}
		}
		add(d, ok && w.lock[d] != d, "crossed_lock described")
		add(d, ok && w.feedback[d] != d, "crossed_feedback described")
		add(d, ok && w.inverted[d], "inverted described")
		add(d, !ok && mover == 0, "dead open")
		add(d, !ok && mover != 0, "wrong_door open")
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("%+v:\n got %q\nwant %q", w, got, want)
	}
}

// plain is a board wired as planned.
func plain() *truth {
	w := &truth{}
	for d := 1; d <= channels; d++ {
		w.lock[d], w.feedback[d] = d, d
	}
	return w
}

// TestFaults spoils one trial of a good walk.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(s *State, t *Trial)
		kind  Kind
		ok    bool // the sensor can be believed
	}{
		{"no feedback", func(_ *State, t *Trial) { t.Views = [][]Change{{}, {}} }, NoFeedback, false},
		{"stuck", func(_ *State, t *Trial) { t.Stuck = true }, StuckFeedback, false},
		{"two switches", func(_ *State, t *Trial) { t.Views[0] = append(t.Views[0], Change{Channel: 9}) }, SeveralDoors, false},
		{"elsewhere", func(_ *State, t *Trial) {
			t.Views, t.Elsewhere = [][]Change{{}, {}}, []Place{{"a", 2, 1}}
		}, CrossedBoards, false},
		{"sticks", func(_ *State, t *Trial) { t.Moved = locker.DoorID{} }, Sticks, true},
		{"slow", func(_ *State, t *Trial) { t.UnlockMS = slowMS + 1 }, Slow, true},
		{"board lost", func(_ *State, t *Trial) { t.Lost = true }, BoardLost, true},
		{"nobody looked", func(_ *State, t *Trial) { t.Confirmed, t.Views[0][0].Channel = false, 8 }, CrossedUnseen, false},
		{"not tried", func(s *State, t *Trial) {
			p := t.Place
			s.Trials = slices.DeleteFunc(s.Trials, func(o Trial) bool { return o.Place == p })
		}, Unreached, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := plain().walked()
			if l := Learn(s); len(l.Faults) > 0 {
				t.Fatalf("a good board has faults: %+v", l.Faults)
			}
			c.spoil(s, s.Trial(Place{"a", 1, 7}))
			l := Learn(s)
			if len(l.Faults) != 1 || l.Faults[0].Kind != c.kind || l.Faults[0].Door != door(7) || l.Faults[0].Status != Open {
				t.Errorf("faults %+v", l.Faults)
			}
			if d := l.Doors[6]; d.Sensor() != c.ok {
				t.Errorf("sensor believed: %v, want %v", d.Sensor(), c.ok)
			}
		})
	}
}

func TestPolarityByVote(t *testing.T) {
	w := plain()
	for d := 1; d <= channels; d++ {
		w.inverted[d] = d != 5
	}
	l := Learn(w.walked())
	if len(l.Faults) != 2 || l.Faults[0].Kind != Polarity || l.Faults[1].Kind != Inverted || l.Faults[1].Door != door(5) {
		t.Errorf("faults %+v", l.Faults)
	}
}

// TestOtherBusesStay looks at one bus of two.
func TestOtherBusesStay(t *testing.T) {
	base, err := config.Parse([]byte(`version = 1
bank = "lon-042"
data_dir = "/data"
[[bus]]
name = "b"
driver = "cu16"
port = "/dev/ttyUSB1"
[[locker]]
number = 2
bus = "b"
size = "S"
doors = 3
boards = [ { address = 0, channels = 3, first_door = 1 } ]
[[door]]
id = "2-02"
tenant = "acme"
feedback_inverted = true
`), "base")
	if err != nil {
		t.Fatal(err)
	}
	s := plain().walked()
	c, _, err := Configure(base, s, Learn(s), locker.SizeM)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Buses) != 2 || len(c.Lockers) != 2 || len(c.Doors) != channels+3 {
		t.Fatalf("%d buses, %d lockers, %d doors", len(c.Buses), len(c.Lockers), len(c.Doors))
	}
	if !reflect.DeepEqual(c.Doors[channels:], base.Doors) {
		t.Errorf("doors of the other bus: %+v", c.Doors[channels:])
	}
}

func TestPlan(t *testing.T) {
	s := &State{}
	d := probe.Board{Address: 1, Channels: 24}
	sp := s.Propose("a", d)
	if sp.String() != "1-01..1-24" {
		t.Errorf("first %s", sp)
	}
	s.Plan = append(s.Plan, sp)
	d.Address = 2
	sp = s.Propose("a", d)
	if sp.String() != "1-25..1-34" {
		t.Errorf("second %s", sp)
	}
	s.Plan = append(s.Plan, sp)
	d.Address = 3
	if sp = s.Propose("a", d); sp.String() != "2-01..2-24" {
		t.Errorf("third %s", sp)
	}
	for text, bad := range map[string]string{"1-20..1-30": "hangs on", "2-01..2-25": "has 24 channels", "2-01": "", "none": ""} {
		first, n, err := ParseDoors(text)
		if err != nil {
			t.Fatal(err)
		}
		err = s.Fits(Span{Bus: "a", Address: 3, First: first, Doors: n}, d)
		if (err == nil) != (bad == "") || err != nil && !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, bad := range []string{"", "1-7", "1-05..1-04", "1-01..2-02", "1-01-1-02", "7-01..7-02"} {
		if _, _, err := ParseDoors(bad); err == nil {
			t.Errorf("took %q", bad)
		}
	}
}

func TestStateComesBack(t *testing.T) {
	s := random(rand.New(rand.NewPCG(1, 2))).walked()
	s.Seen = []Fault{{Kind: Noise, Status: Open, Place: Place{Bus: "a"}, Text: "x", Cure: "y"}}
	b, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decode(b)
	if err != nil || !reflect.DeepEqual(again, s) {
		t.Errorf("came back as %+v, %v", again, err)
	}
	for _, bad := range []string{"", "{", `{"v":2}`} {
		if _, err := Decode([]byte(bad)); err == nil || !strings.Contains(err.Error(), "--fresh") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestReportOfSoundCabinet(t *testing.T) {
	s := plain().walked()
	r := NewReport(s, Learn(s), "lockerd.toml", s.Begun.Add(time.Hour))
	var b bytes.Buffer
	if err := r.HTML(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "Nothing is left to be mended") || strings.Count(b.String(), "<td>1-") != channels {
		t.Errorf("page %s", b.String())
	}
	b.Reset()
	if err := r.JSON(&b); err != nil || !strings.Contains(b.String(), `"door": "1-24"`) {
		t.Errorf("JSON: %v\n%s", err, b.String())
	}
}
