package bank

import (
	"time"

	"lockerd/daemon/locker"
)

// tick does what is due at this moment. It runs after every message, so that
// no stream of messages can keep a deadline waiting.
func (b *Bank) tick() {
	now := b.now()
	for _, d := range b.slots {
		b.effects(d, d.m.Tick(now))
	}
	b.endIdle()
	b.tell(b.limits.due(now))
	b.maybeRestart()
	if now >= readyLimit {
		b.maybeReady(true)
	}
	if left, ok := b.untilNaming(); now >= b.nextChore || ok && left <= 0 {
		b.nextChore = now + chores
		b.chores(now)
	}
}

// tell journals counted events.
func (b *Bank) tell(events []locker.Event) {
	if len(events) == 0 {
		return
	}
	t := b.begin()
	for _, e := range events {
		t.put(e)
	}
	t.commit()
}

// chores looks at what only time changes: the clock's state, codes that have
// expired, the clock floor.
func (b *Bank) chores(now time.Duration) {
	t := b.begin() // notes a change of the clock
	b.expireNamings(t)
	if b.ackDue(now) {
		b.noteAck(t)
	}
	if !t.floor.IsZero() && now-b.floorSent >= floorEvery {
		t.value(locker.ValueFloor, decimal(int64(t.floor)))
	}
	t.commit()
}

// untilNext returns how long the loop may wait.
func (b *Bank) untilNext(limit time.Duration) time.Duration {
	next := b.nextChore
	earlier := func(at time.Duration, ok bool) {
		if ok && at < next {
			next = at
		}
	}
	for _, d := range b.slots {
		earlier(d.m.Deadline())
	}
	for _, v := range b.visits {
		earlier(b.idleAt(v))
	}
	earlier(b.limits.next())
	earlier(limit, limit >= 0)
	earlier(readyLimit, !b.isReady())
	if left, ok := b.untilNaming(); ok {
		earlier(b.now()+max(left, 0), true)
	}
	return max(0, next-b.now())
}

func (b *Bank) isReady() bool {
	select {
	case <-b.ready:
		return true
	default:
		return false
	}
}
