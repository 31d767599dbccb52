package wire

import "lockerd/daemon/locker"

// Bounds of messages. What is beyond one is refused whole.
const (
	MaxDown   = 64 << 10  // bytes of a message from above, signed (contract 6)
	MaxEvents = 50        // events of a batch (contract 6.4)
	MaxBatch  = 16 << 10  // bytes of a batch, the whole message
	MaxAlone  = 64 << 10  // bytes of a batch of one larger event
	MaxUp     = 256 << 10 // bytes of any other message from a bank
	MaxKeys   = 128       // keys of a set: as many as fit into a message
	MaxChunks = 1 << 16   // of a snapshot: far more codes than a bank can hold
)

// Bounds of a support bundle on the wire.
const (
	BundleChunk     = 12_000 // bytes in a chunk, the last one fewer: its message is no larger than a batch of events
	MaxBundle       = 16 << 20
	MaxBundleChunks = (MaxBundle + BundleChunk - 1) / BundleChunk
)

// Bounds of members.
const (
	maxWord  = 64 // of a kid, a nonce, a command's id, a serial
	maxRef   = 64 // characters
	maxName  = 40 // characters (contract 5.1)
	maxUses  = 1_000_000
	maxItems = locker.MaxLockers * locker.MaxDoors
)

// printable tells whether s has 1 to maxWord characters of ASCII that are seen.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= maxWord
}

// Granted tells whether a return code of a SUBACK is a QoS. MQTT 3.1.1 knows one failure,
// 0x80 (3.9.3); mochi answers with others of MQTT 5.
func Granted(code byte) bool { return code <= 2 }
