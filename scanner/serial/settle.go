package serial

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"lockerd/scanner/serial/module"
)

// Times of keeping a module's settings.
const (
	answerWithin = 500 * time.Millisecond // a command is answered
	tries        = 3                      // of a command
	wakeTime     = 50 * time.Millisecond
	// assertEvery is how long a setup barcode can last; assertSoon is the pause
	// after a round in which the module did not do as it was told.
	assertEvery  = 10 * time.Minute
	assertSoon   = time.Minute
	triggerEvery = 3 * time.Second // a read that the host has begun may have ended
	answersMax   = 16              // that nobody has taken yet; more are dropped
)

// Notice tells how it stands with a module's settings. Scanning goes on
// whatever it says.
type Notice struct {
	Mended []string // settings that were wrong and are right now
	Err    error    // why not all are as they should be; nil: they are
}

// settler is a port whose module is kept set up, beside the scans: what it
// answers never comes out of Read.
type settler struct {
	port   io.ReadWriteCloser
	mod    module.Module
	notice func(Notice)

	buf, raw, ready []byte // the reader's
	writing         sync.Mutex
	answers         chan module.Answer
	stop            chan struct{}
	once            sync.Once
	done            chan struct{}
}

func newSettler(port io.ReadWriteCloser, mod module.Module, notice func(Notice)) *settler {
	s := &settler{
		port: port, mod: mod, notice: notice, buf: make([]byte, settleBytes),
		answers: make(chan module.Answer, answersMax), stop: make(chan struct{}), done: make(chan struct{}),
	}
	go s.run()
	return s
}

// settleBytes is how many bytes one read takes.
const settleBytes = 512

// Read implements io.Reader. It gives the text of scans.
func (s *settler) Read(p []byte) (int, error) {
	for len(s.ready) == 0 {
		n, err := s.port.Read(s.buf)
		if n > 0 {
			s.hear(s.buf[:n])
		}
		if len(s.ready) == 0 && (n == 0 || err != nil) {
			return 0, err
		}
	}
	n := copy(p, s.ready)
	s.ready = append(s.ready[:0], s.ready[n:]...)
	return n, nil
}

// hear parts what has come.
func (s *settler) hear(p []byte) {
	h := s.mod.Split(append(s.raw, p...))
	s.raw = slices.Clone(h.Rest)
	s.ready = append(s.ready, h.Text...)
	for _, a := range h.Answers {
		select {
		case s.answers <- a:
		default:
		}
	}
	if len(h.Reply) > 0 {
		_ = s.write(h.Reply) // it says again what was not acknowledged
	}
}

// Close implements io.Closer.
func (s *settler) Close() error {
	s.once.Do(func() { close(s.stop) })
	err := s.port.Close()
	<-s.done
	return err
}

func (s *settler) write(p []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	_, err := s.port.Write(p)
	return err
}

// run asserts the settings again and again until the port is closed.
func (s *settler) run() {
	defer close(s.done)
	for {
		mended, err := s.assert()
		if s.stopped() {
			return
		}
		s.notice(Notice{Mended: mended, Err: err})
		pause := assertEvery
		if err != nil {
			pause = assertSoon
		}
		if !s.rest(pause) {
			return
		}
	}
}

func (s *settler) stopped() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// rest waits, and makes the module read meanwhile if that is the host's to do.
// It tells whether to go on.
func (s *settler) rest(pause time.Duration) bool {
	end := time.NewTimer(pause)
	defer end.Stop()
	var beat <-chan time.Time
	if t := s.mod.Trigger(); t != nil {
		ticker := time.NewTicker(triggerEvery)
		defer ticker.Stop()
		beat = ticker.C
		_ = s.write(t) // the next one comes soon
	}
	for {
		select {
		case <-s.stop:
			return false
		case <-end.C:
			return true
		case <-beat:
			_ = s.write(s.mod.Trigger())
		}
	}
}

// assert asks for every setting and sets what is wrong. A module that answers
// nothing is asked for the first setting only.
func (s *settler) assert() (mended []string, err error) {
	if w := s.mod.Wake(); w != nil {
		if err := s.write(w); err != nil {
			return nil, fmt.Errorf("cannot write to the module: %s", err.Error())
		}
		s.sleep(wakeTime)
	}
	var faults []string
	for _, set := range s.mod.Settings() {
		did, err := s.settle(set)
		switch {
		case errors.Is(err, errMute):
			return mended, fmt.Errorf("the module does not answer: check its transmit and receive wires, baud, and module in the configuration")
		case err != nil:
			faults = append(faults, set.Name+": "+err.Error())
		case did:
			mended = append(mended, set.Name)
		}
	}
	if len(faults) > 0 {
		return mended, fmt.Errorf("the module is not set as it should be: %s: set it by the barcodes of its manual", strings.Join(faults, "; "))
	}
	return mended, nil
}

func (s *settler) sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-s.stop:
	case <-t.C:
	}
}

// settle makes one setting right. It tells whether it was wrong before.
func (s *settler) settle(set module.Setting) (mended bool, err error) {
	var value []byte
	if set.Query != nil {
		a, err := s.ask(set.Query)
		switch {
		case err != nil:
			return false, err
		case !a.OK && set.Optional:
			return false, nil
		case !a.OK:
			return false, errors.New("the module does not know it")
		case set.Right(a.Value):
			return false, nil
		}
		value = a.Value
	}
	a, err := s.ask(set.Set(value))
	switch {
	case err != nil:
		return false, err
	case !a.OK && !set.Optional:
		return false, errors.New("refused by the module")
	case set.Query == nil:
		return false, nil
	}
	if a, err = s.ask(set.Query); err == nil && !set.Right(a.Value) {
		err = errors.New("it did not take")
	}
	return err == nil, err
}

// errMute is returned when a command has found no answer.
var errMute = errors.New("no answer")

// ask sends a command until it is answered.
func (s *settler) ask(command []byte) (module.Answer, error) {
	for range tries {
		s.forget()
		if err := s.write(command); err != nil {
			return module.Answer{}, fmt.Errorf("cannot write to the module: %s", err.Error())
		}
		t := time.NewTimer(answerWithin)
		select {
		case a := <-s.answers:
			t.Stop()
			return a, nil
		case <-t.C:
		case <-s.stop:
			t.Stop()
			return module.Answer{}, errMute
		}
	}
	return module.Answer{}, errMute
}

// forget drops late answers: they are to nothing that is asked now.
func (s *settler) forget() {
	for {
		select {
		case <-s.answers:
		default:
			return
		}
	}
}
