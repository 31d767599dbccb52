package outbox

import "time"

// doubt is what is held against the first batch on its way when connections end
// with it.
type doubt struct {
	strikes int
	upto    uint64    // end of the batch that is doubted; 0: none
	aside   uint64    // event in whose place a gap goes; 0: none
	until   time.Time // nothing is sent before
	quiet   time.Time // nor before this, on the present connection
}

// connected lets a connection show, until quiet, that it lives without the events in
// doubt.
func (d *doubt) connected(quiet time.Time) {
	d.quiet = time.Time{}
	if d.single() {
		d.quiet = quiet
	}
}

// acquit takes the doubt back: connections end without events, too.
func (d *doubt) acquit() { d.strikes, d.upto, d.aside = 0, 0, 0 }

// strike counts one connection that ended with b in the broker's hands.
func (d *doubt) strike(b sent, now time.Time) {
	d.strikes++
	d.upto = max(d.upto, b.last)
	if d.strikes == 2*Tries || d.strikes == 3*Tries-1 {
		d.aside = b.first
	}
	if d.strikes >= 3*Tries { // after the pause the event has one more try, and then its gap
		d.strikes, d.aside, d.until = 3*Tries-2, 0, now.Add(Hold)
	}
}

// taken clears what is taken by the broker. Batches before the one that is doubted
// say nothing of it: they go again on each connection, and are taken each time.
func (d *doubt) taken(last uint64) {
	d.strikes = min(d.strikes, Tries)
	if last >= d.upto {
		d.strikes, d.upto = 0, 0
	}
}

// acked forgets what has arrived.
func (d *doubt) acked(upto uint64) {
	if upto >= d.aside {
		d.aside = 0
	}
	if d.upto != 0 && upto >= d.upto {
		d.strikes, d.upto, d.until = 0, 0, time.Time{}
	}
}

// single tells whether events go one by one.
func (d *doubt) single() bool { return d.strikes >= Tries }

// notBefore is when the next event may go.
func (d *doubt) notBefore() time.Time {
	if d.quiet.After(d.until) {
		return d.quiet
	}
	return d.until
}

// held tells whether the broker takes no event at all, as it seems.
func (d *doubt) held(now time.Time) bool { return now.Before(d.until) }
