package cli

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bank"
	"lockerd/daemon/control"
	"lockerd/hal"
)

const traceHelp = `BUS may be left out where the bank has but one. lockerd keeps the newest 2048
frames of each bus; with --follow the new ones are shown as they come, until
interrupted (exit 0) or until lockerd ends (exit 1). With --json each frame is a
line of JSON: seq, at, bus, dir (out, in), kind, hex, means.

  >  request   < reply   << report (said unasked)
  ?  foreign: valid, but no reply to the request before it (late? another board?)
  =  echo of our own request   !  no reply   ~  bytes that are no frame

Watching moves nothing and takes no time from the line.`

func traceVerb(fs *flag.FlagSet) action {
	follow := fs.Bool("follow", false, "go on with new frames")
	last := fs.Uint64("last", 0, "begin this `number` of frames before the end")
	return func(ctx context.Context, c *call) error {
		bus := ""
		if len(c.args) > 0 {
			bus = c.args[0]
		}
		c.wrote = true // lines, never an error's document among them
		err := c.client().Trace(ctx, bus, *last, *follow, func(line []byte) error {
			return c.line(line, *follow, func() error { return c.printFrame(line) })
		})
		if errors.Is(err, control.ErrEnded) {
			return &bank.Error{Code: control.CodeUnavailable, Text: "lockerd has ended the trace: it stops or restarts", Cure: "systemctl status lockerd"}
		}
		return withCure(err)
	}
}

// printFrame prints one frame for people: time, direction, bytes, meaning.
func (c *call) printFrame(line []byte) error {
	var f control.TraceLine
	if err := json.Unmarshal(line, &f); err != nil {
		return fmt.Errorf("cannot read a frame: %w", err)
	}
	const width = 12*3 - 1 // most frames
	mark, colour := frameMark(f.Kind)
	text := fmt.Sprintf("%s  %s %-*s  %s", f.At.Local().Format("15:04:05.000"), ui.Paint(mark, colour, c.colour()), width, ui.Clean(f.Hex), ui.Clean(f.Means))
	_, err := fmt.Fprintln(c.out, strings.TrimRight(text, " "))
	return err
}

// frameMark is what stands before a frame's bytes, two characters wide.
func frameMark(kind string) (mark, colour string) {
	switch kind {
	case hal.FrameRequest:
		return "> ", ui.None
	case hal.FrameReply:
		return "< ", ui.None
	case hal.FrameReport:
		return "<<", ui.None
	case hal.FrameForeign:
		return "? ", ui.Notice
	case hal.FrameEcho:
		return "= ", ui.None
	case hal.FrameSilence:
		return "! ", ui.Bad
	}
	return "~ ", ui.Notice
}
