package fleettest

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lockerd/daemon"
	"lockerd/daemon/config"
	"lockerd/daemon/locker"
	"lockerd/sync/backend"
	"lockerd/sync/backend/mqttlink"
	"lockerd/sync/brokertest"
	"lockerd/sync/brokertest/natstest"
	"lockerd/sync/wire"
)

const (
	meddler      = "meddler" // who says again what others have said
	defaultBanks = 24
	startAtOnce  = 16 // banks that start side by side
	tenant       = "acme"
	lookEvery    = 100 * time.Millisecond
)

func TestMain(m *testing.M) {
	if file := os.Getenv(runAs); file != "" {
		runApart(file)
	}
	natstest.Main(m)
}

func banks(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("LOCKERD_BANKS"))
	if err != nil {
		return defaultBanks
	}
	return n
}

func name(i int) string { return fmt.Sprintf("bank-%04d", i) }

// patience is how long n banks may take for anything, on a busy machine.
func patience(n int) time.Duration { return 4*time.Minute + time.Duration(n)*500*time.Millisecond }

// fleet is the banks and what stands above them.
type fleet struct {
	t       *testing.T
	n       int
	keys    []backend.Key
	trust   *wire.Keys
	store   *backend.Memory
	be      *backend.Backend
	counted *counted
	leave   func() // ends the backend's connection
}

// counted is the backend, with what goes through it counted.
type counted struct {
	*backend.Backend
	up, upBytes, down, downBytes atomic.Int64
}

func (c *counted) Receive(ctx context.Context, m backend.Message) {
	c.up.Add(1)
	c.upBytes.Add(int64(len(m.Topic) + len(m.Payload)))
	c.Backend.Receive(ctx, m)
}

func (c *counted) Serve(ctx context.Context, l backend.Link) error {
	return c.Backend.Serve(ctx, countedLink{l, c})
}

type countedLink struct {
	backend.Link
	c *counted
}

func (l countedLink) Publish(ctx context.Context, topic string, payload []byte) error {
	l.c.down.Add(1)
	l.c.downBytes.Add(int64(len(topic) + len(payload)))
	return l.Link.Publish(ctx, topic, payload)
}

// site is the broker, or the nodes of one, and how its users are known.
type site struct {
	urls    []string
	qos     byte
	secrets string // directory of the users' passwords; "": there are none
}

func (s *site) secret(user string) string {
	if s.secrets == "" {
		return ""
	}
	return filepath.Join(s.secrets, user)
}

// backend is how one connects.
func (s *site) backend(clientID string) mqttlink.Options {
	return mqttlink.Options{URL: s.urls[0], ClientID: clientID, Username: "backend", PasswordFile: s.secret("backend"), QoS: s.qos}
}

// newFleet starts backend and banks; bank i goes to urls[i % len(urls)].
func newFleet(t *testing.T, n int, s site) *fleet {
	t.Helper()
	root := t.TempDir() // goes last
	f := &fleet{t: t, n: n, store: backend.NewMemory()}
	f.keys, f.trust = makeKeys(t)
	f.serve(s.backend("backend"))
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	t.Cleanup(stop)
	trustFile := filepath.Join(root, "trust.json")
	b, err := json.Marshal(f.trust)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(trustFile, b, 0o600); err != nil {
		t.Fatal(err)
	}
	f.startBanks(ctx, &running, func(i int) string {
		return configText(name(i), filepath.Join(root, name(i)), trustFile, s.urls[i%len(s.urls)], s.secret(name(i)), s.qos)
	})
	return f
}

// serve has a backend on the store there is.
func (f *fleet) serve(o mqttlink.Options) {
	f.t.Helper()
	be, err := backend.New(backend.Config{Store: f.store, Keys: f.keys, Trust: f.trust})
	if err != nil {
		f.t.Fatal(err)
	}
	f.be, f.counted = be, &counted{Backend: be}
	c := f.counted
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := mqttlink.Run(ctx, o, c); err != nil {
			f.t.Error(err)
		}
	})
	f.leave = func() {
		cancel()
		running.Wait()
	}
	f.t.Cleanup(f.leave)
}

func makeKeys(t *testing.T) ([]backend.Key, *wire.Keys) {
	t.Helper()
	var mine []backend.Key
	var all []wire.Key
	for _, k := range []wire.Key{
		{KID: "ops-1", Tenant: "*", May: []string{"ack", "codes", "desired", "command", "ticket", "trust"}},
		{KID: "acme-1", Tenant: tenant, May: []string{"codes", "ticket"}},
	} {
		public, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		k.Public = public
		all, mine = append(all, k), append(mine, backend.Key{KID: k.KID, Signer: private, Tenant: k.Tenant})
	}
	trust, err := wire.NewKeys(all...)
	if err != nil {
		t.Fatal(err)
	}
	return mine, trust
}

