package bank

import (
	"context"
	"log/slog"

	"lockerd/daemon/locker"
)

// leaving is an order to end the bank when nothing is open or under way.
type leaving struct {
	do   func() error
	done chan error
}

// Leave ends the bank, as the command restart does, as soon as no door is open, none
// is being opened and no visit runs. do is called in that moment; after it nothing is
// taken any more. If do fails the bank goes on and Leave returns its error.
// Leave waits until ctx ends; a later Leave takes the place of one that waits.
func (b *Bank) Leave(ctx context.Context, do func() error) error {
	l := &leaving{do: do, done: make(chan error, 1)}
	if err := b.call(ctx, func() { b.leaving = l }); err != nil {
		return err
	}
	select {
	case err := <-l.done:
		return err
	case <-b.restart:
		return nil
	case <-b.stopped:
		return l.ended(b)
	case <-ctx.Done():
		b.post(func() {
			if b.leaving == l {
				b.leaving = nil
			}
		})
		return ctx.Err()
	}
}

// ended is what a leaving has come to once the bank has stopped: it may have been the
// bank's last.
func (l *leaving) ended(b *Bank) error {
	select {
	case err := <-l.done:
		return err
	case <-b.restart:
		return nil
	default:
		return errStopped
	}
}

// Note journals an event of the process around the bank.
func (b *Bank) Note(ctx context.Context, e locker.Event) error {
	return b.step(ctx, func(t *tx) { t.add(e) })
}

// Restart is closed when the process is to end and be started again: when the reply
// to the command is on disk and no door is open or about to be. Run returns then.
func (b *Bank) Restart() <-chan struct{} { return b.restart }

func (b *Bank) maybeRestart() {
	if b.left || !b.restartDue && b.leaving == nil || !b.idle() {
		return
	}
	if l := b.leaving; l != nil {
		b.leaving = nil
		err := l.do()
		l.done <- err
		if err != nil {
			b.log.Error("cannot leave", slog.Any("error", err))
			return
		}
	}
	b.left = true
	close(b.restart)
}

// idle tells that nothing is open, under way or waiting for its outcome.
func (b *Bank) idle() bool {
	if len(b.commands.Pending) > 0 || len(b.visits) > 0 {
		return false
	}
	for _, d := range b.slots {
		if d.open() || d.underWay() {
			return false
		}
	}
	return true
}
