package cli

import (
	"context"
	"fmt"
	"strings"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/locker"
)

// sheetOfAnswers are answers that were written down beforehand.
type sheetOfAnswers map[locker.DoorID]string

// readAnswers reads lines of a door and its answer; # begins a comment.
func readAnswers(text string) (sheetOfAnswers, error) {
	s := sheetOfAnswers{}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word == "" {
			continue
		}
		id, err := locker.ParseDoorID(word)
		if err != nil {
			return nil, ui.Usagef("the answers: %s", err)
		}
		if _, twice := s[id]; twice {
			return nil, ui.Usagef("the answers: door %s stands there twice", id)
		}
		s[id] = strings.TrimSpace(rest)
	}
	return s, nil
}

func (s sheetOfAnswers) answer(_ context.Context, door locker.DoorID, again error) (string, error) {
	if again != nil {
		return "", again // nobody is there to say it otherwise
	}
	if text, ok := s[door]; ok {
		return text, nil
	}
	return "skip", nil
}

func (sheetOfAnswers) forget() {}

// keyboard has the answers of somebody at the keyboard, or of a scanner that types.
type keyboard struct{ in *ui.Input }

func (k keyboard) answer(ctx context.Context, _ locker.DoorID, _ error) (string, error) {
	text, err := k.in.Line(ctx)
	switch {
	case ctx.Err() != nil:
		return "", errQuit
	case err != nil:
		return "", fmt.Errorf("there are no more answers: %w", err)
	}
	return text, nil
}

func (k keyboard) forget() { k.in.Forget() }
