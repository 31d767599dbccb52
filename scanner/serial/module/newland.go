package module

import "bytes"

// newland is a scanner or engine with Newland's unified commands: ~ SOH 0000,
// # for temporary, tag, data, ; ETX. It answers STX SOH 0000 # tag value, 06
// (done) or another control character, ; ETX. Sources: PROTOCOLS 13; NLS-HR52
// User Guide p35; SCNMOD 0 level, 2 sense, 3 continuous, TSUENA, TSUSET, SCNTRG
// in several public drivers; SETUPE0 ends a setup that a barcode began.
type newland struct {
	trigger Trigger
	suffix  string
}

const (
	newlandHead = "\x02\x010000#"
	newlandTail = ";\x03"
	newlandTag  = 6
	newlandMax  = 64 // bytes of an answer
)

func newNewland(t Trigger, suffix string) Module { return newland{t, suffix} }

// Wake implements Module.
func (newland) Wake() []byte { return nil }

// Settings implements Module.
func (n newland) Settings() []Setting {
	mode := map[Trigger]string{Host: "0", Presence: "2", Continuous: "3"}[n.trigger]
	end := map[string]string{"\r": "0D", "\n": "0A", "\t": "09"}[n.suffix]
	return []Setting{
		{Name: "setup barcodes off", Set: func([]byte) []byte { return newlandCommand("SETUPE0") }, Optional: true},
		newlandSetting("reading on", "SCNENA", "1"),
		newlandSetting("trigger", "SCNMOD", mode),
		newlandSetting("suffix on", "TSUENA", "1"),
		newlandSetting("suffix", "TSUSET", end),
	}
}

func newlandSetting(name, tag, want string) Setting {
	return Setting{
		Name:  name,
		Query: newlandCommand(tag + "*"),
		Right: func(v []byte) bool { return string(v) == want },
		Set:   func([]byte) []byte { return newlandCommand(tag + want) },
	}
}

func newlandCommand(s string) []byte { return []byte("~\x010000#" + s + newlandTail) }

// Trigger implements Module.
func (n newland) Trigger() []byte {
	if n.trigger != Host {
		return nil
	}
	return newlandCommand("SCNTRG1")
}

// Split implements Module.
func (newland) Split(in []byte) (h Heard) {
	for len(in) > 0 {
		i := bytes.IndexByte(in, newlandHead[0])
		if i < 0 {
			h.Text = append(h.Text, in...)
			return h
		}
		h.Text, in = append(h.Text, in[:i]...), in[i:]
		head := in[:min(len(in), len(newlandHead))]
		end := bytes.Index(in[:min(len(in), newlandMax)], []byte(newlandTail))
		switch {
		case !bytes.HasPrefix([]byte(newlandHead), head), end < 0 && len(in) >= newlandMax:
			h.Text, in = append(h.Text, in[0]), in[1:] // the STX of a scan
		case end < 0:
			h.Rest = in
			return h
		default:
			h.Answers = append(h.Answers, newlandMeaning(in[:end]))
			in = in[end+len(newlandTail):]
		}
	}
	return h
}

// newlandMeaning reads an answer without its end.
func newlandMeaning(b []byte) Answer {
	const ack = 0x06
	b = b[len(newlandHead):]
	if len(b) < newlandTag+1 || b[len(b)-1] != ack {
		return Answer{}
	}
	return Answer{OK: true, Value: bytes.Clone(b[newlandTag : len(b)-1])}
}
