package sim

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/hal"
)

// bench is a line without a pty, for tests in a synctest bubble.
type bench struct {
	*Line
	port *port
	ear  ear
}

func newBench(t *testing.T, cfg LineConfig) *bench {
	t.Helper()
	l, err := newLine(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return &bench{Line: l, port: &port{queue: make(chan []byte, maxQueue)}}
}

// one is a line with a single board at address 1.
func one(family string, channels int) LineConfig {
	return LineConfig{Family: family, Boards: []BoardConfig{{Address: 1, Channels: channels}}}
}

func (b *bench) tell(request string) {
	b.hear(b.port, &b.ear, unhex(request), time.Now())
}

// ask returns what the boards have sent d after a request.
func (b *bench) ask(request string, d time.Duration) string {
	b.tell(request)
	time.Sleep(d)
	synctest.Wait()
	var out []byte
	for {
		select {
		case r := <-b.port.queue:
			out = append(out, r...)
		default:
			return tohex(out)
		}
	}
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

func tohex(b []byte) string { return strings.TrimSpace(strings.ToUpper(hexSpaced(b))) }

func hexSpaced(b []byte) string {
	var s strings.Builder
	for _, v := range b {
		s.WriteString(hex.EncodeToString([]byte{v}) + " ")
	}
	return s.String()
}

func at(address, channel int) hal.Lock { return hal.Lock{Address: address, Channel: channel} }

func whats(l *Log) (out []What) {
	for _, e := range l.Entries() {
		out = append(out, e.What)
	}
	return out
}

func wantWhats(t *testing.T, l *Log, want ...What) {
	t.Helper()
	if got := whats(l); !slices.Equal(got, want) {
		t.Errorf("log is %v, want %v", got, want)
	}
}

func sealed(family string, b []byte) []byte {
	switch family {
	case "xor8a":
		return xorSeal(bytes.Clone(b)...)
	case "cu16", "cu48":
		return cuSeal(bytes.Clone(b)...)
	case "dc":
		return append([]byte{0xDC, 2}, cuSeal(bytes.Clone(b)...)...)
	case "wkly":
		return wklySeal(b[0], b[1], b[2:]...)
	case "winnsen":
		return winnSeal(bytes.Clone(b)...)
	default:
		return mbSeal(bytes.Clone(b)...)
	}
}
