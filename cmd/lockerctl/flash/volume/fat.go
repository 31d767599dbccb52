package volume

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// fat is a FAT file system. Offsets are bytes from the beginning of the partition.
type fat struct {
	r        io.ReaderAt // the partition
	width    int         // bits of a table's entry: 12, 16, 32
	table    int64
	tableLen int64
	root     extentOrCluster
	data     int64 // of cluster 2
	cluster  int64 // bytes
	clusters uint32
}

// extentOrCluster is where the root directory lies: FAT32 has it in clusters.
type extentOrCluster struct {
	off, len int64
	cluster  uint32
}

var errNoFAT = errors.New("there is no FAT file system")

// openFAT reads the parameters in the first sector of a partition of size bytes.
func openFAT(r io.ReaderAt, size int64) (*fat, error) {
	var b [sector]byte
	if _, err := r.ReadAt(b[:], 0); err != nil {
		return nil, fmt.Errorf("cannot read the file system: %w", err)
	}
	u16 := func(at int) int64 { return int64(binary.LittleEndian.Uint16(b[at:])) }
	u32 := func(at int) int64 { return int64(binary.LittleEndian.Uint32(b[at:])) }
	or := func(a, b int64) int64 {
		if a != 0 {
			return a
		}
		return b
	}
	bytes, per, reserved, tables := u16(11), int64(b[13]), u16(14), int64(b[16])
	entries, total, tableLen := u16(17), or(u16(19), u32(32)), or(u16(22), u32(36))
	if b[510] != 0x55 || b[511] != 0xaa || bytes < sector || bytes > 4096 || bits.OnesCount64(uint64(bytes)) != 1 ||
		bits.OnesCount64(uint64(per)) != 1 || reserved == 0 || tables < 1 || tables > 2 || tableLen == 0 || total*bytes > size {
		return nil, errNoFAT
	}
	f := &fat{r: r, table: reserved * bytes, tableLen: tableLen * bytes, cluster: per * bytes}
	f.root.off = f.table + tables*f.tableLen
	f.root.len = (entries*dirEntry + bytes - 1) / bytes * bytes
	f.data = f.root.off + f.root.len
	n := (total*bytes - f.data) / f.cluster
	if n <= 0 || n > 0x0fffffff {
		return nil, errNoFAT
	}
	f.clusters = uint32(n)
	switch {
	case n < 4085:
		f.width = 12
	case n < 65525:
		f.width = 16
	default:
		f.width = 32
	}
	if entries == 0 { // its root is a chain, however few clusters there are
		f.width, f.root = 32, extentOrCluster{cluster: uint32(u32(44))}
	}
	return f, nil
}

// next returns the cluster behind one in its chain; ok is false at the end.
func (f *fat) next(c uint32) (n uint32, ok bool, err error) {
	var b [4]byte
	off := int64(c) * int64(f.width) / 8
	width := int64(f.width+7) / 8
	if off+width > f.tableLen {
		return 0, false, errors.New("the FAT is damaged: it is shorter than its clusters need")
	}
	if _, err := f.r.ReadAt(b[:width], f.table+off); err != nil {
		return 0, false, fmt.Errorf("cannot read the FAT: %w", err)
	}
	n = binary.LittleEndian.Uint32(b[:])
	last := uint32(0xfff8)
	switch f.width {
	case 12:
		n, last = n>>(4*(c&1))&0xfff, 0xff8
	case 32:
		n, last = n&0x0fffffff, 0x0ffffff8
	}
	if n >= last {
		return 0, false, nil
	}
	return n, true, f.check(n)
}

func (f *fat) check(c uint32) error {
	if c < 2 || c-2 >= f.clusters {
		return errors.New("the FAT is damaged: a chain leaves it")
	}
	return nil
}

// chain returns at most most bytes of the chain that begins at c.
func (f *fat) chain(c uint32, most int64) ([]Extent, error) {
	if err := f.check(c); err != nil {
		return nil, err
	}
	var list []Extent
	seen := map[uint32]bool{}
	for got := int64(0); got < most; {
		if seen[c] {
			return nil, errors.New("the FAT is damaged: a chain is a loop")
		}
		seen[c] = true
		e := Extent{Off: f.data + int64(c-2)*f.cluster, Len: min(f.cluster, most-got)}
		got += e.Len
		if last := len(list) - 1; last >= 0 && list[last].Off+list[last].Len == e.Off {
			list[last].Len += e.Len
		} else {
			list = append(list, e)
		}
		n, ok, err := f.next(c)
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		c = n
	}
	return list, nil
}
