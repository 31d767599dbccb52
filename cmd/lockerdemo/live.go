package main

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// live is the demo on the screen. One goroutine owns it.
type live struct {
	*site
	line  editor
	note  sentence // the answer to what was typed last
	page  page     // over the bank; nil: the bank itself
	view  view
	bare  bool // no colours
	quit  bool
	clean bool // the screen must be wiped before the next frame
}

// liveIn shows the bank in dir until the person quits.
func liveIn(dir string, stdout *os.File) (err error) {
	ctx, stop := interrupted()
	defer stop()
	_, _ = fmt.Fprintln(stdout, "Starting a bank of two lockers ...")
	s, err := openSite(ctx, dir, livePace())
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, s.Close()); err == nil {
			s.farewell(stdout)
		}
	}()
	t, err := openTerminal()
	if err != nil {
		return err
	}
	l := &live{site: s, page: introPage, bare: os.Getenv("NO_COLOR") != ""}
	defer func() { err = errors.Join(err, t.Close()) }()
	return l.show(ctx, t)
}

// show draws and takes keys until something ends it.
func (l *live) show(ctx context.Context, t *terminal) error {
	ctx, cancel := context.WithCancel(ctx)
	views, watched := make(chan view), make(chan struct{})
	go func() { l.watch(ctx, views); close(watched) }()
	defer func() { cancel(); <-watched }()
	for !l.quit {
		l.draw(t)
		select {
		case l.view = <-views:
		case <-t.resized:
			l.clean = true
		case b, ok := <-t.keys:
			if !ok {
				return errors.New("cannot read the keyboard any longer: the terminal has gone")
			}
			l.typed(b)
		case err := <-l.ended:
			l.ended <- nil // Close takes it once more
			if err == nil {
				err = errors.New("it has ended by itself")
			}
			return fmt.Errorf("cannot go on: the bank has stopped: %w", err)
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

func (l *live) typed(b []byte) {
	for _, k := range b {
		switch a, line := l.line.key(k); {
		case a == actQuit:
			l.quit = true
		case a == actRedraw:
			l.clean = true
		case a == actEnter && l.page != nil:
			l.page = nil
			if line != "" {
				l.command(line)
			}
		case a == actEnter && line != "":
			l.command(line)
		}
	}
}

func (l *live) draw(t *terminal) {
	if l.clean {
		t.write("\x1b[2J")
		l.clean = false
	}
	w, h := t.size()
	t.write(l.frame(w, h))
}

// farewell says on the ordinary screen what has become of the bank.
func (s *site) farewell(stdout *os.File) {
	list, _ := s.feed.after(0)
	_, _ = fmt.Fprintf(stdout, "The bank has stopped in order after %d events; its directory is removed.\n", len(list))
}
