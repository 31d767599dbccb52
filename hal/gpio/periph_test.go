package gpio

import (
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/gpio/gpiotest"

	"lockerd/hal"
	"lockerd/hal/haltest"
)

func levelOf(high bool) gpio.Level { return gpio.Level(high) }

// periphLines are pins of periph as Lines. Its pins can't be requested with a
// level, so this is for fakes and expanders only.
type periphLines map[string]*gpiotest.Pin

// Output implements Lines.
func (p periphLines) Output(name string, at gpio.Level) (Output, error) {
	return p[name], p[name].Out(at)
}

// Input implements Lines.
func (p periphLines) Input(name string, _ Bias, changed func()) (Input, error) {
	pin := p[name]
	if err := pin.In(gpio.PullNoChange, gpio.BothEdges); err != nil {
		return nil, err
	}
	in := &periphInput{pin: pin, quit: make(chan struct{}), done: make(chan struct{})}
	go in.watch(changed)
	return in, nil
}

type periphInput struct {
	pin        *gpiotest.Pin
	quit, done chan struct{}
}

// watch waits for edges in steps: periph's wait without end is not one on all
// its pins.
func (i *periphInput) watch(changed func()) {
	defer close(i.done)
	for {
		select {
		case <-i.quit:
			return
		default:
		}
		if i.pin.WaitForEdge(10 * time.Millisecond) {
			changed()
		}
	}
}

// Read implements Input.
func (i *periphInput) Read() (gpio.Level, error) { return i.pin.Read(), nil }

// Halt implements Input.
func (i *periphInput) Halt() error {
	close(i.quit)
	<-i.done
	return i.pin.Halt()
}

// TestPeriphPins opens a door on periph's own fakes, in real time.
func TestPeriphPins(t *testing.T) {
	relay := &gpiotest.Pin{N: "relay", L: gpio.High}
	feedback := &gpiotest.Pin{N: "feedback", L: gpio.High, EdgesChan: make(chan gpio.Level)}
	sink := &haltest.Recorder{}
	d := Door{Relay: Line{Name: "relay"}, Feedback: Line{Name: "feedback"}}
	b, err := Open(Config{Name: "g", Doors: []Door{d}}, sink, Options{Lines: periphLines{"relay": relay, "feedback": feedback}})
	if err != nil {
		t.Fatal(err)
	}
	_, at := sink.Await(t, "a closed door", 0, func(e haltest.Event) bool { return e.Observed != nil && e.Observed.States[0] == hal.Closed })
	if relay.Read() != gpio.Low {
		t.Error("a relay that was found on stays on")
	}
	b.Unlock(hal.Unlock{ID: 1, Lock: hal.Lock{Address: 1, Channel: 1}, Pulse: time.Second, Expires: time.Now().Add(time.Minute)})
	e, _ := sink.Await(t, "the pulse", at, func(e haltest.Event) bool { return e.Pulsed != nil })
	if e.Pulsed.Err != nil || relay.Read() != gpio.High {
		t.Errorf("pulsed %+v, the relay is %s", e.Pulsed, relay.Read())
	}
	feedback.EdgesChan <- gpio.Low
	sink.Await(t, "an open door", at, func(e haltest.Event) bool { return e.Observed != nil && e.Observed.States[0] == hal.Open })
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if relay.Read() != gpio.Low {
		t.Error("closing has left the relay on")
	}
}
