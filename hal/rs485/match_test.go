package rs485

import (
	"bytes"
	"testing"
)

// toy is a family of frames: 7E, kind, value, sum. The request is kind 1; its
// reply is kind 1 or 2, so that a reply may be its twin.
func toy(kind, value byte) []byte { return []byte{0x7E, kind, value, 0x7E + kind + value} }

func toyParse(buf []byte) (int, Verdict, Answer) {
	switch {
	case buf[0] != 0x7E:
		return 1, Garbage, Answer{}
	case len(buf) < 4:
		return 0, More, Answer{}
	case buf[3] != buf[0]+buf[1]+buf[2]:
		return 1, Garbage, Answer{}
	case buf[1] == 1 || buf[1] == 2:
		return 4, Reply, Answer{Data: []byte{buf[1], buf[2]}}
	}
	return 4, Foreign, Answer{}
}

func TestMatcher(t *testing.T) {
	ask, reply, foreign := toy(1, 5), toy(2, 9), toy(3, 0)
	join := func(p ...[]byte) []byte { return bytes.Join(p, nil) }
	tests := []struct {
		name string
		echo echoMode
		in   []byte
		want []byte // data of the answer; nil: none
		tally
	}{
		{"reply", echoNo, reply, []byte{2, 9}, tally{}},
		{"twin", echoNo, ask, []byte{1, 5}, tally{}},
		{"twin on an echoing line", echoYes, ask, nil, tally{echoes: 1}},
		{"twin behind its echo", echoYes, join(ask, ask), []byte{1, 5}, tally{echoes: 1}},
		{"twin on a line not known", echoUnknown, ask, nil, tally{echoes: 1}},
		{"reply behind an echo", echoUnknown, join(ask, reply), []byte{2, 9}, tally{echoes: 1}},
		{"noise, echo, noise, reply", echoYes, join([]byte{1, 0x7E}, ask, []byte{0x7E, 7}, reply), []byte{2, 9}, tally{garbage: 4, echoes: 1}},
		{"foreign, then reply", echoNo, join(foreign, reply), []byte{2, 9}, tally{foreign: 1}},
		{"an unfinished frame before the reply", echoNo, join([]byte{0x7E}, reply), []byte{2, 9}, tally{garbage: 1}},
		{"nothing", echoNo, nil, nil, tally{}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			for size := 1; size <= max(1, len(tc.in)); size++ { // however it is cut up
				m := newMatcher(&Request{Bytes: ask, Parse: toyParse, Twin: true}, tc.echo, nil)
				a, found := Answer{}, false
				for i := 0; i < len(tc.in) && !found; i += size {
					a, found = m.feed(tc.in[i:min(i+size, len(tc.in))])
				}
				if found != (tc.want != nil) || !bytes.Equal(a.Data, tc.want) || m.tally != tc.tally {
					t.Errorf("in pieces of %d: %v %v, counted %+v, want %v, %+v", size, found, a.Data, m.tally, tc.want, tc.tally)
				}
			}
		})
	}
}

// What looked like an echo on a line not known may have been the beginning of
// a longer reply; a bare copy never is the reply.
func TestMatcherAtTheDeadline(t *testing.T) {
	ask := toy(1, 5)
	long := append(bytes.Clone(ask), 0xAA, 0xBB)
	parse := func(buf []byte) (int, Verdict, Answer) {
		switch {
		case bytes.HasPrefix(buf, long):
			return len(long), Reply, Answer{}
		case bytes.HasPrefix(long, buf):
			return 0, More, Answer{}
		}
		return 1, Garbage, Answer{}
	}
	tests := []struct {
		name string
		echo echoMode
		in   []byte
		want bool
	}{
		{"long reply", echoUnknown, long, true},
		{"bare copy", echoUnknown, ask, false},
		{"known to echo", echoYes, long, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			m := newMatcher(&Request{Bytes: ask, Parse: parse}, tc.echo, nil)
			if _, found := m.feed(tc.in); found {
				t.Fatal("found too early")
			}
			if _, found := m.end(); found != tc.want || found && (m.heard || m.echoes != 0) {
				t.Errorf("found %v, heard %v, %d echoes", found, m.heard, m.echoes)
			}
		})
	}
}

// Whatever comes: no panic, no more kept than the bound, no byte counted twice.
func FuzzMatcher(f *testing.F) {
	f.Add(append(toy(1, 5), toy(2, 9)...), byte(3), byte(0))
	f.Add(bytes.Repeat([]byte{0x7E}, 2*maxPending), byte(200), byte(2))
	f.Fuzz(func(t *testing.T, in []byte, size, mode byte) {
		m := newMatcher(&Request{Bytes: toy(1, 5), Parse: toyParse, Twin: true}, echoMode(mode%3), nil)
		fed := 0
		for step := 1 + int(size); fed < len(in); {
			end := min(fed+step, len(in))
			_, found := m.feed(in[fed:end])
			fed = end
			if found {
				break
			}
			if len(m.buf) > maxPending || len(m.parted) > maxPending {
				t.Fatalf("%d bytes kept", max(len(m.buf), len(m.parted)))
			}
		}
		counted := int(m.garbage) + 4*int(m.foreign+m.echoes) + len(m.buf)
		if counted > fed {
			t.Fatalf("%d bytes accounted for of %d", counted, fed)
		}
		m.end()
		m.leftover(m.buf, false)
	})
}
