package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"

	"lockerd/daemon/bank"
	"lockerd/daemon/control"
	"lockerd/daemon/locker"
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
			return usagef("--from and --last exclude each other")
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
	var err error
	if c.json {
		_, err = c.out.Write(append(bytes.Clone(line), '\n'))
	} else {
		err = printEvent(c.out, line, c.colour())
	}
	if err == nil && follow {
		err = c.out.Flush()
	}
	if err != nil {
		return fmt.Errorf("cannot write to stdout: %w", err)
	}
	return nil
}

// printEvent prints one event for people: number, time, type, what it carries.
func printEvent(w io.Writer, line []byte, colour bool) error {
	var ev struct {
		Seq  uint64      `json:"seq"`
		At   locker.Time `json:"at"`
		Type string      `json:"type"`
	}
	if err := json.Unmarshal(line, &ev); err != nil {
		return fmt.Errorf("cannot read an event of lockerd: %w", err)
	}
	details, err := carried(line)
	if err != nil {
		return fmt.Errorf("cannot read event %d of lockerd: %w", ev.Seq, err)
	}
	at := ev.At.Time().Local().Format("2006-01-02 15:04:05.000")
	kind := paint(clean(ev.Type), eventColour(ev.Type), colour) + strings.Repeat(" ", max(0, 19-len(ev.Type)))
	_, err = fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%7d  %s  %s %s", ev.Seq, at, kind, details), " "))
	return err
}

// carried lists an event's members but those that stand in every event, in
// their order, so that members of later versions show too.
func carried(line []byte) (string, error) {
	d := json.NewDecoder(bytes.NewReader(line))
	if _, err := d.Token(); err != nil {
		return "", err
	}
	var list []string
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return "", err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return "", err
		}
		switch key {
		case "seq", "at", "clock", "boot", "up_ms", "type", "hash":
		default:
			list = append(list, fmt.Sprintf("%s=%s", key, shown(value)))
		}
	}
	return clean(strings.Join(list, " ")), nil
}

// shown prints a text without quotes where it can be read without.
func shown(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return string(value)
	}
	if s == "" || strings.ContainsAny(s, " =\"") {
		return strconv.Quote(s)
	}
	return s
}

func eventColour(kind string) string {
	switch kind {
	case locker.EvDoorJammed, locker.EvDoorForced, locker.EvDoorUncertain, locker.EvBoardLost, locker.EvScannerLost,
		locker.EvStorageFault, locker.EvCommandFailed, locker.EvJournalGap:
		return bad
	case locker.EvDoorAjar, locker.EvDoorOut, locker.EvDoorUnproven, locker.EvScanRefused, locker.EvMessageRefused,
		locker.EvStockLow, locker.EvItemUncertain, locker.EvCommandRefused, locker.EvCommandUnknown, locker.EvConfigRejected:
		return notice
	}
	return none
}
