// Package flashtest makes images of cards for tests: a partition table, a FAT with the
// seed's file and others in it, and a partition of data with holes.
package flashtest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"hash/crc32"
	"unicode/utf16"

	"lockerd/daemon/seed"
)

const sector = 512

// Layout is what an image is to be.
type Layout struct {
	Width      int    // of the FAT: 12, 16, 32
	PerCluster int    // sectors; 0: 4
	GPT        bool   // else MBR
	Gaps       bool   // every other cluster only is the seed's
	Name       string // of the seed's file; empty: as it should be
	Content    []byte // of it; nil: the placeholder
	NoSeed     bool
	Second     bool  // the data partition is a FAT with the file, too
	DataSize   int64 // of the data partition; 0: 4 MiB
}

// Image makes an image. Its first partition begins at 1 MiB.
func Image(l Layout) []byte {
	boot := fat(l)
	data := make([]byte, 4<<20)
	if l.DataSize > 0 {
		data = make([]byte, l.DataSize)
	}
	for at := 0; at < len(data); at += 2 << 20 { // each other MiB is of zeros
		Noise(data[at : at+1<<20])
	}
	if l.Second {
		data = fat(l)
	}
	img := make([]byte, 1<<20, 2<<20+len(boot)+len(data))
	img = append(img, boot...)
	img = append(img, data...)
	parts := [][2]int64{{1 << 20, int64(len(boot))}, {1<<20 + int64(len(boot)), int64(len(data))}}
	for i := 8 << 10; i < 24<<10; i++ { // a loader of stage one, as many boards have
		img[i] = byte(i * 7)
	}
	if l.GPT {
		img = append(img, make([]byte, 1<<20)...)
		gpt(img, parts)
		return img
	}
	mbr(img, parts, 0x0c, 0x83)
	return img
}

// Noise fills b with bytes that don't compress, the same each time, and fast under the race
// detector, too.
func Noise(b []byte) {
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		panic(err) // of a key of 16 bytes
	}
	clear(b)
	cipher.NewCTR(block, make([]byte, 16)).XORKeyStream(b, b)
}

func mbr(img []byte, parts [][2]int64, kinds ...byte) {
	for i, p := range parts {
		e := img[446+16*i:]
		e[4] = kinds[i]
		binary.LittleEndian.PutUint32(e[8:], uint32(p[0]/sector))
		binary.LittleEndian.PutUint32(e[12:], uint32(p[1]/sector))
	}
	img[510], img[511] = 0x55, 0xaa
}

// gpt writes both tables of the UEFI specification, chapter 5.3.
func gpt(img []byte, parts [][2]int64) {
	mbr(img, [][2]int64{{sector, int64(len(img)) - sector}}, 0xee)
	entries := make([]byte, 128*128)
	for i, p := range parts {
		e := entries[128*i:]
		copy(e, "lockerd-kind-of-") // 16 bytes: a type
		e[16] = byte(i + 1)
		binary.LittleEndian.PutUint64(e[32:], uint64(p[0]/sector))
		binary.LittleEndian.PutUint64(e[40:], uint64((p[0]+p[1])/sector-1))
	}
	last := int64(len(img))/sector - 1
	header := func(here, there, table int64) []byte {
		h := make([]byte, sector)
		copy(h, "EFI PART")
		binary.LittleEndian.PutUint32(h[8:], 0x10000)
		binary.LittleEndian.PutUint32(h[12:], 92)
		binary.LittleEndian.PutUint64(h[24:], uint64(here))
		binary.LittleEndian.PutUint64(h[32:], uint64(there))
		binary.LittleEndian.PutUint64(h[40:], 34)
		binary.LittleEndian.PutUint64(h[48:], uint64(last-33))
		h[56] = 1 // the disk's GUID
		binary.LittleEndian.PutUint64(h[72:], uint64(table))
		binary.LittleEndian.PutUint32(h[80:], 128)
		binary.LittleEndian.PutUint32(h[84:], 128)
		binary.LittleEndian.PutUint32(h[88:], crc32.ChecksumIEEE(entries))
		binary.LittleEndian.PutUint32(h[16:], crc32.ChecksumIEEE(h[:92]))
		return h
	}
	copy(img[sector:], header(1, last, 2))
	copy(img[2*sector:], entries)
	copy(img[(last-32)*sector:], entries)
	copy(img[last*sector:], header(last, 1, last-32))
}

// fat makes a file system with some files in its root.
func fat(l Layout) []byte {
	f := &maker{per: 4, width: l.Width, next: 2}
	if l.PerCluster > 0 {
		f.per = l.PerCluster
	}
	f.format()
	f.volume("BOOT")
	f.file("CONFIG  TXT", "config.txt", []byte("arm_64bit=1\n"), false)
	f.deleted()
	if !l.NoSeed {
		name, content := seed.Name, seed.Placeholder()
		if l.Name != "" {
			name = l.Name
		}
		if l.Content != nil {
			content = l.Content
		}
		f.file("LOCKER~1TOM", name, content, l.Gaps)
	}
	f.file("KERNEL8 IMG", "kernel8.img", bytes.Repeat([]byte("kernel "), 5000), false)
	f.finish()
	return f.b
}

