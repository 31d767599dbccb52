package brokertest

import (
	"io"
	"net"
	"testing"
)

// TestCutAfterLessThanWasSent: a connection that has had more than its share is cut at its
// next word.
func TestCutAfterLessThanWasSent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // it was only needed once
	p := NewProxy(t, l.Addr().String())
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }() // it is cut
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }() // likewise
	say := func(text string) {
		if _, err := c.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	say("much")
	if _, err := io.ReadFull(b, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	p.CutAfter(1)
	say("more")
	if rest, err := io.ReadAll(b); err != nil || len(rest) > 0 {
		t.Errorf("%q came, and %v", rest, err)
	}
}
