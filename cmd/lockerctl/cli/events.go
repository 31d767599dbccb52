package cli

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bank"
	"lockerd/daemon/control"
)

const eventsHelp = `Without --from it begins with the oldest event kept. With --follow it goes on
until interrupted (exit 0) or until lockerd ends (exit 1). With --json each
line is the event as stored, byte for byte.`

func eventsVerb(fs *flag.FlagSet) action {
	follow := fs.Bool("follow", false, "go on with new events")
	from := fs.Uint64("from", 0, "first event, by its `number`")
	last := fs.Uint64("last", 0, "begin this `number` of events before the end")
	return func(ctx context.Context, c *call) error {
		if *from > 0 && *last > 0 {
			return ui.Usagef("--from and --last exclude each other")
		}
		if *last > 0 {
			s, err := c.client().Status(ctx)
			if err != nil {
				return err
			}
			*from = s.Journal.Next - min(s.Journal.Next, *last)
		}
		c.wrote = true // lines, never an error's document among them
		err := c.client().Events(ctx, *from, *follow, func(line []byte) error { return c.event(line, *follow) })
		if errors.Is(err, control.ErrEnded) {
			return &bank.Error{Code: control.CodeUnavailable, Text: err.Error() + ": it stops or restarts", Cure: "systemctl status lockerd"}
		}
		return withCure(err)
	}
}

// event prints one event; while following, at once.
func (c *call) event(line []byte, follow bool) error {
	return c.line(line, follow, func() error { return ui.PrintEvent(c.out, "", line, c.colour()) })
}

// line prints a line of a stream, as it is or for people; while following, at
// once.
func (c *call) line(line []byte, follow bool, human func() error) error {
	var err error
	if c.json {
		_, err = c.out.Write(append(bytes.Clone(line), '\n'))
	} else {
		err = human()
	}
	if err == nil && follow {
		err = c.out.Flush()
	}
	if err != nil {
		return fmt.Errorf("cannot write to stdout: %w", err)
	}
	return nil
}
