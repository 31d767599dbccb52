package store

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"

	"lockerd/daemon/locker"
)

// ErrDamaged is returned when a stored record is not what was stored.
var ErrDamaged = errors.New("stored record damaged")

const sumSize = 4 // checksum in front of each stored value

// seal puts the checksum over key and payload in front of the payload. b has
// sumSize bytes of room at its beginning.
func seal(key, b []byte) []byte {
	binary.LittleEndian.PutUint32(b, checksum(key, b[sumSize:]))
	return b
}

// unseal returns the payload of a stored value.
func unseal(key, v []byte) ([]byte, error) {
	if len(v) < sumSize || binary.LittleEndian.Uint32(v) != checksum(key, v[sumSize:]) {
		return nil, ErrDamaged
	}
	return v[sumSize:], nil
}

func checksum(key, payload []byte) uint32 {
	t := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(key, t), t, payload)
}

const codeVersion = 1 // first byte of a code record

// Flags of a code record: what is rarely there takes no room and no time.
const (
	flagAccessible = 1 << iota
	flagUses
	flagRevoked
	flagMark  // the mark has more than revoked
	flagItems // items is not 0
	flagLong  // a text is longer than 255 bytes: lengths of 4 bytes
	flagGoing // the mark's last use is not over
)

const (
	codeFixed = 22 // version to not_after
	codeTexts = 8
	shortText = 255
)

func kindNames() []locker.Kind {
	return []locker.Kind{locker.Collect, locker.Deliver, locker.Return, locker.Swap, locker.Clear, locker.Service}
}

// appendCode puts the sealed record of a code and its mark into b[:0].
func appendCode(b []byte, c *locker.Code, m *locker.Mark) []byte {
	texts := [codeTexts]string{c.ID, c.Ref, c.Tenant, c.SKU, c.To, c.Label, c.Name, ""}
	kind := slices.Index(kindNames(), c.Kind) + 1
	if kind == 0 {
		texts[7] = string(c.Kind)
	}
	flags := codeFlags(c, m, texts[:])
	b = append(b[:0], 0, 0, 0, 0, codeVersion, flags, c.Door.Locker, c.Door.Door, byte(c.Size), byte(kind))
	b = binary.LittleEndian.AppendUint64(b, uint64(c.NotBefore))
	b = binary.LittleEndian.AppendUint64(b, uint64(c.NotAfter))
	b = binary.AppendVarint(b, c.Rev)
	if flags&flagItems != 0 {
		b = binary.AppendVarint(b, int64(c.Items))
	}
	if flags&flagUses != 0 {
		b = binary.AppendVarint(b, int64(*c.Uses))
	}
	if flags&flagMark != 0 {
		for _, n := range [...]int64{int64(m.Used), int64(m.Done), int64(m.Until), int64(m.Last)} {
			b = binary.AppendVarint(b, n)
		}
	}
	for _, s := range texts {
		if flags&flagLong != 0 {
			b = binary.LittleEndian.AppendUint32(b, uint32(len(s)))
		} else {
			b = append(b, byte(len(s)))
		}
	}
	for _, s := range texts {
		b = append(b, s...)
	}
	return seal(c.Tag[:], b)
}

func codeFlags(c *locker.Code, m *locker.Mark, texts []string) byte {
	var f byte
	if c.Accessible {
		f |= flagAccessible
	}
	if c.Uses != nil {
		f |= flagUses
	}
	if m.Revoked {
		f |= flagRevoked
	}
	if m.Going {
		f |= flagGoing
	}
	if (*m != locker.Mark{Revoked: m.Revoked, Going: m.Going}) {
		f |= flagMark
	}
	if c.Items != 0 {
		f |= flagItems
	}
	if slices.ContainsFunc(texts, func(s string) bool { return len(s) > shortText }) {
		f |= flagLong
	}
	return f
}

