package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/families"
)

// Defaults of a scan.
const (
	ReplyDefault = 250 * time.Millisecond // xor8a papers speak of 200 ms
	LastDefault  = 32                     // highest address looked at: DIP switches end at 31
	listen       = 200 * time.Millisecond // for noise, before anything is asked
	knocks       = 4                      // asks of an address that has answered
	agreeing     = 3                      // of them to be answered cleanly
	doubled      = 2                      // of them answered twice: two boards
)

// Options of a scan.
type Options struct {
	Families []string      // those tried; nil: all
	Baud     int           // 0: each family's own
	First    int           // lowest address, where the family has it
	Last     int           // highest; 0: LastDefault
	Reply    time.Duration // for a reply; 0: ReplyDefault
	// Progress is told before addresses are asked: one that is silent costs
	// Reply, so that a whole port may take a minute. nil: nobody looks.
	Progress func(family string, baud, first, last int)
}

// Answers is how an address answers.
type Answers string

// Answers of an address.
const (
	Once    Answers = "once"
	Twice   Answers = "twice"   // two boards, one after the other
	Garbled Answers = "garbled" // something, but hardly ever a whole frame: two boards at the same time, or a bad stub
)

// Board is one address that answers.
type Board struct {
	Address  int     `json:"address"`
	Channels int     `json:"channels"` // as many as its status tells of, which may be more than it has locks; 0 unless it answers once
	Answers  Answers `json:"answers"`
	Linkage  bool    `json:"linkage,omitempty"` // was in a mode in which inputs move locks; it is in no such mode any more
}

// Found is what a scan has found.
type Found struct {
	Family string  `json:"family"` // "": nobody answers
	Baud   int     `json:"baud"`
	Boards []Board `json:"boards"`
	Noise  int     `json:"noise,omitempty"` // bytes that came unasked
}

// Scan looks for boards on a port and returns the bus they make, nil if there is
// none. All boards of a line are of one family, so the first that answers is it.
func Scan(ctx context.Context, dial Dial, port string, opt Options) (*Bus, Found, error) {
	opt.Last = cmp.Or(opt.Last, LastDefault)
	opt.Reply = cmp.Or(opt.Reply, ReplyDefault)
	all := families.All()
	names := opt.Families
	if names == nil {
		names = order(slices.Sorted(maps.Keys(all)))
	}
	var unread Found
	for _, name := range names {
		f, ok := all[name]
		if !ok {
			return nil, Found{}, fmt.Errorf("cannot look for %q boards: this version knows %v", name, slices.Sorted(maps.Keys(all)))
		}
		s := &scan{opt: opt, family: f, limits: f.Limits()}
		bus, err := s.run(ctx, dial, port)
		if err != nil || bus != nil {
			return bus, s.found, err
		}
		if len(s.found.Boards) > len(unread.Boards) {
			unread = s.found
		}
		unread.Noise = max(unread.Noise, s.found.Noise)
	}
	return nil, unread, nil
}

// scan is the search for one family.
type scan struct {
	opt    Options
	family families.Family
	limits rs485.Limits
	line   *Line
	found  Found
	asked  int // addresses
}

// voice is one way of speaking and who answers to it.
type voice struct {
	profile map[string]string
	codec   rs485.Codec
	boards  []Board
}

func (v *voice) clean() (n int) {
	for _, b := range v.boards {
		if b.Answers != Garbled {
			n++
		}
	}
	return n
}

