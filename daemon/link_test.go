package daemon_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lockerd/daemon"
	"lockerd/daemon/access"
	"lockerd/daemon/bank"
	"lockerd/daemon/config"
	"lockerd/daemon/control"
	"lockerd/daemon/locker"
	"lockerd/hal/sim"
	"lockerd/sync/brokertest"
	"lockerd/sync/ticket"
	"lockerd/sync/wire"
)

// runAs names the configuration of a test binary that is to be lockerd.
const runAs = "LOCKERD_TEST_RUN"

func TestMain(m *testing.M) {
	file := os.Getenv(runAs)
	if file == "" {
		os.Exit(m.Run())
	}
	c, err := config.Load(file)
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		err = daemon.Run(ctx, daemon.Options{Config: c, Version: "test", Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})), Ready: os.Stdout})
		stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// linkRig is a daemon of its own process on simulated hardware, with a broker and
// a backend.
type linkRig struct {
	*loadRig
	broker *brokertest.Mosquitto
	up     *upstream
	file   string
	logs   bytes.Buffer
	texts  []string // of codes: they may be found nowhere

	cmd *exec.Cmd
}

func newLinkRig(t *testing.T) *linkRig {
	t.Helper()
	broker := brokertest.StartMosquitto(t, brokertest.Options{})
	r := &linkRig{loadRig: newLoadRig(t, 1), broker: broker}
	var b strings.Builder
	trust, err := filepath.Abs("../testdata/vectors/trust.json")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "version = 1\nbank = %q\ndata_dir = %q\n[control]\nsocket = %q\n", linkBank, r.data(), filepath.Join(r.dir, "s"))
	fmt.Fprintf(&b, "[mqtt]\nurl = %q\nheartbeat = \"1s\"\nack_timeout = \"1s\"\n[trust]\nkeys_file = %q\n", broker.URL(), trust)
	fmt.Fprintf(&b, "[[bus]]\nname = \"b\"\ndriver = \"xor8a\"\nport = %q\n", r.lines[0].Path())
	fmt.Fprintf(&b, "[[locker]]\nnumber = 1\nbus = \"b\"\nsize = \"M\"\ndoors = %d\n", loadDoors)
	b.WriteString("boards = [ { address = 1, channels = 24, first_door = 1 }, { address = 2, channels = 10, first_door = 25 } ]\n")
	fmt.Fprintf(&b, "[[scanner]]\nname = \"front\"\ndriver = \"serial\"\nport = %q\nsuffix = \"\\r\"\n", r.scanners[0].Path())
	r.file = filepath.Join(r.dir, "lockerd.toml")
	if err := os.WriteFile(r.file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	r.up = newUpstream(t, broker.URL())
	r.client = control.NewClient(filepath.Join(r.dir, "s"), "test")
	t.Cleanup(func() { _ = r.end(syscall.SIGKILL) }) // killed: that is no error
	return r
}

// run starts the daemon and waits until it is ready.
func (r *linkRig) run() {
	r.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), runAs+"="+r.file)
	cmd.Stderr = &r.logs
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.cmd = cmd
	if n, err := out.Read(make([]byte, 256)); err != nil || n == 0 {
		_ = cmd.Wait()
		r.t.Fatalf("the daemon does not become ready: %v\n%s", err, r.logs.String())
	}
}

// end sends a signal and waits for the end.
func (r *linkRig) end(sig syscall.Signal) error {
	if r.cmd == nil {
		return nil
	}
	_ = r.cmd.Process.Signal(sig)
	err := r.cmd.Wait()
	r.cmd = nil
	return err
}

// code makes a collect code of acme for a door, and its text.
func (r *linkRig) code(n, door int) (locker.Code, string) {
	text := access.WithCheck(fmt.Sprintf("%012d%012d", n, 7919*n+1))
	r.texts = append(r.texts, text)
	now := locker.TimeOf(time.Now())
	return locker.Code{
		ID: fmt.Sprintf("c-%d", n), Tag: locker.TagOf(linkBank, text), Kind: locker.Collect, Ref: "R-1",
		Door: doorID(1, door), NotBefore: now, NotAfter: now.Add(time.Hour),
	}, text
}

// whole sends a set as a snapshot of one chunk.
func (r *linkRig) whole(s wire.State, set, kid string, epoch, to int64, codes ...locker.Code) {
	r.up.send(wire.TopicCodes, kid, &wire.Codes{
		Head: r.up.head(s), Set: set, Epoch: epoch, To: to, Chunk: 1, Chunks: 1, Put: codes, Digest: digestOf(codes...),
	})
}

