package bank

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"lockerd/daemon/locker"
)

// Bounds of commands (contract 6.7).
const (
	maxReplies    = 64               // stored replies; an older id is told from its counter: replayed
	maxPending    = 16               // commands under way
	maxOpenWindow = 30 * time.Second // from iat to exp, of a command that opens doors
	openAllTime   = 10 * time.Minute // an open_all begins with no door after that
)

// Reasons of a failed command, ours: the contract names those of a refused one.
const (
	failedBusy      = "busy"         // too much is under way
	failedOpen      = "already_open" // the door stands open
	failedSilent    = "board_silent"
	failedJammed    = "jammed"
	failedUncertain = "uncertain" // pulsed, and nothing is known of the door
	failedOther     = "failed"
)

// commandState is what is stored of commands, under ValueCommand.
type commandState struct {
	Counter int64            `json:"counter"`           // of the last accepted command
	Pending []pendingCommand `json:"pending,omitempty"` // received, outcome not on disk
	Replies []locker.Reply   `json:"replies,omitempty"` // the last ones, oldest first
}

type pendingCommand struct {
	ID   string        `json:"id"`
	Type string        `json:"type"`
	Door locker.DoorID `json:"door,omitzero"`
}

// loadCommands reads what is stored of commands.
func (b *Bank) loadCommands() error {
	v, ok, err := b.store.Value(locker.ValueCommand)
	if err != nil || !ok {
		return err
	}
	if err := json.Unmarshal(v, &b.commands); err != nil {
		return fmt.Errorf("cannot read the stored commands: %w", err)
	}
	return nil
}

// interrupted answers the commands that a crash came between: unknown, and
// never repeated.
func (b *Bank) interrupted(t *tx) {
	for _, p := range slices.Clone(b.commands.Pending) {
		b.conclude(t, &p, locker.Reply{ID: p.ID, Status: locker.ReplyUnknown})
	}
}

// saveCommands has the state of commands written with this step.
func (b *Bank) saveCommands(t *tx) error {
	v, err := json.Marshal(&b.commands)
	if err != nil {
		return fmt.Errorf("cannot encode the commands: %w", err)
	}
	t.value(locker.ValueCommand, v)
	return nil
}

// Execute takes one command whose signature and bank have been checked. Every
// one is answered through Uplink.Reply: at once if it is refused or was answered
// before, else when its outcome is on disk. It is received, on disk, before it
// acts.
func (b *Bank) Execute(ctx context.Context, c locker.Command) (Verdict, error) {
	var act func()
	v, err := b.judged(ctx, func(t *tx) Verdict {
		act = b.receive(t, &c)
		return Verdict{}
	})
	if err == nil && act != nil {
		act()
	}
	return v, err
}

// receive judges a command and notes that it came. What it returns acts, outside
// of the step.
func (b *Bank) receive(t *tx, c *locker.Command) func() {
	if b.known(c.ID) {
		return nil
	}
	if why := b.judgeCommand(t, c); why != "" {
		b.refuseCommand(t, c, why)
		return nil
	}
	b.commands.Counter = c.Counter
	p := pendingCommand{ID: c.ID, Type: c.Type, Door: c.Args.Door}
	b.commands.Pending = append(b.commands.Pending, p)
	if err := b.saveCommands(t); err != nil {
		b.fail(err)
		return nil
	}
	if len(b.commands.Pending) > maxPending {
		b.conclude(t, &p, locker.Reply{ID: p.ID, Status: locker.ReplyFailed, Reason: failedBusy})
		return nil
	}
	command := *c
	return func() { b.act(p, &command) }
}

// known tells whether a command has come before; a reply to it is given again.
func (b *Bank) known(id string) bool {
	for i := range b.commands.Replies {
		if r := b.commands.Replies[i]; r.ID == id {
			b.uplink.Reply(r)
			return true
		}
	}
	return slices.ContainsFunc(b.commands.Pending, func(p pendingCommand) bool { return p.ID == id }) // its reply comes
}

