package banktest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// Bank is a model bank.
type Bank struct {
	Name    string
	Keys    *wire.Keys
	Journal string
	Say     func(topic string, payload []byte, retained bool) // below {prefix}/{bank}/

	Boot, Conn int64
	Online     bool
	Events     []json.RawMessage // from seq First
	First      uint64
	Acked      uint64
	sent       uint64

	Sets     map[string]*Set
	Desired  locker.DesiredState
	Reject   string // why a desired document is rejected
	Trust    int64
	Counter  int64
	Replies  map[string]locker.Reply
	Done     []locker.Command                   // carried out, in order
	Refusals []wire.Refusal                     // what came and was not honoured
	Bad      map[string]string                  // code ids that are refused, with the reason
	Answer   func(locker.Command) *locker.Reply // nil, or returns nil: done
	Lenient  bool                               // takes a snapshot that counts as live what is revoked here, as lockerd does
	Updates  *Updates                           // nil: the command update is done like any other
	Bundle   func(to string) []byte             // makes a support bundle; nil: the command bundle is done like any other
	Lose     func(chunk int) bool               // chunks of it that are lost; nil: none
	Version  string
	Clock    locker.Clock
	DoorsNow []wire.Door
	StockNow []wire.StockLine

	sealed   []byte // the last bundle
	sealedID string

	now   locker.Time
	nonce int
}

// Set is a set of codes at a model bank.
type Set struct {
	Epoch, Version int64
	Live           map[string]locker.Code
	Revoked        map[string]bool
	Used           map[string]int

	nonce  string // of the last question
	staged map[int]*wire.Codes
}

// New returns a bank with a new journal.
func New(name, journal string, keys *wire.Keys) *Bank {
	return &Bank{
		Name: name, Keys: keys, Journal: journal, First: 1, Boot: 1, Version: "model", Clock: locker.ClockSynced,
		Sets: map[string]*Set{}, Replies: map[string]locker.Reply{}, Bad: map[string]string{},
		Say: func(string, []byte, bool) {},
	}
}

// Digest is the digest of a set's live records.
func (s *Set) Digest() locker.Digest {
	var d locker.Digest
	for _, c := range s.Live {
		d.Toggle(c.DigestPart())
	}
	return d
}

func (b *Bank) say(topic string, v any, retained bool) {
	p, err := json.Marshal(v)
	if err != nil {
		panic(err) // of types that marshal
	}
	b.Say(topic, p, retained)
}

// Birth is the state as it is.
func (b *Bank) Birth(now locker.Time) wire.State {
	n := sha256.Sum256(fmt.Appendf(nil, "%s %d %d", b.Journal, b.Boot, b.Conn))
	s := wire.State{
		V: 1, Bank: b.Name, Status: wire.Online, Boot: b.Boot, Conn: b.Conn, At: now, Clock: b.Clock, Version: b.Version,
		Doors: len(b.DoorsNow), Nonce: base64.RawURLEncoding.EncodeToString(n[:16]),
		Journal: &wire.JournalState{ID: b.Journal, First: b.First, Next: b.next()}, Codes: map[string]wire.SetState{},
		Desired: &wire.VersionState{Version: b.Desired.Version}, Trust: &wire.VersionState{Version: b.Trust},
		Command: &wire.CounterState{Counter: b.Counter},
	}
	for name, set := range b.Sets {
		s.Codes[name] = wire.SetState{Epoch: set.Epoch, Version: set.Version, Count: len(set.Live), Digest: set.Digest()}
	}
	return s
}

func (b *Bank) next() uint64 { return b.First + uint64(len(b.Events)) }

// Connect begins a connection: birth, snapshots, and what is not acknowledged.
func (b *Bank) Connect(now locker.Time) {
	b.now = now
	b.Conn++
	b.Online = true
	b.say(wire.TopicState, b.Birth(now), true)
	b.Snapshots(now)
	b.sent = b.Acked
	b.Send(now)
}

// Snapshots says doors, stock and health.
func (b *Bank) Snapshots(now locker.Time) {
	b.say(wire.TopicDoors, wire.Doors{V: 1, Bank: b.Name, Journal: b.Journal, Seq: b.next() - 1, Doors: b.DoorsNow}, true)
	b.say(wire.TopicStock, wire.Stock{V: 1, Bank: b.Name, Journal: b.Journal, Seq: b.next() - 1, Stock: b.StockNow}, true)
	b.Health(now)
}

