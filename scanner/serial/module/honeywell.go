package module

import (
	"bytes"
	"slices"
)

// honeywell is a scanner or engine with Honeywell's menu commands: SYN M CR,
// tag, data, and ! for the volatile table. It answers with the tag, the value,
// 06 (done), 15 (not in range) or 05 (no such tag), and the ! again. Sources:
// PROTOCOLS 13; N3680 User Guide p144; N86 User's Guide 10-1 to 10-4; answers in
// a public driver's comments. MNUENA is read in one public source only, so a
// model that does not know it is no fault.
type honeywell struct {
	trigger Trigger
	suffix  string
}

// honeyMax bounds an answer: the longest tag, value and end have a dozen bytes.
const honeyMax = 32

func newHoneywell(t Trigger, suffix string) Module { return honeywell{t, suffix} }

// Wake implements Module.
func (honeywell) Wake() []byte { return nil }

// Settings implements Module.
func (w honeywell) Settings() []Setting {
	setup := honeySetting("setup barcodes off", "MNUENA", "0")
	setup.Optional = true
	all := []Setting{setup}
	switch w.trigger {
	case Presence:
		all = append(all, honeySetting("trigger", "TRGMOD", "3"))
	case Continuous:
		all = append(all, honeyAlways("trigger", "PAPSPN")) // streaming presentation
	case Host:
		all = append(all, honeySetting("trigger", "TRGMOD", "0"))
	}
	// 99: for all symbologies. The suffixes there were go first.
	end := map[string]string{"\r": "VSUFCR", "\n": "SUFCA2;SUFBK2990A", "\t": "SUFCA2;SUFBK29909"}[w.suffix]
	return append(all, honeyAlways("suffix", end))
}

func honeySetting(name, tag, want string) Setting {
	return Setting{
		Name:  name,
		Query: honeyCommand(tag + "?"),
		Right: func(v []byte) bool { return string(v) == want },
		Set:   func([]byte) []byte { return honeyCommand(tag + want) },
	}
}

func honeyAlways(name, command string) Setting {
	return Setting{Name: name, Set: func([]byte) []byte { return honeyCommand(command) }}
}

func honeyCommand(s string) []byte { return []byte("\x16M\r" + s + "!") }

// Trigger implements Module.
func (w honeywell) Trigger() []byte {
	if w.trigger != Host {
		return nil
	}
	return []byte("\x16T\r")
}

// honeyTags are what answers to our commands begin with.
func honeyTags() []string { return []string{"MNUENA", "TRGMOD", "PAPSPN", "VSUFCR", "SUFCA2"} }

const honeyTag = 6 // letters of a tag

// Split implements Module. An answer is told from a scan by its tag and its end.
func (honeywell) Split(in []byte) (h Heard) {
	for i := 0; i < len(in); {
		n, more := honeyAnswer(in[i:])
		switch {
		case more:
			h.Text, h.Rest = append(h.Text, in[:i]...), in[i:]
			return h
		case n > 0:
			h.Text = append(h.Text, in[:i]...)
			h.Answers = append(h.Answers, honeyMeaning(in[i:i+n]))
			in, i = in[i+n:], 0
		default:
			i++
		}
	}
	h.Text = append(h.Text, in...)
	return h
}

// honeyAnswer returns the length of the answer that b begins with, 0 if there
// is none, or that more must come to know.
func honeyAnswer(b []byte) (n int, more bool) {
	tag := b[:min(len(b), honeyTag)]
	if !slices.ContainsFunc(honeyTags(), func(t string) bool { return bytes.HasPrefix([]byte(t), tag) }) {
		return 0, false
	}
	end := bytes.IndexAny(b[:min(len(b), honeyMax)], "!\r\n\t")
	switch {
	case end < 0 && len(b) < honeyMax:
		return 0, true
	case end <= honeyTag || b[end] != '!' || !honeyEnd(b[end-1]):
		return 0, false
	}
	return end + 1, false
}

// Ends of an answer.
const (
	honeyDone    = 0x06
	honeyRange   = 0x15
	honeyUnknown = 0x05
)

func honeyEnd(c byte) bool { return c == honeyDone || c == honeyRange || c == honeyUnknown }

// honeyMeaning reads an answer: of several commands in one all must be done.
func honeyMeaning(b []byte) Answer {
	value := b[honeyTag : len(b)-2]
	ok := b[len(b)-2] == honeyDone && !bytes.ContainsAny(value, string([]byte{honeyRange, honeyUnknown}))
	return Answer{OK: ok, Value: bytes.Clone(value)}
}
