package sim

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

type frame struct{ kind, hex, meaning string }

// published returns the frames of one family from testdata.
func published(tb testing.TB, family string) (out []frame) {
	tb.Helper()
	text, err := os.ReadFile("../../testdata/frames.tsv")
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) >= 4 && f[0] == family {
			out = append(out, frame{f[1], f[2], f[3]})
		}
	}
	if len(out) < 4 {
		tb.Fatalf("only %d frames of %s in testdata", len(out), family)
	}
	return out
}

// rows names the families as frames.tsv does.
func rows() map[string]string {
	return map[string]string{"xor8a": "XOR8A", "cu16": "CU16", "cu48": "CU48", "waveshare": "MB-WS", "winnsen": "WINN", "wkly": "WKLY", "dc": "DC", "eletechsup": "MB-EL"}
}

func TestRowsNameEveryFamily(t *testing.T) {
	for family := range catalogue() {
		if rows()[family] == "" {
			t.Errorf("the frames of %s are not tried", family)
		}
	}
}

func TestPublishedRequestsAreUnderstood(t *testing.T) {
	for family, rows := range rows() {
		l, err := newLine(one(family, 8))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range published(t, rows) {
			b := unhex(f.hex)
			if n := l.speak.cut(b); f.kind == "req" && n != len(b) {
				t.Errorf("%s: %s (%s): cut %d of %d bytes", family, f.hex, f.meaning, n, len(b))
			} else if f.kind == "BAD" && n > 0 {
				t.Errorf("%s: misprint %s was taken for a request", family, f.hex)
			}
		}
	}
}

