package sim

import "time"

// writeCoil is FC05: switch, toggle or flash one relay, or all at once.
func (w waveshare) writeCoil(b *Board, q mbRequest) byte {
	switch {
	case q.at == wsAll:
		return w.switchAll(b, q.value)
	case q.at >= wsFlashOff && int(q.at-wsFlashOff) < b.size:
		return w.flash(q.value, b.coils[q.at-wsFlashOff].pause)
	case q.at >= wsFlashOn && int(q.at-wsFlashOn) < b.size:
		return w.flash(q.value, b.coils[q.at-wsFlashOn].fire)
	case int(q.at) < b.size:
		return b.coils[q.at].turn(q.value)
	}
	return mbBadAddress
}

// flash does something for units of 100 ms.
func (waveshare) flash(units uint16, do func(time.Duration)) byte {
	if units == 0 || units > wsFlashMax {
		return mbBadValue
	}
	do(time.Duration(units) * wsFlashUnit)
	return 0
}

func (waveshare) switchAll(b *Board, v uint16) byte {
	for _, c := range b.coils {
		if code := c.turn(v); code != 0 {
			return code
		}
	}
	return 0
}

// turn switches a relay for good.
func (c *coil) turn(v uint16) byte {
	switch v {
	case wsOn:
		c.fire(0)
	case wsOff:
		c.release()
	case wsToggle:
		c.toggle()
	default:
		return mbBadValue
	}
	return 0
}

func (c *coil) toggle() {
	if c.on {
		c.release()
		return
	}
	c.fire(0)
}

// writeCoils is FC0F.
func (waveshare) writeCoils(b *Board, q mbRequest) byte {
	if code := within(b, q.at, q.value); code != 0 {
		return code
	}
	if len(q.data) != (int(q.value)+7)/8 {
		return mbBadValue
	}
	for i := range int(q.value) {
		c := b.coils[int(q.at)+i]
		if q.data[i/8]&(1<<(i%8)) == 0 {
			c.release()
		} else if !c.on {
			c.fire(0)
		}
	}
	return 0
}

// follow lets the relay of a channel do what its mode makes of the input. It is
// called when the input, the mode or the power has changed.
func (b *Board) follow(channel int) {
	i := channel - 1
	c, in := b.coils[i], b.bit(channel)
	changed := in != b.inputs[i]
	b.inputs[i] = in
	if changed {
		b.report(channel)
	}
	switch b.modes[i] {
	case modeLinkage:
		if in && !c.on {
			c.fire(0)
		} else if !in {
			c.release()
		}
	case modeToggle:
		if changed && in {
			c.toggle()
		}
	case modeEdge:
		if changed {
			c.toggle()
		}
	}
}
