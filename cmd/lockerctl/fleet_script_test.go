package main

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"lockerd/daemon/bundle"
	"lockerd/daemon/locker"
	"lockerd/daemon/support"
	"lockerd/sync/backend/banktest"
	"lockerd/sync/brokertest"
	"lockerd/sync/wire"
)

// TestFleetScripts runs lockerctl fleet against a mosquitto and model banks. Each
// script has a broker of its own. The commands beside testscript's own:
//
//	model NAME [reject=WHY] [status=STATUS:REASON]   connects a model bank that trusts $WORK/st/trust.json
//	model NAME status=… [error=TEXT] [cure=TEXT] [finds=WHAT]   with more in its result
//	model NAME offers=VERSION [fault=WHY]            that takes updates, and rolls them back if they have a fault
//	model NAME bundle=BANK                           that makes support bundles, of that bank
//	model-off NAME                                   its connection breaks
//	model-event NAME TYPE DOOR                       an event
//	model-sees NAME TEXT                             waits until the bank's summary has the text
//	await-socket                                     waits for a serve
//	exits CODE CMD...                                runs a command that must end with that exit code
//	until-shown TEXT CMD...                          runs a command until it has printed TEXT, interrupts it; it must exit 0, negated: not 0
func TestFleetScripts(t *testing.T) {
	brokertest.FindMosquitto(t)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "fleet"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			broker := brokertest.StartMosquitto(t, brokertest.Options{}) // one each: banks' names are client ids
			evenly(e)
			e.Setenv("LOCKERCTL_BROKER", broker.URL())
			e.Setenv("LOCKERCTL_PREFIX", "lockers/test")
			e.Setenv("LOCKERCTL_FLEET_STATE", filepath.Join(e.WorkDir, "st", "f.db"))
			e.Values[modelsKey{}] = &models{url: broker.URL(), live: map[string]*connected{}, banks: map[string]*banktest.Bank{}}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"model":        startModel,
			"model-off":    stopModel,
			"model-event":  modelEvent,
			"model-sees":   modelSees,
			"await-socket": awaitSocket,
			"exits":        exits,
			"until-shown":  untilShown,
		},
	})
}

type modelsKey struct{}

type models struct {
	url   string
	live  map[string]*connected
	banks map[string]*banktest.Bank
}

// connected is a model bank that is on the broker. Between two connections nothing
// touches the bank but its script.
type connected struct {
	*banktest.Live
	ended func() // of its updating
}

func (c *connected) Close() {
	c.ended()
	c.Live.Close()
}

func startModel(ts *testscript.TestScript, _ bool, args []string) {
	m := ts.Value(modelsKey{}).(*models)
	name := args[0]
	if before := m.live[name]; before != nil {
		before.Close()
	}
	b := m.banks[name]
	if b == nil {
		raw, err := os.ReadFile(ts.MkAbs(filepath.Join("st", "trust.json")))
		ts.Check(err)
		keys, err := wire.ParseKeys(raw)
		ts.Check(err)
		b = banktest.New(name, "j-"+name, keys)
		b.DoorsNow = modelDoors()
		two := 2
		b.StockNow = []wire.StockLine{{Tenant: "acme", SKU: "laptop-14", Count: 1, Min: &two}}
		m.banks[name] = b
	}
	for _, a := range args[1:] {
		k, v, _ := strings.Cut(a, "=")
		switch k {
		case "reject":
			b.Reject = v
		case "status":
			status, reason, _ := strings.Cut(v, ":")
			b.Answer = func(locker.Command) *locker.Reply {
				return &locker.Reply{Status: status, Reason: reason, Result: map[string]any{"ms": 412}}
			}
		case "error", "cure", "finds":
			b.Answer = adding(b.Answer, k, v)
		case "offers":
			b.Version, b.Updates = "1.2.0", &banktest.Updates{Offers: v}
		case "bundle":
			b.Bundle = modelBundle(ts, v)
		case "fault":
			b.Updates.Fault = v
		default:
			ts.Fatalf("model takes no %q", a)
		}
	}
	l, err := banktest.Dial(b, m.url, ts.Getenv("LOCKERCTL_PREFIX"))
	ts.Check(err)
	c := &connected{l, updating(l)}
	m.live[name] = c
	ts.Defer(func() {
		if m.live[name] == c {
			c.Close()
		}
	})
}

// adding puts something in the result of what a model answers.
func adding(answer func(locker.Command) *locker.Reply, name, value string) func(locker.Command) *locker.Reply {
	return func(c locker.Command) *locker.Reply {
		r := answer(c)
		r.Result[name] = value
		if name == "finds" {
			r.Result = map[string]any{"lines": []map[string]any{{"what": value, "ok": false, "text": "stands open", "cure": "shut it"}}}
		}
		return r
	}
}

