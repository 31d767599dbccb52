package probe

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/families"
)

const (
	readTries = 3
	restLimit = time.Second // for putting all boards to rest
)

// sizes are how many channels a board's status may tell of, most first: the
// boards that are made, and the steps of eight by which replies grow.
var sizes = []int{50, 48, 40, 32, 24, 16, 12, 8, 4, 2, 1}

// Bus is a line whose family is known.
type Bus struct {
	line   *Line
	family families.Family
	reply  time.Duration
	boards []Board
	voices []map[string]string // as which the boards may be spoken to, the likeliest first
	voice  int
	codec  rs485.Codec
	views  []view
}

// view is one way of reading a reply.
type view struct {
	profile map[string]string
	codec   rs485.Codec
}

// Speak chooses among Voices.
func (b *Bus) Speak(i int) error {
	codec, err := b.family.New(b.voices[i])
	if err != nil {
		return fmt.Errorf("cannot speak as the boards do: %w", err)
	}
	b.voice, b.codec, b.views = i, codec, nil
	for _, p := range variants(codec.Limits(), viewKeys) {
		c, err := b.family.New(merged(b.voices[i], p))
		if err != nil {
			return fmt.Errorf("cannot read as the boards tell: %w", err)
		}
		b.views = append(b.views, view{p, c})
	}
	return nil
}

// settle chooses the likeliest voice, and the size of boards where the family
// has several: the largest that a board fills.
func (b *Bus) settle(ctx context.Context, boards []Board) error {
	i := slices.IndexFunc(boards, func(d Board) bool { return d.Answers == Once })
	for _, v := range slices.Backward(b.family.Limits().Profile[sizeKey]) {
		if i < 0 {
			break
		}
		for j := range b.voices {
			b.voices[j] = merged(b.voices[j], map[string]string{sizeKey: v})
		}
		if err := b.Speak(0); err != nil {
			return err
		}
		n, err := b.size(ctx, boards[i].Address)
		if err != nil || n == b.codec.Limits().Channels {
			return err
		}
	}
	return b.Speak(0)
}

// Voices returns the profiles that every board answers to. More than one: only
// a lock that moves tells.
func (b *Bus) Voices() []map[string]string { return cloned(b.voices) }

// Views returns the profiles by which a reply may be read, in the order of
// Reading.Views.
func (b *Bus) Views() []map[string]string {
	var out []map[string]string
	for _, v := range b.views {
		out = append(out, maps.Clone(v.profile))
	}
	return out
}

func cloned(in []map[string]string) []map[string]string {
	out := slices.Clone(in)
	for i := range out {
		out[i] = maps.Clone(out[i])
	}
	return out
}

// Polarity returns the values of PolarityKey, the family's default first; none
// if it has no such key.
func (b *Bus) Polarity() []string { return b.codec.Limits().Profile[PolarityKey] }

// greet brings every board to rest and finds out how many channels it tells of.
func (b *Bus) greet(ctx context.Context, boards []Board) error {
	for i := range boards {
		d := &boards[i]
		if d.Answers != Once {
			continue
		}
		var err error
		if d.Linkage, err = b.start(ctx, d.Address); err != nil {
			return err
		}
		if d.Channels, err = b.size(ctx, d.Address); err != nil {
			return err
		}
	}
	return nil
}

// start does what the family's driver does when it finds a board, and tells
// whether a mode had to be changed.
func (b *Bus) start(ctx context.Context, address int) (changed bool, err error) {
	todo := b.codec.Start(hal.BoardConfig{Address: address, Channels: 1})
	for len(todo) > 0 {
		req := todo[0]
		todo = todo[1:]
		h, err := b.insist(ctx, req)
		if err != nil {
			return changed, err
		}
		if h.replies > 0 && req.Then != nil {
			more := req.Then(h.answer)
			changed = changed || len(more) > 0
			todo = append(todo, more...)
		}
	}
	return changed, nil
}

