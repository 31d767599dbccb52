package backend

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// Unanswered is the status of a command that the bank has not answered by its end.
// Whether it was carried out is not known; the journal tells when it comes.
const Unanswered = "unanswered"

// command is one order on its way.
type command struct {
	ID    string             `json:"id"`
	Wire  string             `json:"wire"` // its id on the wire: another one each time it is given anew
	Type  string             `json:"type"`
	Args  locker.CommandArgs `json:"args"`
	IAT   locker.Time        `json:"iat"`
	EXP   locker.Time        `json:"exp"`
	Own   bool               `json:"own,omitempty"` // the backend's
	Anew  int                `json:"anew,omitempty"`
	Reply *locker.Reply      `json:"reply,omitempty"`
	Told  *locker.Reply      `json:"told,omitempty"`  // what the journal says of it while the reply is not here
	Until locker.Time        `json:"until,omitempty"` // when that is the answer

	again backoff
}

const anewMax = 3 // times a command that only came in the wrong order is given anew

// opens tells whether a type opens doors: it must be answered within its 30 s, at
// the connection it was made for.
func opens(typ string) bool { return typ == locker.CmdOpen || typ == locker.CmdOpenAll }

// command queues an order and sends it if the bank is there.
func (t *txn) command(b *bank, c *command, life time.Duration) {
	id, err := t.c.newID("m-")
	t.fail(err)
	c.ID, c.Wire = id, id
	c.IAT, c.EXP = t.now, t.now.Add(life)
	b.forgetAnswers()
	b.Commands = append(b.Commands, c)
	b.dirty = true
	if b.online() {
		t.sendCommand(b, c)
	}
}

func (t *txn) sendCommand(b *bank, c *command) {
	b.Counter++
	b.dirty = true
	c.again.tries++
	c.again.at = t.now.Add(min(commandRetry<<min(c.again.tries-1, 10), retryMax))
	t.send(b, wire.TopicCommand, locker.SetOperator, &wire.Command{Head: b.head(), Command: locker.Command{
		ID: c.Wire, Type: c.Type, Args: c.Args, IAT: c.IAT, EXP: c.EXP, Counter: b.Counter, Nonce: b.Birth.Nonce,
	}})
}

// sendCommands sends what is unanswered and due, or all of it, in order. Each gets
// the next counter: the bank knows by the id what it has seen.
func (t *txn) sendCommands(b *bank, all bool) {
	t.expireCommands(b)
	if !b.online() {
		return
	}
	for _, c := range b.Commands {
		if c.Reply == nil && c.Told == nil && t.now < c.EXP && (all || c.again.due(t.now)) {
			t.sendCommand(b, c)
		}
	}
}

// expireCommands gives up what was not answered in time, and takes the journal's word
// for what it alone has told of.
func (t *txn) expireCommands(b *bank) {
	for _, c := range slices.Clone(b.Commands) {
		switch {
		case c.Reply != nil:
		case c.Told != nil && t.now >= c.Until:
			t.settle(b, c, *c.Told)
		case c.Told == nil && t.now > c.EXP.Add(replyGrace):
			t.settle(b, c, locker.Reply{Status: Unanswered})
		}
	}
}

func (b *bank) commandOf(wireID string) *command {
	for _, c := range b.Commands {
		if c.Wire == wireID {
			return c
		}
	}
	return nil
}

// reply takes the bank's answer.
func (t *txn) reply(b *bank, r *wire.Reply) {
	c := b.commandOf(r.ID)
	if c == nil || c.Reply != nil && c.Reply.Status != Unanswered {
		return
	}
	switch r.Status {
	case locker.ReplyDone, locker.ReplyRefused, locker.ReplyFailed, locker.ReplyUnknown:
	default:
		b.find(t.now, FoundMalformed, fmt.Sprintf("a reply with status %.40q", r.Status))
		return
	}
	if c.Told != nil && r.Status != c.Told.Status { // of a repetition: what it did stands in the journal
		t.settle(b, c, *c.Told)
		return
	}
	if r.Status == locker.ReplyRefused && r.Reason == locker.RefusedReplayed && t.now < c.EXP && b.online() && t.outrun(b, c) {
		return
	}
	answer := r.Reply
	answer.Reason = locker.Cut(answer.Reason, 256)
	if raw, err := json.Marshal(answer.Result); err != nil || len(raw) > replyBytes {
		answer.Result = map[string]any{"omitted": len(raw)}
	}
	t.settle(b, c, answer)
}

// outrun takes a refusal of a command only because a later counter overtook it, and tells
// whether it is given anew: refused is not acted on, so another id can't make it happen
// twice. But the reply may be the broker's, who has kept the command back: what opens
// doors is given once. Refused once more, the bank has heard of counters that this store
// has forgotten, since the birth that this backend knows: then it counts from the time on,
// as versions do.
func (t *txn) outrun(b *bank, c *command) bool {
	if c.Anew > 0 || opens(c.Type) {
		b.Counter, b.dirty = max(b.Counter, t.now.Time().Unix()), true
	}
	if c.Anew >= anewMax || opens(c.Type) {
		return false
	}
	c.Anew++
	c.Wire = fmt.Sprintf("%s.%d", c.ID, c.Anew)
	t.sendCommand(b, c)
	return true
}

// settle notes the answer. The last answered stands last.
func (t *txn) settle(b *bank, c *command, r locker.Reply) {
	r.ID = c.ID
	c.Reply, c.Told, b.dirty = &r, nil, true
	if t.c.roll != nil {
		t.c.roll.Replied(t.fleet(nil), b.Name, &r, t.now)
	}
	b.Commands = slices.DeleteFunc(b.Commands, func(x *command) bool { return x == c })
	if c.Type != locker.CmdResync || !c.Own { // what that asked for comes, or is asked for again
		b.Commands = append(b.Commands, c)
	}
}

// forgetAnswers forgets the oldest beyond answeredMax. A new order does it and no answer:
// many may come in one commit, and whoever waits for one must find it.
func (b *bank) forgetAnswers() {
	extra := len(b.Commands) - b.pending() - answeredMax
	b.Commands = slices.DeleteFunc(b.Commands, func(c *command) bool {
		if c.Reply != nil {
			extra--
		}
		return c.Reply != nil && extra >= 0
	})
}

func (b *bank) pending() int {
	n := 0
	for _, c := range b.Commands {
		if c.Reply == nil {
			n++
		}
	}
	return n
}
