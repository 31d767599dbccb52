package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"lockerd/sync/wire"
)

// ErrLink is returned by Serve when the connection is over.
var ErrLink = errors.New("the connection to the broker is over")

const tickEvery = time.Second

// The filters, by what can be heard over each.
const (
	overState = iota
	overSnapshots
	overUp
	filterCount
)

func filterOf(topic string) int {
	switch {
	case topic == wire.TopicState:
		return overState
	case strings.HasPrefix(topic, "state/"):
		return overSnapshots
	}
	return overUp
}

// Receive takes a message from the connection. It returns at once, unless the queue
// is full: then events are dropped, which banks send again, and anything else waits.
func (b *Backend) Receive(ctx context.Context, m Message) {
	_, topic, _ := splitTopic(b.cfg.Prefix, m.Topic)
	if m.Retained { // it comes with each subscription
		b.brought.Store(true)
	} else {
		b.heard[filterOf(topic)].Store(true)
	}
	if topic == wire.TopicEvents && len(b.in) > inQueue*3/4 {
		b.mu.Lock()
		b.dropped++
		b.mu.Unlock()
		return
	}
	if len(m.Payload) > payloadBytes {
		m.Payload = bytes.Clone(m.Payload[:payloadBytes+1]) // enough to be found too long
	}
	if large(&m) {
		select {
		case b.large <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
	select {
	case b.in <- m:
	case <-ctx.Done():
		b.took(&m)
	}
}

// large tells whether a message counts against largeMax. No batch of events does, but for
// one of a single large event.
func large(m *Message) bool { return len(m.Payload) > wire.MaxBatch }

// took notes that a message waits no more.
func (b *Backend) took(m *Message) {
	if large(m) {
		<-b.large
	}
}

// Serve works on one connection until it ends, ctx ends (nil), or the store fails.
// The link's messages must go to Receive. Only one connection is served at a time.
func (b *Backend) Serve(ctx context.Context, link Link) error {
	out := make(chan effect, outQueue)
	if err := b.beginLink(out); err != nil {
		return err
	}
	defer b.dropLink(out)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	beside := func(do func() error) {
		running.Go(func() {
			if err := do(); err != nil {
				cancel(err)
			}
		})
	}
	beside(func() error { return b.publish(ctx, link, out) })
	beside(func() error { return b.subscribe(ctx, link, out) })
	err := b.work(ctx, link)
	cancel(nil)
	running.Wait()
	return err
}

// subscribe asks for the banks' messages, beside work: a broker may send more retained
// ones than the queue holds before it answers (MQTT 3.1.1, 3.8.4). A filter over which
// nothing has come for subscribeEvery is asked for again: a broker that has lost it, and
// nothing else, would leave the backend deaf for as long as the connection lives. So is
// what is retained while a bank speaks whose birth has not come (see birthsDue): a NATS
// node gives nothing retained to who subscribes while its stream has no leader, and now and
// then neither copy of what is published in that moment at another node. Else all retained
// messages would come each time.
func (b *Backend) subscribe(ctx context.Context, link Link, out chan effect) error {
	filters := b.filters()
	if err := link.Subscribe(ctx, filters[:]...); err != nil {
		return err
	}
	b.setSubscribed(out)
	tick := time.NewTicker(subscribeEvery)
	defer tick.Stop()
	births := time.NewTicker(retryFirst)
	defer births.Stop()
	var p patience
	for {
		var again []string
		select {
		case <-tick.C:
			for i, f := range filters {
				if !b.heard[i].Swap(false) {
					again = append(again, f)
				}
			}
		case now := <-births.C:
			if b.birthsDue(now, &p) {
				again = filters[:overUp]
			}
		case <-ctx.Done():
			return nil
		}
		if len(again) == 0 {
			continue
		}
		if err := link.Subscribe(ctx, again...); err != nil {
			return err
		}
	}
}

// patience is when births were last asked for again, and how long not to since.
type patience struct {
	asked time.Time
	wait  time.Duration
}

// birthsDue tells whether births are to be asked for again. All banks' come then, so it is
// not done while retained messages still come, and one bank that lacks its birth now and
// then does not make it more frequent.
func (b *Backend) birthsDue(now time.Time, p *patience) bool {
	missed, since := b.birthless(), now.Sub(p.asked)
	switch {
	case b.brought.Swap(false) || since < p.wait:
	case missed:
		p.asked, p.wait = now, min(max(2*p.wait, retryFirst), retryMax)
		return true
	case since > p.wait+retryMax:
		p.wait = 0
	}
	return false
}

// birthless tells whether a bank is there that has spoken before the last look, and whose
// birth has not come since.
func (b *Backend) birthless() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, missed := b.now(), false
	for name, before := range b.core.unborn {
		k := b.core.banks[name]
		if k == nil || !k.unborn() || now.Sub(k.Seen) > Silence || b.core.barred(name) {
			delete(b.core.unborn, name)
			continue
		}
		missed = missed || before
		b.core.unborn[name] = true
	}
	return missed
}

// beginLink forgets what the banks were told on an older connection: their births
// come again, retained.
func (b *Backend) beginLink(out chan effect) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.out != nil {
		return errors.New("cannot serve two connections at a time: end the first")
	}
	b.out, b.subscribed = out, false
	for _, k := range b.core.banks {
		k.answered, k.told, k.stray = false, false, false
	}
	clear(b.core.unborn)
	return nil
}

