package module

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

// TestPublishedFrames holds what we send, and take, to published frames.
func TestPublishedFrames(t *testing.T) {
	for _, c := range []struct {
		name string
		got  []byte
		want string
	}{
		{"gm65 read zones 002A", func() []byte {
			c := gmCommand(gmRead, 0x002A, 2)
			return c
		}(), "7E 00 07 01 00 2A 02 D8 0F"},
		{"gm65 trigger", newGM65(Host, "\r").Trigger(), "7E 00 08 01 00 02 01 02 DA"}, // PROTOCOLS: the true CRC of the published AB CD
		{"gm65 mode D5", gmCommand(gmWrite, gmMode, 0xD5), "7E 00 08 01 00 00 D5 EF 41"},
		{"ssi start", newSSI(Host, "\r").Trigger(), "04 E4 04 00 FF 14"},
		{"ssi ACK of the host", ssiPacket(ssiAck), "04 D0 04 00 FF 28"},
		{"ssi host trigger", ssiPacket(ssiParam, ssiSilent, ssiTriggerMode, 0x08), "07 C6 04 00 FF 8A 08 FD 9E"},
		{"ssi ask, not the misprint FF A6", ssiPacket(ssiAsk, ssiTriggerMode), "05 C7 04 00 8A FE A6"},
		{"honeywell trigger", newHoneywell(Host, "\r").Trigger(), "16 54 0D"},
		{"honeywell menu command", honeyCommand("TRGMOD3"), "16 4D 0D 54 52 47 4D 4F 44 33 21"},
		{"newland trigger", newNewland(Host, "\r").Trigger(), "7E 01 30 30 30 30 23 53 43 4E 54 52 47 31 3B 03"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if want := unhex(t, c.want); !bytes.Equal(c.got, want) {
				t.Errorf("% X, want % X", c.got, want)
			}
		})
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func all(t *testing.T) map[string]Module {
	t.Helper()
	out := map[string]Module{}
	for _, n := range Names() {
		m, err := New(n, Host, "\r")
		if err != nil {
			t.Fatal(err)
		}
		out[n] = m
	}
	return out
}

func TestSplit(t *testing.T) {
	const gmDone, code = "02 00 00 01 00 33 31", "31 32 33 34 0D"
	for _, c := range []struct {
		name, module, in, text string
		answers                []Answer
		rest                   string
	}{
		{"answer alone", "gm65", gmDone, "", []Answer{{true, []byte{0}}}, ""},
		{"answer between scans", "gm65", code + gmDone + code, code + code, []Answer{{true, []byte{0}}}, ""},
		{"answer inside a scan", "gm65", "31 32" + gmDone + "33 34 0D", code, []Answer{{true, []byte{0}}}, ""},
		{"two bytes read", "gm65", "02 00 00 02 39 01 C1 4C", "", []Answer{{true, []byte{0x39, 0x01}}}, ""},
		{"refused: CRC", "gm65", "02 00 01 01 00 04 01", "", []Answer{{false, []byte{0}}}, ""},
		{"refused: command", "gm65", "02 00 03 01 00 6A 61", "", []Answer{{false, []byte{0}}}, ""},
		{"half an answer", "gm65", code + "02 00 00 01 00 33", code, nil, "02 00 00 01 00 33"},
		{"first byte", "gm65", "02", "", nil, "02"},
		{"STX and ETX of a scan", "gm65", "02 31 32 33 34 03 0D", "02 31 32 33 34 03 0D", nil, ""},
		{"ETX at the end of a read", "gm65", "31 03", "31 03", nil, ""},
		{"wrong CRC", "gm65", "02 00 00 01 00 33 32 0D", "02 00 00 01 00 33 32 0D", nil, ""},

		{"ACK", "ssi", "04 D0 00 00 FF 2C", "", []Answer{{true, nil}}, ""},
		{"NAK", "ssi", "05 D1 00 00 01 FF 29", "", []Answer{{false, nil}}, ""},
		{"parameter", "ssi", "07 C6 00 00 FF 8A 07 FD A3", "", []Answer{{true, []byte{0x8A, 0x07}}}, ""},
		{"scan and ACK", "ssi", code + "04 D0 00 00 FF 2C" + code, code + code, []Answer{{true, nil}}, ""},
		{"packeted scan", "ssi", "09 F3 00 00 03 31 32 33 34 FE 37", code, nil, ""},
		{"last character may be a length", "ssi", "31 32", "31", nil, "32"},
		{"suffix is none", "ssi", code, code, nil, ""},
		{"wrong sum", "ssi", "04 D0 00 00 FF 2D 0D", "04 D0 00 00 FF 2D 0D", nil, ""},

		{"done", "honeywell", hexed("TRGMOD3\x06!"), "", []Answer{{true, []byte("3")}}, ""},
		{"unknown tag", "honeywell", hexed("MNUENA?\x05!"), "", []Answer{{false, []byte("?")}}, ""},
		{"not in range", "honeywell", hexed("TRGMOD9\x15!"), "", []Answer{{false, []byte("9")}}, ""},
		{"two commands, one refused", "honeywell", hexed("SUFCA2\x05;SUFBK29909\x06!"), "", []Answer{{false, []byte("\x05;SUFBK29909")}}, ""},
		{"between scans", "honeywell", code + hexed("VSUFCR\x06!") + code, code + code, []Answer{{true, []byte{}}}, ""},
		{"half", "honeywell", hexed("1234\rTRGMOD3"), code, nil, hexed("TRGMOD3")},
		{"may begin", "honeywell", hexed("12T"), hexed("12"), nil, hexed("T")},
		{"a scan of these letters", "honeywell", hexed("TRGMOD3\r"), hexed("TRGMOD3\r"), nil, ""},
		{"a label", "honeywell", hexed("MN-1!\r"), hexed("MN-1!\r"), nil, ""},

		{"done", "newland", hexed("\x02\x010000#SCNMOD2\x06;\x03"), "", []Answer{{true, []byte("2")}}, ""},
		{"refused", "newland", hexed("\x02\x010000#SCNMOD9\x15;\x03"), "", []Answer{{}}, ""},
		{"between scans", "newland", code + hexed("\x02\x010000#TSUSET0D\x06;\x03") + code, code + code, []Answer{{true, []byte("0D")}}, ""},
		{"half", "newland", hexed("\x02\x010000#SC"), "", nil, hexed("\x02\x010000#SC")},
		{"STX of a scan", "newland", hexed("\x021234\x03\r"), hexed("\x021234\x03\r"), nil, ""},
		{"too short to be one", "newland", hexed("\x02\x010000#\x06;\x03"), "", []Answer{{}}, ""},
	} {
		t.Run(c.module+" "+c.name, func(t *testing.T) {
			in := unhex(t, c.in)
			for cut := range len(in) + 1 { // a read may end anywhere
				text, answers, rest := feed(all(t)[c.module], in[:cut], in[cut:])
				if !bytes.Equal(text, unhex(t, c.text)) || !bytes.Equal(rest, unhex(t, c.rest)) {
					t.Errorf("cut at %d: text %q, rest % X", cut, text, rest)
				}
				if len(answers) != len(c.answers) {
					t.Fatalf("cut at %d: answers %+v", cut, answers)
				}
				for i, a := range answers {
					if a.OK != c.answers[i].OK || !bytes.Equal(a.Value, c.answers[i].Value) {
						t.Errorf("cut at %d: answer %+v, want %+v", cut, a, c.answers[i])
					}
				}
			}
		})
	}
}

func hexed(s string) string { return hex.EncodeToString([]byte(s)) }

// feed gives a module what comes in parts.
func feed(m Module, parts ...[]byte) (text []byte, answers []Answer, rest []byte) {
	for _, p := range parts {
		h := m.Split(append(bytes.Clone(rest), p...))
		text, answers, rest = append(text, h.Text...), append(answers, h.Answers...), h.Rest
	}
	return text, answers, rest
}

// TestPacketsAreAcknowledged holds that a decoder in packet mode is not left
// waiting, which would make it say the same scan again.
func TestPacketsAreAcknowledged(t *testing.T) {
	h := newSSI(Presence, "\r").Split(unhex(t, "09 F3 00 00 03 31 32 33 34 FE 37"))
	if !bytes.Equal(h.Reply, unhex(t, "04 D0 04 00 FF 28")) {
		t.Errorf("replied % X", h.Reply)
	}
}

func TestNew(t *testing.T) {
	for _, c := range []struct {
		name, suffix, says string
		trigger            Trigger
	}{
		{"gm67", "\r", "use one of gm65, ssi", Presence},
		{"gm65", "\n", "cannot end", Presence},
		{"ssi", "\t", "cannot end", Presence},
		{"newland", "", "cannot end", Presence},
		{"gm65", "\r", "cannot set trigger", "button"},
	} {
		if _, err := New(c.name, c.trigger, c.suffix); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s, %q, %q: %v", c.name, c.suffix, c.trigger, err)
		}
	}
	for _, n := range Names() {
		for _, trigger := range Triggers() {
			m, err := New(n, Trigger(trigger), "\r")
			if err != nil || len(m.Settings()) < 3 || (m.Trigger() != nil) != (trigger == string(Host)) {
				t.Errorf("%s, %s: %v, %v", n, trigger, m, err)
			}
		}
	}
}

