package bank

import "testing"

// TestLastCall: whoever asks a bank as it stops learns what it has done last.
func TestLastCall(t *testing.T) {
	for range 500 {
		b := &Bank{inbox: make(chan func()), stopped: make(chan struct{})}
		go func() {
			f := <-b.inbox
			f()
			close(b.stopped)
		}()
		ran := false
		if err := b.call(t.Context(), func() { ran = true }); err != nil {
			t.Fatalf("%v, ran: %v", err, ran)
		}
	}
}
