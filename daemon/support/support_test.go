package support

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/bundle"
	"lockerd/daemon/control/controltest"
	"lockerd/daemon/locker"
	"lockerd/hal"
	"lockerd/store"
)

// hung is a bank that answers one question and no other.
type hung struct{ *controltest.Bank }

func (hung) Status(ctx context.Context) (bank.Status, error) {
	<-ctx.Done()
	return bank.Status{}, ctx.Err()
}

// deaf does not even look at its context.
func (hung) SelfTest(context.Context) ([]bank.SelfTestLine, error) {
	time.Sleep(time.Hour)
	return nil, nil
}

func names(parts []bundle.Part) string {
	var out []string
	for _, p := range parts {
		out = append(out, p.Name)
	}
	return " " + strings.Join(out, " ") + " "
}

// TestHungBankIsNotWaitedFor: what answers is there, what does not is told, in
// bounded time.
func TestHungBankIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Source{Bank: hung{controltest.New()}, Name: "lon-042", DataDir: t.TempDir(), Logs: map[string]Question{
			"kernel.log": func(context.Context) ([]byte, error) { return nil, errors.New("permission denied") },
		}}
		began := time.Now()
		about, parts := s.Gather(t.Context())
		if took := time.Since(began); took > Time {
			t.Errorf("it took %s", took)
		}
		for _, name := range []string{"status.json", "journal.jsonl", "health.json", "self-test.json", "kernel.log", "config.toml"} {
			if about.Missing[name] == "" || strings.Contains(names(parts), " "+name+" ") {
				t.Errorf("%s: missing %v, parts %s", name, about.Missing, names(parts))
			}
		}
		if !strings.Contains(names(parts), " doors.json ") {
			t.Errorf("parts %s, missing %v", names(parts), about.Missing)
		}
		time.Sleep(2 * time.Hour) // until the deaf one has ended
	})
}

// TestBoundsOfAFullBank: a bank with much to tell makes a bundle of bounded size,
// with the newest events whole.
func TestBoundsOfAFullBank(t *testing.T) {
	b := controltest.New()
	for range 2 * eventsMost {
		b.Append(locker.Event{Type: locker.EvDoorForced, Door: locker.DoorID{Locker: 1, Door: 1}, Why: strings.Repeat("x", 500)})
	}
	b.Page.Journal.First, b.Page.Journal.Next = 1, 2*eventsMost+6
	lines := map[string]hal.Tracer{}
	for _, name := range []string{"a", "b", "UP", "Up"} {
		lines[name] = controltest.NewLine(nil)
	}
	long := bytes.Repeat([]byte("kernel says something\n"), 200_000)
	s := &Source{Bank: b, Name: "lon-042", DataDir: t.TempDir(), Lines: lines, Sys: os.DirFS(t.TempDir()), Logs: map[string]Question{
		"kernel.log":  func(context.Context) ([]byte, error) { return long, nil },
		"lockerd.log": func(context.Context) ([]byte, error) { return long, nil },
	}}
	raw, err := s.Make(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m, parts, err := bundle.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) > bundle.TotalMax {
		t.Errorf("%d bytes", len(raw))
	}
	for i, p := range parts {
		if m.Parts[i].Cut > 0 {
			t.Errorf("%s was cut in a line", p.Name)
		}
		if p.Name != "journal.jsonl" {
			continue
		}
		all := bytes.Split(bytes.TrimSpace(p.Body), []byte("\n"))
		for _, l := range all {
			if !json.Valid(l) {
				t.Fatalf("no event: %.80s", l)
			}
		}
		if !bytes.Contains(all[len(all)-1], []byte(`"seq":10005,`)) || len(p.Body) > bundle.PartMax {
			t.Errorf("%d events, %d bytes, the last %.40s", len(all), len(p.Body), all[len(all)-1])
		}
	}
	for _, name := range []string{"trace-a.jsonl", "trace-b.jsonl", "bus-0-trace.jsonl", "bus-1-trace.jsonl"} {
		if !strings.Contains(names(parts), " "+name+" ") {
			t.Errorf("%s is not in%s", name, names(parts))
		}
	}
}