// startBanks returns when every bank is ready.
func (f *fleet) startBanks(ctx context.Context, running *sync.WaitGroup, text func(i int) string) {
	f.t.Helper()
	places := make(chan struct{}, startAtOnce)
	var starting sync.WaitGroup
	for i := range f.n {
		places <- struct{}{}
		ready := make(chan struct{})
		starting.Go(func() { <-ready; <-places })
		running.Go(func() {
			said := sync.OnceFunc(func() { close(ready) })
			defer said()
			c, err := config.Parse([]byte(text(i)), name(i))
			if err == nil {
				err = daemon.Run(ctx, daemon.Options{Config: c, Version: "test", Log: slog.New(slog.DiscardHandler), Ready: readyFunc(said)})
			}
			if err != nil {
				f.t.Errorf("%s: %v", name(i), err)
			}
		})
	}
	starting.Wait()
}

type readyFunc func()

func (r readyFunc) Write(b []byte) (int, error) { r(); return len(b), nil }

// configText gives boards and doors the time that a machine with a thousand banks
// takes: this is no test of times.
func configText(bank, dir, trust, url, secret string, qos byte) string {
	if secret != "" {
		secret = fmt.Sprintf("password_file = %q", secret)
	}
	return fmt.Sprintf(`version  = 1
bank     = %q
data_dir = %q
[mqtt]
url       = %q
down_qos  = %d
heartbeat = "60s"
%s
[trust]
keys_file = %q
[journal]
bytes = 1048576
[open]
prove = "30s"
[[bus]]
name   = "a"
driver = "sim"
poll   = "10s"
reply_timeout = "5s"
[[locker]]
number = 1
bus    = "a"
size   = "M"
doors  = 4
boards = [ { address = 1, channels = 12, first_door = 1 } ]
`, bank, dir, url, qos, secret, trust)
}

// all waits until is is true of every bank.
func (f *fleet) all(what string, is func(*backend.Status) bool) {
	f.t.Helper()
	begun, limit := time.Now(), time.After(patience(f.n))
	look := time.NewTicker(lookEvery) // not at each change: there are thousands a second
	defer look.Stop()
	for {
		left := ""
		there := f.be.Banks()
		for i := range there {
			if !is(&there[i]) {
				left = f.status(there[i].Bank)
				break
			}
		}
		if len(there) == f.n && left == "" {
			f.t.Logf("%s: %d banks after %s", what, f.n, time.Since(begun).Round(time.Millisecond))
			return
		}
		select {
		case <-look.C:
		case <-limit:
			f.t.Fatalf("%s: %d of %d banks are there; one that lags: %s", what, len(there), f.n, left)
		}
	}
}

// each does something at every bank, some side by side.
func (f *fleet) each(do func(bank string) error) {
	f.t.Helper()
	var wg sync.WaitGroup
	places := make(chan struct{}, 64)
	for i := range f.n {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			if err := do(name(i)); err != nil {
				f.t.Errorf("%s: %v; the backend knows of it: %s", name(i), err, f.status(name(i)))
			}
		})
	}
	wg.Wait()
}

// status is what the backend knows of a bank, for a test that fails.
func (f *fleet) status(bank string) string {
	for _, st := range f.be.Banks() {
		if st.Bank == bank {
			b, err := json.Marshal(st)
			return fmt.Sprintf("%s %v", b, err)
		}
	}
	return "nothing"
}

func (f *fleet) issue(door uint8) {
	f.t.Helper()
	f.each(func(bank string) error {
		_, err := f.be.Issue(context.Background(), bank, tenant, locker.Code{Kind: locker.Collect, Door: locker.DoorID{Locker: 1, Door: door}})
		return err
	})
}

// applied tells whether a bank has all of the tenant's set and the backend all of
// its journal, unbroken.
func applied(st *backend.Status) bool {
	j := st.Journal
	return st.Online && st.Sets[tenant].Applied && j.Next > 1 && j.Stored >= j.Next-1 && j.Breaks == 0 && j.Holes == 0
}

func (f *fleet) open(door uint8) {
	f.t.Helper()
	f.each(func(bank string) error {
		ctx, cancel := context.WithTimeout(context.Background(), patience(f.n))
		defer cancel()
		r, err := f.be.Command(ctx, bank, backend.Order{Type: locker.CmdOpen, Args: locker.CommandArgs{Door: locker.DoorID{Locker: 1, Door: door}}})
		if err == nil && r.Status != locker.ReplyDone {
			err = fmt.Errorf("door %d: %+v", door, r)
		}
		return err
	})
}