// TestPublishedRepliesAreGiven asks what must have been asked when the
// published reply was recorded.
func TestPublishedRepliesAreGiven(t *testing.T) {
	w := LineConfig{Family: "wkly", Boards: []BoardConfig{{Address: 0, Channels: 24}}}
	short := LineConfig{Family: "dc", Boards: []BoardConfig{{Address: 1, Channels: 12, ShortReply: true}}}
	asked := map[string]struct {
		cfg     LineConfig
		request string
		open    []int // channels that stand open
		coils   []int // held
		jam     int   // channel
	}{
		"80 01 01 00 80":       {cfg: one("xor8a", 24), request: "80 01 01 33 B3", open: []int{1}},
		"80 01 01 01 01 33 B3": {cfg: one("xor8a", 24), request: "80 01 00 33 B2", open: butChannels(24, 1, 9, 17)},
		"8A 02 0A 00 82": {
			cfg:     LineConfig{Family: "xor8a", Boards: []BoardConfig{{Address: 2, Channels: 24}}},
			request: "8A 02 0A 11 93",
		},
		"01 01 01 00 51 88":                {cfg: one("waveshare", 8), request: "01 01 00 00 00 08 3D CC"},
		"01 85 03 02 91":                   {cfg: one("waveshare", 8), request: tohex(mbSeal(1, mbWriteCoil, 0, 1, 1, 0))},
		"02 00 36 00 00 00 00 03 3B":       {cfg: at16(0), request: "02 F0 32 03 27", open: butChannels(16)},
		"02 10 36 00 00 00 00 03 4B":       {cfg: at16(1), request: "02 F0 32 03 27", open: butChannels(16)},
		"57 4B 4C 59 09 00 80 00 80":       {cfg: w, request: tohex(wklySeal(0, 0x80, 3, 1, 2, 3))},
		"57 4B 4C 59 09 00 80 FF 7F":       {cfg: w, request: tohex(wklySeal(0, 0x80, 2, 1, 25))},
		"57 4B 4C 59 0A 00 81 00 01 83":    {cfg: w, request: "57 4B 4C 59 09 00 81 01 80"},
		"57 4B 4C 59 0B 00 82 00 01 00 81": {cfg: w, request: "57 4B 4C 59 09 00 82 01 83"},
		"57 4B 4C 59 0B 00 83 00 01 00 80": {cfg: w, request: "57 4B 4C 59 09 00 83 01 82", open: []int{1}},
		"57 4B 4C 59 0B 00 83 00 07 00 86": {cfg: w, request: tohex(wklySeal(0, 0x83, 7)), open: []int{7}},
		"57 4B 4C 59 09 00 87 00 87":       {cfg: w, request: "57 4B 4C 59 0C 00 87 03 01 02 03 81"},
		"57 4B 4C 59 0A 00 88 00 02 89":    {cfg: w, request: tohex(wklySeal(0, 0x88, 2))},
		"57 4B 4C 59 0A 00 89 00 03 89":    {cfg: w, request: tohex(wklySeal(0, 0x89, 3))},
		"57 4B 4C 59 22 00 84 00 18 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 B7": {cfg: w, request: "57 4B 4C 59 08 00 84 85", open: butChannels(24)},
		"01 03 02 00 01 79 84":    {cfg: one("eletechsup", 8), request: "01 03 00 01 00 01 D5 CA", coils: []int{1}},
		"01 03 02 00 00 B8 44":    {cfg: one("eletechsup", 8), request: "01 03 00 01 00 01 D5 CA"},
		"DC FE 01 10 01 01 13":    {cfg: short, request: "DC 02 01 10 01 01 13"},
		"DC FE 01 10 02 01 01 15": {cfg: one("dc", 12), request: "DC 02 01 10 01 01 13"},
		"DC FE 01 11 01 01 14":    {cfg: short, request: "DC 02 01 11 01 01 14", open: []int{1}},
		"DC FE 01 15 02 00 07 1F": {cfg: one("dc", 12), request: "DC 02 01 15 02 00 07 1F"},
		"DC FE 01 16 01 01 19":    {cfg: one("dc", 12), request: "DC 02 01 16 02 01 01 1B"},
		"DC FE 01 1A 01 01 1D":    {cfg: one("dc", 12), request: "DC 02 01 1A 02 00 07 24"},
		"90 07 85 01 05 01 03":    {cfg: one("winnsen", 8), request: "90 06 05 01 05 03"},
		"90 07 85 01 03 00 03":    {cfg: one("winnsen", 8), request: "90 06 05 01 03 03", jam: 3},
		"90 07 82 01 00 00 03":    {cfg: one("winnsen", 16), request: "90 07 02 01 FF FF 03"},
		"90 07 82 01 01 01 03":    {cfg: one("winnsen", 16), request: "90 07 02 01 FF FF 03", open: []int{1, 9}},
		"01 01 01 05 91 8B":       {cfg: one("waveshare", 8), request: "01 01 00 00 00 08 3D CC", coils: []int{1, 3}},
	}
	seen := 0
	for _, family := range rows() {
		for _, f := range published(t, family) {
			if f.kind != "rep" {
				continue
			}
			q, ok := asked[f.hex]
			if !ok {
				t.Errorf("no request is known for %s (%s)", f.hex, f.meaning)
				continue
			}
			seen++
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, q.cfg)
				for _, ch := range q.open {
					b.boards[0].Door(ch).Force()
				}
				for _, ch := range q.coils {
					b.boards[0].Hold(ch)
				}
				if q.jam > 0 {
					b.boards[0].Door(q.jam).Jam(-1)
				}
				if got := b.ask(q.request, 400*time.Millisecond); got != f.hex {
					t.Errorf("%s: got %s, want %s (%s)", q.request, got, f.hex, f.meaning)
				}
			})
		}
	}
	if seen != len(asked) {
		t.Errorf("%d published replies were given, want %d", seen, len(asked))
	}
}

func at16(address int) LineConfig {
	return LineConfig{Family: "cu16", Boards: []BoardConfig{{Address: address, Channels: 16}}}
}

// TestPublishedReports moves doors and hears what was published of that.
func TestPublishedReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, LineConfig{Family: "wkly", Boards: []BoardConfig{{Address: 0, Channels: 24, Reports: true}}})
		b.Line.port = b.port
		defer func() { b.Line.port = nil }()
		door := func(channel int) *Door { return b.Door(at(0, channel)) }
		moves := map[string]func(){
			"57 4B 4C 59 0A 00 85 02 00 84": func() { door(2).Force() },
			"57 4B 4C 59 0A 00 85 01 01 86": func() { door(1).Shut() },
		}
		door(1).Force()
		b.ask("", 0)
		for _, f := range published(t, "WKLY") {
			if f.kind != "evt" {
				continue
			}
			move := moves[f.hex]
			if move == nil {
				t.Fatalf("nothing is known to cause %s", f.hex)
			}
			move()
			if got := b.ask("", 0); got != f.hex {
				t.Errorf("heard %q, want %s", got, f.hex)
			}
		}
		b.Board(0).Fail(Fault{Silent: true})
		door(3).Force()
		if got := b.ask("", 0); got != "" {
			t.Errorf("a silent board said %s", got)
		}
	})
}

