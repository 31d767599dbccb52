package fleet

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/sync/backend"
)

const eventsHelp = `Events are in the order in which they came here, each behind its bank. A flag says
what its hash is worth: break, fork, hole, unread. With --json each line has bank,
journal, cursor and the event as the bank sent it, byte for byte. --follow goes on
until interrupted; --after begins behind a cursor.`

const followWait = 30 // seconds a question for more may wait

func eventsVerb(fs *flag.FlagSet) action {
	follow := fs.Bool("follow", false, "go on with new events")
	bank := fs.String("bank", "", "of this `bank` only")
	last := fs.Int("last", 0, "begin this `number` of events before the end")
	after := fs.Uint64("after", 0, "begin behind this `cursor`")
	return func(ctx context.Context, c *call) error {
		if *last < 0 || *last > 0 && *after > 0 {
			return ui.Usagef("--last and --after exclude each other, and are not below 0")
		}
		d, err := c.at(ctx, *bank)
		if err != nil {
			return err
		}
		defer func() { _ = d.close() }() // nothing is left to be done
		c.wrote = true                   // lines, never an error's document among them
		q := eventQuery{Bank: *bank, After: *after, Limit: eventsMax, Last: *last}
		return over(ctx, c.events(ctx, d, q, *follow))
	}
}

func (c *call) events(ctx context.Context, d desk, q eventQuery, follow bool) error {
	tail := q.Last
	var kept []backend.Event
	for {
		var p eventPage
		if err := d.ask(ctx, "events", q, &p); err != nil {
			return err
		}
		q.After, q.Last = p.Next, 0
		if kept = append(kept, p.Events...); tail > 0 && !p.End {
			kept = kept[max(0, len(kept)-tail):]
			continue
		}
		if tail > 0 {
			kept, tail = kept[max(0, len(kept)-tail):], 0
		}
		for i := range kept {
			if err := c.event(&kept[i]); err != nil {
				return err
			}
		}
		kept = nil
		if p.End && !follow {
			return nil
		}
		if p.End {
			q.WaitS = followWait
		}
		if err := c.out.Flush(); err != nil {
			return fmt.Errorf("cannot write to stdout: %w", err)
		}
	}
}

func (c *call) event(e *backend.Event) error {
	if c.json {
		return json.NewEncoder(c.out).Encode(e)
	}
	prefix := fmt.Sprintf("%-12s ", ui.Clean(e.Bank))
	if e.Flag != backend.FlagNone {
		prefix += ui.Paint("["+e.Flag+"]", ui.Bad, c.colour()) + " "
	}
	if ui.PrintEvent(c.out, prefix, e.Raw, c.colour()) != nil { // a bank may send what is no event
		ui.Emit(c.out, "%s%7d  cannot be read as an event\n", prefix, e.Seq)
	}
	return nil
}