// once fails if an event of a kind did not come exactly once from each bank.
func (f *fleet) once(kind string) {
	f.t.Helper()
	seen := map[string]int{}
	for cursor := uint64(0); ; {
		list, next, err := f.be.Events("", cursor, 1000)
		if err != nil {
			f.t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, e := range list {
			var x locker.Event
			if err := json.Unmarshal(e.Raw, &x); err != nil {
				f.t.Fatal(err)
			}
			if x.Type == kind {
				seen[e.Bank]++
			}
			if e.Flag != backend.FlagNone {
				f.t.Errorf("%s: event %d is flagged %s", e.Bank, e.Seq, e.Flag)
			}
		}
		cursor = next
	}
	for i := range f.n {
		if n := seen[name(i)]; n != 1 {
			f.t.Errorf("%s: %s came %d times", name(i), kind, n)
		}
	}
}

// figures prints what a bank costs.
func (f *fleet) figures(what string) {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	n := int64(f.n)
	f.t.Logf("%s: per bank %d KiB of heap and stacks (bank, simulator, its share of the backend), %d goroutines; up %d messages, %d bytes; down %d messages, %d bytes",
		what, (int64(m.HeapInuse)+int64(m.StackInuse))/n>>10, runtime.NumGoroutine()/f.n,
		f.counted.up.Load()/n, f.counted.upBytes.Load()/n, f.counted.down.Load()/n, f.counted.downBytes.Load()/n)
}

// life is a fleet's: births, deltas, openings, events, and a broker killed amid.
func (f *fleet) life(victim brokertest.Broker) {
	f.t.Helper()
	f.all("born", func(st *backend.Status) bool { return st.Online })
	f.issue(1)
	f.all("first codes", applied)
	f.open(2)
	f.all("openings", applied)
	f.figures("after births, one code and one opening")
	victim.Kill()
	f.issue(3)
	victim.Start()
	f.all("codes issued while the broker was down", applied)
	f.once("door.opened")
	f.once("boot.started")
	f.figures("after the broker's death")
}

// mosquittoConf saves now and then, as the documented configuration does: one that
// saves at each change writes the states of all banks each time.
const mosquittoConf = `user root
listener PORT 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
log_dest file DIR/log
persistence true
persistence_location DIR/
autosave_interval 60
max_queued_messages 100000
`

func TestFleetOnMosquitto(t *testing.T) {
	b := brokertest.StartMosquitto(t, brokertest.Options{Config: mosquittoConf})
	newFleet(t, banks(t), site{urls: []string{b.URL()}, qos: 1}).life(b)
}

func TestFleetOnNATS(t *testing.T) {
	n := banks(t)
	s, nodes := startNATS(t, n)
	newFleet(t, n, s).life(nodes[len(nodes)-1])
}

// startNATS starts three nodes that know n banks.
func startNATS(t *testing.T, n int) (site, []*natstest.Node) {
	t.Helper()
	if testing.Short() {
		t.Skip("three processes of NATS: not in short tests")
	}
	s := site{secrets: t.TempDir()}
	nodes := natstest.Start(t, natsConf(t, s.secrets, n))
	for _, node := range nodes {
		s.urls = append(s.urls, node.URL())
	}
	return s, nodes
}

// natsConf makes the cluster's configuration from the documented one: with a user
// for each bank, as it says, one who may say anything, and files with the passwords.
func natsConf(t *testing.T, dir string, n int) string {
	t.Helper()
	raw, err := os.ReadFile("../../testdata/nats/node.conf")
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := strings.Cut(string(raw), "    { user: \"lon-042\"")
	if !ok {
		t.Fatal("node.conf has no bank to be replaced")
	}
	var b strings.Builder
	b.WriteString(head)
	users := map[string]string{"backend": "backend-secret", meddler: meddler + "-secret"}
	fmt.Fprintf(&b, "{ user: %q, password: %q }\n", meddler, users[meddler])
	for i := range n {
		u := name(i)
		users[u] = u + "-secret"
		fmt.Fprintf(&b, `{ user: %q, password: %q, permissions: {
  publish: ["lockers.v1.%s.state", "lockers.v1.%s.state.*", "lockers.v1.%s.up.*"], subscribe: ["lockers.v1.%s.down.*", "$MQTT.sub.>"] } }
`, u, users[u], u, u, u, u)
	}
	b.WriteString("] }\n")
	for u, p := range users {
		if err := os.WriteFile(filepath.Join(dir, u), []byte(p), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "node.conf")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