func butChannels(n int, shut ...int) (open []int) {
	for ch := 1; ch <= n; ch++ {
		open = append(open, ch)
		for _, s := range shut {
			if s == ch {
				open = open[:len(open)-1]
			}
		}
	}
	return open
}

// TestExchanges holds the frames that PROTOCOLS.md gives in its text and those
// that follow from its rules.
func TestExchanges(t *testing.T) {
	x := func(c BoardConfig) LineConfig { return LineConfig{Family: "xor8a", Boards: []BoardConfig{c}} }
	tests := []struct {
		name    string
		cfg     LineConfig
		request string
		want    string
	}{
		{"xor8a read one shut", one("xor8a", 24), "80 01 01 33 B3", "80 01 01 11 91"},
		{"xor8a read one inverted", x(BoardConfig{Address: 1, Channels: 24, Inverted: true}), "80 01 01 33 B3", "80 01 01 00 80"},
		{"xor8a highest first", x(BoardConfig{Address: 1, Channels: 10}), "80 01 00 33 B2", "80 01 03 FF 33 4E"},
		{"xor8a lowest first", x(BoardConfig{Address: 1, Channels: 10, LowFirst: true}), "80 01 00 33 B2", "80 01 FF 03 33 4E"},
		{"xor8a 8-way with 3 bytes", x(BoardConfig{Address: 2, Channels: 8, StatusBytes: 3}), "80 02 00 33 B1", "80 02 00 00 FF 33 4E"},
		{"xor8a wrong checksum", one("xor8a", 24), "80 01 01 33 B2", ""},
		{"xor8a another board", one("xor8a", 24), "80 02 00 33 B1", ""},
		{"xor8a beyond the board", one("xor8a", 8), "80 01 09 33 BB", ""},
		{"xor8a open many is silent", one("xor8a", 24), "90 01 02 02 02 93", ""},
		{"xor8a hold on", one("xor8a", 24), "9A 01 01 11 8B", "9A 01 01 11 8B"},
		{"cu48 status", one("cu48", 12), "02 01 00 60 03 66", "02 01 00 75 FF 0F 00 00 00 00 00 00 00 00 00 00 03 89"},
		{"cu48 beyond", one("cu48", 12), "02 01 31 61 03 98", ""},
		{
			"cu48 lock in byte 1",
			LineConfig{Family: "cu48", LockByte: 1, Boards: []BoardConfig{{Address: 0, Channels: 3}}},
			"02 01 00 61 03 67", "02 01 00 75 07 00 00 00 00 00 00 00 00 00 00 00 03 82",
		},
		{"cu16 state", one("cu16", 12), "02 10 30 03 45", "02 10 35 FF 0F 00 00 03 58"},
		{"cu16 unlock is silent", one("cu16", 12), "02 11 31 03 47", ""},
		{
			"cu16 unlock with state",
			LineConfig{Family: "cu16", Boards: []BoardConfig{{Address: 1, Channels: 12, Inverted: true, UnlockReply: true}}},
			"02 11 31 03 47", "02 10 35 00 00 00 00 03 4A",
		},
		{"cu16 wrong sum", one("cu16", 12), "02 10 30 03 46", ""},
		{"winnsen mask", one("winnsen", 8), "90 07 02 01 0F 00 03", "90 07 82 01 00 00 03"},
		{
			"winnsen a5, inverted",
			LineConfig{Family: "winnsen", Boards: []BoardConfig{{Address: 1, Channels: 16, Inverted: true, ReplyA5: true}}},
			"90 07 02 01 0F 03 03", "90 07 A2 01 0F 03 03",
		},
		{"winnsen one", one("winnsen", 4), "90 06 12 01 04 03", "90 07 92 01 00 04 03"},
		{"winnsen beyond", one("winnsen", 4), "90 06 05 01 05 03", ""},
		{"wkly refuses", one("wkly", 12), tohex(wklySeal(1, 0x82, 13)), tohex(wklySeal(1, 0x82, 0xFF))},
		{"wkly of another board", one("wkly", 12), tohex(wklySeal(2, 0x84)), ""},
		{"eletechsup inputs", one("eletechsup", 3), tohex(mbSeal(1, 3, 0, 0x81, 0, 3)), tohex(mbSeal(1, 3, 6, 0, 1, 0, 1, 0, 1))},
		{
			"eletechsup inputs, decimal and inverted",
			LineConfig{Family: "eletechsup", Boards: []BoardConfig{{Address: 1, Channels: 8, Decimal: true, Inverted: true}}},
			tohex(mbSeal(1, 3, 0, 81, 0, 2)), tohex(mbSeal(1, 3, 4, 0, 0, 0, 0)),
		},
		{"eletechsup momentary", one("eletechsup", 8), tohex(mbSeal(1, 6, 0, 8, 5, 0)), tohex(mbSeal(1, 6, 0, 8, 5, 0))},
		{"eletechsup beyond", one("eletechsup", 8), tohex(mbSeal(1, 6, 0, 9, 5, 0)), tohex(mbSeal(1, 0x86, mbBadAddress))},
		{"eletechsup knows no inputs by FC02", one("eletechsup", 8), tohex(mbSeal(1, 2, 0, 0, 0, 8)), tohex(mbSeal(1, 0x82, mbBadFunction))},
		{"eletechsup broadcast is silent", one("eletechsup", 8), "FF 06 00 FB 00 00 ED E5", ""},
		{"dc mask of 24", one("dc", 18), "DC 02 01 12 00 13", "DC FE 01 12 03 00 00 00 16"},
		{
			"dc inverted",
			LineConfig{Family: "dc", Boards: []BoardConfig{{Address: 1, Channels: 10, Inverted: true}}},
			"DC 02 01 12 00 13", "DC FE 01 12 02 03 FF 17",
		},
		{"dc version", one("dc", 12), "DC 02 01 01 00 02", "DC FE 01 01 01 02 05"},
		{"dc wrong sum", one("dc", 12), "DC 02 01 12 00 14", ""},
		{"waveshare inputs", one("waveshare", 8), "01 02 00 00 00 08 79 CC", "01 02 01 FF E1 C8"},
		{"waveshare flash", one("waveshare", 8), "01 05 02 01 00 08 9C 74", "01 05 02 01 00 08 9C 74"},
		{"waveshare version", one("waveshare", 8), "01 03 80 00 00 01 AD CA", "01 03 02 00 C8 B9 D2"},
		{"waveshare broadcast is silent", one("waveshare", 8), "00 06 40 00 00 01 5C 1B", ""},
		{"waveshare mode", one("waveshare", 8), "01 06 10 00 00 01 4C CA", "01 06 10 00 00 01 4C CA"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, tt.cfg)
				if got := b.ask(tt.request, 0); got != tt.want {
					t.Errorf("got %s, want %s", got, tt.want)
				}
			})
		})
	}
}

