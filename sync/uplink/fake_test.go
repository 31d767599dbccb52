package uplink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"lockerd/sync/outbox"
	"lockerd/sync/wire"
)

// fakeBroker speaks MQTT over net.Pipe, so that all of a session, the library
// included, runs in a synctest bubble.
type fakeBroker struct {
	down     bool                                  // dialling fails
	mute     func(packets.ControlPacket) bool      // packets it leaves unanswered
	kill     func(*packets.PublishPacket) bool     // publishes it answers with a closed connection
	refuse   byte                                  // what it answers a SUBSCRIBE with; 0: what was asked
	onPacket func(net.Conn, packets.ControlPacket) // sees each first

	mu       sync.Mutex
	start    time.Time
	dials    []time.Duration
	connects []*packets.ConnectPacket
	got      []said
	conn     net.Conn
	acks     []uint16
	bye      bool
}

// said is a publish and when it came.
type said struct {
	at       time.Duration
	topic    string
	payload  string
	qos      byte
	retained bool
}

func newFakeBroker() *fakeBroker { return &fakeBroker{start: time.Now()} }

func (f *fakeBroker) dial(context.Context, string, string) (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dials = append(f.dials, time.Since(f.start))
	if f.down {
		return nil, errors.New("refused")
	}
	a, b := net.Pipe()
	f.conn = b
	go f.serve(b)
	return a, nil
}

func (f *fakeBroker) serve(nc net.Conn) {
	defer func() { _ = nc.Close() }()
	out := make(chan packets.ControlPacket, 1024)
	defer close(out)
	go func() {
		for p := range out {
			if p.Write(nc) != nil {
				_ = nc.Close()
			}
		}
	}()
	for {
		p, err := packets.ReadPacket(nc)
		if err != nil {
			return
		}
		if f.onPacket != nil {
			f.onPacket(nc, p)
		}
		if f.mute != nil && f.mute(p) {
			continue
		}
		answer, goOn := f.answer(p)
		if answer != nil {
			out <- answer
		}
		if !goOn {
			return
		}
	}
}

func (f *fakeBroker) answer(p packets.ControlPacket) (packets.ControlPacket, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch p := p.(type) {
	case *packets.ConnectPacket:
		f.connects = append(f.connects, p)
		return packets.NewControlPacket(packets.Connack), true
	case *packets.SubscribePacket:
		a := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
		a.MessageID, a.ReturnCodes = p.MessageID, []byte{p.Qoss[0]}
		if f.refuse != 0 {
			a.ReturnCodes[0] = f.refuse
		}
		return a, true
	case *packets.PublishPacket:
		if f.kill != nil && f.kill(p) {
			return nil, false
		}
		f.got = append(f.got, said{time.Since(f.start), p.TopicName, string(p.Payload), p.Qos, p.Retain})
		if p.Qos == 0 {
			return nil, true
		}
		a := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
		a.MessageID = p.MessageID
		return a, true
	case *packets.PubackPacket:
		f.acks = append(f.acks, p.MessageID)
	case *packets.PingreqPacket:
		return packets.NewControlPacket(packets.Pingresp), true
	case *packets.DisconnectPacket:
		f.bye = true
		return nil, false
	}
	return nil, true
}

// push sends a message down.
func (f *fakeBroker) push(t *testing.T, topic string, payload []byte, id uint16, retained bool) {
	t.Helper()
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Payload, p.Retain = topic, payload, retained
	if id > 0 {
		p.Qos, p.MessageID = 1, id
	}
	f.mu.Lock()
	nc := f.conn
	f.mu.Unlock()
	if err := p.Write(nc); err != nil {
		t.Errorf("push: %v", err)
	}
}

func (f *fakeBroker) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.conn.Close()
}

func (f *fakeBroker) dialed() []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.dials)
}

func (f *fakeBroker) acked() []uint16 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.acks)
}

func (f *fakeBroker) connect(i int) *packets.ConnectPacket {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.connects[i]
}

func (f *fakeBroker) nc() net.Conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.conn
}

// on returns what was published on a topic.
func (f *fakeBroker) on(topic string) (out []said) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.got {
		if s.topic == "lockers/v1/lon-042/"+topic {
			out = append(out, s)
		}
	}
	return out
}

// fakeBank is a bank without doors.
type fakeBank struct {
	mu       sync.Mutex
	conn     int64
	count    int // of the stock
	seq      uint64
	changed  chan struct{}
	received []Inbound
	block    chan struct{} // Receive waits for it
	births   int
	ended    int
	out      chan Outgoing
	handle   func(Inbound)
	fault    error // of Stock
	bulk     chan Outgoing
	piece    *Outgoing // of bulk, not taken yet
}