func (b *Backend) dropLink(out chan effect) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.out == out {
		b.out = nil
	}
}

func (b *Backend) setSubscribed(out chan effect) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subscribed = b.out == out
	close(b.changed)
	b.changed = make(chan struct{})
}

// Connected tells whether a connection is being served: banks' messages come.
func (b *Backend) Connected() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out != nil && b.subscribed
}

// endLink makes Serve return: the store has failed, and what the banks think of
// their messages must be learnt anew. The mutex is held.
func (b *Backend) endLink() {
	if b.out != nil {
		close(b.out)
		b.out = nil
	}
}

func (b *Backend) filters() [filterCount]string {
	bank := b.cfg.Bank
	if bank == "" {
		bank = "+"
	}
	p := b.cfg.Prefix + "/" + bank + "/"
	return [...]string{overState: p + wire.TopicState, overSnapshots: p + "state/+", overUp: p + "up/+"}
}

// work takes messages in groups, one commit each, and ticks.
func (b *Backend) work(ctx context.Context, link Link) error {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		var err error
		select {
		case m := <-b.in:
			b.took(&m)
			err = b.takeGroup(m)
		case <-tick.C:
			err = b.update(func(t *txn) (map[string]*bank, error) { return t.tick(), nil })
		case <-link.Done():
			return ErrLink
		case <-ctx.Done():
			if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
				return err
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot store what banks have sent: %w", err)
		}
	}
}

// takeGroup commits a message and those already waiting behind it.
func (b *Backend) takeGroup(first Message) error {
	group := []Message{first}
	for len(group) < groupMax {
		select {
		case m := <-b.in:
			b.took(&m)
			group = append(group, m)
			continue
		default:
		}
		break
	}
	return b.update(func(t *txn) (map[string]*bank, error) {
		changed := map[string]*bank{}
		for i := range group {
			if k := t.receive(&group[i]); k != nil {
				changed[k.Name] = k
			}
		}
		if t.c.roll != nil && t.c.roll.Touched() {
			t.advance(changed) // a rollout that must stop stops now
		}
		return changed, nil
	})
}

// emit queues messages for the connection there is. The mutex is held.
func (b *Backend) emit(list []effect) {
	for i := range list {
		if b.out == nil {
			return // the next births ask for it all
		}
		select {
		case b.out <- list[i]:
		default:
			b.lost++
		}
	}
}

// publish signs and sends what is queued.
func (b *Backend) publish(ctx context.Context, link Link, out <-chan effect) error {
	for {
		select {
		case e, ok := <-out:
			if !ok {
				return errors.New("the store has failed")
			}
			if err := b.publishOne(ctx, link, &e); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func (b *Backend) publishOne(ctx context.Context, link Link, e *effect) error {
	list := []wire.Down{e.msg}
	if e.snapshot != nil {
		list = nil
		for _, m := range b.chunks(e) {
			list = append(list, m)
		}
	}
	for _, m := range list {
		payload, err := wire.Sign(e.key.Signer, e.key.KID, m)
		if err != nil {
			b.cfg.Log.Error("cannot sign a message", slog.String("bank", e.bank), slog.String("topic", e.topic), slog.Any("error", err))
			continue
		}
		if len(payload) > wire.MaxDown {
			b.cfg.Log.Error("a message is too long for the wire", slog.String("bank", e.bank), slog.String("topic", e.topic), slog.Int("bytes", len(payload)))
			continue
		}
		if err := link.Publish(ctx, b.cfg.Prefix+"/"+e.bank+"/"+e.topic, payload); err != nil {
			return fmt.Errorf("cannot publish: %w", err)
		}
	}
	return nil
}

// chunks reads the snapshot that was ordered.
func (b *Backend) chunks(e *effect) []*wire.Codes {
	var list []*wire.Codes
	err := b.view(func(t *txn) error {
		if k := t.c.banks[e.bank]; k != nil {
			list = t.chunks(k, e.snapshot)
		}
		return nil
	})
	if err != nil {
		b.cfg.Log.Error("cannot read a snapshot", slog.String("bank", e.bank), slog.Any("error", err))
	}
	return list
}