func TestWaveshareRefuses(t *testing.T) {
	tests := []struct {
		name    string
		request []byte // without its CRC
		code    byte
	}{
		{"function", []byte{1, 0x04, 0, 0, 0, 1}, mbBadFunction},
		{"coil", []byte{1, 0x05, 0, 8, 0xFF, 0}, mbBadAddress},
		{"flash coil", []byte{1, 0x05, 2, 8, 0, 1}, mbBadAddress},
		{"coil value", []byte{1, 0x05, 0, 1, 1, 0}, mbBadValue},
		{"all value", []byte{1, 0x05, 0, 0xFF, 1, 0}, mbBadValue},
		{"flash for no time", []byte{1, 0x05, 2, 1, 0, 0}, mbBadValue},
		{"flash too long", []byte{1, 0x05, 2, 1, 0x80, 0}, mbBadValue},
		{"inputs beyond", []byte{1, 0x02, 0, 4, 0, 5}, mbBadAddress},
		{"no inputs", []byte{1, 0x02, 0, 0, 0, 0}, mbBadValue},
		{"register", []byte{1, 0x03, 0, 0, 0, 1}, mbBadAddress},
		{"registers", []byte{1, 0x03, 0x10, 0, 0, 200}, mbBadValue},
		{"mode", []byte{1, 0x06, 0x10, 0, 0, 9}, mbBadValue},
		{"mode beyond", []byte{1, 0x06, 0x10, 8, 0, 0}, mbBadAddress},
		{"address", []byte{1, 0x06, 0x40, 0, 1, 0}, mbBadValue},
		{"coils with wrong count", []byte{1, 0x0F, 0, 0, 0, 8, 2, 0, 0}, mbBadValue},
		{"modes with wrong count", []byte{1, 0x10, 0x10, 0, 0, 2, 2, 0, 0}, mbBadValue},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, one("waveshare", 8))
				want := tohex(mbSeal(1, tt.request[1]|mbFailure, tt.code))
				if got := b.ask(tohex(mbSeal(tt.request...)), 0); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				if n := len(b.log.Entries()); n != 0 {
					t.Errorf("a refused request moved something: %v", whats(&b.log))
				}
			})
		})
	}
}

