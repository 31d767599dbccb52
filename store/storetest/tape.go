package storetest

import (
	"slices"
	"strings"
	"sync"
	"syscall"
)

// maxRecorded bounds the bytes of data in one log; past it every write fails
// with ENOSPC.
const maxRecorded = 1 << 30

// tape is the log while it grows, and the file system that its operations make.
type tape struct {
	mu    sync.Mutex
	ops   []op
	state state
	inos  uint64 // the last one given out
	bytes int64
}

func newTape() *tape { return &tape{state: newState(), inos: rootIno} }

// add records an operation and does it. The caller holds mu.
func (t *tape) add(o op) int {
	t.ops = append(t.ops, o)
	t.bytes += int64(len(o.Data))
	t.state = t.state.apply(t.ops, len(t.ops)-1)
	return len(t.ops) - 1
}

func (t *tape) mark(label string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.add(op{Kind: opMark, Name: label})
}

// make creates a file or directory and returns its inode.
func (t *tape) make(k kind, dir uint64, name string, perm uint32) (uint64, syscall.Errno) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.state.dirs[dir].live[name]; ok {
		return 0, syscall.EEXIST
	}
	t.inos++
	t.add(op{Kind: k, Dir: dir, Name: name, Ino: t.inos, Mode: perm & 0o777})
	return t.inos, 0
}

// remove takes the name of a file or of an empty directory away.
func (t *tape) remove(k kind, dir uint64, name string) syscall.Errno {
	t.mu.Lock()
	defer t.mu.Unlock()
	ino, ok := t.state.dirs[dir].live[name]
	d, isDir := t.state.dirs[ino]
	switch {
	case !ok:
		return syscall.ENOENT
	case k == opUnlink && isDir:
		return syscall.EISDIR
	case k == opRmdir && !isDir:
		return syscall.ENOTDIR
	case len(d.live) > 0:
		return syscall.ENOTEMPTY
	}
	t.add(op{Kind: k, Dir: dir, Name: name})
	return 0
}

// renameNoReplace is the flag RENAME_NOREPLACE of renameat2(2).
const renameNoReplace = 1

func (t *tape) rename(dir uint64, name string, dir2 uint64, name2 string, flags uint32) syscall.Errno {
	t.mu.Lock()
	defer t.mu.Unlock()
	ino, ok := t.state.dirs[dir].live[name]
	over, taken := t.state.dirs[dir2].live[name2]
	_, isDir := t.state.dirs[ino]
	d, overDir := t.state.dirs[over]
	switch {
	case !ok:
		return syscall.ENOENT
	case flags&^renameNoReplace != 0:
		return syscall.EINVAL
	case !taken:
	case flags != 0:
		return syscall.EEXIST
	case ino == over:
		return 0
	case isDir && !overDir:
		return syscall.ENOTDIR
	case !isDir && overDir:
		return syscall.EISDIR
	case len(d.live) > 0:
		return syscall.ENOTEMPTY
	}
	t.add(op{Kind: opRename, Dir: dir, Name: name, Dir2: dir2, Name2: name2})
	return 0
}

// write records a write and, for a descriptor that asks for it, its sync.
func (t *tape) write(ino uint64, b []byte, off int64, durable bool) syscall.Errno {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case len(b) == 0:
		return 0
	case off+int64(len(b)) > maxFile:
		return syscall.EFBIG
	case t.bytes+int64(len(b)) > maxRecorded:
		return syscall.ENOSPC
	}
	t.add(op{Kind: opWrite, Ino: ino, Off: off, Data: slices.Clone(b)})
	if durable {
		t.add(op{Kind: opSync, Ino: ino})
	}
	return 0
}

func (t *tape) truncate(ino uint64, size uint64) syscall.Errno {
	if size > maxFile {
		return syscall.EFBIG
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.add(op{Kind: opTruncate, Ino: ino, Off: int64(size)})
	return 0
}

func (t *tape) allocate(ino, off, size uint64, mode uint32) syscall.Errno {
	switch mode {
	case 0, allocKeepSize, allocPunch | allocKeepSize, allocZero, allocZero | allocKeepSize:
	default:
		return syscall.EOPNOTSUPP
	}
	if off > maxFile || size > maxFile || off+size > maxFile {
		return syscall.EFBIG
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.add(op{Kind: opAllocate, Ino: ino, Off: int64(off), Len: int64(size), Mode: mode})
	return 0
}

func (t *tape) sync(ino uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.state.dirs[ino]; ok {
		t.add(op{Kind: opSyncDir, Dir: ino})
	} else {
		t.add(op{Kind: opSync, Ino: ino})
	}
}

func (t *tape) chmod(ino uint64, perm uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.add(op{Kind: opChmod, Ino: ino, Mode: perm & 0o777})
}

// child is what a directory says of one of its names.
type child struct {
	name  string
	ino   uint64
	isDir bool
}

func (t *tape) lookup(dir uint64, name string) (child, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ino, ok := t.state.dirs[dir].live[name]
	_, isDir := t.state.dirs[ino]
	return child{name, ino, isDir}, ok
}

func (t *tape) list(dir uint64) []child {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []child
	for name, ino := range t.state.dirs[dir].live {
		_, isDir := t.state.dirs[ino]
		all = append(all, child{name, ino, isDir})
	}
	slices.SortFunc(all, func(a, b child) int { return strings.Compare(a.name, b.name) })
	return all
}

// info is what stat tells of an inode.
type info struct {
	size, pages int64
	perm        uint32
	isDir       bool
}

func (t *tape) info(ino uint64) info {
	t.mu.Lock()
	defer t.mu.Unlock()
	if d, ok := t.state.dirs[ino]; ok {
		return info{perm: d.perm, isDir: true}
	}
	f := t.state.files[ino]
	return info{size: f.live.size, pages: int64(len(f.live.pages)), perm: f.perm}
}

func (t *tape) read(ino uint64, b []byte, off int64) int {
	t.mu.Lock()
	c := t.state.files[ino].live
	t.mu.Unlock()
	return c.read(b, off)
}

// since returns recorded operations from one on, as many as are fit to send.
func (t *tape) since(from int) []op {
	t.mu.Lock()
	defer t.mu.Unlock()
	to, bytes := from, 0
	for to < len(t.ops) && to-from < maxSendOps && bytes < maxSendBytes {
		bytes += len(t.ops[to].Data)
		to++
	}
	return t.ops[from:to:to]
}

func (t *tape) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.ops)
}

func (t *tape) recorded() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bytes
}
