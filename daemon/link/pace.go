package link

import (
	"time"

	"lockerd/daemon/locker"
)

// A tenant's key may change its set as it likes, and each change is an event that the
// journal must keep, and a sync: at the pace of a processor they would push out what
// the doors have to say, and wear out the card. So changes come from a store of
// paceBurst that fills at one each paceEvery. One more is refused, and asked for when
// it may come: the backend's answer is one change, however many it covers.
const (
	paceBurst = 1000
	paceEvery = 2 * time.Second
)

// pace is when the store of a set will be full again.
type pace map[string]time.Time

// over tells whether a set must not be changed now.
func (p pace) over(set string, now time.Time) bool {
	return set != locker.SetOperator && p[set].Sub(now) > (paceBurst-1)*paceEvery
}

// changed takes one change from the store.
func (p pace) changed(set string, now time.Time) {
	full := p[set]
	if full.Before(now) {
		full = now
	}
	p[set] = full.Add(paceEvery)
}
