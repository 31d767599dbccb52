package backend

import (
	"slices"

	"lockerd/daemon/locker"
	"lockerd/sync/backend/rollout"
	"lockerd/sync/wire"
)

// bank is what is known of one bank. It lies in the store as JSON, whole; members
// that are not written come again with the bank's next messages.
type bank struct {
	Name      string              `json:"bank"`
	First     locker.Time         `json:"first"` // when it was first heard of
	Seen      locker.Time         `json:"seen"`  // when its last word was said; see seen
	Birth     *wire.State         `json:"birth,omitempty"`
	Online    bool                `json:"online"` // no death of that connection has come
	Reason    string              `json:"reason,omitempty"`
	Journal   string              `json:"journal,omitempty"`
	Journals  map[string]*journal `json:"journals,omitempty"`
	Sets      map[string]*set     `json:"sets,omitempty"`
	Desired   document            `json:"desired"`
	Trust     document            `json:"trust"`
	TrustAt   int64               `json:"trust_at,omitempty"` // the fleet's key set it has; see trust.go
	TrustSent int64               `json:"trust_sent,omitempty"`
	Counter   int64               `json:"counter"`
	Commands  []*command          `json:"commands,omitempty"`
	Update    *Update             `json:"update,omitempty"`
	Alarms    map[string]Alarm    `json:"alarms,omitempty"`
	Findings  []Finding           `json:"findings,omitempty"`
	Swept     locker.Time         `json:"swept,omitzero"`

	dirty    bool
	answered bool // the birth has been answered on this connection of ours
	told     bool // what is retained has come on it, or a birth with what is shown behind it
	stray    bool // a board that had been replaced has spoken last, on a connection without a birth
	ackDue   bool // an acknowledgement is due
	saved    locker.Time
	health   *wire.Health
	doors    doorsSummary
	stock    []wire.StockLine
}

// inherit takes over what the store does not hold.
func (b *bank) inherit(old *bank) {
	b.answered, b.told, b.stray = old.answered, old.told, old.stray
	b.saved, b.health, b.doors, b.stock = old.saved, old.health, old.doors, old.stock
	b.Name, b.Seen = old.Name, old.Seen
	b.Desired.again, b.Trust.again = old.Desired.again, old.Trust.again
	for name, s := range b.Sets {
		if o := old.Sets[name]; o != nil {
			s.again, s.snaps, s.futile, s.sent, s.asked = o.again, o.snaps, o.futile, o.sent, o.asked
		}
	}
	for id, j := range b.Journals {
		if o := old.Journals[id]; o != nil {
			j.asked, j.lacking, j.askNext, j.behind = o.asked, o.lacking, o.askNext, o.behind
		}
	}
	for _, c := range b.Commands {
		if o := old.commandOf(c.Wire); o != nil {
			c.again = o.again
		}
	}
}

// document is how far a desired document or a key set has come at a bank.
type document struct {
	Version  int64  `json:"version,omitempty"`  // wanted
	Applied  int64  `json:"applied,omitempty"`  // at the bank, as it says
	Rejected int64  `json:"rejected,omitempty"` // this version was, and is not sent again
	Why      string `json:"why,omitempty"`
	again    backoff
}

// backoff says when something unanswered is sent again.
type backoff struct {
	at    locker.Time
	tries int
}

func (b *backoff) reset() { *b = backoff{} }

// due tells whether it is time.
func (b *backoff) due(now locker.Time) bool { return now >= b.at }

// sent notes an attempt.
func (b *backoff) sent(now locker.Time) {
	b.at = now.Add(min(retryFirst<<min(b.tries, 10), retryMax))
	b.tries++
}

// Alarm is a condition that stands at a bank.
type Alarm struct {
	Since locker.Time `json:"since"`
	Text  string      `json:"text"`
}

// Finding is something that should not have happened, kept for a person to look at.
type Finding struct {
	At   locker.Time `json:"at"`
	Kind string      `json:"kind"` // break, fork, hole, restored, refused, stranger, twin, malformed
	Text string      `json:"text"`
	N    int         `json:"n"` // times in a row
}

// Kinds of findings.
const (
	FoundBreak     = "break"     // the chain of hashes does not hold
	FoundFork      = "fork"      // another event under a seq already stored
	FoundHole      = "hole"      // events that nobody has any more
	FoundRestored  = "restored"  // the bank was ahead of the store
	FoundRefused   = "refused"   // the bank refused a message of ours, or of somebody else
	FoundStranger  = "stranger"  // the bank spoke for another one
	FoundTwin      = "twin"      // a board that had been replaced speaks again
	FoundMalformed = "malformed" // the bank sent what can't be read
)

