package module

import (
	"bytes"
	"encoding/binary"
)

// ssi is a module that speaks Zebra's Simple Serial Interface. A packet is its
// length without the check sum, opcode, source (00 decoder, 04 host), status,
// data, and the two's complement of the sum of all. Sources: PROTOCOLS 13;
// Zebra's Simple Serial Interface Programmer's Guide, 72E-40451; trigger modes 04
// and 09 also in public drivers for the GM67. Presentation is 07.
//
// The module is brought to raw data with a suffix. Packets are understood all
// the same, and acknowledged, or they would come again and again.
type ssi struct{ trigger Trigger }

const (
	ssiHost = 0x04

	ssiStart, ssiParam, ssiAsk = 0xE4, 0xC6, 0xC7
	ssiAck, ssiNak, ssiDecode  = 0xD0, 0xD1, 0xF3

	ssiTriggerMode = 0x8A // 04 continuous, 07 presentation, 08 host
	ssiFormat      = 0xEB // 01: data, suffix 1, which is CR as delivered
	ssiScanSetup   = 0xEC // parameter barcodes: 00 not obeyed
	ssiPackets     = 0xEE // 00: raw

	ssiSilent  = 0xFF // no beep
	ssiHeadMin = 4
)

func newSSI(t Trigger, _ string) Module { return ssi{t} }

// Wake implements Module: a 00 wakes it, and is no packet.
func (ssi) Wake() []byte { return []byte{0x00} }

// Settings implements Module.
func (s ssi) Settings() []Setting {
	mode := map[Trigger]byte{Continuous: 0x04, Presence: 0x07, Host: 0x08}[s.trigger]
	return []Setting{
		ssiSetting("setup barcodes off", ssiScanSetup, 0x00),
		ssiSetting("trigger", ssiTriggerMode, mode),
		ssiSetting("raw data", ssiPackets, 0x00),
		ssiSetting("suffix", ssiFormat, 0x01),
	}
}

func ssiSetting(name string, number, want byte) Setting {
	return Setting{
		Name:  name,
		Query: ssiPacket(ssiAsk, number),
		Right: func(v []byte) bool { return bytes.Equal(v, []byte{number, want}) },
		Set:   func([]byte) []byte { return ssiPacket(ssiParam, ssiSilent, number, want) },
	}
}

// Trigger implements Module.
func (s ssi) Trigger() []byte {
	if s.trigger != Host {
		return nil
	}
	return ssiPacket(ssiStart)
}

// ssiPacket makes a packet of the host. Status 00: not permanent.
func ssiPacket(opcode byte, data ...byte) []byte {
	p := append([]byte{byte(ssiHeadMin + len(data)), opcode, ssiHost, 0x00}, data...)
	return binary.BigEndian.AppendUint16(p, ssiSum(p))
}

func ssiSum(p []byte) (sum uint16) {
	for _, c := range p {
		sum -= uint16(c)
	}
	return sum
}

// Split implements Module. What begins a packet is the opcode behind its length:
// no scan has such a byte.
func (ssi) Split(in []byte) (h Heard) {
	for len(in) > 0 {
		i := bytes.IndexFunc(in, ssiMayBegin)
		if i < 0 {
			h.Text = append(h.Text, in...)
			return h
		}
		h.Text, in = append(h.Text, in[:i]...), in[i:]
		n, more := ssiLength(in)
		if more {
			h.Rest = in
			return h
		}
		if n == 0 {
			h.Text, in = append(h.Text, in[0]), in[1:]
			continue
		}
		h.packet(in[:n])
		in = in[n+2:]
	}
	return h
}

// ssiMayBegin tells whether a character can be the length of a packet. A suffix
// can't, or a scan would wait for the next one.
func ssiMayBegin(r rune) bool { return r >= ssiHeadMin && r != '\r' }

// ssiLength returns the length of the packet that b begins with, 0 if there is
// none, or that more must come to know.
func ssiLength(b []byte) (n int, more bool) {
	switch {
	case len(b) == 1:
		return 0, true
	case !ssiOpcode(b[1]):
		return 0, false
	}
	n = int(b[0])
	if len(b) < n+2 {
		return 0, true
	}
	if binary.BigEndian.Uint16(b[n:n+2]) != ssiSum(b[:n]) {
		return 0, false
	}
	return n, false
}

func ssiOpcode(c byte) bool { return c == ssiAck || c == ssiNak || c == ssiParam || c == ssiDecode }

// packet notes what a packet of the decoder means.
func (h *Heard) packet(p []byte) {
	data := p[ssiHeadMin:]
	switch p[1] {
	case ssiAck:
		h.Answers = append(h.Answers, Answer{OK: true})
		return
	case ssiNak:
		h.Answers = append(h.Answers, Answer{})
		return
	case ssiParam: // a beep, then numbers and values
		if len(data) > 0 {
			h.Answers = append(h.Answers, Answer{OK: true, Value: bytes.Clone(data[1:])})
		}
	case ssiDecode: // the symbology, then the text
		if len(data) > 0 {
			h.Text = append(append(h.Text, data[1:]...), '\r')
		}
	}
	h.Reply = append(h.Reply, ssiPacket(ssiAck)...)
}
