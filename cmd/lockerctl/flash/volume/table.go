package volume

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

const sector = 512

// ErrNoTable is returned when there is no partition table.
var ErrNoTable = errors.New("there is no partition table")

// ShortError is returned when the table tells of more bytes than there are.
type ShortError struct {
	What string // partition 2
	Ends int64
	Size int64
}

// Error implements error.
func (e *ShortError) Error() string {
	return fmt.Sprintf("%s ends at byte %d, and there are %d", e.What, e.Ends, e.Size)
}

// Partition is a range of bytes.
type Partition struct {
	Number int
	Off    int64
	Len    int64
}

// Bounds of a GPT.
const (
	gptEntriesMax = 1024
	gptEntryMax   = 4096
)

// Partitions reads the table of r, which has size bytes. Logical partitions are not
// looked into.
func Partitions(r io.ReaderAt, size int64) ([]Partition, error) {
	var mbr [sector]byte
	if _, err := r.ReadAt(mbr[:], 0); err != nil {
		return nil, fmt.Errorf("cannot read the partition table: %w", err)
	}
	if mbr[510] != 0x55 || mbr[511] != 0xaa {
		return nil, ErrNoTable
	}
	var list []Partition
	for i := range 4 {
		e := mbr[446+16*i:]
		kind, first, n := e[4], int64(binary.LittleEndian.Uint32(e[8:])), int64(binary.LittleEndian.Uint32(e[12:]))
		if kind == 0xee {
			return guids(r, size)
		}
		if kind != 0 && n > 0 {
			list = append(list, Partition{Number: i + 1, Off: first * sector, Len: n * sector})
		}
	}
	if len(list) == 0 {
		return nil, ErrNoTable
	}
	return list, within(list, size)
}

// guids reads a GPT.
func guids(r io.ReaderAt, size int64) ([]Partition, error) {
	var h [sector]byte
	if _, err := r.ReadAt(h[:], sector); err != nil {
		return nil, fmt.Errorf("cannot read the GPT: %w", err)
	}
	length := binary.LittleEndian.Uint32(h[12:])
	if string(h[:8]) != "EFI PART" || length < 92 || length > sector || !sumIs(h[:length], 16) {
		return nil, errors.New("the GPT is damaged: its header has another checksum")
	}
	backup := binary.LittleEndian.Uint64(h[32:])
	at, n, each := binary.LittleEndian.Uint64(h[72:]), binary.LittleEndian.Uint32(h[80:]), binary.LittleEndian.Uint32(h[84:])
	if n > gptEntriesMax || each < 128 || each > gptEntryMax || at > uint64(size)/sector {
		return nil, errors.New("the GPT is damaged: its bounds make no sense")
	}
	entries := make([]byte, int(n)*int(each))
	if _, err := r.ReadAt(entries, int64(at)*sector); err != nil {
		return nil, fmt.Errorf("cannot read the GPT: %w", err)
	}
	if crc32.ChecksumIEEE(entries) != binary.LittleEndian.Uint32(h[88:]) {
		return nil, errors.New("the GPT is damaged: its entries have another checksum")
	}
	var list []Partition
	for i := range int(n) {
		e := entries[i*int(each):]
		first, last := binary.LittleEndian.Uint64(e[32:]), binary.LittleEndian.Uint64(e[40:])
		if [16]byte(e[:16]) == [16]byte{} {
			continue
		}
		if last < first || last > 1<<53 {
			return nil, fmt.Errorf("the GPT is damaged: partition %d ends before it begins", i+1)
		}
		list = append(list, Partition{Number: i + 1, Off: int64(first) * sector, Len: int64(last-first+1) * sector})
	}
	if len(list) == 0 {
		return nil, ErrNoTable
	}
	if err := within(list, size); err != nil {
		return nil, err
	}
	if backup >= uint64(size)/sector {
		return nil, &ShortError{What: "the GPT", Ends: int64(min(backup, 1<<53)+1) * sector, Size: size}
	}
	return list, nil
}

// sumIs tells whether a header has the CRC-32 that stands in it.
func sumIs(header []byte, at int) bool {
	bare := append([]byte(nil), header...)
	clear(bare[at : at+4])
	return crc32.ChecksumIEEE(bare) == binary.LittleEndian.Uint32(header[at:])
}

func within(list []Partition, size int64) error {
	for _, p := range list {
		if p.Off+p.Len > size {
			return &ShortError{What: fmt.Sprintf("partition %d", p.Number), Ends: p.Off + p.Len, Size: size}
		}
	}
	return nil
}
