package scanner

import "time"

// Decoder makes scans of the bytes of one scanner: Framer, Clean and Repeats in
// a row. It has no clock and is not safe for concurrent use.
type Decoder struct {
	name    string
	framer  *Framer
	repeats Repeats
}

// NewDecoder returns the decoder of a scanner with a suffix, see NewFramer.
func NewDecoder(name, suffix string) (*Decoder, error) {
	f, err := NewFramer(suffix)
	if err != nil {
		return nil, err
	}
	return &Decoder{name: name, framer: f}, nil
}

// Feed takes what was read at a time and returns the scans it completes.
func (d *Decoder) Feed(at time.Time, data []byte) []Scan { return d.scans(d.framer.Feed(at, data)) }

// Pending returns what has come of a scan whose end is missing, uncleaned.
func (d *Decoder) Pending() string { return d.framer.Pending() }

// Deadline returns when Expire must be called unless bytes come before; the
// zero time if it need not be.
func (d *Decoder) Deadline() time.Time { return d.framer.Deadline() }

// Expire does what is due when nothing has come for long enough.
func (d *Decoder) Expire(at time.Time) []Scan { return d.scans(d.framer.Expire(at)) }

// Reset forgets half a frame, for a device that was unplugged. Repeats are
// still repeats.
func (d *Decoder) Reset() { d.framer.Reset() }

func (d *Decoder) scans(frames []Frame) []Scan {
	var scans []Scan
	for _, f := range frames {
		if s, ok := d.scan(f); ok {
			scans = append(scans, s)
		}
	}
	return scans
}

// scan judges one frame. Two frames that are too long are the same scan: what
// was in them is gone.
func (d *Decoder) scan(f Frame) (Scan, bool) {
	text, verdict := Clean(f.Bytes)
	if f.TooLong {
		text, verdict = nil, Malformed
	}
	if verdict == Empty || !d.repeats.Fresh(string(text), f.At) {
		return Scan{}, false
	}
	s := Scan{Scanner: d.name, At: f.At, Malformed: verdict == Malformed}
	if !s.Malformed {
		s.Text = string(text)
	}
	return s, true
}