// decodeCode reads a stored code record into e. Its texts share one copy.
func decodeCode(tag, v []byte, e *locker.Entry) error {
	b, err := unseal(tag, v)
	if err != nil || len(b) < codeFixed || b[0] != codeVersion {
		return ErrDamaged
	}
	c, flags := &e.Code, b[1]
	*c = locker.Code{
		Tag: locker.Tag(tag), Door: locker.DoorID{Locker: b[2], Door: b[3]}, Size: locker.Size(b[4]), Accessible: flags&flagAccessible != 0,
		NotBefore: locker.Time(binary.LittleEndian.Uint64(b[6:])), NotAfter: locker.Time(binary.LittleEndian.Uint64(b[14:])),
	}
	e.Mark = locker.Mark{Revoked: flags&flagRevoked != 0, Going: flags&flagGoing != 0}
	kind := int(b[5])
	var used int
	if c.Rev, used = binary.Varint(b[codeFixed:]); used <= 0 {
		return ErrDamaged
	}
	b = b[codeFixed+used:]
	if flags&(flagUses|flagMark|flagItems) != 0 {
		if b, err = decodeRare(b, flags, e); err != nil {
			return err
		}
	}
	if flags&flagLong != 0 {
		return decodeLong(b, kind, c)
	}
	if len(b) < codeTexts {
		return ErrDamaged
	}
	var size [codeTexts]int
	for i := range size {
		size[i] = int(b[i])
	}
	return decodeTexts(b[codeTexts:], &size, kind, c)
}

// decodeRare reads the members that most codes lack.
func decodeRare(b []byte, flags byte, e *locker.Entry) ([]byte, error) {
	var n [6]int64
	want := n[:0]
	for _, f := range []struct {
		flag byte
		n    int
	}{{flagItems, 1}, {flagUses, 1}, {flagMark, 4}} {
		if flags&f.flag != 0 {
			want = want[:len(want)+f.n]
		}
	}
	b, err := varints(b, want)
	if err != nil {
		return nil, err
	}
	if flags&flagItems != 0 {
		e.Code.Items, want = int(want[0]), want[1:]
	}
	if flags&flagUses != 0 {
		uses := int(want[0])
		e.Code.Uses, want = &uses, want[1:]
	}
	if flags&flagMark != 0 {
		m := &e.Mark
		m.Used, m.Done, m.Until, m.Last = int(want[0]), int(want[1]), locker.Time(want[2]), locker.Time(want[3])
	}
	return b, nil
}

func varints(b []byte, out []int64) ([]byte, error) {
	for i := range out {
		n, size := binary.Varint(b)
		if size <= 0 {
			return nil, ErrDamaged
		}
		out[i], b = n, b[size:]
	}
	return b, nil
}

func decodeLong(b []byte, kind int, c *locker.Code) error {
	if len(b) < 4*codeTexts {
		return ErrDamaged
	}
	var size [codeTexts]int
	for i := range size {
		n := binary.LittleEndian.Uint32(b[4*i:])
		if n > maxRecord {
			return ErrDamaged
		}
		size[i] = int(n)
	}
	return decodeTexts(b[4*codeTexts:], &size, kind, c)
}

func decodeTexts(b []byte, size *[codeTexts]int, kind int, c *locker.Code) error {
	total := 0
	for _, n := range size {
		total += n
	}
	if total != len(b) {
		return ErrDamaged
	}
	all := string(b)
	c.ID, all = all[:size[0]], all[size[0]:]
	c.Ref, all = all[:size[1]], all[size[1]:]
	c.Tenant, all = all[:size[2]], all[size[2]:]
	c.SKU, all = all[:size[3]], all[size[3]:]
	c.To, all = all[:size[4]], all[size[4]:]
	c.Label, all = all[:size[5]], all[size[5]:]
	c.Name, all = all[:size[6]], all[size[6]:]
	return decodeKind(kind, all, c)
}

func decodeKind(kind int, other string, c *locker.Code) error {
	switch kind {
	case 0:
		c.Kind = locker.Kind(other)
	case 1:
		c.Kind = locker.Collect
	case 2:
		c.Kind = locker.Deliver
	case 3:
		c.Kind = locker.Return
	case 4:
		c.Kind = locker.Swap
	case 5:
		c.Kind = locker.Clear
	case 6:
		c.Kind = locker.Service
	default:
		return ErrDamaged
	}
	return nil
}
