package backend

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// journal is how far one journal of a bank is stored and what its chain is worth.
type journal struct {
	Since  locker.Time `json:"since"`
	Last   uint64      `json:"last"`           // all up to this one is stored, or gone for good
	Hash   string      `json:"hash,omitempty"` // of Last, hex; "": unknown, the next link can't be checked
	First  uint64      `json:"first"`          // oldest event the bank keeps, as it says
	Next   uint64      `json:"next"`
	Boot   int64       `json:"boot"` // newest connection known of it
	Conn   int64       `json:"conn"`
	Fork   uint32      `json:"fork,omitempty"`
	Ahead  uint64      `json:"ahead,omitempty"` // last event stored beyond a hole; see ahead
	Kept   int         `json:"kept"`            // events in the store
	Breaks int         `json:"breaks,omitempty"`
	Holes  int         `json:"holes,omitempty"`
	Gaps   int         `json:"gaps,omitempty"`
	Gone   [][2]uint64 `json:"gone,omitempty"` // the newest holes: first and last missing

	asked   uint64      // missing from here, and needed: a resync is asked for
	lacking locker.Time // since when
	askNext backoff
	behind  uint64 // acknowledged at the bank, not here: taken up already
}

// Flags of a stored event.
const (
	FlagNone   = ""
	FlagBreak  = "break"  // its hash does not follow from its bytes and the one before
	FlagFork   = "fork"   // the journal went back: another event is stored under this seq
	FlagHole   = "hole"   // those before it are gone; its link can't be checked
	FlagUnread = "unread" // its members are not those of an event we know
)

var flagBytes = []string{FlagNone, FlagBreak, FlagFork, FlagHole, FlagUnread}

// Event is a stored event.
type Event struct {
	N       uint64          `json:"n"` // cursor: ascends with events of all banks as they come, with leaps
	Bank    string          `json:"bank"`
	Journal string          `json:"journal"`
	Seq     uint64          `json:"seq"`
	Stored  locker.Time     `json:"stored"`
	Flag    string          `json:"flag,omitempty"`
	Raw     json.RawMessage `json:"event"` // as the bank sent it, byte for byte
}

// eventHead is what must be readable of an event to store it.
type eventHead struct {
	Seq  uint64        `json:"seq"`
	Type string        `json:"type"`
	From locker.Scalar `json:"from"`
	To   locker.Scalar `json:"to"`
}

// start is the first seq an event stands for: a gap covers its run.
func (h *eventHead) start() uint64 {
	if h.Type != locker.EvJournalGap {
		return h.Seq
	}
	if from, ok := h.From.Int(); ok && from > 0 && uint64(from) <= h.Seq {
		return uint64(from)
	}
	return h.Seq
}

// link is what an event says of the chain.
type link struct {
	claimed string // its hash member
	body    []byte // what the hash is made over
}

var hashMember = []byte(`,"hash":"`)

func linkOf(raw []byte) (link, bool) {
	i := bytes.LastIndex(raw, hashMember)
	if i < 0 {
		return link{}, false
	}
	rest := raw[i+len(hashMember):]
	if len(rest) != 2*sha256.Size+2 || string(rest[2*sha256.Size:]) != `"}` {
		return link{}, false
	}
	claimed := string(rest[:2*sha256.Size])
	if b, err := hex.DecodeString(claimed); err != nil || hex.EncodeToString(b) != claimed {
		return link{}, false
	}
	return link{claimed: claimed, body: raw[:i]}, true
}

// follows tells whether the link holds after the hash prev.
func (l *link) follows(prev string) bool {
	p, err := hex.DecodeString(prev)
	if err != nil {
		return false
	}
	sum := sha256.Sum256(append(p, l.body...))
	return hex.EncodeToString(sum[:]) == l.claimed
}

func firstHash(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}

