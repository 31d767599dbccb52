package journal

import (
	"encoding/binary"
	"hash/crc32"
	"hash/crc64"
)

// Bounds of a record.
const (
	MaxPayload = 16 << 20 // bytes of one record's payload
	frameHead  = 32       // bytes in front of the payload
	frameAlign = 8        // records begin at multiples of this
)

const frameMagic = 0x314a4b4c // "LKJ1" as it lies on disk

// kind says what a frame holds.
type kind uint16

const (
	kindHead   kind = 1 // first frame of a segment
	kindCommit kind = 2
	kindState  kind = 3 // one object of a checkpoint
	kindEnd    kind = 4 // last frame of a checkpoint: a torn one lacks it
)

// frame is one record as it lies in a file. The payload is not a copy.
type frame struct {
	index   uint64
	kind    kind
	payload []byte
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// sum64 is the second, independent checksum: it tells a true repair from a
// chance match of the first.
func sum64(p []byte) uint64 { return crc64.Checksum(p, crc64.MakeTable(crc64.ECMA)) }

// sumCold is sum64 for appending: a record of the usual size is summed by 16
// words instead of the standard library's 20 KiB of tables, which are out of all
// caches when a scan comes. Reading a whole journal is faster by those.
func sumCold(p []byte) uint64 {
	if len(p) > smallSum {
		return sum64(p)
	}
	sum := ^uint64(0)
	for _, c := range p {
		sum = nibbles[(sum^uint64(c))&15] ^ sum>>4
		sum = nibbles[(sum^uint64(c>>4))&15] ^ sum>>4
	}
	return ^sum
}

const smallSum = 2048 // bytes

// nibbles are the sums of four bits, for sumCold; a test holds them to hash/crc64.
var nibbles = [16]uint64{
	0x0000000000000000, 0x7d9ba13851336649, 0xfb374270a266cc92, 0x86ace348f355aadb,
	0x64b62bcaebc387a1, 0x192d8af2baf0e1e8, 0x9f8169ba49a54b33, 0xe21ac88218962d7a,
	0xc96c5795d7870f42, 0xb4f7f6ad86b4690b, 0x325b15e575e1c3d0, 0x4fc0b4dd24d2a599,
	0xadda7c5f3c4488e3, 0xd041dd676d77eeaa, 0x56ed3e2f9e224471, 0x2b769f17cf112238,
}

func padded(n int) int { return (n + frameAlign - 1) &^ (frameAlign - 1) }

// frameSize is what a payload of n bytes takes in a file.
func frameSize(n int) int { return padded(frameHead + n) }

// appendFrame appends f to b, padded.
func appendFrame(b []byte, f frame) []byte {
	at := len(b)
	b = binary.LittleEndian.AppendUint32(b, frameMagic)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(f.payload)))
	b = binary.LittleEndian.AppendUint64(b, f.index)
	b = binary.LittleEndian.AppendUint64(b, sumCold(f.payload))
	b = binary.LittleEndian.AppendUint32(b, uint32(f.kind))
	sum := crc32.Update(crc32.Checksum(b[at:], castagnoli()), castagnoli(), f.payload)
	b = binary.LittleEndian.AppendUint32(b, sum)
	b = append(b, f.payload...)
	for len(b)-at < frameSize(len(f.payload)) {
		b = append(b, 0)
	}
	return b
}

// parseFrame reads the frame at the beginning of b. ok is false if there is no
// whole and sound one.
func parseFrame(b []byte) (f frame, size int, ok bool) {
	f, size, ok = scanFrame(b)
	if !ok || sum64(f.payload) != binary.LittleEndian.Uint64(b[16:]) {
		return frame{}, 0, false
	}
	return f, size, true
}

// scanFrame is parseFrame without the second sum.
func scanFrame(b []byte) (f frame, size int, ok bool) {
	if len(b) < frameHead || binary.LittleEndian.Uint32(b) != frameMagic {
		return frame{}, 0, false
	}
	n := binary.LittleEndian.Uint32(b[4:])
	if n > MaxPayload || frameHead+int(n) > len(b) {
		return frame{}, 0, false
	}
	if syndrome(b, int(n)) != 0 {
		return frame{}, 0, false
	}
	f = frame{
		index: binary.LittleEndian.Uint64(b[8:]), kind: kind(binary.LittleEndian.Uint32(b[24:])),
		payload: b[frameHead : frameHead+int(n)],
	}
	return f, frameSize(int(n)), true
}

// syndrome is the difference between the checksum a frame carries and the one
// its bytes have: 0 for a sound frame.
func syndrome(b []byte, n int) uint32 {
	sum := crc32.Update(crc32.Checksum(b[:28], castagnoli()), castagnoli(), b[frameHead:frameHead+n])
	return sum ^ binary.LittleEndian.Uint32(b[28:])
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
