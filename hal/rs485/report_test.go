package rs485_test

import (
	"bytes"
	"testing"
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485/wkly"
)

func sealW(board, cmd byte, data ...byte) []byte {
	return sealX(append([]byte{'W', 'K', 'L', 'Y', byte(8 + len(data)), board, cmd}, data...)...)
}

// talker is a virtual WKLY board at address 1 with two locks that are shut.
type talker struct{ first byte }

func (k *talker) answer(req []byte) []chunk {
	if req[6] == 0x82 {
		return []chunk{{50 * time.Millisecond, sealW(req[5], 0x82, 0, req[7], 1)}}
	}
	return []chunk{{5 * time.Millisecond, sealW(req[5], 0x84, 0, 2, k.first, 1)}}
}

func talk(t *testing.T, poll time.Duration, f func(r *rig, l *line, k *talker)) {
	t.Helper()
	codec, err := wkly.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	k := &talker{first: 1}
	l := newLine(k.answer)
	cfg := hal.Config{Name: "a", Port: "mem", Poll: poll, Boards: []hal.BoardConfig{{Address: 1, Channels: 2}}}
	bubble(t, cfg, codec, l, func(r *rig) { f(r, l, k) })
}

// A report has its board read at once, in whatever pieces it comes; it is no
// state by itself, nor is a broken one anything.
func TestReportHasTheBoardRead(t *testing.T) {
	report := sealW(1, 0x85, 1, 0)
	tests := []struct {
		name   string
		pieces [][]byte
		open   bool // the board says so when it is read
		heeded bool
	}{
		{"whole", [][]byte{report}, true, true},
		{"in pieces", [][]byte{report[:3], report[3:7], report[7:]}, true, true},
		{"after noise", [][]byte{{0x57, 0x4B, 0xFF}, report}, true, true},
		{"of what was not so", [][]byte{report}, false, true},
		{"broken", [][]byte{append(bytes.Clone(report[:9]), report[9]^1)}, true, false},
		{"of another board", [][]byte{sealW(2, 0x85, 1, 0)}, true, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			talk(t, time.Minute, func(r *rig, l *line, k *talker) {
				pass(time.Second)
				n := len(r.sink.seen(1))
				if tc.open {
					r.change(func() { k.first = 0 })
				}
				for _, p := range tc.pieces {
					l.say(p)
					pass(5 * time.Millisecond)
				}
				pass(20 * time.Millisecond)
				seen := r.sink.seen(1)[n:]
				if (len(seen) > 0) != tc.heeded {
					r.t.Errorf("read %d times within 35 ms, heeded is to be %v", len(seen), tc.heeded)
				}
				for _, o := range seen {
					if (o.States[0] == hal.Open) != tc.open {
						r.t.Errorf("observed %v", o.States)
					}
				}
				if s := r.Stats(); s.Foreign > 0 && tc.heeded {
					r.t.Errorf("a report was counted as foreign: %+v", s)
				}
			})
		})
	}
}

// A report between an unlock and its reply is not the reply, and is heeded.
func TestReportDuringAnUnlock(t *testing.T) {
	talk(t, time.Minute, func(r *rig, l *line, _ *talker) {
		pass(time.Second)
		n := len(r.sink.seen(1))
		r.unlock(1, 1, 1)
		pass(20 * time.Millisecond)
		if len(r.sink.pulses()) > 0 {
			r.t.Error("answered before its reply")
		}
		l.say(sealW(1, 0x85, 1, 0))
		pass(100 * time.Millisecond)
		if p := r.outcome(r.t, 1); p.Err != nil {
			r.t.Error(p.Err)
		}
		if len(r.sink.seen(1)) == n {
			r.t.Error("the report was not heeded")
		}
	})
}