// FuzzSplit holds that a module's bytes mean the same wherever reads end, that
// nothing printable is lost but in answers, and that what is kept stays short.
func FuzzSplit(f *testing.F) {
	f.Add([]byte("1234\r\x02\x00\x00\x01\x00\x33\x31"), 7)
	f.Add([]byte("1234\r\x04\xD0\x00\x00\xFF\x2C"), 6)
	f.Add([]byte("\x09\xF3\x00\x00\x031234\xFE\x371234\r"), 3)
	f.Add([]byte("1234\rTRGMOD3\x06!SUFCA2\x06;SUFBK29909\x06!"), 9)
	f.Add([]byte("\x02\x010000#SCNMOD2\x06;\x031234\r"), 2)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		cut = min(max(cut, 0), len(in))
		for name, m := range all(t) {
			text, answers, rest := feed(m, in)
			text2, answers2, rest2 := feed(m, in[:cut], in[cut:])
			if !bytes.Equal(text, text2) || !bytes.Equal(rest, rest2) || len(answers) != len(answers2) {
				t.Fatalf("%s: %q, %d answers, rest %q; cut at %d: %q, %d answers, rest %q", name, text, len(answers), rest, cut, text2, len(answers2), rest2)
			}
			if len(rest) > 264 {
				t.Fatalf("%s keeps %d bytes", name, len(rest))
			}
			if len(answers) == 0 && !bytes.ContainsAny(in, "\xF3\xC6") && !bytes.Equal(append(bytes.Clone(text), rest...), in) {
				t.Fatalf("%s lost something: %q and %q of %q", name, text, rest, in)
			}
		}
	})
}