func TestGarbageIsSkipped(t *testing.T) {
	for family, request := range map[string]string{
		"xor8a": "80 01 00 33 B2", "cu16": "02 10 30 03 45", "cu48": "02 01 00 60 03 66",
		"waveshare": "01 02 00 00 00 08 79 CC", "winnsen": "90 07 02 01 FF 00 03",
		"eletechsup": tohex(mbSeal(1, 3, 0, 0x81, 0, 8)), "wkly": tohex(wklySeal(1, 0x84)), "dc": "DC 02 01 12 00 13",
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, one(family, 8))
			clean := b.ask(request, 0)
			if got := b.ask("FF 8A 55 FF 11 02 03 "+request, 0); got != clean {
				t.Errorf("%s: got %q after garbage, want %q", family, got, clean)
			}
			b.tell(request[:8]) // a beginning that is never finished
			time.Sleep(2 * maxGap)
			if got := b.ask(request, 0); got != clean {
				t.Errorf("%s: got %q after half a request, want %q", family, got, clean)
			}
			if b.Garbage() == 0 {
				t.Errorf("%s: no garbage was counted", family)
			}
		})
	}
}

func FuzzHear(f *testing.F) {
	families := slices.Sorted(maps.Keys(rows()))
	for i, family := range families {
		for _, fr := range published(f, rows()[family]) {
			f.Add(i, unhex(fr.hex))
		}
	}
	f.Fuzz(func(t *testing.T, which int, b []byte) {
		if which < 0 || which >= len(families) || len(b) == 0 {
			return
		}
		l, err := newLine(one(families[which], 8))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		if n := l.speak.cut(b); n > len(b) {
			t.Fatalf("cut %d bytes of %d", n, len(b))
		}
		l.hear(&port{queue: make(chan []byte, maxQueue)}, &ear{}, b, time.Now())
	})
}

// TestFlippedRequestsMoveNothing flips every bit of an unlock but the station
// and the lock of winnsen, which nothing guards.
func TestFlippedRequestsMoveNothing(t *testing.T) {
	for family, request := range map[string]string{
		"xor8a": "8A 01 01 11 9B", "cu16": "02 11 31 03 47", "cu48": "02 01 00 61 03 67",
		"waveshare": "01 05 02 01 00 08 9C 74", "winnsen": "90 06 05 01 01 03",
		"eletechsup": tohex(mbSeal(1, 6, 0, 1, 5, 0)), "wkly": tohex(wklySeal(1, 0x82, 1)), "dc": "DC 02 01 10 01 01 13",
	} {
		frame := unhex(request)
		for bit := range len(frame) * 8 {
			if family == "winnsen" && (bit/8 == 3 || bit/8 == 4) {
				continue
			}
			t.Run(fmt.Sprint(family, bit), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := newBench(t, one(family, 8))
					bad := unhex(request)
					bad[bit/8] ^= 1 << (bit % 8)
					b.ask(tohex(bad), 0)
					if n := len(b.log.Pulses()); n != 0 {
						t.Errorf("% X fired %d coils", bad, n)
					}
				})
			})
		}
	}
}
