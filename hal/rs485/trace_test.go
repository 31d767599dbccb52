package rs485_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"lockerd/hal"
)

// told writes a trace as an engineer reads it.
func told(r *rig, from uint64) (out []string) {
	for _, f := range r.Bus.(hal.Tracer).Trace(from, 100) {
		out = append(out, fmt.Sprintf("%s % X: %s", f.Kind, f.Bytes, f.Text))
	}
	return out
}

// toCome returns the number of the frame to come.
func toCome(r *rig) uint64 {
	all := r.Bus.(hal.Tracer).Trace(0, 1<<20)
	if len(all) == 0 {
		return 1
	}
	return all[len(all)-1].Seq + 1
}

// Everything that goes over the line is told, in its order, and as what it was.
func TestTraceTellsWhatWentOverTheLine(t *testing.T) {
	c := &cabinet{boards: []int{1}, latency: 5 * time.Millisecond, echo: true}
	l := newLine(c.answer)
	bubble(t, xorConfig(1), xorCodec(t), l, func(r *rig) {
		t := r.t
		pass(200 * time.Millisecond)
		if got, want := told(r, 1)[:3], []string{
			"request 80 01 01 33 B3: read board 1 lock 1",
			"echo 80 01 01 33 B3: read board 1 lock 1",
			"reply 80 01 01 11 91: board 1 lock 1 says 11",
		}; !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
		begin := toCome(r)
		l.say([]byte{0xFF, 0xFE})
		pass(time.Millisecond)
		l.say([]byte{0xFD})
		c.mangle = func(_, reply []byte) []chunk {
			c.mangle = nil
			return []chunk{{2 * time.Millisecond, sealX(0x80, 2, 1, 0x11)}, {3 * time.Millisecond, reply}}
		}
		r.unlock(1, 1, 7)
		pass(20 * time.Millisecond)
		if got, want := told(r, begin)[:5], []string{
			"garbage FF FE FD: no frame of the family: 3 bytes",
			"request 8A 01 07 11 9D: open board 1 lock 7",
			"echo 8A 01 07 11 9D: open board 1 lock 7",
			"foreign 80 02 01 11 92: board 2 lock 1 says 11",
			"reply 8A 01 07 11 9D: open board 1 lock 7",
		}; !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
		begin = toCome(r)
		r.change(func() { c.silent = map[int]bool{1: true} })
		pass(time.Second)
		if got, want := told(r, begin)[:3], []string{
			"request 80 01 00 33 B2: read board 1", "echo 80 01 00 33 B2: read board 1", "silence : no reply within 100ms",
		}; !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

// A read's states are told by channel.
func TestTraceTellsStates(t *testing.T) {
	c := &cabinet{boards: []int{1}, latency: 5 * time.Millisecond}
	c.mangle = func(req, reply []byte) []chunk {
		if req[2] == 0 {
			reply = sealX(0x80, 1, 0xFF, 0xFE, 0xFB, 0x33)
		}
		return []chunk{{c.latency, reply}}
	}
	bubble(t, xorConfig(1), xorCodec(t), newLine(c.answer), func(r *rig) {
		pass(100 * time.Millisecond)
		if got, want := told(r, 4), []string{"reply 80 01 FF FE FB 33 48: open 3 9"}; !slices.Equal(got, want) {
			r.t.Errorf("told %q, want %q", got, want)
		}
	})
}

// The oldest frames are forgotten, numbers go on, and who waits for the next
// frame is woken by it.
func TestTraceIsBounded(t *testing.T) {
	c := &cabinet{boards: []int{1}, latency: time.Millisecond}
	bubble(t, xorConfig(1), xorCodec(t), newLine(c.answer), func(r *rig) {
		r.Focus(1, time.Now().Add(time.Hour))
		pass(2 * time.Minute)
		trace := r.Bus.(hal.Tracer)
		all := trace.Trace(0, 1<<20)
		if len(all) != 2048 || all[0].Seq < 2000 {
			r.t.Errorf("%d frames are kept, from %d on", len(all), all[0].Seq)
		}
		for i, f := range all[1:] {
			if f.Seq != all[i].Seq+1 || f.At.Before(all[i].At) {
				r.t.Fatalf("frame %d of %v follows %d of %v", f.Seq, f.At, all[i].Seq, all[i].At)
			}
		}
		last := all[len(all)-1].Seq
		if some := trace.Trace(last-4, 3); len(some) != 3 || some[0].Seq != last-4 {
			r.t.Errorf("asked for 3 from %d on: %+v", last-4, some)
		}
		if err := trace.Traced(context.Background(), last+3); err != nil {
			r.t.Error(err)
		}
		if got := trace.Trace(last+3, 1); len(got) != 1 {
			r.t.Errorf("woken without the frame: %v", got)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := trace.Traced(ctx, last+1<<20); !errors.Is(err, context.DeadlineExceeded) {
			r.t.Errorf("waited in vain, and got %v", err)
		}
	})
}

// A trace is a copy: what is done to it changes nothing.
func TestTraceIsACopy(t *testing.T) {
	c := &cabinet{boards: []int{1}, latency: time.Millisecond}
	bubble(t, xorConfig(1), xorCodec(t), newLine(c.answer), func(r *rig) {
		pass(100 * time.Millisecond)
		trace := r.Bus.(hal.Tracer)
		was := bytes.Clone(trace.Trace(1, 1)[0].Bytes)
		clear(trace.Trace(1, 1)[0].Bytes)
		if got := trace.Trace(1, 1)[0].Bytes; !bytes.Equal(got, was) {
			r.t.Errorf("% X, was % X", got, was)
		}
	})
}