// TestCodeComesDown walks the whole way: a code issued by a signed delta is
// scanned, opens its door, its events come up and are acknowledged, the stock is
// published; a ticket opens; a command opens and is answered; a clean stop is told.
// The texts of codes are nowhere in what was sent, logged or stored.
func TestCodeComesDown(t *testing.T) {
	r := newLinkRig(t)
	r.run()
	born := r.up.birth(0)
	u := r.up
	if err := r.client.SetStock(r.ctx, doorID(1, 7), &locker.Item{Tenant: "acme", SKU: "laptop-14", Serial: "SN1"}); err != nil {
		t.Fatal(err)
	}
	u.until("the stock", func() bool { return len(u.stock.Stock) == 1 && u.stock.Stock[0].Count == 1 })
	c, text := r.code(1, 7)
	u.send(wire.TopicCodes, "acme-1", &wire.Codes{Head: u.head(born), Set: "acme", Epoch: 100, From: new(int64(1)), To: 2, Ops: []wire.Op{{Put: &c}}, Digest: digestOf(c)})
	u.until("a get", func() bool { return len(u.gets) > 0 && u.gets[0].Set == "acme" && u.gets[0].Epoch == 0 }) // it has no such set yet
	r.whole(born, "acme", "acme-1", 100, 1)
	u.event(`"codes.applied"`, `"set":"acme"`, `"version":1`)
	u.send(wire.TopicCodes, "acme-1", &wire.Codes{Head: u.head(born), Set: "acme", Epoch: 100, From: new(int64(1)), To: 2, Ops: []wire.Op{{Put: &c}}, Digest: digestOf(c)})
	u.event(`"codes.applied"`, `"from":1`, `"to":2`)
	u.event(`"stock.changed"`, `"count":0`) // its code names the door
	v := &visit{locker: 1, door: 7, text: text}
	r.scan(v)
	if _, err := r.wait(sim.Opened, v); err != nil {
		t.Fatal(err)
	}
	u.event(`"code.used"`, `"code":"c-1"`, `"set":"acme"`)
	u.event(`"item.collected"`, `"serial":"SN1"`)
	u.until("the empty stock", func() bool { return len(u.stock.Stock) == 0 })
	u.until("the open door", func() bool { return len(u.doors.Doors) == loadDoors && u.doors.Doors[6].State == "open" })
	u.until("health", func() bool { return u.health.Conn == born.Conn && len(u.health.Buses) == 1 })
	r.tryTicket(t)
	r.tryRefusals(born, c)
	r.tryCommand(born)
	r.status(t)
	if err := r.end(syscall.SIGTERM); err != nil {
		t.Fatal(err, r.logs.String())
	}
	u.until("the death", func() bool {
		return len(u.deaths) == 1 && u.deaths[0].Reason == "shutdown" && u.deaths[0].Conn == born.Conn
	})
	r.noSecrets()
}

// tryTicket scans a ticket of acme, for whose set a snapshot has come.
func (r *linkRig) tryTicket(t *testing.T) {
	t.Helper()
	text, err := ticket.Sign(ticket.Ticket{
		Bank: linkBank, ID: [8]byte{1}, NotBefore: locker.TimeOf(time.Now()), Lifetime: time.Hour,
		Kind: locker.Collect, Door: doorID(1, 8), Tenant: "acme",
	}, "acme-1", signerOf(t, "acme-1"))
	if err != nil {
		t.Fatal(err)
	}
	v := &visit{locker: 1, door: 8, text: text}
	r.texts = append(r.texts, text)
	r.scan(v)
	if _, err := r.wait(sim.Opened, v); err != nil {
		t.Fatal(err)
	}
	r.up.event(`"code.used"`, `"code":"t-0100000000000000"`, `"set":"acme"`)
}

// tryRefusals scans what opens nothing: a text that nobody has issued, a misread one,
// one that is no ticket, and a code at a door that waits for a label.
func (r *linkRig) tryRefusals(born wire.State, c locker.Code) {
	r.t.Helper()
	noCode := access.WithCheck("777777777777777777777777")
	misread := noCode[:25] + string('0'+(noCode[25]-'0'+1)%10)
	noTicket := strings.Repeat("86420", 30)
	d, text := r.code(2, 0)
	d.Kind, d.SKU, d.Door = locker.Deliver, "laptop-14", locker.DoorID{}
	for reason, text := range map[string]string{"unknown": noCode, "misread": misread, "malformed": noTicket} {
		r.texts = append(r.texts, text)
		r.scan(&visit{locker: 1, text: text})
		r.up.event(`"scan.refused"`, `"reason":"`+reason+`"`)
	}
	r.up.send(wire.TopicCodes, "acme-1", &wire.Codes{Head: r.up.head(born), Set: "acme", Epoch: 100, From: new(int64(2)), To: 3, Ops: []wire.Op{{Put: &d}}, Digest: digestOf(c, d)})
	r.up.event(`"codes.applied"`, `"from":2`, `"to":3`)
	v := &visit{locker: 1, door: 1, text: text}
	r.scan(v)
	if _, err := r.wait(sim.Opened, v); err != nil {
		r.t.Fatal(err)
	}
	r.up.event(`"door.opened"`, `"code":"c-2"`)
	other := access.WithCheck("888888888888888888888888")
	r.texts = append(r.texts, other)
	r.scan(&visit{locker: 1, text: other})
	r.up.event(`"scan.refused"`, `"reason":"wrong_label"`)
}