// maker makes a FAT, after Microsoft's "FAT: General Overview of On-Disk Format" 1.03.
type maker struct {
	b        []byte
	width    int
	per      int
	table    int // bytes from the beginning
	tableLen int
	root     int
	rootLen  int
	data     int
	next     int // cluster
	entries  []byte
}

func (f *maker) format() {
	clusters := map[int]int{12: 2000, 16: 5000, 32: 66000}[f.width]
	reserved, entries := 1, 512
	if f.width == 32 {
		reserved, entries = 32, 0
	}
	tableSectors := (clusters+2)*f.width/8/sector + 1
	f.table, f.tableLen = reserved*sector, tableSectors*sector
	f.root, f.rootLen = f.table+2*f.tableLen, entries*32
	f.data = f.root + f.rootLen
	total := f.data/sector + clusters*f.per
	f.b = make([]byte, (total*sector+1<<20-1)>>20<<20)
	b := f.b
	copy(b, "\xeb\x3c\x90lockerd ")
	binary.LittleEndian.PutUint16(b[11:], sector)
	b[13] = byte(f.per)
	binary.LittleEndian.PutUint16(b[14:], uint16(reserved))
	b[16] = 2
	binary.LittleEndian.PutUint16(b[17:], uint16(entries))
	b[21] = 0xf8
	if total < 65536 && f.width != 32 {
		binary.LittleEndian.PutUint16(b[19:], uint16(total))
	} else {
		binary.LittleEndian.PutUint32(b[32:], uint32(total))
	}
	if f.width == 32 {
		binary.LittleEndian.PutUint32(b[36:], uint32(tableSectors))
		binary.LittleEndian.PutUint32(b[44:], 2)
		f.next = 3 // 2 is the root directory
		f.root, f.rootLen = f.data, f.per*sector
		f.set(2, 0x0fffffff)
	} else {
		binary.LittleEndian.PutUint16(b[22:], uint16(tableSectors))
	}
	b[510], b[511] = 0x55, 0xaa
	f.set(0, 0x0ffffff8)
	f.set(1, 0x0fffffff)
}

// set writes an entry of both tables.
func (f *maker) set(cluster, value int) {
	for t := range 2 {
		b := f.b[f.table+t*f.tableLen:]
		switch f.width {
		case 12:
			at := cluster * 3 / 2
			old := int(binary.LittleEndian.Uint16(b[at:]))
			if cluster%2 == 0 {
				old = old&0xf000 | value&0xfff
			} else {
				old = old&0xf | value&0xfff<<4
			}
			binary.LittleEndian.PutUint16(b[at:], uint16(old))
		case 16:
			binary.LittleEndian.PutUint16(b[2*cluster:], uint16(value))
		case 32:
			binary.LittleEndian.PutUint32(b[4*cluster:], uint32(value))
		}
	}
}

func (f *maker) volume(label string) {
	e := make([]byte, 32)
	copy(e, label+"           "[len(label):])
	e[11] = 0x08
	f.entries = append(f.entries, e...)
}

func (f *maker) deleted() {
	e := make([]byte, 32)
	copy(e, "\xe5OCKER~1TOM")
	e[11] = 0x20
	f.entries = append(f.entries, e...)
}

func (f *maker) file(short, long string, content []byte, gaps bool) {
	first, last := 0, 0
	for at := 0; at < len(content); at += f.per * sector {
		if gaps {
			f.next++
		}
		if last == 0 {
			first = f.next
		} else {
			f.set(last, f.next)
		}
		copy(f.b[f.data+(f.next-2)*f.per*sector:], content[at:min(len(content), at+f.per*sector)])
		last = f.next
		f.next++
	}
	if last != 0 {
		f.set(last, 0x0fffffff)
	}
	f.entries = append(f.entries, longEntries(short, long)...)
	e := make([]byte, 32)
	copy(e, short)
	e[11] = 0x20
	binary.LittleEndian.PutUint16(e[20:], uint16(first>>16))
	binary.LittleEndian.PutUint16(e[26:], uint16(first))
	binary.LittleEndian.PutUint32(e[28:], uint32(len(content)))
	f.entries = append(f.entries, e...)
}

func longEntries(short, long string) []byte {
	units := append(utf16.Encode([]rune(long)), 0)
	for len(units)%13 != 0 {
		units = append(units, 0xffff)
	}
	if len(units) > 13 && units[len(units)-13] == 0 && len([]rune(long))%13 == 0 { // fits without its end
		units = units[:len(units)-13]
	}
	var sum byte
	for i := range 11 {
		sum = sum>>1 | sum<<7
		sum += short[i]
	}
	var out []byte
	n := len(units) / 13
	for i := n; i >= 1; i-- {
		e := make([]byte, 32)
		e[0], e[11], e[13] = byte(i), 0x0f, sum
		if i == n {
			e[0] |= 0x40
		}
		for k, u := range units[13*(i-1) : 13*i] {
			at := 1 + 2*k
			if k >= 5 {
				at = 14 + 2*(k-5)
			}
			if k >= 11 {
				at = 28 + 2*(k-11)
			}
			binary.LittleEndian.PutUint16(e[at:], u)
		}
		out = append(out, e...)
	}
	return out
}

func (f *maker) finish() { copy(f.b[f.root:f.root+f.rootLen], f.entries) }
