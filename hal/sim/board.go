package sim

import (
	"fmt"
	"time"

	"lockerd/hal"
)

// defaultPulse is how long boards that time their pulses themselves energise a
// coil (PROTOCOLS.md 15).
const defaultPulse = 300 * time.Millisecond

// BoardConfig says what a board is like. Only Address and Channels must be
// given.
type BoardConfig struct {
	Address       int
	Channels      int           // locks wired, from channel 1
	Inverted      bool          // contacts are wired the other way than the family has it by default
	LowFirst      bool          // xor8a: read-all names the lowest channels first
	StatusBytes   int           // xor8a: status bytes in read-all; 0: what the channels need
	Pulse         time.Duration // the board's own, where nothing tells it
	AnswerAfter   time.Duration // from an unlock to its reply; 0: the family's; negative: at once
	NoUnlockReply bool          // cu48: unlocks are not answered
	UnlockReply   bool          // cu16: they are, with the state
	ReplyA5       bool          // winnsen: replies have A5 and A2 for 85 and 82
	ShortReply    bool          // dc: replies about one lock leave out its number
	FromZero      bool          // eletechsup: relay 1 is register 0
	Decimal       bool          // eletechsup: input 1 is register 81, not 81 hexadecimal
	Reports       bool          // wkly: tells unasked what its inputs do
	Linkage       bool          // waveshare: powers up with its relays following its inputs
}

// Board is one board of a line.
type Board struct {
	line     *Line
	cfg      BoardConfig
	address  int
	size     int
	coils    []*coil
	doors    []*Door
	modes    []uint16 // waveshare: control mode by channel
	inputs   []bool   // as last seen
	fault    Fault
	requests int
}

func newBoard(l *Line, cfg BoardConfig) (*Board, error) {
	size, err := l.family.size(cfg.Channels)
	if err != nil {
		return nil, fmt.Errorf("cannot build board %d: %w", cfg.Address, err)
	}
	if cfg.Pulse == 0 {
		cfg.Pulse = defaultPulse
	}
	if cfg.AnswerAfter == 0 {
		cfg.AnswerAfter = l.family.answerIn
	}
	b := &Board{line: l, cfg: cfg, address: cfg.Address, size: size, modes: make([]uint16, size), inputs: make([]bool, size)}
	for ch := 1; ch <= size; ch++ {
		lock := hal.Lock{Address: cfg.Address, Channel: ch}
		c := &coil{line: l, lock: lock}
		if ch <= cfg.Channels {
			d := newDoor(b, lock)
			c.door = d
			b.doors = append(b.doors, d)
		}
		b.coils = append(b.coils, c)
	}
	return b, nil
}

// Door returns the door of a channel, counted from 1; nil if there is none.
func (b *Board) Door(channel int) *Door {
	if channel < 1 || channel > len(b.doors) {
		return nil
	}
	return b.doors[channel-1]
}

// Requests returns how many requests for this board have come whole.
func (b *Board) Requests() int {
	b.line.mu.Lock()
	defer b.line.mu.Unlock()
	return b.requests
}

// CoilsOn returns how many of the board's coils are energised.
func (b *Board) CoilsOn() (n int) {
	b.line.mu.Lock()
	defer b.line.mu.Unlock()
	for _, c := range b.coils {
		if c.on {
			n++
		}
	}
	return n
}

// Modes returns the control modes of the channels; waveshare only, 0 is
// normal, 1 linkage.
func (b *Board) Modes() []uint16 {
	b.line.mu.Lock()
	defer b.line.mu.Unlock()
	return append([]uint16(nil), b.modes...)
}

// Hold energises a coil as a host that died in the middle would have left it.
func (b *Board) Hold(channel int) {
	b.line.mu.Lock()
	defer b.line.mu.Unlock()
	b.coils[channel-1].fire(0)
}

// PowerCycle takes the power off the board and gives it back: its relays fall,
// its modes are those of the start.
func (b *Board) PowerCycle() {
	b.line.mu.Lock()
	defer b.line.mu.Unlock()
	b.powerOn()
}

func (b *Board) powerOn() {
	for i, c := range b.coils {
		c.release()
		b.modes[i], b.inputs[i] = modeNormal, b.bit(i+1)
		if b.cfg.Linkage {
			b.modes[i] = modeLinkage
		}
	}
	for ch := 1; ch <= b.size; ch++ {
		b.follow(ch)
	}
}

// bit is what the board reads at the input of a channel.
func (b *Board) bit(channel int) bool {
	d := b.Door(channel)
	return d != nil && d.contact(b.cfg.Inverted != b.line.family.openBit)
}

// word returns the bits of n channels from the given one, lowest first.
func (b *Board) word(first, n int) []byte {
	out := make([]byte, (n+7)/8)
	for i := range n {
		if b.bit(first + i) {
			out[i/8] |= 1 << (i % 8)
		}
	}
	return out
}

// unlock pulses one channel; false: the board has no such channel.
func (b *Board) unlock(channel int, d time.Duration) bool {
	if channel < 1 || channel > b.size {
		return false
	}
	b.coils[channel-1].fire(d)
	return true
}

// unlockAll pulses all channels one after another and returns how long that
// takes.
func (b *Board) unlockAll() time.Duration {
	for i, c := range b.coils {
		b.line.later(time.Duration(i)*b.cfg.Pulse, func() { c.fire(b.cfg.Pulse) })
	}
	return time.Duration(b.size) * b.cfg.Pulse
}

// report says unasked that the input of a channel has changed, if the board is
// one that does.
func (b *Board) report(channel int) {
	r, ok := b.line.speak.(reporter)
	if !ok || !b.cfg.Reports || b.fault.Silent || b.fault.Mute {
		return
	}
	frame := r.report(b, channel)
	b.line.timers.after(0, func() { b.line.Inject(frame) }) // not with the model locked: see Plug
}

func (b *Board) answerAfter() time.Duration { return max(0, b.cfg.AnswerAfter) }