// modelBundle makes bundles as a bank does: of its own name, or of another.
func modelBundle(ts *testscript.TestScript, name string) func(string) []byte {
	noise := make([]byte, 100_000) // what does not compress: nine chunks
	_, _ = rand.Read(noise)        // never fails
	return func(to string) []byte {
		plain, err := support.Pack(support.About{Bank: name, At: time.Now(), Running: true}, []bundle.Part{{Name: "status.json", Body: []byte("{}\n")}, {Name: "noise", Body: noise}})
		ts.Check(err)
		sealed, err := bundle.Seal(to, plain)
		ts.Check(err)
		return sealed
	}
}

// updating has a model try what it has staged, and come to its verdict. It comes back
// on the same connection, by the birth of its next boot.
func updating(l *banktest.Live) (end func()) {
	var running sync.WaitGroup
	over := make(chan struct{})
	running.Go(func() {
		look := time.NewTicker(50 * time.Millisecond)
		defer look.Stop()
		for {
			select {
			case <-look.C:
				l.Do(tryAndEnd)
			case <-over:
				return
			}
		}
	})
	return func() { close(over); running.Wait() }
}

func tryAndEnd(b *banktest.Bank, now locker.Time) {
	switch {
	case b.Updates == nil || !b.Online:
		return
	case b.Updates.Staged != "":
		b.Try(now)
	case b.Updates.Trying == "" || b.Verdict(now):
		return
	}
	b.Connect(now)
}

func modelDoors() []wire.Door {
	doors := []wire.Door{}
	for i := range 4 {
		doors = append(doors, wire.Door{ID: locker.DoorID{Locker: 1, Door: uint8(i + 1)}, State: "closed"})
	}
	doors[1].State = "open"
	doors[2].Out = []locker.Cause{locker.CauseJammed}
	return doors
}

func stopModel(ts *testscript.TestScript, _ bool, args []string) {
	m := ts.Value(modelsKey{}).(*models)
	m.live[args[0]].Close()
	delete(m.live, args[0])
	m.banks[args[0]].Online = false
}

func modelEvent(ts *testscript.TestScript, _ bool, args []string) {
	door, err := locker.ParseDoorID(args[2])
	ts.Check(err)
	ts.Value(modelsKey{}).(*models).live[args[0]].Do(func(b *banktest.Bank, now locker.Time) {
		b.Emit(now, locker.Event{Type: args[1], Door: door})
		b.Send(now)
	})
}

// modelSees waits for what a bank has to be what a script wants.
func modelSees(ts *testscript.TestScript, _ bool, args []string) {
	l, last := ts.Value(modelsKey{}).(*models).live[args[0]], ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		l.Do(func(b *banktest.Bank, _ locker.Time) { last = summary(b) })
		if strings.Contains(last, args[1]) {
			return
		}
	}
	ts.Fatalf("%s is at %q, want %q", args[0], last, args[1])
}

func summary(b *banktest.Bank) string {
	var s strings.Builder
	for _, name := range []string{"*", "acme"} {
		if set := b.Sets[name]; set != nil {
			fmt.Fprintf(&s, "%s: %d live %d revoked; ", name, len(set.Live), len(set.Revoked))
		}
	}
	for _, k := range b.Keys.All() {
		fmt.Fprintf(&s, "key %s; ", k.KID)
	}
	fmt.Fprintf(&s, "skus %d; refused %d; done", len(b.Desired.Doc.SKUs), len(b.Refusals))
	for _, c := range b.Done {
		if c.Type != locker.CmdResync { // a backend orders those by itself where events were late
			fmt.Fprintf(&s, " %s", c.Type)
		}
	}
	return s.String()
}

func awaitSocket(ts *testscript.TestScript, _ bool, _ []string) {
	path := ts.Getenv("LOCKERCTL_FLEET_STATE") + ".sock"
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("unix", path); err == nil {
			ts.Check(c.Close())
			return
		}
	}
	ts.Fatalf("nobody listens at %s", path)
}

// untilShown interrupts a command when it has begun its work, never before: a signal
// that comes earlier finds nobody who takes it.
func untilShown(ts *testscript.TestScript, neg bool, args []string) {
	cmd := exec.Command(args[1], args[2:]...)
	for _, name := range []string{"PATH", "TZ", "TERM", "GORACE", "LOCKERCTL_BROKER", "LOCKERCTL_PREFIX", "LOCKERCTL_FLEET_STATE"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	cmd.Stderr = ts.Stderr()
	ts.Check(cmd.Start())
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	shown, lines := false, bufio.NewScanner(out)
	for lines.Scan() {
		if !shown && strings.Contains(lines.Text(), args[0]) {
			shown = true
			ts.Check(cmd.Process.Signal(os.Interrupt))
		}
	}
	if err := cmd.Wait(); (err != nil) != neg || !shown {
		ts.Fatalf("shown %t, then %v", shown, err)
	}
}
