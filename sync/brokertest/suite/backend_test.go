package suite

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

const header = `{"alg":"EdDSA","kid":"op-1"}`

var b64 = base64.RawURLEncoding

// order is a signed message of the backend, as far as the suite needs it.
type order struct {
	Typ     string `json:"typ"`
	Bank    string `json:"bank"`
	Journal string `json:"journal"`
	UpTo    uint64 `json:"upto,omitempty"`
	From    uint64 `json:"from,omitempty"` // of a resync
}

// qos of an acknowledgement is 0: the next one says the same and more.
func (o *order) qos() byte {
	if o.Typ == "ack" {
		return 0
	}
	return 1
}

func sign(key ed25519.PrivateKey, o order) []byte {
	b, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	in := b64.EncodeToString([]byte(header)) + "." + b64.EncodeToString(b)
	return []byte(in + "." + b64.EncodeToString(ed25519.Sign(key, []byte(in))))
}

func verify(key ed25519.PublicKey, jws []byte) (o order, ok bool) {
	parts := strings.Split(string(jws), ".")
	if len(parts) != 3 {
		return o, false
	}
	sig, err := b64.DecodeString(parts[2])
	if err != nil || !ed25519.Verify(key, []byte(parts[0]+"."+parts[1]), sig) {
		return o, false
	}
	b, err := b64.DecodeString(parts[1])
	return o, err == nil && json.Unmarshal(b, &o) == nil
}

// ledger is what a backend stores; a backup is a copy of it.
type ledger struct {
	upto  uint64 // last event applied
	hash  string // of it
	lines uint64 // applied
	gaps  uint64 // events that gaps stood for
}

// backend verifies, dedupes, applies, acknowledges.
type backend struct {
	tb   testing.TB
	addr string
	user string
	key  ed25519.PrivateKey
	tls  *tls.Config

	mu       sync.Mutex
	l        ledger
	first    uint64 // of the last birth: what is older is gone
	births   int
	batches  int
	twice    int // events that came again
	withhold bool
	restored bool
	asked    time.Time // for a resync
	bare     bool      // does not look at what it is sent but for the last seq
	mangle   bool
	jumbled  [][]byte
	changed  chan struct{}
	slow     func()
	stopped  bool
	lost     chan struct{}
	up       chan struct{} // it has subscribed
	loop     sync.WaitGroup
	work     chan []byte
	out      chan order
}

func emptyLedger() ledger {
	h := sha256.Sum256([]byte(journalID))
	return ledger{hash: hex.EncodeToString(h[:])}
}

func startBackend(tb testing.TB, addr, user string, key ed25519.PrivateKey, tc *tls.Config) *backend {
	tb.Helper()
	b := &backend{tb: tb, addr: addr, user: user, key: key, tls: tc, l: emptyLedger(), changed: make(chan struct{})}
	b.start()
	tb.Cleanup(b.stop)
	select {
	case <-b.up:
	case <-time.After(20 * time.Second):
		tb.Fatal("the backend can't subscribe")
	}
	return b
}

func (b *backend) start() {
	b.stopped = false
	b.work, b.out = make(chan []byte, 4096), make(chan order, 4096)
	b.lost, b.up = make(chan struct{}), make(chan struct{}, 1)
	quit := b.lost
	b.loop.Go(func() {
		for m := range b.work {
			b.take(m)
		}
	})
	b.loop.Go(func() { b.keep(quit) })
}

// keep connects, and connects again.
func (b *backend) keep(quit chan struct{}) {
	for {
		gone := make(chan struct{})
		o := mqtt.NewClientOptions().AddBroker("tcp://" + b.addr).SetClientID("backend").SetUsername(b.user).SetPassword(b.user + "-secret")
		if b.tls != nil {
			o = mqtt.NewClientOptions().AddBroker("ssl://" + b.addr).SetClientID("backend").SetTLSConfig(b.tls)
		}
		o.SetAutoReconnect(false).SetCleanSession(true).SetProtocolVersion(4).SetKeepAlive(5 * time.Second)
		o.SetWriteTimeout(200 * time.Millisecond) // a Publish holds its caller for so long after the connection has ended
		o.SetConnectionLostHandler(func(mqtt.Client, error) { close(gone) })
		o.SetDefaultPublishHandler(b.receive)
		c := mqtt.NewClient(o)
		ok := wait(c.Connect()) && wait(c.SubscribeMultiple(map[string]byte{"lockers/v1/+/up/events": 1, "lockers/v1/+/state": 1}, nil))
		if ok {
			select {
			case b.up <- struct{}{}:
			default:
			}
		}
		for ok {
			select {
			case o := <-b.out:
				c.Publish("lockers/v1/lon-042/down/"+o.Typ, o.qos(), false, sign(b.key, o))
				continue
			case <-gone:
			case <-quit:
				c.Disconnect(100)
				return
			}
			break
		}
		c.Disconnect(0)
		select {
		case <-quit:
			return
		case <-time.After(30 * time.Millisecond):
		}
	}
}

func wait(t mqtt.Token) bool { return t.WaitTimeout(5*time.Second) && t.Error() == nil }

