package link

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/clock"
	"lockerd/daemon/locker"
	"lockerd/store"
	"lockerd/sync/outbox"
	"lockerd/sync/uplink"
	"lockerd/sync/wire"
)

// Bounds of the link.
const (
	maxOutgoing = 64               // replies and gets that wait to be sent; beyond, the oldest goes
	askMin      = time.Second      // between two gets of one set
	askMax      = time.Minute      // and so long where answers do not help
	lostAfter   = 10 * time.Second // without a chunk, before a missing one is asked for
	lostTries   = 30               // such requests; then the whole is asked for anew
	maxStaged   = 4                // sets staged at a time; the one longest without progress gives way
	maxSets     = 256              // sets a bank may have
	claimsKept  = 4096             // of a snapshot, before those that have ended are looked for
	deltaRoom   = 1 << 20          // bytes that one delta may take, with all that comes of it
	revokeRoom  = 32 << 20         // beyond what records may take, for what tenants revoke
	tickEvery   = time.Second      // for gets that are due
	oldSigned   = 10 * time.Minute // a signed time so far behind the clock's floor says nothing of now
	bulkKeep    = 10 * time.Minute // a bundle that has been sent, or waits for a connection
	thermalGlob = "/sys/class/thermal/thermal_zone*/temp"
)

// Store is what the link needs of the store.
type Store interface {
	LoadSnapshot(set string) (*store.Load, error)
	Set(name string) locker.SetInfo
	Sets() map[string]locker.SetInfo
	Elsewhere(set string, tags []locker.Tag) (locker.Entry, bool, error)
	Room() (int64, error)
}

// Clock is what the link needs of bank time.
type Clock interface {
	Read() clock.Reading
	Signed(t locker.Time)
	ConnectionLost()
}

// Config is what a link is made of.
type Config struct {
	Bank    string
	URL     string // of the broker, for people
	DataDir string // whose disk is told in health
	Thermal string // pattern of the files that tell the board's temperature; default the kernel's
	Trust   *Trust
	Log     *slog.Logger
}

// Link is the bank to the session and the session to the bank.
type Link struct {
	c     Config
	b     *bank.Bank
	store Store
	clock Clock
	box   *outbox.Outbox
	log   *slog.Logger
	out   chan uplink.Outgoing
	bulk  bulk

	down   sync.Mutex // held while a message is handled, and while gets are made
	asks   map[string]*ask
	staged map[string]*staging
	pace   pace

	mu        sync.Mutex // guards what follows; never held over I/O
	journal   string
	connected bool
	since     locker.Time
	dropped   uint64 // of out
	fault     string // why there is no connection
}

var (
	_ uplink.Bank = (*Link)(nil)
	_ bank.Uplink = (*Link)(nil)
)

// New returns the link of a bank, which is to be attached to it before it runs.
func New(c Config, b *bank.Bank, st Store, clk Clock, box *outbox.Outbox, journal string) *Link {
	if c.Thermal == "" {
		c.Thermal = thermalGlob
	}
	return &Link{
		c: c, b: b, store: st, clock: clk, box: box, log: c.Log, out: make(chan uplink.Outgoing, maxOutgoing),
		asks: map[string]*ask{}, staged: map[string]*staging{}, pace: pace{}, journal: journal, since: clk.Read().Now,
		bulk: bulk{more: make(chan struct{})},
	}
}

// Run asks for what the bank lacks until ctx ends.
func (l *Link) Run(ctx context.Context) {
	t := time.NewTicker(tickEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			l.tick(ctx, time.Now())
			l.bulk.tick(time.Now())
		}
	}
}

// Outgoing implements uplink.Bank.
func (l *Link) Outgoing() <-chan uplink.Outgoing { return l.out }

// say hands a message to the session. It never blocks.
func (l *Link) say(topic string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		l.log.Error("cannot encode a message", slog.String("topic", topic), slog.Any("error", err))
		return
	}
	for {
		select {
		case l.out <- uplink.Outgoing{Topic: topic, Payload: b}:
			return
		default:
		}
		select {
		case <-l.out:
			l.mu.Lock()
			l.dropped++
			l.mu.Unlock()
		default:
		}
	}
}

// Reply implements bank.Uplink.
func (l *Link) Reply(r locker.Reply) {
	l.say(wire.TopicReply, wire.Reply{V: wire.Version, Bank: l.c.Bank, Reply: r})
}

// Resync implements bank.Uplink.
func (l *Link) Resync(from uint64) { l.box.Resync(from) }

// Disconnected implements uplink.Bank.
func (l *Link) Disconnected() {
	l.clock.ConnectionLost()
	l.setConnected(false)
}

func (l *Link) setConnected(is bool) {
	now := l.clock.Read().Now
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.connected != is {
		l.connected, l.since = is, now
	}
	if is {
		l.fault = ""
	}
}

func (l *Link) isConnected() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.connected
}