func newFakeBank() *fakeBank {
	return &fakeBank{changed: make(chan struct{}), out: make(chan Outgoing, 8), bulk: make(chan Outgoing, 64)}
}

func (b *fakeBank) Connect(context.Context) (wire.State, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.conn++
	return b.state(), nil
}

func (b *fakeBank) state() wire.State {
	return wire.State{V: 1, Bank: "lon-042", Status: wire.Online, Boot: 17, Conn: b.conn, Nonce: fmt.Sprint("nonce-", b.conn)}
}

func (b *fakeBank) Birth(context.Context) (wire.State, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.births++
	return b.state(), nil
}

func (b *fakeBank) Doors(context.Context) (wire.Doors, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return wire.Doors{V: 1, Bank: "lon-042", Seq: b.seq, Doors: make([]wire.Door, b.count)}, nil
}

func (b *fakeBank) Stock(context.Context) (wire.Stock, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fault != nil {
		return wire.Stock{}, b.fault
	}
	return wire.Stock{V: 1, Bank: "lon-042", Seq: b.seq, Stock: []wire.StockLine{{Tenant: "acme", SKU: "a", Count: b.count}}}, nil
}

func (b *fakeBank) Health(context.Context) (wire.Health, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return wire.Health{V: 1, Bank: "lon-042", Boot: 17, Conn: b.conn}, nil
}

func (b *fakeBank) Changed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

// change moves the stock by n and the journal by one.
func (b *fakeBank) change(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count += n
	b.seq++
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *fakeBank) Receive(ctx context.Context, m Inbound) {
	if b.block != nil {
		select {
		case <-b.block:
		case <-ctx.Done():
		}
	}
	if b.handle != nil {
		b.handle(m)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.received = append(b.received, m)
}

func (b *fakeBank) conns() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.conn
}

func (b *fakeBank) born() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.births
}

func (b *fakeBank) lost() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ended
}

func (b *fakeBank) got() []Inbound {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.received)
}

func (b *fakeBank) Outgoing() <-chan Outgoing { return b.out }

func (b *fakeBank) Bulk(ctx context.Context) (Outgoing, func(), error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.piece == nil {
		b.mu.Unlock()
		select {
		case m := <-b.bulk:
			b.mu.Lock()
			b.piece = &m
		case <-ctx.Done():
			b.mu.Lock()
			return Outgoing{}, nil, ctx.Err()
		}
	}
	return *b.piece, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.piece = nil
	}, nil
}

func (b *fakeBank) Disconnected() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended++
}

// fakeJournal is a journal in memory.
type fakeJournal struct {
	mu    sync.Mutex
	first uint64
	lines [][]byte
	grown chan struct{}
}

func newFakeJournal(n int) *fakeJournal {
	j := &fakeJournal{first: 1, grown: make(chan struct{})}
	j.add(n)
	return j
}

func (j *fakeJournal) add(n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for range n {
		seq := j.first + uint64(len(j.lines))
		j.lines = append(j.lines, fmt.Appendf(nil, `{"seq":%d,"at":"2026-11-22T10:00:00.123Z","clock":"synced","boot":17,"up_ms":532211,"type":"door.opened","visit":"v-17-12","door":"1-07","ms":412,"hash":"%064d"}`, seq, seq))
	}
	close(j.grown)
	j.grown = make(chan struct{})
}

func (j *fakeJournal) First() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.first
}

func (j *fakeJournal) Next() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.first + uint64(len(j.lines))
}

func (j *fakeJournal) Lines(from uint64, fn func([]byte) bool) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, l := range j.lines[min(int(max(from, j.first)-j.first), len(j.lines)):] {
		if !fn(l) {
			break
		}
	}
	return nil
}

func (j *fakeJournal) Wait(ctx context.Context, next uint64) error {
	for {
		j.mu.Lock()
		grown, have := j.grown, j.first+uint64(len(j.lines))
		j.mu.Unlock()
		if have > next {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (*fakeJournal) AckedUpTo() uint64 { return 0 }

func newBox(t *testing.T, j outbox.Journal) *outbox.Outbox {
	t.Helper()
	box, err := outbox.New(j, outbox.Options{Bank: "lon-042", JournalID: "j1"})
	if err != nil {
		t.Fatal(err)
	}
	return box
}
