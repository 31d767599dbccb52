package rs485

// Port is a serial line in raw mode, 8N1, without flow control.
type Port interface {
	// Receive hands every byte that arrives to into until the port fails or is
	// closed, and says why it ended. It is called once, in a goroutine of its
	// own.
	Receive(into func(p []byte)) error
	// Sync hands on what has already arrived: after it, into has had every
	// byte that came before. It does not wait.
	Sync()
	// TryWrite hands as much of a frame to the line as that takes at once, and
	// says how much it was: nothing too where the port has failed. It does not
	// wait.
	TryWrite(p []byte) int
	// Write hands the rest of a frame to the line and says how many bytes were
	// taken. It must not block for longer than half a second, whatever the peer
	// does.
	Write(p []byte) (int, error)
	// Discard drops what was written and has not left yet.
	Discard()
	// Close ends Receive. It does not wait for what has not left yet.
	Close() error
}
