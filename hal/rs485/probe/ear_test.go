package probe

import (
	"bytes"
	"testing"

	"lockerd/hal"
	"lockerd/hal/rs485/cu16"
)

// FuzzEar holds that an ear counts every byte once, keeps a bound, and hears
// the same however the bytes are cut.
func FuzzEar(f *testing.F) {
	codec, err := cu16.New(nil)
	if err != nil {
		f.Fatal(err)
	}
	req := codec.Status(hal.BoardConfig{Address: 1, Channels: 16})
	reply := []byte{0x02, 0x10, 0x35, 0xFF, 0xFF, 0, 0, 0x03, 0x48}
	f.Add(reply, 3)
	f.Add(bytes.Join([][]byte{req.Bytes, reply, {0}, reply}, nil), 1)
	f.Add(append([]byte{0x02, 0x10}, reply...), 2)
	f.Fuzz(func(t *testing.T, line []byte, cut int) {
		whole, parts := ear{req: &req}, ear{req: &req}
		whole.feed(line)
		for rest := line; len(rest) > 0; {
			n := min(len(rest), max(1, cut))
			parts.feed(rest[:n])
			rest = rest[n:]
		}
		if len(whole.buf) > maxKept || len(parts.buf) > maxKept {
			t.Fatal("kept without bound")
		}
		if whole.replies == 1 && parts.replies == 0 {
			t.Errorf("heard whole, not in parts: %x", line)
		}
		if whole.replies > 0 && !bytes.Contains(line, whole.raw) {
			t.Errorf("heard %x, which was not said", whole.raw)
		}
	})
}