func (b *bank) find(now locker.Time, kind, text string) {
	b.dirty = true
	if n := len(b.Findings); n > 0 && b.Findings[n-1].Kind == kind && b.Findings[n-1].Text == text {
		b.Findings[n-1].N++
		b.Findings[n-1].At = now
		return
	}
	b.Findings = append(b.Findings, Finding{At: now, Kind: kind, Text: text, N: 1})
	if extra := len(b.Findings) - findingsMax; extra > 0 {
		b.Findings = slices.Delete(b.Findings, 0, extra)
	}
}

// seenSave is how old the time of the last message may be in the store: an idle
// bank's heartbeats cost no writes in between.
const seenSave = 10 * 60 * 1000 // ms

func (b *bank) seen(now locker.Time) {
	b.Seen = max(b.Seen, now)
	if now-b.saved > seenSave {
		b.dirty = true
	}
}

func (b *bank) raise(now locker.Time, subject, text string) {
	if b.Alarms == nil {
		b.Alarms = map[string]Alarm{}
	}
	if _, known := b.Alarms[subject]; known || len(b.Alarms) < alarmsMax {
		b.Alarms[subject] = Alarm{Since: now, Text: text}
		b.dirty = true
	}
}

func (b *bank) calm(subject string) {
	if _, ok := b.Alarms[subject]; ok {
		delete(b.Alarms, subject)
		b.dirty = true
	}
}

// online tells whether messages can reach the bank: it was born on a connection
// that we have heard of since ours began, and has not died.
func (b *bank) online() bool { return b.answered && b.Online }

// unborn tells whether the birth is missing of the connection that the bank is on. So it is
// where a heartbeat has stood in for it: what else is retained may be missing as well.
func (b *bank) unborn() bool {
	h := b.health
	return !b.answered || !b.told || b.stray || h != nil && b.Birth != nil && (h.Journal.ID != b.Journal || pairLess(b.Birth.Boot, b.Birth.Conn, h.Boot, h.Conn))
}

// core holds the banks in memory. It is owned by the Backend's mutex.
type core struct {
	cfg    *Config
	keys   *keyring
	banks  map[string]*bank
	meta   meta
	due    map[string]bool  // banks for which something may be outstanding
	unborn map[string]bool  // banks that have spoken without a birth on this connection, and whether before the last look; see birthless
	roll   *rollout.Rollout // the last one begun; nil: none
	begun  uint64           // the least number of an event; see begin

	bundles map[string]*awaited // support bundles on their way, by bank; guarded by the Backend's mutex like the rest
}

// meta is what belongs to no bank.
type meta struct {
	Arrivals uint64      `json:"arrivals"` // number of the last event
	Trust    []trustInfo `json:"trust"`    // oldest first
}

// effect is a message to be sent after the commit, or a snapshot to be made then.
type effect struct {
	bank     string
	key      Key
	topic    string
	msg      wire.Down
	snapshot *snapshot
}

func (t *txn) send(b *bank, topic string, set string, m wire.Down) {
	k, ok := t.c.pick(b, set, topic)
	if !ok {
		return // keys of ours that this bank does not know; Status says so
	}
	t.out = append(t.out, effect{bank: b.Name, key: k, topic: topic, msg: m})
}

func (b *bank) head() wire.Head { return wire.Head{Bank: b.Name, Journal: b.Journal} }

// load reads all banks.
func (t *txn) load() {
	t.c.banks, t.c.due = map[string]*bank{}, map[string]bool{}
	t.c.meta = meta{}
	t.getJSON(key('m'), &t.c.meta)
	var names []string
	t.scan(key('b'), nil, func(k, _ []byte) bool {
		names = append(names, string(k[1:len(k)-1]))
		return true
	})
	for _, n := range names {
		b := &bank{}
		if t.getJSON(bankKey(n), b) {
			b.Name, b.saved = n, b.Seen
			t.remember(b)
			t.c.banks[n] = b
			t.c.due[n] = true // until tick finds nothing
		}
	}
	t.loadRollout()
}

// flush writes the banks that have changed.
func (t *txn) flush(changed map[string]*bank) {
	for _, b := range changed {
		if b.ackDue {
			t.ack(b)
			b.ackDue = false
		}
		if b.dirty {
			t.putJSON(bankKey(b.Name), b)
			b.dirty, b.saved = false, b.Seen
		}
		if t.c.outstanding(b) {
			t.c.due[b.Name] = true
		}
	}
}

// bankOf returns a bank's record, a new one if it has none yet; nil beyond banksMax.
func (t *txn) bankOf(name string) *bank {
	if b := t.c.banks[name]; b != nil {
		return b
	}
	if len(t.c.banks) >= banksMax {
		return nil
	}
	b := &bank{Name: name, First: t.now, dirty: true}
	t.c.banks[name] = b
	return b
}