// insist asks until something comes back, as often as a reading is tried: one
// reply may be lost.
func (b *Bus) insist(ctx context.Context, req rs485.Request) (h heard, err error) {
	for range readTries {
		h, err = b.line.ask(ctx, req, b.reply, 0)
		if err != nil || h.replies > 0 || h.foreign > 0 || h.junk > 0 {
			break
		}
	}
	return h, err
}

// size returns the most channels that the board's status tells of.
func (b *Bus) size(ctx context.Context, address int) (int, error) {
	most := b.codec.Limits().Channels
	for _, n := range sizes {
		if n > most {
			continue
		}
		h, err := b.insist(ctx, b.codec.Status(hal.BoardConfig{Address: address, Channels: n}))
		if err != nil {
			return 0, err
		}
		if h.replies > 0 && h.answer.Refused == "" {
			return n, nil
		}
	}
	return 0, nil
}

// Reading is one status of one board.
type Reading struct {
	Begun time.Time
	Views [][]hal.State // by view, then by channel; with the family's default polarity
}

// Read reads the feedback of a board.
func (b *Bus) Read(ctx context.Context, address, channels int) (Reading, error) {
	r, err := b.read(ctx, address, channels)
	if err == nil && r.Views == nil {
		err = fmt.Errorf("cannot read board %d: %w within %v: check its power and the pair A/B", address, hal.ErrNoReply, b.reply)
	}
	return r, err
}

// read returns a reading without views where the board does not tell.
func (b *Bus) read(ctx context.Context, address, channels int) (Reading, error) {
	board := hal.BoardConfig{Address: address, Channels: channels}
	req := b.codec.Status(board)
	for range readTries {
		h, err := b.line.ask(ctx, req, b.reply, 0)
		if err != nil {
			return Reading{}, err
		}
		if h.replies == 0 || h.answer.Refused != "" {
			continue
		}
		r := Reading{Begun: h.begun}
		for _, v := range b.views {
			_, _, a := v.codec.Status(board).Parse(h.raw)
			r.Views = append(r.Views, a.States)
		}
		return r, nil
	}
	return Reading{}, nil
}

// Pulse moves one lock once and returns when that began, and by when the lock is
// without power again. With hal.ErrNoReply the lock may have moved all the same.
func (b *Bus) Pulse(ctx context.Context, lock hal.Lock, length time.Duration) (begun, over time.Time, err error) {
	req, err := b.codec.Unlock(lock, length)
	if err != nil {
		return begun, over, err
	}
	if err := b.known(ctx, lock.Address, req); err != nil {
		return begun, over, err
	}
	h, err := b.line.ask(ctx, req, b.reply, 0)
	begun = h.begun
	if !begun.IsZero() { // the board begins when it has heard all of it: by its reply, or on its way still
		over = time.Now().Add(b.line.wire(len(req.Bytes)) + req.Pulse)
	}
	switch {
	case err != nil:
		return begun, over, err
	case h.answer.Refused != "":
		return begun, over, fmt.Errorf("cannot unlock board %d channel %d: %w: %s", lock.Address, lock.Channel, hal.ErrRefused, h.answer.Refused)
	case h.replies == 0 && !req.Optional:
		return begun, over, fmt.Errorf("cannot unlock board %d channel %d: %w: the lock may have moved", lock.Address, lock.Channel, hal.ErrNoReply)
	}
	return begun, over, nil
}

// known makes sure that a reply that looks like its request will not be taken
// for an echo, or an echo for a reply: any other exchange shows what the line
// does.
func (b *Bus) known(ctx context.Context, address int, req rs485.Request) error {
	if !req.Twin {
		return nil
	}
	_, err := b.line.ask(ctx, b.codec.Probe(hal.BoardConfig{Address: address, Channels: 1}), b.reply, 0)
	return err
}

// Close puts all relays to rest, as far as boards answer, and releases the port.
func (b *Bus) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), restLimit)
	defer cancel()
	for _, d := range b.boards {
		for _, req := range b.codec.Inert(hal.BoardConfig{Address: d.Address, Channels: 1}) {
			if _, err := b.line.ask(ctx, req, b.reply, 0); err != nil {
				break // the line is gone; what a board times ends by itself
			}
		}
	}
	return b.line.Close()
}
