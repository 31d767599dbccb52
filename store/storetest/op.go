package storetest

import "fmt"

// kind is what an operation does.
type kind uint8

const (
	opMark     kind = iota + 1
	opCreate        // Dir, Name, Ino, Mode
	opMkdir         // Dir, Name, Ino, Mode
	opUnlink        // Dir, Name
	opRmdir         // Dir, Name
	opRename        // Dir, Name to Dir2, Name2
	opWrite         // Ino, Off, Data
	opTruncate      // Ino, Off is the new size
	opAllocate      // Ino, Off, Len, Mode is that of fallocate(2)
	opChmod         // Ino, Mode
	opSync          // Ino
	opSyncDir       // Dir
)

// Modes of fallocate(2) that a store may use.
const (
	allocKeepSize = 0x01
	allocPunch    = 0x02
	allocZero     = 0x10
)

// rootIno is the inode of the mounted directory.
const rootIno = 1

// op is one recorded operation. Inode numbers are never reused, so that a file
// keeps its identity whatever it is called. Members are exported for gob.
type op struct {
	Kind  kind
	Ino   uint64
	Dir   uint64
	Name  string // of a mark: its label
	Dir2  uint64
	Name2 string
	Off   int64
	Len   int64
	Mode  uint32
	Data  []byte
}

// end returns the first offset behind the bytes that o covers.
func (o *op) end() int64 {
	if o.Kind == opWrite {
		return o.Off + int64(len(o.Data))
	}
	return o.Off + o.Len
}

// grows tells whether o makes a file at least as long as its end.
func (o *op) grows() bool {
	return o.Kind == opWrite || o.Kind == opAllocate && o.Mode&allocKeepSize == 0
}

// zeroes tells whether o puts zeros where data may have been.
func (o *op) zeroes() bool {
	return o.Kind == opAllocate && o.Mode&(allocPunch|allocZero) != 0
}

// isSync tells whether o makes something durable.
func (o *op) isSync() bool { return o.Kind == opSync || o.Kind == opSyncDir }

// String returns the operation as one line of a log.
func (o *op) String() string {
	switch o.Kind {
	case opMark:
		return fmt.Sprintf("mark %q", o.Name)
	case opCreate:
		return fmt.Sprintf("create %d/%s = inode %d", o.Dir, o.Name, o.Ino)
	case opMkdir:
		return fmt.Sprintf("mkdir %d/%s = inode %d", o.Dir, o.Name, o.Ino)
	case opUnlink:
		return fmt.Sprintf("unlink %d/%s", o.Dir, o.Name)
	case opRmdir:
		return fmt.Sprintf("rmdir %d/%s", o.Dir, o.Name)
	case opRename:
		return fmt.Sprintf("rename %d/%s to %d/%s", o.Dir, o.Name, o.Dir2, o.Name2)
	case opWrite:
		return fmt.Sprintf("write inode %d at %d, %d bytes", o.Ino, o.Off, len(o.Data))
	case opTruncate:
		return fmt.Sprintf("truncate inode %d to %d", o.Ino, o.Off)
	case opAllocate:
		return fmt.Sprintf("fallocate inode %d at %d, %d bytes, mode %#x", o.Ino, o.Off, o.Len, o.Mode)
	case opChmod:
		return fmt.Sprintf("chmod inode %d to %#o", o.Ino, o.Mode)
	case opSync:
		return fmt.Sprintf("fsync inode %d", o.Ino)
	case opSyncDir:
		return fmt.Sprintf("fsync directory %d", o.Dir)
	}
	return fmt.Sprintf("operation of kind %d", o.Kind)
}