// RejectCommand answers a command that is signed as it should be and makes no
// sense: it has an id, and names a type or something that is none. Its counter is 0
// if it can't be read.
func (b *Bank) RejectCommand(ctx context.Context, id, kind string, counter int64) error {
	return b.step(ctx, func(t *tx) {
		why := locker.RefusedMalformed
		if counter > 0 && counter <= b.commands.Counter {
			why = locker.RefusedReplayed
		}
		if !b.known(id) {
			b.refuseCommand(t, &locker.Command{ID: id, Type: kind}, why)
		}
	})
}

// judgeCommand returns why a command is refused, in the contract's order.
func (b *Bank) judgeCommand(t *tx, c *locker.Command) string {
	opens := c.Type == locker.CmdOpen || c.Type == locker.CmdOpenAll
	_, known := b.byID[c.Args.Door]
	switch {
	case c.Counter <= b.commands.Counter:
		return locker.RefusedReplayed
	case t.at > c.EXP:
		return locker.RefusedExpired
	case opens && (b.nonce == "" || c.Nonce != b.nonce):
		return locker.RefusedWrongNonce
	case b.malformed(c), opens && (c.EXP.Sub(c.IAT) > maxOpenWindow || c.EXP < c.IAT):
		return locker.RefusedMalformed
	case needsDoor(c.Type) && !known:
		return locker.RefusedUnknownDoor
	case opens && t.clock == locker.ClockUnset:
		return locker.RefusedClockUntrusted
	}
	return ""
}

func needsDoor(kind string) bool {
	switch kind {
	case locker.CmdOpen, locker.CmdOutOfService, locker.CmdInService, locker.CmdIdentify, locker.CmdSetStock:
		return true
	}
	return false
}

// malformed tells whether type or arguments make no sense at all.
func (b *Bank) malformed(c *locker.Command) bool {
	a := &c.Args
	switch c.Type {
	case locker.CmdOpen, locker.CmdOutOfService, locker.CmdInService, locker.CmdIdentify, locker.CmdSetStock:
		return a.Door.IsZero()
	case locker.CmdOpenAll:
		return a.Locker < 0 || a.Locker > locker.MaxLockers
	case locker.CmdResync:
		return a.From == nil || *a.From == 0 || *a.From > b.store.Next()
	case locker.CmdPoll, locker.CmdSelfTest, locker.CmdRestart, locker.CmdUpdate, locker.CmdBundle:
		return false
	}
	return true
}

// refuseCommand answers a command that is not carried out. A replay is not
// noted: whoever repeats old messages shall not push out the replies to others. One
// whose event is only counted is on disk with the next one.
func (b *Bank) refuseCommand(t *tx, c *locker.Command, why string) {
	r := locker.Reply{ID: c.ID, Status: locker.ReplyRefused, Reason: why}
	told := t.add(locker.Event{Type: locker.EvCommandRefused, ID: c.ID, Command: c.Type, Door: c.Args.Door, Reason: locker.Reason(why)})
	if why != locker.RefusedReplayed {
		b.keepReply(r)
	}
	if why != locker.RefusedReplayed && told {
		if err := b.saveCommands(t); err != nil {
			b.fail(err)
		}
	}
	t.then(func() { b.uplink.Reply(r) })
}

func (b *Bank) keepReply(r locker.Reply) {
	b.commands.Replies = append(b.commands.Replies, r)
	if over := len(b.commands.Replies) - maxReplies; over > 0 {
		b.commands.Replies = slices.Delete(b.commands.Replies, 0, over)
	}
}

// conclude puts the outcome of a command into a step.
func (b *Bank) conclude(t *tx, p *pendingCommand, r locker.Reply) {
	b.commands.Pending = slices.DeleteFunc(b.commands.Pending, func(o pendingCommand) bool { return o.ID == p.ID })
	b.keepReply(r)
	if err := b.saveCommands(t); err != nil {
		b.fail(err)
		return
	}
	e := locker.Event{ID: p.ID, Command: p.Type, Door: p.Door, Reason: locker.Reason(r.Reason)}
	switch r.Status {
	case locker.ReplyDone:
		e.Type = locker.EvCommandDone
	case locker.ReplyUnknown:
		e.Type = locker.EvCommandUnknown
	default:
		e.Type = locker.EvCommandFailed
	}
	t.add(e)
	t.then(func() { b.uplink.Reply(r) })
}