func validJournal(id string) bool {
	if id == "" || len(id) > journalID {
		return false
	}
	for _, c := range []byte(id) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// journalOf returns a journal's record, a new one if it has none yet.
func (t *txn) journalOf(b *bank, id string) *journal {
	if j := b.Journals[id]; j != nil {
		return j
	}
	if b.Journals == nil {
		b.Journals = map[string]*journal{}
	}
	if len(b.Journals) >= journalsMax {
		t.forgetJournal(b)
	}
	j := &journal{Since: t.now, Hash: firstHash(id)}
	b.Journals[id] = j
	b.dirty = true
	return j
}

// forgetJournal forgets one but the current, with its events: of those that no birth has
// named the one with the fewest, then of the others. To make events forgotten, somebody
// who speaks for the bank must have more stored.
func (t *txn) forgetJournal(b *bank) {
	others := slices.DeleteFunc(slices.Sorted(maps.Keys(b.Journals)), func(id string) bool { return id == b.Journal })
	least := slices.MinFunc(others, func(one, two string) int {
		x, y := b.Journals[one], b.Journals[two]
		return cmp.Or(cmp.Compare(min(x.Boot, 1), min(y.Boot, 1)), cmp.Compare(x.Kept, y.Kept), cmp.Compare(x.Since, y.Since))
	})
	if j := b.Journals[least]; j.Boot > 0 && j.Kept > 0 {
		b.find(t.now, FoundHole, fmt.Sprintf("journal %s is forgotten with the %d events that were kept of it: the bank has had %d others", least, j.Kept, journalsMax))
	}
	t.dropEvents(b.Name, least, math.MaxInt)
	delete(b.Journals, least)
}

// events stores what is new of a batch and acknowledges what is stored.
func (t *txn) events(b *bank, m *wire.Events) {
	if !validJournal(m.Journal) {
		b.find(t.now, FoundMalformed, "events of a journal without a readable id")
		return
	}
	j := t.journalOf(b, m.Journal)
	for _, raw := range m.Events {
		var h eventHead
		if json.Unmarshal(raw, &h) != nil || h.Seq == 0 || h.Seq > 1<<62 {
			b.find(t.now, FoundMalformed, "an event without a readable seq")
			break
		}
		if !t.event(b, m.Journal, j, &h, raw) {
			break
		}
	}
	b.ackDue = b.ackDue || m.Journal == b.Journal
}

// event takes one event; false: the ones after it can't be taken yet.
func (t *txn) event(b *bank, id string, j *journal, h *eventHead, raw []byte) bool {
	l, linked := linkOf(raw)
	switch {
	case h.Seq <= j.Last:
		return t.again(b, id, j, h, l, raw)
	case h.start() > j.Last+1 && h.start() > j.First:
		return t.ahead(b, id, j, h, raw)
	case h.start() > j.Last+1: // the bank has said that they are gone
		j.lose(j.Last+1, h.start()-1)
		b.find(t.now, FoundHole, fmt.Sprintf("events %d to %d of journal %s are gone", j.Last+1, h.start()-1, id))
		t.append(b, id, j, h, l, raw, FlagHole)
	case h.Type == locker.EvJournalGap: // its hash is that of the last event it stands for
		j.Gaps++
		t.append(b, id, j, h, l, raw, FlagNone)
	case !linked || j.Hash != "" && !l.follows(j.Hash):
		j.Breaks++
		b.find(t.now, FoundBreak, fmt.Sprintf("the hash of event %d of journal %s does not follow from the one before", h.Seq, id))
		t.append(b, id, j, h, l, raw, FlagBreak)
	default:
		t.append(b, id, j, h, l, raw, FlagNone)
	}
	return true
}

// lose notes a hole.
func (j *journal) lose(first, last uint64) {
	j.Holes++
	j.Gone = append(j.Gone, [2]uint64{first, last})
	j.Gone = j.Gone[max(len(j.Gone)-holesMax, 0):]
}

// lost tells whether an event lies in a hole.
func (j *journal) lost(seq uint64) bool {
	return slices.ContainsFunc(j.Gone, func(h [2]uint64) bool { return h[0] <= seq && seq <= h[1] })
}

// again takes an event whose seq has been passed already: the same one; or, after the
// bank was put back to an older state of its disk, another one, or one of those that it
// was said to have no more. The journal goes on from there then.
func (t *txn) again(b *bank, id string, j *journal, h *eventHead, l link, raw []byte) bool {
	known, stored := t.hashOf(b.Name, id, j, h.Seq)
	if stored && (known == "" || known == l.claimed) || !stored && !j.lost(h.Seq) {
		return true
	}
	if j.Fork >= forksMax {
		b.find(t.now, FoundFork, fmt.Sprintf("journal %s goes back again and again: what it tells anew is not kept any more", id))
		return true
	}
	j.Fork++
	j.Breaks++
	j.Hash = l.claimed
	b.find(t.now, FoundFork, fmt.Sprintf("journal %s went back: event %d is another than the one stored", id, h.Seq))
	t.append(b, id, j, h, l, raw, FlagFork)
	return true
}

// hashOf returns the hash stored under a seq by the newest fork, "" if it can't be read.
func (t *txn) hashOf(bank, id string, j *journal, seq uint64) (hash string, stored bool) {
	if seq == j.Last {
		return j.Hash, true
	}
	for fork := j.Fork; ; fork-- {
		if v := t.get(eventKey(bank, id, seq, fork)); v != nil {
			l, _ := linkOf(v[eventPrefix:])
			return l.claimed, true
		}
		if fork == 0 {
			return "", false
		}
	}
}

const eventPrefix = 1 + 8 + 8 // flag, arrival, time stored

// append takes an event as the journal's last.
func (t *txn) append(b *bank, id string, j *journal, h *eventHead, l link, raw []byte, flag string) {
	if j.asked != 0 { // it has come
		j.asked, j.askNext = 0, backoff{}
		b.withdrawResync()
	}
	j.Last, j.Hash = h.Seq, l.claimed
	j.Next = max(j.Next, j.Last+1)
	b.dirty = true
	if h.Seq <= j.Ahead && t.settleAhead(b.Name, id, j, h.Seq, raw, flag) {
		return
	}
	t.store(b, id, j, h, raw, flag)
}

// settleAhead tells whether an event needs no storing: it was stored ahead of its turn,
// and only what was said of its link is put right. Another one in its place is a fork.
func (t *txn) settleAhead(bank, id string, j *journal, seq uint64, raw []byte, flag string) bool {
	k := eventKey(bank, id, seq, j.Fork)
	v := bytes.Clone(t.get(k))
	switch {
	case len(v) < eventPrefix:
		return false
	case bytes.Equal(v[eventPrefix:], raw):
		_, flag = readEvent(raw, flag)
		v[0] = flagByte(flag)
		t.put(k, v)
		return true
	case j.Fork < forksMax:
		j.Fork++
		return false
	}
	return true
}

// readEvent reads what it can of an event, and says if that is nothing where its hash holds.
func readEvent(raw []byte, flag string) (locker.Event, string) {
	var ev locker.Event
	if err := json.Unmarshal(raw, &ev); err != nil {
		if flag == FlagNone {
			flag = FlagUnread
		}
		return locker.Event{}, flag
	}
	return ev, flag
}

// store writes an event, learns from it and prunes.
func (t *txn) store(b *bank, id string, j *journal, h *eventHead, raw []byte, flag string) {
	ev, flag := readEvent(raw, flag)
	t.c.meta.Arrivals = max(t.c.meta.Arrivals+1, t.c.begun)
	k := eventKey(b.Name, id, h.Seq, j.Fork)
	v := make([]byte, 0, eventPrefix+len(raw))
	v = append(v, flagByte(flag))
	v = binary.BigEndian.AppendUint64(v, t.c.meta.Arrivals)
	v = binary.BigEndian.AppendUint64(v, uint64(t.now)) //nolint:gosec // milliseconds, read back the same way
	t.put(k, append(v, raw...))
	t.put(arrivalKey(t.c.meta.Arrivals), k)
	j.Kept++
	b.dirty = true
	t.prune(b, id, j)
	if ev.Type != "" {
		t.learn(b, id, &ev)
	}
}

func flagByte(flag string) byte {
	for i, f := range flagBytes {
		if f == flag {
			return byte(i)
		}
	}
	return 0
}

// prune deletes the oldest events beyond Config.Keep, a few at a time.
func (t *txn) prune(b *bank, id string, j *journal) {
	const slice = 64
	if j.Kept < t.c.cfg.Keep+slice {
		return
	}
	j.Kept -= t.dropEvents(b.Name, id, slice)
}

// dropEvents deletes the oldest events of a journal and returns how many.
func (t *txn) dropEvents(bank, id string, most int) int {
	var old, arrivals [][]byte
	t.scan(key('e', bank, id), nil, func(k, v []byte) bool {
		old = append(old, bytes.Clone(k))
		arrivals = append(arrivals, arrivalKey(binary.BigEndian.Uint64(v[1:])))
		return len(old) < most
	})
	for i, k := range old {
		t.del(k)
		t.del(arrivals[i])
	}
	return len(old)
}

// ahead takes an event beyond a hole that its bank may still fill: one that the bank has
// not said to be gone is never skipped, for what is acknowledged does not come again. It
// waits until it comes once more behind the missing ones; false: so do those after it. A
// board that has been replaced can't be asked, and may yet come back: what it said last is
// stored, and nothing counts as stored up to there.
func (t *txn) ahead(b *bank, id string, j *journal, h *eventHead, raw []byte) bool {
	switch {
	case id == b.Journal:
		t.resync(b, j)
		return false
	case j.Boot == 0: // its birth is still to come
		return false
	case t.get(eventKey(b.Name, id, h.Seq, j.Fork)) == nil:
		j.Ahead = max(j.Ahead, h.Seq)
		t.store(b, id, j, h, raw, FlagHole)
	}
	return true
}

// resync asks the bank for events from the first that is missing.
func (t *txn) resync(b *bank, j *journal) {
	missing := max(j.Last+1, j.First, 1)
	if j.asked != j.Last+1 {
		j.asked, j.lacking, j.askNext = j.Last+1, t.now, backoff{}
	}
	if !b.online() || !j.askNext.due(t.now) {
		return
	}
	j.askNext.sent(t.now)
	b.withdrawResync() // this one takes its place
	t.command(b, &command{Type: locker.CmdResync, Args: locker.CommandArgs{From: &missing}, Own: true}, resyncLife)
}

func (b *bank) withdrawResync() {
	b.Commands = slices.DeleteFunc(b.Commands, func(c *command) bool { return c.Own && c.Type == locker.CmdResync })
}

// lacks is the event that others have waited for longer than it should take, 0: none.
func (j *journal) lacks(now locker.Time) uint64 {
	if j.asked == j.Last+1 && now >= j.lacking.Add(lackAlarm) {
		return j.asked
	}
	return 0
}

// ack tells the bank what is stored of its journal.
func (t *txn) ack(b *bank) {
	j := b.Journals[b.Journal]
	if j == nil {
		return
	}
	t.send(b, wire.TopicAck, locker.SetOperator, &wire.Ack{Head: b.head(), UpTo: j.Last, At: t.now})
}

// decodeEvent reads a stored event.
func decodeEvent(k, v []byte) (Event, bool) {
	names := bytes.SplitN(k[1:], []byte{0}, 3)
	if len(names) != 3 || len(names[2]) != 12 || len(v) < eventPrefix || int(v[0]) >= len(flagBytes) {
		return Event{}, false
	}
	return Event{
		N:       binary.BigEndian.Uint64(v[1:]),
		Bank:    string(names[0]),
		Journal: string(names[1]),
		Seq:     binary.BigEndian.Uint64(names[2]),
		Stored:  locker.Time(binary.BigEndian.Uint64(v[9:])), //nolint:gosec // milliseconds, written the same way
		Flag:    flagBytes[v[0]],
		Raw:     bytes.Clone(v[eventPrefix:]),
	}, true
}