// tryCommand opens a door by command; the same again is answered the same and
// opens nothing.
func (r *linkRig) tryCommand(born wire.State) {
	r.t.Helper()
	u := r.up
	now := locker.TimeOf(time.Now())
	c := &wire.Command{Head: u.head(born), Command: locker.Command{
		ID: "cmd-1", Type: locker.CmdOpen, Args: locker.CommandArgs{Door: doorID(1, 9)}, IAT: now, EXP: now.Add(30 * time.Second), Counter: 1, Nonce: born.Nonce,
	}}
	u.send(wire.TopicCommand, "ops-1", c)
	u.until("the reply", func() bool { return u.reply["cmd-1"].Status == locker.ReplyDone })
	u.mu.Lock()
	delete(u.reply, "cmd-1")
	u.mu.Unlock()
	u.send(wire.TopicCommand, "ops-1", c)
	u.until("the reply again", func() bool { return u.reply["cmd-1"].Status == locker.ReplyDone })
	old := *c
	old.ID = "cmd-0"
	u.send(wire.TopicCommand, "ops-1", &old)
	u.until("the refusal", func() bool { return u.reply["cmd-0"].Reason == locker.RefusedReplayed })
	if n := len(r.lines[0].Log().Pulses()); n != 4 {
		r.t.Errorf("%d pulses, want 4", n)
	}
}

// status is what lockerctl shows of the link.
func (r *linkRig) status(t *testing.T) {
	t.Helper()
	var s bank.Status
	r.up.until("all acknowledged", func() bool {
		var err error
		s, err = r.client.Status(r.ctx)
		return err == nil && s.Link != nil && s.Link.Pending == 0
	})
	if l := s.Link; !l.Connected || l.Since.IsZero() || l.Error != "" || l.Keys != 3 || l.AckedAt.IsZero() {
		t.Errorf("the link: %+v", l)
	}
}

// noSecrets greps everything that left the bank's memory.
func (r *linkRig) noSecrets() {
	r.t.Helper()
	all := map[string][]byte{"the log": r.logs.Bytes()}
	r.up.mu.Lock()
	all["what was published"] = []byte(strings.Join(r.up.raw, "\n"))
	r.up.mu.Unlock()
	err := filepath.WalkDir(r.data(), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Type()&os.ModeSocket != 0 {
			return err
		}
		all[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	for where, b := range all {
		for _, text := range r.texts {
			if bytes.Contains(b, []byte(text)) {
				r.t.Errorf("%s has the text of a code", where)
			}
		}
	}
	if len(all) < 4 || len(r.texts) == 0 {
		r.t.Errorf("grepped %d files for %d texts", len(all), len(r.texts))
	}
}

// TestRestartCommand: the daemon waits for closed doors, answers, and exits with
// 0; the next start knows that it was answered.
func TestRestartCommand(t *testing.T) {
	r := newLinkRig(t)
	r.run()
	u := r.up
	born := u.birth(0)
	now := locker.TimeOf(time.Now())
	command := func(id, kind string, counter int64) *wire.Command {
		return &wire.Command{Head: u.head(born), Command: locker.Command{
			ID: id, Type: kind, IAT: now, EXP: now.Add(30 * time.Second), Counter: counter, Nonce: born.Nonce,
		}}
	}
	open := command("cmd-1", locker.CmdOpen, 1)
	open.Args.Door = doorID(1, 3)
	u.send(wire.TopicCommand, "ops-1", open)
	u.event(`"command.done"`, "cmd-1")
	u.send(wire.TopicCommand, "ops-1", command("cmd-2", locker.CmdRestart, 2))
	ended := make(chan error, 1)
	go func() { ended <- r.cmd.Wait() }()
	select {
	case err := <-ended:
		t.Fatalf("ended with an open door: %v", err)
	case <-time.After(700 * time.Millisecond):
	}
	r.door(1, 3).Shut()
	select {
	case err := <-ended:
		if err != nil {
			t.Fatalf("ended with %v\n%s", err, r.logs.String())
		}
	case <-time.After(loadPatience):
		t.Fatal("does not end")
	}
	r.cmd = nil
	r.run()
	if again := u.birth(1); again.Boot != born.Boot+1 || again.Command.Counter != 2 {
		t.Errorf("%+v", again)
	}
	u.event(`"command.done"`, "cmd-2")
	u.mu.Lock()
	defer u.mu.Unlock()
	if n := u.has("command.unknown"); n > 0 {
		t.Errorf("%d commands are unknown", n)
	}
}
