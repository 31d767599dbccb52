package bank

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/locker"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the transcripts in testdata; read the difference before you commit it")

// TestKinds plays the transcripts in testdata/kinds: lines that begin with > are
// done at a bank, one after another, and what follows is what the bank has
// journaled, pulsed and answered. A file begins with what it shows.
func TestKinds(t *testing.T) {
	files, err := filepath.Glob("testdata/kinds/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts: ", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			want := string(b)
			var got string
			synctest.Test(t, func(t *testing.T) { got = play(t, want) })
			if got == want {
				return
			}
			if !*rewrite {
				t.Fatalf("%s plays otherwise (go test -run TestKinds ./daemon/bank -rewrite, and read the difference):\n%s", name, got)
			}
			if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// script is a bank under a transcript.
type script struct {
	*rig
	texts  map[string]string         // of codes, by name
	ids    map[string]string         // names of codes, by id
	codes  map[string]locker.CodeKey // by name
	specs  []DoorSpec
	wanted locker.Desired
	docs   int64
	out    strings.Builder
}

// play does the commands of a transcript and writes what comes of them.
func play(t *testing.T, text string) string {
	t.Helper()
	s := &script{texts: map[string]string{}, ids: map[string]string{}, codes: map[string]locker.CodeKey{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch cmd, isCmd := strings.CutPrefix(line, "> "); {
		case isCmd:
			fmt.Fprintln(&s.out, line)
			s.do(t, strings.Fields(cmd))
		case line == "", strings.HasPrefix(line, "#"):
			fmt.Fprintln(&s.out, line)
		}
	}
	s.replays()
	return s.out.String()
}

func (s *script) do(t *testing.T, args []string) {
	t.Helper()
	name, args := args[0], args[1:]
	if name == "bank" {
		s.bank(t, args)
		return
	}
	if s.rig == nil {
		t.Fatal("a transcript begins with > bank and its doors")
	}
	run, ok := scriptCommands[name]
	if !ok {
		t.Fatalf("no command %q", name)
	}
	if err := run(s, args); err != nil {
		s.say("error: %v", err)
		if e, ok := errors.AsType[*Error](err); ok {
			s.say("  cure: %s", e.Cure)
		}
	}
	s.tell()
}

func (s *script) say(format string, a ...any) { fmt.Fprintf(&s.out, format+"\n", a...) }

// scriptCommands are the words of a transcript.
var scriptCommands = map[string]func(*script, []string) error{
	"sku":    (*script).sku,
	"tenant": (*script).tenant,
	"code":   (*script).issueCode,
	"revoke": func(s *script, a []string) error {
		return s.b.RevokeCode(context.Background(), s.codes[a[0]].ID, "test")
	},
	"load":   (*script).loadDoor,
	"scan":   (*script).scanText,
	"shut":   func(s *script, a []string) error { s.bus.set(s.door(a[0]), false); return s.wait("2s") },
	"force":  func(s *script, a []string) error { s.bus.set(s.door(a[0]), true); return s.wait("2s") },
	"wait":   func(s *script, a []string) error { return s.wait(a[0]) },
	"jam":    func(s *script, a []string) error { s.jam(a[0], -1); return nil },
	"sticks": func(s *script, a []string) error { s.jam(a[0], 1); return nil }, // for one pulse
	"mend": func(s *script, a []string) error {
		s.jam(a[0], 0)
		return s.b.SetService(context.Background(), s.id(a[0]), true, "test")
	},
	"take": func(s *script, a []string) error {
		return s.b.SetService(context.Background(), s.id(a[0]), false, "test")
	},
	"audit":  (*script).auditDoor,
	"cut":    (*script).cutPower,
	"open":   (*script).openDoor,
	"silent": func(s *script, _ []string) error { s.bus.edit(func() { s.bus.silent = true }); return s.wait("1s") },
	"back": func(s *script, _ []string) error {
		s.bus.edit(func() { s.bus.silent, s.bus.mute = false, false })
		return s.wait("1s")
	},
	// mute has the board take the next pulse and say nothing more.
	"mute":   func(s *script, _ []string) error { s.bus.edit(func() { s.bus.mute = true }); return nil },
	"stock":  (*script).showStock,
	"doors":  (*script).showDoors,
	"visits": (*script).showVisits,
}

func (s *script) id(name string) locker.DoorID {
	id, err := locker.ParseDoorID(name)
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func (s *script) door(name string) int { return int(s.id(name).Door) }

func (s *script) wait(d string) error {
	v, err := time.ParseDuration(d)
	time.Sleep(v)
	synctest.Wait()
	return err
}

func (s *script) jam(name string, pulses int) {
	s.bus.edit(func() { s.bus.doors[s.door(name)-1].jammed = pulses })
}

// bank starts a bank: its doors, each with what is special about it.
func (s *script) bank(t *testing.T, args []string) {
	t.Helper()
	for i, a := range args {
		id, more, _ := strings.Cut(a, ":")
		d := DoorSpec{Size: locker.SizeM, Sensor: true, Use: "any", Bus: "a"}
		d.Lock.Address, d.Lock.Channel = 1, i+1
		var err error
		if d.ID, err = locker.ParseDoorID(id); err != nil {
			t.Fatal(err)
		}
		for w := range strings.FieldsFuncSeq(more, func(r rune) bool { return r == ',' }) {
			if tenant, ok := strings.CutPrefix(w, "for="); ok {
				d.Tenant = tenant
				continue
			}
			switch w {
			case "wheels":
				d.Accessible = true
			case "blind":
				d.Sensor = false
			case "stock", "returns":
				d.Use = w
			default:
				if err := d.Size.UnmarshalText([]byte(w)); err != nil {
					t.Fatal(err)
				}
			}
		}
		s.specs = append(s.specs, d)
	}
	s.rig = newRig(t, len(s.specs), s.config)
	s.tell()
}

func (s *script) config(c *Config) { c.Doors = s.specs }

func (s *script) cutPower([]string) error {
	s.cut()
	s.start(len(s.specs), s.config)
	return s.wait("2s")
}

// pairs reads k=v words.
func pairs(args []string) map[string]string {
	m := map[string]string{}
	for _, a := range args {
		k, v, _ := strings.Cut(a, "=")
		m[k] = v
	}
	return m
}

func (s *script) desireNow() error {
	s.docs++
	_, err := s.b.ApplyDesired(context.Background(), s.docs, s.wanted)
	return err
}

func (s *script) sku(args []string) error {
	m := pairs(args[1:])
	r := locker.SKURule{SKU: args[0], Tenant: m["tenant"], Label: m["label"]}
	if v := m["min"]; v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			return err
		}
		r.Min = &n
	}
	s.wanted.SKUs = append(s.wanted.SKUs, r)
	return errors.Join(s.wanted.SKUs[len(s.wanted.SKUs)-1].Size.UnmarshalText([]byte(m["size"])), s.desireNow())
}

func (s *script) tenant(args []string) error {
	n, err := strconv.Atoi(pairs(args[1:])["max_doors"])
	s.wanted.Tenants = append(s.wanted.Tenants, locker.TenantRule{Tenant: args[0], MaxDoors: n})
	return errors.Join(err, s.desireNow())
}

// issueCode makes a code: its name, its kind, and what it needs.
func (s *script) issueCode(args []string) error {
	m := pairs(args[2:])
	n := NewCode{
		Kind: locker.Kind(args[1]), SKU: m["sku"], Tenant: m["tenant"], To: m["to"], Label: m["label"], Ref: m["ref"],
		TTL: 48 * time.Hour,
	}
	_, n.Accessible = m["wheels"]
	err := errors.Join(n.Door.UnmarshalText([]byte(m["door"])), n.Size.UnmarshalText([]byte(m["size"])))
	if v := m["items"]; v != "" {
		n.Items, err = strconv.Atoi(v)
	}
	if v := m["uses"]; v != "" {
		var uses int
		uses, err = strconv.Atoi(v)
		n.Uses = &uses
	}
	if v := m["ttl"]; v != "" {
		n.TTL, err = time.ParseDuration(v)
	}
	if err != nil {
		return err
	}
	c, err := s.b.NewCode(context.Background(), n, "test")
	if err == nil {
		s.texts[args[0]], s.ids[c.ID] = c.Text, args[0]
		s.codes[args[0]] = locker.CodeKey{Set: locker.SetLocal, ID: c.ID}
	}
	return err
}

// loadDoor says what is behind a door: door, sku, serial, condition, tenant.
func (s *script) loadDoor(args []string) error {
	m := pairs(args[3:])
	it := &locker.Item{SKU: args[1], Serial: args[2], Tenant: m["tenant"], Condition: locker.Condition(m["is"])}
	return s.b.SetStock(context.Background(), s.id(args[0]), it, "test")
}

// scanText scans a code by its name, or any other text, at front or another
// scanner, once or more often.
func (s *script) scanText(args []string) error {
	at, times := "front", 1
	for k, v := range pairs(args[1:]) {
		switch k {
		case "at":
			at = v
		case "times":
			n, err := strconv.Atoi(v)
			if err != nil {
				return err
			}
			times = n
		}
	}
	text := args[0]
	if t, ok := s.texts[text]; ok {
		text = t
	}
	for range times {
		s.scanAt(at, text)
		if times > 1 {
			time.Sleep(10 * time.Millisecond)
		}
	}
	return s.wait("1s")
}

func (s *script) openDoor(args []string) error {
	_, err := s.b.Open(context.Background(), s.id(args[0]), "test", "jo")
	return err
}

func (s *script) showStock([]string) error {
	lines, err := s.b.Stock(context.Background())
	for _, l := range lines {
		least := ""
		if l.Min != nil {
			least = fmt.Sprintf(", at least %d", *l.Min)
		}
		s.say("%s: %d%s", strings.Trim(l.Tenant+" "+l.SKU, " "), l.Count, least)
	}
	return err
}

func (s *script) showDoors([]string) error {
	list, err := s.b.Doors(context.Background())
	for i := range list {
		s.say("%s", doorLine(&list[i]))
	}
	return err
}

func doorLine(d *DoorStatus) string {
	words := []string{d.ID.String(), d.State}
	if it := d.Item; it != nil {
		words = append(words, it.Tenant, it.SKU, it.Serial, string(it.Condition))
	}
	for _, o := range d.Out {
		words = append(words, "out:"+string(o))
	}
	if d.Reserved {
		words = append(words, "reserved")
	}
	if d.Named {
		words = append(words, "promised")
	}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

func (s *script) showVisits([]string) error {
	st, err := s.b.Status(context.Background())
	for _, v := range st.Visits {
		s.say("%s at %s: %s door %s, %s", v.Visit, v.Scanner, v.Kind, v.Door, v.Stage)
		if v.Text != "" {
			s.say("      %s", v.Text)
		}
	}
	for _, sc := range st.Scanners {
		if r := sc.Refused; r != nil {
			s.say("%s refused: %s: %s", sc.Name, r.Reason, r.Text)
		}
	}
	return err
}

// tell writes what has been journaled and pulsed since.
func (s *script) tell() {
	synctest.Wait()
	lines, err := s.st.Events(s.seen+1, 1<<20)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, l := range lines {
		var e locker.Event
		if err := json.Unmarshal(l, &e); err != nil {
			s.t.Fatal(err)
		}
		s.seen = e.Seq
		s.say("  %s", s.line(&e))
	}
	for _, n := range s.bus.takePulses() {
		s.say("  (pulse at %s)", s.specs[n-1].ID)
	}
}

// line is an event as a transcript shows it: what a person would read it for.
func (s *script) line(e *locker.Event) string {
	words := []string{fmt.Sprintf("%-18s", e.Type), e.Door.String()}
	add := func(k, v string) {
		if v != "" {
			words = append(words, k+v)
		}
	}
	add("", string(e.Reason))
	add("", e.Outcome)
	add("", e.Cause)
	add("", e.Level)
	add("", e.Op)
	add("", strings.Trim(e.Tenant+"/"+e.SKU, "/"))
	add("", e.Serial)
	add("", string(e.Cond))
	if e.Delta != 0 {
		add("", fmt.Sprintf("%+d", e.Delta))
	}
	if e.Count != nil {
		add("count=", strconv.Itoa(*e.Count))
	}
	if e.Min != nil {
		add("min=", strconv.Itoa(*e.Min))
	}
	if e.N > 0 {
		add("n=", strconv.FormatInt(e.N, 10))
	}
	add("by ", s.ids[e.Code])
	add("", e.Visit)
	add("at ", e.Scanner)
	if e.Type == locker.EvStockAudited && !e.From.IsZero() {
		add("expected ", e.From.String())
		add("found ", e.To.String())
	}
	line := strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" || w == "/" }), " ")
	if e.Why != "" {
		line += "\n      " + e.Why
	}
	return line
}