// Health says the heartbeat.
func (b *Bank) Health(now locker.Time) {
	b.say(wire.TopicHealth, wire.Health{
		V: 1, Bank: b.Name, Boot: b.Boot, Conn: b.Conn, At: now, Clock: b.Clock,
		Buses: []wire.BusHealth{}, Scanners: []wire.ScannerHealth{}, CacheAge: map[string]int64{},
		Journal: wire.JournalHealth{ID: b.Journal, First: b.First, Next: b.next(), Acked: b.Acked, Pending: b.next() - 1 - b.Acked},
	}, true)
}

// Will is what the broker says when the connection is gone.
func (b *Bank) Will() []byte {
	p, err := json.Marshal(wire.State{V: 1, Bank: b.Name, Status: wire.Offline, Boot: b.Boot, Conn: b.Conn})
	if err != nil {
		panic(err)
	}
	return p
}

// Emit writes an event into the journal.
func (b *Bank) Emit(now locker.Time, e locker.Event) {
	e.Seq, e.At, e.Clock, e.Boot, e.Hash = b.next(), now, b.Clock, b.Boot, ""
	raw, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	raw = raw[:len(raw)-1]
	sum := sha256.Sum256(append(b.lastHash(), raw...))
	b.Events = append(b.Events, append(raw, `,"hash":"`+hex.EncodeToString(sum[:])+`"}`...))
}

func (b *Bank) lastHash() []byte {
	if len(b.Events) == 0 {
		sum := sha256.Sum256([]byte(b.Journal))
		return sum[:]
	}
	last := b.Events[len(b.Events)-1]
	h, err := hex.DecodeString(string(last[len(last)-66 : len(last)-2]))
	if err != nil {
		panic(err)
	}
	return h
}

// Prune forgets the oldest acknowledged events below seq.
func (b *Bank) Prune(seq uint64) {
	seq = min(seq, b.Acked+1)
	if seq > b.First {
		b.Events = slices.Clone(b.Events[seq-b.First:])
		b.First = seq
	}
}

const window = 4 // batches on the way

// Send sends what is not sent yet, within the window.
func (b *Bank) Send(now locker.Time) {
	b.now = now
	for b.Online && b.sent+1 < b.next() && b.sent < b.Acked+window*wire.MaxEvents {
		from := max(b.sent+1, b.First)
		m := wire.Events{V: 1, Bank: b.Name, Journal: b.Journal}
		size := 0
		for seq := from; seq < b.next() && len(m.Events) < wire.MaxEvents; seq++ {
			raw := b.Events[seq-b.First]
			if size += len(raw) + 1; size > wire.MaxBatch-200 && len(m.Events) > 0 {
				break
			}
			m.Events = append(m.Events, raw)
		}
		b.sent = from + uint64(len(m.Events)) - 1
		b.say(wire.TopicEvents, m, false)
	}
}

// Again sends from the last acknowledged event, as after ack_timeout, and asks again
// for what it waits for.
func (b *Bank) Again(now locker.Time) {
	b.now = now
	b.sent = b.Acked
	b.Send(now)
	for _, name := range slices.Sorted(maps.Keys(b.Sets)) {
		if s := b.Sets[name]; s.nonce != "" {
			b.ask(name, s)
		}
	}
}

func (b *Bank) ask(name string, s *Set) {
	b.nonce++
	s.nonce = fmt.Sprintf("n-%d", b.nonce)
	b.say(wire.TopicGet, wire.Get{V: 1, Bank: b.Name, Want: wire.TypCodes, Set: name, Epoch: s.Epoch, From: s.Version, Nonce: s.nonce}, false)
}

// Ask asks for a set, as each cache_max_age/4.
func (b *Bank) Ask(name string) { b.ask(name, b.set(name)) }

func (b *Bank) set(name string) *Set {
	if b.Sets[name] == nil {
		b.Sets[name] = &Set{Live: map[string]locker.Code{}, Revoked: map[string]bool{}, Used: map[string]int{}}
	}
	return b.Sets[name]
}
