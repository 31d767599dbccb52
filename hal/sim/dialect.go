package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// dialect is the board's side of a family's protocol.
type dialect interface {
	// cut returns the length of the request that b begins with, 0 if b may
	// become one, and -1 if it never will.
	cut(b []byte) int
	// address returns the board a request is for; all if it is for everyone.
	address(request []byte) (address int, all bool)
	// unlocks tells whether a request moves a lock.
	unlocks(request []byte) bool
	// serve carries a request out. It is called with the line's mu held.
	serve(b *Board, request []byte) answer
	// refuse returns the reply that says no; nil: the family has none.
	refuse(request []byte) []byte
	// readdress returns a reply as another board would have sent it.
	readdress(reply []byte, address int) []byte
}

// reporter is a dialect whose boards may speak unasked.
type reporter interface {
	// report returns what a board says when the input of a channel has changed.
	report(b *Board, channel int) []byte
}

// answer is what a board wants to send. Reply is asked with the line's mu held
// when its time has come; nil: the request stays without reply.
type answer struct {
	after time.Duration
	reply func() []byte
}

func say(b []byte) answer { return answer{reply: func() []byte { return b }} }

// family is a protocol and what its boards come with.
type family struct {
	speak    func(cfg LineConfig) dialect
	sizes    []int // channels a board is built with; a smaller one is a larger one not fully wired
	baud     int
	answerIn time.Duration // from an unlock to its reply, where that tells how it went
	openBit  bool          // its bits say open rather than closed, as wired by default
}

// catalogue lists what the simulator can play.
func catalogue() map[string]family {
	return map[string]family{
		"xor8a":      {speak: newXOR8A, sizes: []int{2, 8, 12, 18, 24, 50}, baud: 9600, answerIn: 80 * time.Millisecond},
		"cu16":       {speak: newCU16, sizes: []int{12, 16}, baud: 19200},
		"cu48":       {speak: newCU48, sizes: []int{48}, baud: 19200},
		"dc":         {speak: newDC, sizes: []int{12, 24}, baud: 9600, answerIn: 80 * time.Millisecond, openBit: true},
		"eletechsup": {speak: newEletechsup, sizes: []int{8}, baud: 9600},
		"waveshare":  {speak: newWaveshare, sizes: []int{8, 16, 32}, baud: 9600},
		"winnsen":    {speak: newWinnsen, sizes: []int{4, 8, 16}, baud: 9600, answerIn: 80 * time.Millisecond, openBit: true},
		"wkly":       {speak: newWKLY, sizes: []int{12, 24}, baud: 9600, answerIn: 80 * time.Millisecond},
	}
}

func findFamily(name string) (family, error) {
	all := catalogue()
	f, ok := all[name]
	if !ok {
		names := make([]string, 0, len(all))
		for n := range all {
			names = append(names, n)
		}
		slices.Sort(names)
		return family{}, fmt.Errorf("cannot simulate family %q: use one of %s", name, strings.Join(names, ", "))
	}
	return f, nil
}

// size returns the channels of the smallest board that has n.
func (f family) size(n int) (int, error) {
	for _, s := range f.sizes {
		if n >= 1 && n <= s {
			return s, nil
		}
	}
	return 0, fmt.Errorf("cannot simulate a board of %d channels: the family's boards have %v", n, f.sizes)
}
