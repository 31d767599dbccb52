package haltest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"lockerd/hal"
	"lockerd/hal/sim"
)

// atOnce is how many cases run at one time: they wait far more than they
// compute, and -parallel would tie them to the number of processors.
const atOnce = 8

// Open starts the driver under test for cfg.Driver, on cfg.Port.
type Open func(cfg hal.Config, sink hal.Sink) (hal.Bus, error)

// Variant is one way a family's boards are built and wired.
type Variant struct {
	Name     string
	Family   string
	Profile  map[string]string      // as the driver is told
	LockByte int                    // as the line has it
	Board    func(*sim.BoardConfig) // as its boards are; nil: as they come
	Pulse    time.Duration          // as its boards make it; 0: 300 ms
	Acks     bool                   // the family promises that unlocks are answered
	Silences bool                   // the board switches relays off when told to
	Refuses  bool                   // the board can say no to an unlock
	Modes    bool                   // the board may come with relays that follow its inputs
	Bare     bool                   // no checksum guards its replies
	Reports  bool                   // its boards tell unasked what their inputs do
}

// Variants lists what a driver of all families must pass.
func Variants() []Variant {
	return []Variant{
		{Name: "xor8a", Family: "xor8a", Acks: true},
		{
			Name: "xor8a-odd", Family: "xor8a", Acks: true,
			Profile: map[string]string{"closed_bit": "0", "byte_order": "low-first"},
			Board:   func(b *sim.BoardConfig) { b.Inverted, b.LowFirst, b.StatusBytes, b.AnswerAfter = true, true, 3, -1 },
		},
		{Name: "cu16", Family: "cu16"},
		{
			Name: "cu16-odd", Family: "cu16", Acks: true,
			Profile: map[string]string{"closed_bit": "0", "unlock_reply": "state"},
			Board:   func(b *sim.BoardConfig) { b.Inverted, b.UnlockReply = true, true },
		},
		{Name: "cu48", Family: "cu48"},
		{
			Name: "cu48-odd", Family: "cu48", LockByte: 1,
			Profile: map[string]string{"closed_bit": "0", "lock_byte": "1"},
			Board:   func(b *sim.BoardConfig) { b.Inverted, b.NoUnlockReply = true, true },
		},
		{Name: "dc", Family: "dc", Acks: true},
		{
			Name: "dc-24", Family: "dc", Acks: true, Pulse: 150 * time.Millisecond,
			Profile: map[string]string{"closed_bit": "1", "ways": "24"},
			Board: func(b *sim.BoardConfig) {
				b.Inverted, b.ShortReply, b.AnswerAfter, b.Pulse = true, true, -1, 150*time.Millisecond
			},
		},
		{
			Name: "eletechsup", Family: "eletechsup", Acks: true, Silences: true, Refuses: true, Pulse: time.Second,
			Profile: map[string]string{"long_pulse": "1"},
		},
		{
			Name: "eletechsup-odd", Family: "eletechsup", Acks: true, Silences: true, Refuses: true, Pulse: time.Second,
			Profile: map[string]string{"long_pulse": "1", "closed_bit": "0", "first_channel": "0", "first_input": "81"},
			Board:   func(b *sim.BoardConfig) { b.Inverted, b.FromZero, b.Decimal = true, true, true },
		},
		{Name: "waveshare", Family: "waveshare", Acks: true, Silences: true, Refuses: true, Modes: true},
		{
			Name: "waveshare-d", Family: "waveshare", Acks: true, Silences: true, Refuses: true, Modes: true,
			Profile: map[string]string{"closed_bit": "0"},
			Board:   func(b *sim.BoardConfig) { b.Inverted, b.Linkage = true, true },
		},
		{Name: "winnsen", Family: "winnsen", Acks: true, Bare: true},
		{
			Name: "winnsen-odd", Family: "winnsen", Acks: true, Bare: true,
			Profile: map[string]string{"closed_bit": "1", "reply": "a5"},
			Board:   func(b *sim.BoardConfig) { b.Inverted, b.ReplyA5, b.AnswerAfter = true, true, -1 },
		},
		{Name: "wkly", Family: "wkly", Acks: true, Refuses: true},
		{
			Name: "wkly-odd", Family: "wkly", Acks: true, Refuses: true, Reports: true,
			Profile: map[string]string{"closed_bit": "0"},
			Board:   func(b *sim.BoardConfig) { b.Inverted, b.Reports, b.AnswerAfter = true, true, -1 },
		},
	}
}

// test is one case of the suite.
type test struct {
	name  string
	only  func(Variant) bool // nil: every variant
	setup func(*Setup)       // nil: as it comes
	run   func(*Harness)
}

// Run asks everything of a driver for one variant.
func Run(t *testing.T, v Variant, open Open) {
	t.Helper()
	w := newWatch()
	defer w.stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	places := make(chan struct{}, atOnce)
	for _, c := range slices.Concat(readCases(), unlockCases(), faultCases(), portCases(), restCases()) {
		if c.only != nil && !c.only(v) {
			continue
		}
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			t.Run(c.name, func(t *testing.T) { inTime(t, w.worst, func(a *attempt) { c.run(start(a, v, open, c.setup)) }) })
		})
	}
}

func acks(v Variant) bool     { return v.Acks }
func silences(v Variant) bool { return v.Silences }
func refuses(v Variant) bool  { return v.Refuses }
func modes(v Variant) bool    { return v.Modes }
func reports(v Variant) bool  { return v.Reports }

// guards is for what only a checksum can find out in the reply to an unlock.
func guards(v Variant) bool { return v.Acks && !v.Bare }
