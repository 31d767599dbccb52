package flash

import (
	"encoding/json"
	"errors"

	"lockerd/cmd/lockerctl/flash/card"
	"lockerd/cmd/lockerctl/flash/fault"
	"lockerd/cmd/lockerctl/ui"
)

// trouble is an error for scripts.
type trouble struct {
	Code string `json:"code"` // refused: no card was touched; failed
	Text string `json:"text"`
	Cure string `json:"cure,omitempty"`
	Card string `json:"card,omitempty"` // as it was, blank, unknown
}

// report tells what went wrong and returns the exit code.
func (c *call) report(err error) int {
	if err == nil {
		return exitDone
	}
	if usage, ok := errors.AsType[*ui.UsageError](err); ok {
		usage.Print(c.stderr)
		return exitUsage
	}
	t := trouble{Code: "refused", Text: err.Error(), Cure: "lockerctl help flash"}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		t.Text, t.Cure = f.Text, f.Cure
	}
	state := ""
	if f, ok := errors.AsType[*card.FailedError](err); ok {
		t.Card = f.State.String()
		if f.State != card.StateAsWas {
			t.Code = "failed"
		}
		state = c.left(f.State)
	}
	if c.json {
		_ = json.NewEncoder(c.out).Encode(t) // flushed by the caller
	}
	ui.Fail(c.stderr, t.Text, state, t.Cure)
	return exitFailed
}

// left says what a card is now.
func (c *call) left(s card.State) string {
	switch s {
	case card.StateAsWas:
		return "nothing was written"
	case card.StateBlank:
		return "the card is not finished and doesn't boot"
	case card.StateUnknown:
	}
	return "nobody knows what the card holds now: don't put it into a board"
}
