package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
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

// lines are the answers of somebody at the keyboard, or of a scanner that types.
type lines struct {
	next chan string
	err  error // why next was closed
}

func newLines(r io.Reader) *lines {
	l := &lines{next: make(chan string)}
	go func() { // ends with its input, or with the program
		sc := bufio.NewScanner(r)
		for sc.Scan() {
			l.next <- sc.Text()
		}
		if l.err = sc.Err(); l.err == nil {
			l.err = io.EOF
		}
		close(l.next)
	}()
	return l
}

func (l *lines) answer(ctx context.Context, _ locker.DoorID, _ error) (string, error) {
	select {
	case text, ok := <-l.next:
		if !ok {
			return "", fmt.Errorf("there are no more answers: %w", l.err)
		}
		return text, nil
	case <-ctx.Done():
		return "", errQuit
	}
}
