package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

const (
	sector = 512
	align  = 1 << 20 // of partitions: no erase block of a card is shared with what is before

	kindFAT   = 0x0c // FAT32 with LBA: what a Raspberry Pi's boot ROM looks for
	kindLinux = 0x83
)

// partition is one of the image's, as its file has it.
type partition struct {
	file string
	kind byte
	boot bool
}

// extent is where a partition lies, in bytes.
type extent struct {
	partition
	off, size int64
}

// lay gives each partition its place, in order.
func lay(parts []partition, sizes []int64) (list []extent, whole int64) {
	at := int64(align)
	for i, p := range parts {
		size := (sizes[i] + align - 1) / align * align
		list = append(list, extent{p, at, size})
		at += size
	}
	return list, at
}

// table is the first sector: a Raspberry Pi 3 reads no GPT.
func table(list []extent, signature uint32) []byte {
	b := make([]byte, sector)
	binary.LittleEndian.PutUint32(b[440:], signature)
	for i, e := range list {
		p := b[446+16*i:]
		if e.boot {
			p[0] = 0x80
		}
		copy(p[1:4], []byte{0xfe, 0xff, 0xff}) // cylinders say nothing: see the LBA
		p[4] = e.kind
		copy(p[5:8], []byte{0xfe, 0xff, 0xff})
		binary.LittleEndian.PutUint32(p[8:], uint32(e.off/sector))   //nolint:gosec // bounded in write
		binary.LittleEndian.PutUint32(p[12:], uint32(e.size/sector)) //nolint:gosec // bounded in write
	}
	b[510], b[511] = 0x55, 0xaa
	return b
}

// signature numbers the disk by the image's name, never 0.
func signature(out string) uint32 {
	sum := sha256.Sum256([]byte(filepath.Base(out)))
	return binary.LittleEndian.Uint32(sum[:]) | 1
}

// write makes the image: sparse, and complete or not there.
func write(out string, parts []partition, signature uint32) error {
	sizes := make([]int64, len(parts))
	for i, p := range parts {
		fi, err := os.Stat(p.file)
		if err != nil {
			return err
		}
		sizes[i] = fi.Size()
	}
	list, whole := lay(parts, sizes)
	if len(list) > 4 || whole > 1<<40 {
		return fmt.Errorf("%d partitions of %d bytes fit into no table of partitions", len(list), whole)
	}
	part := out + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o644) //nolint:gosec // it holds no secret
	if err != nil {
		return err
	}
	err = fill(f, list, table(list, signature), whole)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return os.Rename(part, out)
}

func fill(f *os.File, list []extent, first []byte, whole int64) error {
	if err := f.Truncate(whole); err != nil {
		return err
	}
	if _, err := f.WriteAt(first, 0); err != nil {
		return err
	}
	for _, e := range list {
		if err := sparse(f, e); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(e.file), err)
		}
	}
	return nil
}

// sparse copies a partition and leaves out what is zero.
func sparse(f *os.File, e extent) error {
	from, err := os.Open(e.file)
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // it was only read
	buf, zero := make([]byte, 64<<10), make([]byte, 64<<10)
	for at := e.off; ; {
		n, err := io.ReadFull(from, buf)
		if n > 0 && !bytes.Equal(buf[:n], zero[:n]) {
			if _, err := f.WriteAt(buf[:n], at); err != nil {
				return err
			}
		}
		at += int64(n)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// onDisk is how much a file takes.
func onDisk(fi fs.FileInfo) int64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return fi.Size()
}
