package sim

// SetAddress turns the address switches of the board: it listens to that
// address from now on. Line.Board and the log go on knowing it by the one it
// was built with.
func (b *Board) SetAddress(address int) {
	b.line.mu.Lock()
	defer b.line.mu.Unlock()
	b.address = address
}

// Invert wires the door's switch by its other contact: made where it was not.
func (d *Door) Invert() { d.set(func() { d.inverted = !d.inverted }) }