// stop ends the backend; what it has not read is lost.
func (b *backend) stop() {
	b.mu.Lock()
	was := b.stopped
	b.stopped = true
	b.mu.Unlock()
	if was {
		return
	}
	close(b.lost)
	time.Sleep(20 * time.Millisecond)
	b.mu.Lock()
	close(b.work)
	b.mu.Unlock()
	b.loop.Wait()
}

func (b *backend) receive(_ mqtt.Client, m mqtt.Message) {
	b.mu.Lock()
	slow := b.slow
	b.mu.Unlock()
	if slow != nil {
		slow()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		return
	}
	if strings.HasSuffix(m.Topic(), "/state") {
		b.birth(m.Payload())
		return
	}
	if !b.mangle {
		b.work <- m.Payload()
		return
	}
	b.jumbled = append(b.jumbled, m.Payload(), m.Payload())
	if len(b.jumbled) >= 6 || rand.IntN(3) == 0 {
		rand.Shuffle(len(b.jumbled), func(i, j int) { b.jumbled[i], b.jumbled[j] = b.jumbled[j], b.jumbled[i] })
		for _, p := range b.jumbled {
			b.work <- p
		}
		b.jumbled = nil
	}
}

func (b *backend) birth(payload []byte) {
	var st wire.State
	if json.Unmarshal(payload, &st) != nil || st.Status != wire.Online || st.Journal == nil {
		return
	}
	b.births++
	b.first = st.Journal.First
	if st.Journal.Next > b.l.upto+1 {
		b.resync()
	}
}

// resync asks a bank to go back after a restore, until something fits: the bank may be
// between two connections, and then what is sent to it is lost.
func (b *backend) resync() {
	if b.restored && time.Since(b.asked) > 300*time.Millisecond {
		b.asked = time.Now()
		b.send(order{Typ: "command", From: b.l.upto + 1})
	}
}

func (b *backend) send(o order) {
	o.Bank, o.Journal = "lon-042", journalID
	select {
	case b.out <- o:
	default: // it is sent again with the next
	}
}

// glance notes the last seq of a batch and acknowledges it.
func (b *backend) glance(payload []byte) {
	const member = `{"seq":`
	rest := payload[bytes.LastIndex(payload, []byte(member))+len(member):]
	n, err := strconv.ParseUint(string(rest[:bytes.IndexByte(rest, ',')]), 10, 64)
	if err != nil {
		b.tb.Error(err)
	}
	if len(b.work) == 0 {
		runtime.Gosched() // to what may be bringing more
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.l.upto = max(b.l.upto, n)
	if len(b.work) == 0 { // one for all that has come
		b.send(order{Typ: "ack", UpTo: b.l.upto})
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

// take applies one batch.
func (b *backend) take(payload []byte) {
	if b.bare {
		b.glance(payload)
		return
	}
	var m wire.Events
	if err := json.Unmarshal(payload, &m); err != nil || m.V != 1 || m.Bank != "lon-042" || m.Journal != journalID {
		b.tb.Errorf("batch %.80q: %v", payload, err)
		return
	}
	if len(payload) > 16<<10 || len(m.Events) > 50 {
		b.tb.Errorf("batch of %d events, %d bytes", len(m.Events), len(payload))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.batches++
	for _, line := range m.Events {
		if !b.apply(line) {
			break
		}
	}
	if !b.withhold {
		b.send(order{Typ: "ack", UpTo: b.l.upto})
		if b.mangle {
			b.send(order{Typ: "ack", UpTo: b.l.upto / 2})
			b.send(order{Typ: "ack", UpTo: b.l.upto})
		}
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

// apply applies one event, false if it can't be its turn.
func (b *backend) apply(line []byte) bool {
	var ev locker.Event
	if err := json.Unmarshal(line, &ev); err != nil {
		b.tb.Errorf("event %.80q: %v", line, err)
		return false
	}
	from := ev.Seq
	if n, ok := ev.From.Int(); ok && ev.Type == locker.EvJournalGap {
		from = uint64(n)
	}
	switch {
	case ev.Seq <= b.l.upto:
		b.twice++
		return true
	case from > b.l.upto+1 && from <= b.first: // the birth has said so
		b.l.gaps += from - b.l.upto - 1
	case from > b.l.upto+1:
		b.resync()   // the birth may have been missed
		return false // something overtook something: it comes again
	case ev.Type == locker.EvJournalGap:
		b.l.gaps += ev.Seq - b.l.upto
	default:
		if hash, ok := chained(b.l.hash, line); !ok {
			b.tb.Errorf("event %d breaks the chain: %s against %s", ev.Seq, hash, line)
		}
	}
	b.restored = false
	b.l.upto, b.l.hash = ev.Seq, ev.Hash
	b.l.lines++
	return true
}

// await waits until all before next is applied.
func (b *backend) await(next uint64, within time.Duration) {
	b.tb.Helper()
	end := time.After(within)
	for {
		b.mu.Lock()
		l, changed := b.l, b.changed
		b.mu.Unlock()
		if l.upto+1 >= next {
			return
		}
		select {
		case <-changed:
		case <-end:
			b.tb.Fatalf("after %v the backend has %+v, want all before %d", within, l, next)
		}
	}
}

func (b *backend) set(change func(*backend)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(b)
}

func (b *backend) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprintf("%d lines, %d in gaps, %d again, %d batches, %d births", b.l.lines, b.l.gaps, b.twice, b.batches, b.births)
}
