package module

import (
	"bytes"
	"encoding/binary"
)

// gm65 is a GM65 or GM65-S of Hangzhou Grow and what is built like it. Settings
// are bits in bytes at addresses ("zones"); only the bits that matter are
// changed. Sources: shared PROTOCOLS 13; the zones' bits in public drivers for
// the GM65 (modes 0-3 in zone 0000 as 14/D5/16/17; zone 0003 = 01 before
// settings by barcode; bits of zone 0060 as in a Python driver's comment). On a
// GM8xx zone 0060 is something else: this is not for those.
type gm65 struct {
	trigger Trigger
	suffix  string
}

const (
	gmRead, gmWrite = 0x07, 0x08

	gmMode, gmModeBits   = 0x0000, 0x03 // 0 manual, 1 command, 2 continuous, 3 sensing
	gmScan               = 0x0002       // bit 0: read once
	gmSetup, gmSetupBits = 0x0003, 0x01 // 1: setup barcodes are obeyed
	gmTail, gmTailBits   = 0x0060, 0x61 // bit 0: a tail is sent; 6-5: 0 CR, 1 CR LF, 2 TAB, 3 none

	gmReplyMin = 6 // an answer without data: head, type, length, CRC
)

func newGM65(t Trigger, suffix string) Module { return gm65{t, suffix} }

// Wake implements Module.
func (gm65) Wake() []byte { return nil }

// Settings implements Module.
func (g gm65) Settings() []Setting {
	mode := map[Trigger]byte{Host: 1, Continuous: 2, Presence: 3}[g.trigger]
	tail := map[string]byte{"\r": 0x01, "\t": 0x41}[g.suffix]
	return []Setting{
		gmSetting("setup barcodes off", gmSetup, gmSetupBits, 0),
		gmSetting("trigger", gmMode, gmModeBits, mode),
		gmSetting("suffix", gmTail, gmTailBits, tail),
	}
}

func gmSetting(name string, zone uint16, bits, want byte) Setting {
	return Setting{
		Name:  name,
		Query: gmCommand(gmRead, zone, 1),
		Right: func(v []byte) bool { return len(v) == 1 && v[0]&bits == want },
		Set: func(v []byte) []byte {
			var now byte
			if len(v) > 0 {
				now = v[0]
			}
			return gmCommand(gmWrite, zone, now&^bits|want)
		},
	}
}

// Trigger implements Module.
func (g gm65) Trigger() []byte {
	if g.trigger != Host {
		return nil
	}
	return gmCommand(gmWrite, gmScan, 0x01)
}

// gmCommand makes a command with its true check sum, though modules take AB CD
// for any.
func gmCommand(kind byte, zone uint16, data byte) []byte {
	body := []byte{kind, 1, byte(zone >> 8), byte(zone), data}
	return binary.BigEndian.AppendUint16(append([]byte{0x7E, 0x00}, body...), gmCRC(body))
}

// gmCRC is CRC-16/XMODEM: polynomial 1021, initial 0.
func gmCRC(b []byte) uint16 {
	var crc uint16
	for _, c := range b {
		crc ^= uint16(c) << 8
		for range 8 {
			high := crc & 0x8000
			crc <<= 1
			if high != 0 {
				crc ^= 0x1021
			}
		}
	}
	return crc
}

// Split implements Module. An answer is 02 00, type (00: done), length, data and
// CRC over the three. No scan has a 00 in it.
func (gm65) Split(in []byte) (h Heard) {
	for len(in) > 0 {
		i := bytes.IndexByte(in, 0x02)
		if i < 0 {
			h.Text = append(h.Text, in...)
			return h
		}
		h.Text, in = append(h.Text, in[:i]...), in[i:]
		n, more := gmAnswer(in)
		if more {
			h.Rest = in
			return h
		}
		if n == 0 {
			h.Text, in = append(h.Text, in[0]), in[1:]
			continue
		}
		h.Answers = append(h.Answers, Answer{OK: in[2] == 0, Value: bytes.Clone(in[4 : n-2])})
		in = in[n:]
	}
	return h
}

// gmAnswer returns the length of the answer that b begins with, 0 if there is
// none, or that more must come to know.
func gmAnswer(b []byte) (n int, more bool) {
	if len(b) > 1 && b[1] != 0x00 {
		return 0, false
	}
	if len(b) < 4 {
		return 0, true
	}
	n = gmReplyMin + int(b[3])
	if len(b) < n {
		return 0, true
	}
	if binary.BigEndian.Uint16(b[n-2:n]) != gmCRC(b[2:n-2]) {
		return 0, false
	}
	return n, false
}