func (s *scan) run(ctx context.Context, dial Dial, port string) (_ *Bus, err error) {
	baud := cmp.Or(s.opt.Baud, s.limits.Baud)
	if s.line, err = Open(dial, port, baud); err != nil {
		return nil, err
	}
	kept := false
	defer func() {
		if !kept {
			err = errors.Join(err, s.line.Close())
		}
	}()
	s.found = Found{Family: s.limits.Family, Baud: baud}
	if s.found.Noise, err = s.line.noise(ctx, listen); err != nil {
		return nil, err
	}
	voices, err := s.voices(ctx)
	if err != nil {
		return nil, err
	}
	voices = s.real(voices)
	best := slices.MaxFunc(voices, func(a, b *voice) int { return cmp.Compare(a.clean(), b.clean()) })
	s.found.Boards = best.boards
	if best.clean() == 0 {
		return nil, nil
	}
	b := &Bus{line: s.line, family: s.family, reply: s.opt.Reply}
	for _, v := range voices {
		if v.clean() == best.clean() {
			b.voices = append(b.voices, v.profile)
		}
	}
	if err := b.settle(ctx, best.boards); err != nil {
		return nil, err
	}
	if err := b.greet(ctx, s.found.Boards); err != nil {
		return nil, err
	}
	kept = len(s.whole()) > 0
	if !kept { // a family that answers the knock but tells no states is another
		return nil, nil
	}
	s.found.Boards = s.whole()
	b.boards = s.found.Boards
	return b, nil
}

// whole returns the boards that tell their states, or of which that can't be
// asked.
func (s *scan) whole() []Board {
	out := slices.DeleteFunc(slices.Clone(s.found.Boards), func(b Board) bool { return b.Answers == Once && b.Channels == 0 })
	if !slices.ContainsFunc(out, func(b Board) bool { return b.Answers != Garbled }) {
		return nil
	}
	return out
}

func (s *scan) voices(ctx context.Context) ([]*voice, error) {
	var out []*voice
	for _, profile := range variants(s.limits, voiceKeys) {
		codec, err := s.family.New(profile)
		if err != nil {
			return nil, fmt.Errorf("cannot speak as %s boards do: %w", s.limits.Family, err)
		}
		v := &voice{profile: profile, codec: codec}
		if v.boards, err = s.addresses(ctx, codec); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// real leaves out a voice in which every address is answered while in another
// some are not: cu48's board 0 takes the address for a lock where the two stand
// the other way round, and answers for all of them.
func (s *scan) real(all []*voice) []*voice {
	ghost := func(v *voice) bool { return s.asked > 1 && len(v.boards) == s.asked }
	if !slices.ContainsFunc(all, func(v *voice) bool { return !ghost(v) && v.clean() > 0 }) {
		return all
	}
	return slices.DeleteFunc(all, ghost)
}

func (s *scan) addresses(ctx context.Context, codec rs485.Codec) ([]Board, error) {
	var out []Board
	last := min(s.limits.AddressMax, s.opt.Last)
	first := max(s.limits.AddressMin, s.opt.First)
	s.asked = 0
	if s.opt.Progress != nil {
		s.opt.Progress(s.limits.Family, s.found.Baud, first, last)
	}
	for a := first; a <= last; a++ {
		if slices.Contains(s.limits.Reserved, a) {
			continue
		}
		s.asked++
		answers, err := s.knock(ctx, codec.Probe(hal.BoardConfig{Address: a, Channels: 1}))
		if err != nil {
			return nil, err
		}
		if answers != "" {
			out = append(out, Board{Address: a, Answers: answers})
		}
	}
	return out, nil
}

// knock asks one address until it is known how it answers; "": not at all.
func (s *scan) knock(ctx context.Context, req rs485.Request) (Answers, error) {
	clean, twice, noisy := 0, 0, 0
	for i := range knocks {
		h, err := s.line.ask(ctx, req, s.opt.Reply, s.opt.Reply)
		if err != nil {
			return "", err
		}
		if h.answer.Refused != "" {
			return "", nil // a family that shares its frames with this one
		}
		switch {
		case h.replies > 1:
			twice++
		case h.replies == 1 && h.junk == 0:
			clean++
		case h.replies > 0 || h.junk > 0:
			noisy++
		}
		if i == 0 && h.replies == 0 && h.junk == 0 {
			return "", nil
		}
	}
	switch {
	case twice >= doubled:
		return Twice, nil
	case clean >= agreeing:
		return Once, nil
	case noisy > s.found.Noise: // else it is the line that speaks
		return Garbled, nil
	}
	return "", nil
}
