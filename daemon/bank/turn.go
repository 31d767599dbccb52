package bank

// The bank has one owner at any moment: whoever has its turn. That is Run, but
// while Run waits for a message or a deadline; then a scan is taken on the
// scanner's own goroutine, which costs a door less than waking Run.

func (b *Bank) takeTurn() { <-b.turn }
func (b *Bank) giveTurn() { b.turn <- struct{}{} }

// atOnce does f now if Run waits and nothing was posted before f; else it returns
// false. Run looks at its deadlines again behind it.
func (b *Bank) atOnce(f func()) bool {
	select {
	case <-b.turn:
	default:
		return false
	}
	defer b.giveTurn()
	if b.waiting.Load() > 0 || b.err != nil {
		return false
	}
	f()
	b.waiting.Add(1)
	select {
	case b.inbox <- func() {}:
	default:
		b.waiting.Add(-1) // so full that Run looks anyway
	}
	return true
}
