package serial

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// simModule is a scanner module on the far end of a pty. It is written from the
// papers, not from package module.
type simModule struct {
	mu     sync.Mutex
	values map[string]string // settings by the family's own names
	eat    func(values map[string]string, in []byte) (n int, reply []byte)
	mute   bool
	stuck  map[string]bool // settings that it does not change whatever it says
	asked  int             // commands
}

// simFamily is how one kind of module talks, what a prankster's barcodes make of
// it, and what it should be.
type simFamily struct {
	name            string
	eat             func(map[string]string, []byte) (int, []byte)
	pranked, proper map[string]string
	mended          string
}

func simFamilies() []simFamily {
	return []simFamily{
		{
			"gm65", eatGM65,
			map[string]string{"0": "D4", "3": "FF", "60": "6B"},
			map[string]string{"0": "D7", "3": "FE", "60": "0B"},
			"setup barcodes off, trigger, suffix",
		},
		{
			"ssi", eatSSI,
			map[string]string{"8A": "08", "EB": "00", "EC": "01", "EE": "01"},
			map[string]string{"8A": "07", "EB": "01", "EC": "00", "EE": "00"},
			"setup barcodes off, trigger, raw data, suffix",
		},
		{
			"honeywell", eatHoneywell,
			map[string]string{"MNUENA": "1", "TRGMOD": "0", "VSUFCR": "-"},
			map[string]string{"MNUENA": "0", "TRGMOD": "3", "VSUFCR": ""},
			"setup barcodes off, trigger",
		},
		{
			"newland", eatNewland,
			map[string]string{"SETUPE": "1", "SCNENA": "0", "SCNMOD": "0", "TSUENA": "0", "TSUSET": "0A"},
			map[string]string{"SETUPE": "0", "SCNENA": "1", "SCNMOD": "2", "TSUENA": "1", "TSUSET": "0D"},
			"reading on, trigger, suffix on, suffix",
		},
	}
}

// serve answers until the pty is closed.
func (m *simModule) serve(end *os.File) {
	var in []byte
	buf := make([]byte, 256)
	for {
		n, err := end.Read(buf)
		if err != nil {
			return
		}
		in = append(in, buf[:n]...)
		in = m.answer(end, in)
	}
}

func (m *simModule) answer(end *os.File, in []byte) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		kept := map[string]string{}
		for k := range m.stuck {
			kept[k] = m.values[k]
		}
		n, reply := m.eat(m.values, in)
		maps.Copy(m.values, kept)
		if n == 0 {
			return in
		}
		in = in[n:]
		if m.mute {
			continue
		}
		m.asked++
		_, _ = end.Write(reply) // an unplugged module says nothing
	}
}

func (m *simModule) is(want map[string]string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var wrong []string
	for k, v := range want {
		if m.values[k] != v {
			wrong = append(wrong, fmt.Sprintf("%s is %q, want %q", k, m.values[k], v))
		}
	}
	return strings.Join(wrong, ", ")
}

func (m *simModule) set(v map[string]string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values = maps.Clone(v)
}

// eatGM65: 7E 00, type, length, zone, data, CRC (AB CD: any).
func eatGM65(values map[string]string, in []byte) (int, []byte) {
	if len(in) < 9 {
		return 0, nil
	}
	if in[0] != 0x7E || in[1] != 0 || in[3] != 1 {
		return 1, nil
	}
	zone := fmt.Sprintf("%X", binary.BigEndian.Uint16(in[4:6]))
	data := byte(0)
	switch in[2] {
	case 0x07:
		if _, err := fmt.Sscanf(values[zone], "%X", &data); err != nil {
			data = 0
		}
	case 0x08:
		values[zone] = fmt.Sprintf("%02X", in[6])
	default:
		return 9, []byte{0x02, 0x00, 0x03, 0x01, 0x00, 0x6A, 0x61}
	}
	body := []byte{0x00, 0x01, data}
	return 9, append(append([]byte{0x02, 0x00}, body...), xmodem(body)...)
}

// xmodem is the published C routine of the manual, bit by bit.
func xmodem(b []byte) []byte {
	crc := uint32(0)
	for _, c := range b {
		for i := byte(0x80); i != 0; i /= 2 {
			crc *= 2
			if crc&0x10000 != 0 {
				crc ^= 0x11021
			}
			if c&i != 0 {
				crc ^= 0x1021
			}
		}
	}
	return []byte{byte(crc >> 8), byte(crc)}
}

// eatSSI: length, opcode, source, status, data, sum. A 00 is a wake-up.
func eatSSI(values map[string]string, in []byte) (int, []byte) {
	if len(in) == 0 {
		return 0, nil
	}
	n := int(in[0])
	if n < 4 {
		return 1, nil
	}
	if len(in) < n+2 {
		return 0, nil
	}
	p := in[:n]
	switch p[1] {
	case 0xC6:
		values[fmt.Sprintf("%X", p[5])] = fmt.Sprintf("%02X", p[6])
		return n + 2, []byte{0x04, 0xD0, 0x00, 0x00, 0xFF, 0x2C}
	case 0xC7:
		var v byte
		_, _ = fmt.Sscanf(values[fmt.Sprintf("%X", p[4])], "%X", &v)
		r := []byte{0x07, 0xC6, 0x00, 0x00, 0xFF, p[4], v}
		sum := 0
		for _, c := range r {
			sum += int(c)
		}
		sum = 0x10000 - sum
		return n + 2, append(r, byte(sum>>8), byte(sum))
	}
	return n + 2, nil // an ACK of ours, or what it does not know
}

// eatHoneywell: SYN M CR, commands parted by semicolons, !.
func eatHoneywell(values map[string]string, in []byte) (int, []byte) {
	end := bytes.IndexByte(in, '!')
	if end < 0 {
		return 0, nil
	}
	var r []byte
	for i, c := range strings.Split(strings.TrimPrefix(string(in[:end]), "\x16M\r"), ";") {
		if i > 0 {
			r = append(r, ';')
		}
		tag, value := c[:6], c[6:]
		if _, known := values[tag]; !known {
			r = append(r, c+"\x05"...)
			continue
		}
		if value == "?" {
			value = values[tag]
		}
		values[tag] = value
		r = append(r, tag+value+"\x06"...)
	}
	return end + 1, append(r, '!')
}

// eatNewland: ~ SOH 0000 #, tag, data, ; ETX.
func eatNewland(values map[string]string, in []byte) (int, []byte) {
	end := bytes.IndexByte(in, 0x03)
	if end < 0 {
		return 0, nil
	}
	c, ok := strings.CutPrefix(string(in[:end]), "~\x010000#")
	if !ok || len(c) < 7 {
		return end + 1, nil
	}
	tag, value := c[:6], strings.TrimSuffix(c[6:], ";")
	if value == "*" {
		value = values[tag]
	}
	values[tag] = value
	return end + 1, []byte("\x02\x010000#" + tag + value + "\x06;\x03")
}

// plugModule makes a pty with a module on it under a stable name.
func plugModule(t *testing.T, name string, m *simModule) *os.File {
	t.Helper()
	end := plug(t, name)
	held, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0) // the far end of a pty that nobody has open can't be read
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = held.Close() })
	if err := unix.SetNonblock(int(end.Fd()), true); err != nil { // else Close waits for the read under way
		t.Fatal(err)
	}
	go m.serve(end)
	return end
}
