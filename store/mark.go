package store

import (
	"encoding/binary"

	"go.etcd.io/bbolt"

	"lockerd/daemon/locker"
)

// markVersion is the first byte of a stored mark.
const markVersion = 1

// Flags of a stored mark.
const (
	markRevoked = 1 << iota
	markGoing
)

// appendMark puts the payload of a mark behind b: version, flags (1 revoked,
// 2 going),
// then used, done, until, last as varints. Every scan reads one, so it is not
// JSON like the other small records.
func appendMark(b []byte, m locker.Mark) []byte {
	flags := byte(0)
	if m.Revoked {
		flags |= markRevoked
	}
	if m.Going {
		flags |= markGoing
	}
	b = append(b, markVersion, flags)
	for _, n := range [...]int64{int64(m.Used), int64(m.Done), int64(m.Until), int64(m.Last)} {
		b = binary.AppendVarint(b, n)
	}
	return b
}

// decodeMark reads a payload that its checksum vouches for.
func decodeMark(b []byte, m *locker.Mark) error {
	if len(b) < 2 || b[0] != markVersion || b[1] > markRevoked|markGoing {
		return ErrDamaged
	}
	var n [4]int64
	rest := b[2:]
	for i := range n {
		v, size := binary.Varint(rest)
		if size <= 0 {
			return ErrDamaged
		}
		n[i], rest = v, rest[size:]
	}
	if len(rest) > 0 {
		return ErrDamaged
	}
	*m = locker.Mark{Used: int(n[0]), Done: int(n[1]), Until: locker.Time(n[2]), Last: locker.Time(n[3]), Revoked: b[1]&markRevoked != 0, Going: b[1]&markGoing != 0}
	return nil
}

func putMark(tx *bbolt.Tx, key locker.CodeKey, m locker.Mark) error {
	return putSealed(tx, bucketMarks, markKey(key), appendMark(nil, m))
}
