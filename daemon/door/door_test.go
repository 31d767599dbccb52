package door

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the transcripts in testdata; read the difference before you commit it")

var config = Config{Sensor: true, Prove: 3 * time.Second, Tries: 3, AjarWarn: 30 * time.Second, AjarAlarm: 2 * time.Minute, Expiry: 5 * time.Second}

var kindNames = map[Kind]string{
	Pulse: "pulse", Opened: "opened", Unproven: "unproven", Jammed: "jammed", GivenUp: "given-up", Uncertain: "uncertain",
	NotMoved: "not-moved", SettledAs: "settled-closed", ClosedNow: "closed", AjarWarn: "ajar-warn", AjarAlarm: "ajar-alarm",
	Forced: "forced", Flapping: "flapping",
}

var phaseNames = [...]string{"resting", "pulsing", "proving", "looking", "settling", "standing"}

// TestTranscripts plays each file of testdata: a line is a command with its
// time, what it makes the machine say stands behind "→".
//
//	order T | sent T | lost T (pulse not sent) | open T [begun] | closed T [begun] | silent T | tick T | settle | stand T | no-sensor
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(b))
			if *rewrite {
				if err := os.WriteFile(f, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(b) {
				t.Errorf("transcript differs; got:\n%s", got)
			}
		})
	}
}

func play(t *testing.T, script string) string {
	t.Helper()
	m := New(config)
	var out strings.Builder
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		cmd, _, _ := strings.Cut(line, "→")
		cmd = strings.TrimSpace(cmd)
		if cmd == "" || strings.HasPrefix(cmd, "#") {
			out.WriteString(line + "\n")
			continue
		}
		effs := do(t, m, strings.Fields(cmd))
		fmt.Fprintf(&out, "%-24s→ %s\n", cmd, describe(m, effs))
	}
	return out.String()
}

func describe(m *Machine, effs []Effect) string {
	s := phaseNames[m.Phase()]
	for _, e := range effs {
		s += fmt.Sprintf(", %s", kindNames[e.Kind])
		if e.Kind == Opened || e.Kind == ClosedNow || e.Kind == Unproven {
			s += fmt.Sprintf(" %d ms", e.MS)
		}
		if e.Kind == Pulse || e.Kind == Opened || e.Kind == Jammed {
			s += fmt.Sprintf(" (try %d)", e.Tries)
		}
	}
	return s
}

func do(t *testing.T, m *Machine, f []string) []Effect {
	t.Helper()
	at := func(i int) time.Duration {
		d, err := time.ParseDuration(f[min(i, len(f)-1)])
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	switch f[0] {
	case "no-sensor":
		c := config
		c.Sensor = false
		*m = *New(c)
	case "settle":
		m.Settle()
	case "stand":
		m.Stand(at(1))
	case "order":
		return m.Order(at(1))
	case "sent":
		return m.Reported(at(1), at(1), Sent)
	case "lost":
		return m.Reported(at(1), at(1), NotSent)
	case "open":
		return m.Read(at(1), at(2), Open)
	case "closed":
		return m.Read(at(1), at(2), Closed)
	case "silent":
		return m.Read(at(1), at(2), Unknown)
	case "tick":
		return m.Tick(at(1))
	case "flicker": // from, changes, every
		var all []Effect
		n := 0
		if _, err := fmt.Sscan(f[2], &n); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			p := Closed
			if i%2 == 0 {
				p = Open
			}
			now := at(1) + time.Duration(i)*at(3)
			all = append(all, m.Read(now, now, p)...)
		}
		return all
	default:
		t.Fatalf("unknown command %q", f[0])
	}
	return nil
}

// TestReadingsBeforeThePulseNeverProve goes through every order of a few
// readings around a pulse: what was begun before it can't open the door.
func TestReadingsBeforeThePulseNeverProve(t *testing.T) {
	const pulse = 100 * time.Millisecond
	for begun := time.Duration(0); begun < 200*time.Millisecond; begun += time.Millisecond {
		m := New(config)
		m.Read(0, 0, Closed)
		m.Order(50 * time.Millisecond)
		m.Reported(pulse, pulse, Sent)
		effs := m.Read(300*time.Millisecond, begun, Open)
		opened := len(effs) == 1 && effs[0].Kind == Opened
		if opened != (begun >= pulse) {
			t.Fatalf("a reading begun at %v, pulse at %v: opened=%v", begun, pulse, opened)
		}
	}
}
