package cli

import (
	"context"
	"flag"
	"fmt"
	"strings"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bank"
	"lockerd/daemon/control"
)

const openHelp = `The door's lock is pulsed, and the command returns when its feedback says open
(exit 0), or when it stayed closed through all tries or its board fell silent
(exit 1). A door without sensor is taken as opened (exit 0): look yourself.
The reason is journaled with your name. An item behind the door becomes
uncertain: settle it with stock set or stock clear.`

func openVerb(fs *flag.FlagSet) action {
	reason := fs.String("reason", "", "why; it is journaled")
	return func(ctx context.Context, c *call) error {
		door, err := parseDoor(c.args[0])
		if err != nil {
			return err
		}
		if strings.TrimSpace(*reason) == "" {
			return ui.Usagef("--reason is missing: it is journaled with the opening")
		}
		r, err := c.client().Open(ctx, door, *reason)
		if err != nil {
			return c.doorCure(ctx, door, err)
		}
		if err := c.print(r, func(p *ui.Page) { p.Table(outcome(&r)) }); err != nil {
			return err
		}
		return outcomeError(&r)
	}
}

// outcome is the line that says what came of an opening.
func outcome(r *bank.OpenResult) *ui.Table {
	t := &ui.Table{}
	door, state := ui.Plain("door "+r.Door.String()), ui.Tinted(r.Outcome, ui.Good)
	how := fmt.Sprintf("proven after %d ms, try %d", r.MS, r.Tries)
	switch r.Outcome {
	case "opened":
	case "unproven":
		state.Colour, how = ui.Notice, "pulsed; it has no sensor: look whether it stands open"
	default:
		state.Colour, how = ui.Bad, fmt.Sprintf("tries: %d", r.Tries)
	}
	t.Row(door, state, ui.Plain(how))
	return t
}

// outcomeError is the failure in an outcome, with what to look at.
func outcomeError(r *bank.OpenResult) error {
	switch r.Outcome {
	case "opened", "unproven":
		return nil
	case "jammed":
		return &bank.Error{
			Code: control.CodeFailed,
			Text: fmt.Sprintf("cannot open door %s: it stayed closed through all tries and is out of service now", r.Door),
			Cure: fmt.Sprintf("press the door in (something may lean on the latch), look at latch, lock plug and feedback wire; then: lockerctl service in %s, and open it again", r.Door),
		}
	case "unreachable":
		return &bank.Error{
			Code: control.CodeUnavailable,
			Text: fmt.Sprintf("cannot open door %s: its board does not answer; it has not opened", r.Door),
			Cure: "look at the board's power and the wires of its bus: lockerctl status, lockerctl self-test",
		}
	case "uncertain":
		return &bank.Error{
			Code: control.CodeFailed,
			Text: fmt.Sprintf("cannot tell whether door %s opened: its board fell silent after the pulse", r.Door),
			Cure: "look at the door before trying again; lockerctl status shows the board, lockerctl self-test what else is silent",
		}
	}
	return &bank.Error{
		Code: control.CodeFailed,
		Text: fmt.Sprintf("cannot tell what came of door %s: lockerd says %q", r.Door, r.Outcome),
		Cure: "look at the door; use the lockerctl of the version of lockerd",
	}
}