// TestStoppedBankIsReadOnly: the newest events are found without a lock, and not
// a byte changes.
func TestStoppedBankIsReadOnly(t *testing.T) {
	dir := t.TempDir()
	st, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if _, err := st.Commit(&locker.Commit{Events: []locker.Event{{Type: locker.EvDoorForced, Door: locker.DoorID{Locker: 1, Door: uint8(i + 1)}}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	unfinished := filepath.Join(dir, "journal", "checkpoint-1.tmp")
	if err := os.WriteFile(unfinished, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o500); err != nil { // root writes all the same: what follows looks, too
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	_, parts := (&Source{Down: "test", DataDir: dir}).Gather(t.Context())
	for _, p := range parts {
		if p.Name == "journal.jsonl" && bytes.Count(p.Body, []byte("\n")) != 20 {
			t.Errorf("journal.jsonl is %s", p.Body)
		}
	}
	if !strings.Contains(names(parts), " journal.jsonl ") {
		t.Errorf("parts %s", names(parts))
	}
	if _, err := os.Stat(unfinished); err != nil {
		t.Errorf("an unfinished file of the journal was touched: %v", err)
	}
}

func TestKmsgLine(t *testing.T) {
	for in, want := range map[string]string{
		"6,339,5140900,-;NET: Registered\n SUBSYSTEM=x\n": "<6> [    5.140900] NET: Registered\n",
		"4,1,12,c;a;b\n": "<4> [    0.000012] a;b\n",
		"odd\n":          "odd\n",
	} {
		if got := string(kmsgLine([]byte(in))); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

// TestComplete adds what the service could not read, and leaves what it could.
func TestComplete(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "lockerd.toml")
	if err := os.WriteFile(conf, []byte("bank = \"lon-042\"\npin = \"planted-secret\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	denied := func(context.Context) ([]byte, error) { return nil, errors.New("permission denied") }
	raw, err := (&Source{Bank: controltest.New(), Name: "lon-042", Logs: map[string]Question{
		"kernel.log": denied, "lockerd.log": func(context.Context) ([]byte, error) { return []byte("lockerd's own\n"), nil },
	}}).Make(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	root := func(context.Context) ([]byte, error) { return []byte("as root: planted-secret\n"), nil }
	about, parts, err := (&Source{ConfigFile: conf, Logs: map[string]Question{"kernel.log": root, "lockerd.log": root}}).Complete(t.Context(), raw)
	if err != nil || about.Missing["kernel.log"] != "" || !about.Running {
		t.Fatalf("%+v: %v", about, err)
	}
	got := map[string]string{}
	for _, p := range parts {
		got[p.Name] = string(p.Body)
	}
	if got["kernel.log"] != "as root: [hidden]\n" || got["lockerd.log"] != "lockerd's own\n" {
		t.Errorf("logs %q %q", got["kernel.log"], got["lockerd.log"])
	}
}

// TestLogOfABrokenConfiguration: what lockerd has said of a configuration that is no TOML
// quotes it, and nobody can tell its secrets.
func TestLogOfABrokenConfiguration(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "lockerd.toml")
	if err := os.WriteFile(conf, []byte("timezone = Europe\n[mqtt]\npassword = \"planted-secret\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &Source{ConfigFile: conf, DataDir: t.TempDir(), Logs: map[string]Question{
		"kernel.log": func(context.Context) ([]byte, error) { return []byte("kernel\n"), nil },
		"lockerd.log": func(context.Context) ([]byte, error) {
			return []byte(`mqtt.password = "planted-secret": is not a known key`), nil
		},
	}}
	about, parts := s.Gather(t.Context())
	if strings.Contains(names(parts), " lockerd.log ") || !strings.Contains(names(parts), " kernel.log ") || about.Missing["lockerd.log"] == "" {
		t.Errorf("parts %s, missing %v", names(parts), about.Missing)
	}
	denied := func(context.Context) ([]byte, error) { return nil, errors.New("permission denied") }
	raw, err := (&Source{Bank: controltest.New(), Name: "lon-042", DataDir: t.TempDir(), Logs: map[string]Question{"kernel.log": denied, "lockerd.log": denied}}).Make(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	about, parts, err = s.Complete(t.Context(), raw)
	if err != nil || strings.Contains(names(parts), " lockerd.log ") || !strings.Contains(names(parts), " kernel.log ") || !strings.Contains(about.Missing["lockerd.log"], "may quote") {
		t.Errorf("completed: parts %s, missing %v: %v", names(parts), about.Missing, err)
	}
}

// TestKernelLogIsSaid: where the device may not be read, the package's socket says it.
func TestKernelLogIsSaid(t *testing.T) {
	dir := t.TempDir()
	device, socket := filepath.Join(dir, "kmsg"), filepath.Join(dir, "s")
	if _, err := kernelLog(t.Context(), device, socket); err == nil || !strings.Contains(err.Error(), "kmsg") || !strings.Contains(err.Error(), "cannot ask for the kernel's log") {
		t.Errorf("nobody says it: %v", err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	says := make(chan string)
	go func() {
		for text := range says {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte(text))
			if text != "hangs" {
				_ = c.Close()
			}
		}
	}()
	defer close(says)
	ask := func(ctx context.Context, text string) (string, error) {
		says <- text
		b, err := kernelLog(ctx, device, socket)
		return string(b), err
	}
	if b, err := ask(t.Context(), "[1.0] usb 1-1: disconnected\n"); err != nil || b != "[1.0] usb 1-1: disconnected\n" {
		t.Errorf("%q: %v", b, err)
	}
	if b, err := ask(t.Context(), ""); err == nil {
		t.Errorf("nothing is %q", b)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if b, err := ask(ctx, "hangs"); err == nil {
		t.Errorf("who hangs says %q", b)
	}
}
