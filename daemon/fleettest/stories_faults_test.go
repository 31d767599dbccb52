package fleettest

import (
	"fmt"
	"time"
)

// mayMove tells whether a bank's connection may end once more in this life of it: each time
// doubles its back-off, and a story must end.
func (b *box) mayMove() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.moves++
	return b.moves <= linkMoves
}

func (b *box) connected() bool {
	if !b.isUp() {
		return false
	}
	st, err := b.client.Status(b.t.Context())
	return err == nil && st.Link != nil && st.Link.Connected
}

func (s *story) resetLink(b *box) string {
	if !b.mayMove() {
		return ""
	}
	b.link.Reset()
	return "reset"
}

func (s *story) halfOpen(b *box) string {
	if !b.connected() || !b.mayMove() { // one that is just connecting would wait 30 s
		return ""
	}
	b.link.HalfOpen()
	return "half open"
}

func (s *story) hole(b *box) string {
	if !b.mayMove() {
		return ""
	}
	b.link.BlackHole(true)
	return "swallows all"
}

func (s *story) slow(b *box) string {
	if s.r.IntN(2) == 0 {
		d := time.Duration(50+s.r.IntN(300)) * time.Millisecond
		b.link.Delay(d)
		return fmt.Sprintf("%s more of a round trip", d)
	}
	b.link.Bandwidth(4000)
	return "4000 bytes a second"
}

func (s *story) cut(b *box) string {
	if !b.mayMove() {
		return ""
	}
	n := 800 + s.r.IntN(8000)
	b.link.CutAfter(n)
	return fmt.Sprintf("each connection after %d bytes", n)
}

func (s *story) goodLink(b *box) string {
	b.link.BlackHole(false)
	b.link.Delay(0)
	b.link.Bandwidth(0)
	b.link.CutAfter(0)
	return "good"
}

// badAbove has the backend's link fail, or be well again.
func (s *story) badAbove(*box) string {
	switch s.r.IntN(4) {
	case 0:
		s.above.Reset()
		return "reset"
	case 1:
		s.above.BlackHole(true)
		return "swallows all"
	case 2:
		s.above.Delay(200 * time.Millisecond)
		return "slow"
	}
	s.above.BlackHole(false)
	s.above.Delay(0)
	return "good"
}

// killBroker ends every connection there is.
func (s *story) killBroker(*box) string {
	for _, b := range s.banks {
		if !b.mayMove() {
			return ""
		}
	}
	s.broker.Kill()
	time.Sleep(time.Duration(s.r.IntN(300)) * time.Millisecond)
	s.broker.Start()
	s.listen()
	return "killed, and back"
}

// twin has another client put the bank out and take what comes down, till the bank puts that
// one out.
func (s *story) twin(b *box) string {
	if !b.mayMove() {
		return ""
	}
	c := s.client(b.name)
	if c == nil {
		return "not connected"
	}
	s.twins = append(s.twins, c)
	c.Subscribe("lockers/v1/"+b.name+"/down/+", 1, nil)
	return "is there"
}

func (s *story) dropTwins() {
	for _, c := range s.twins {
		c.Disconnect(0)
	}
	s.twins = nil
}

// replay has the broker's operator say something again that has come down before, to whom it
// was for or to another bank.
func (s *story) replay(b *box) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.heard) == 0 || s.operator == nil || !s.operator.IsConnected() {
		return ""
	}
	m := s.heard[s.r.IntN(len(s.heard))]
	topic := m.Topic()
	if s.r.IntN(4) == 0 {
		topic = topic[:len("lockers/v1/")] + b.name + topic[len("lockers/v1/")+len(b.name):]
	}
	s.operator.Publish(topic, 1, false, m.Payload()).WaitTimeout(5 * time.Second)
	s.replayed++
	return m.Topic() + " as " + topic
}

func (s *story) stop(b *box) string {
	if !b.isUp() {
		return ""
	}
	b.end(false)
	return "in an orderly way"
}

func (s *story) kill(b *box) string {
	if !b.isUp() {
		return ""
	}
	b.end(true)
	return fmt.Sprintf("killed: %v", b.apart)
}

// scanAndKill kills a bank amid a scan. Nobody knows at first what has come of it.
func (s *story) scanAndKill(b *box) string {
	c := s.pick(b)
	if c == nil || !b.isUp() || !b.apart {
		return ""
	}
	i := c.scanner()
	if i < 0 {
		return ""
	}
	s.show(c, i)
	c.scans++
	c.doubt = true
	time.Sleep(time.Duration(s.r.IntN(100)) * time.Millisecond)
	b.end(true)
	return c.id
}

func (s *story) start(b *box) string {
	if b.isUp() {
		return ""
	}
	b.start()
	return "ready"
}

// heal ends all trouble.
func (s *story) heal() {
	s.note("all is healed")
	s.dropTwins()
	s.above.BlackHole(false)
	s.above.Delay(0)
	if s.be == nil {
		s.serve()
	}
	for _, b := range s.banks {
		s.goodLink(b)
		b.start()
	}
}
