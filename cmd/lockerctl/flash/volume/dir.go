package volume

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
)

const (
	dirEntry = 32
	dirMax   = 65536 * dirEntry // as FAT bounds a directory

	attrVolume    = 0x08
	attrDirectory = 0x10
	attrLong      = 0x0f
	unitsPerPart  = 13
	longMax       = 20 // parts of a long name
)

// entry is a file in a directory.
type entry struct {
	name    string // long, if it has one
	cluster uint32
	size    int64
}

// lookUp finds a file in the root directory, upper and lower case alike. It returns nil
// if there is none.
func (f *fat) lookUp(name string) (*entry, error) {
	list := []Extent{{Off: f.root.off, Len: f.root.len}}
	if f.root.cluster != 0 {
		var err error
		if list, err = f.chain(f.root.cluster, dirMax); err != nil {
			return nil, err
		}
	}
	var long longName
	buf := make([]byte, 32<<10)
	for _, e := range list {
		for at := int64(0); at < e.Len; at += int64(len(buf)) {
			part := buf[:min(int64(len(buf)), e.Len-at)]
			if _, err := f.r.ReadAt(part, e.Off+at); err != nil {
				return nil, fmt.Errorf("cannot read the root directory: %w", err)
			}
			for ; len(part) >= dirEntry; part = part[dirEntry:] {
				if part[0] == 0 { // the end
					return nil, nil //nolint:nilnil // said above
				}
				if got := long.take(part[:dirEntry]); got != nil && strings.EqualFold(got.name, name) {
					return got, nil
				}
			}
		}
	}
	return nil, nil //nolint:nilnil // said above
}

// longName collects the parts of a long name, which stand before its file from the
// last to the first.
type longName struct {
	units []uint16
	next  byte // number of the part that must follow; 0 with units: complete
	sum   byte
}

// take takes one raw entry and returns the file that it ends, or nil.
func (l *longName) take(e []byte) *entry {
	switch {
	case e[0] == 0xe5: // deleted
		*l = longName{}
		return nil
	case e[11]&0x3f == attrLong:
		l.part(e)
		return nil
	}
	long := *l
	*l = longName{}
	if e[11]&(attrVolume|attrDirectory) != 0 {
		return nil
	}
	got := &entry{
		name:    shortName(e),
		cluster: uint32(binary.LittleEndian.Uint16(e[20:]))<<16 | uint32(binary.LittleEndian.Uint16(e[26:])),
		size:    int64(binary.LittleEndian.Uint32(e[28:])),
	}
	if len(long.units) > 0 && long.next == 0 && long.sum == checksum(e) {
		got.name = string(utf16.Decode(long.units))
	}
	return got
}

func (l *longName) part(e []byte) {
	number := e[0] & 0x3f
	switch {
	case e[0]&0x40 != 0 && number >= 1 && number <= longMax:
		*l = longName{next: number, sum: e[13]}
	case l.next == 0 || number != l.next || e[13] != l.sum:
		*l = longName{}
		return
	}
	var units []uint16
	for i := range unitsPerPart {
		at := 1 + 2*i
		if i >= 5 {
			at = 14 + 2*(i-5)
		}
		if i >= 11 {
			at = 28 + 2*(i-11)
		}
		u := binary.LittleEndian.Uint16(e[at:])
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	l.units = append(units, l.units...)
	l.next--
}

// shortName returns the name in 8.3.
func shortName(e []byte) string {
	name := strings.TrimRight(string(e[:8]), " ")
	if ext := strings.TrimRight(string(e[8:11]), " "); ext != "" {
		name += "." + ext
	}
	return name
}

// checksum binds a long name to its short one.
func checksum(e []byte) byte {
	var sum byte
	for _, c := range e[:11] {
		sum = sum>>1 | sum<<7
		sum += c
	}
	return sum
}

// Extent is a run of bytes.
type Extent struct{ Off, Len int64 }

// File is a file on a card: where its bytes lie, in their order.
type File struct {
	Partition int
	Size      int64
	Extents   []Extent // of the whole card
}

// Read returns the file's bytes from r.
func (f *File) Read(r io.ReaderAt) ([]byte, error) {
	b := make([]byte, f.Size)
	at := int64(0)
	for _, e := range f.Extents {
		if _, err := r.ReadAt(b[at:at+e.Len], e.Off); err != nil {
			return nil, fmt.Errorf("cannot read the file: %w", err)
		}
		at += e.Len
	}
	return b, nil
}

// fileMax bounds what is looked for: a small file.
const fileMax = 1 << 20

// Find returns the file of that name in the root directory of a FAT partition of r, or
// nil if there is none. Two are an error: nobody could tell which is read.
func Find(r io.ReaderAt, size int64, name string) (*File, error) {
	parts, err := Partitions(r, size)
	if err != nil {
		return nil, err
	}
	var found *File
	for _, p := range parts {
		f, err := findIn(r, p, name)
		if err != nil {
			return nil, fmt.Errorf("partition %d: %w", p.Number, err)
		}
		if f != nil && found != nil {
			return nil, fmt.Errorf("%s lies on partition %d and on %d", name, found.Partition, p.Number)
		}
		if f != nil {
			found = f
		}
	}
	return found, nil
}

func findIn(r io.ReaderAt, p Partition, name string) (*File, error) {
	f, err := openFAT(io.NewSectionReader(r, p.Off, p.Len), p.Len)
	if err == errNoFAT { //nolint:errorlint // ours, bare
		return nil, nil //nolint:nilnil // as Find
	}
	if err != nil {
		return nil, err
	}
	e, err := f.lookUp(name)
	if err != nil || e == nil {
		return nil, err
	}
	if f.width < 32 {
		e.cluster &= 0xffff // OS/2 kept something else above
	}
	if e.size > fileMax {
		return nil, fmt.Errorf("%s has %d bytes", name, e.size)
	}
	out := &File{Partition: p.Number, Size: e.size}
	if e.size == 0 {
		return out, nil
	}
	if out.Extents, err = f.chain(e.cluster, e.size); err != nil {
		return nil, err
	}
	for i := range out.Extents {
		out.Extents[i].Off += p.Off
	}
	if n := total(out.Extents); n != e.size {
		return nil, fmt.Errorf("the FAT is damaged: %s has %d bytes and clusters for %d", name, e.size, n)
	}
	return out, nil
}

func total(list []Extent) int64 {
	var n int64
	for _, e := range list {
		n += e.Len
	}
	return n
}
