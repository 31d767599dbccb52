package storetest

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// node is a file or directory as the kernel knows it. All it is lies on the tape.
type node struct {
	fs.Inode

	tape *tape
	ino  uint64
}

var (
	_ fs.NodeAllocater = (*node)(nil)
	_ fs.NodeCreater   = (*node)(nil)
	_ fs.NodeFsyncer   = (*node)(nil)
	_ fs.NodeGetattrer = (*node)(nil)
	_ fs.NodeLookuper  = (*node)(nil)
	_ fs.NodeMkdirer   = (*node)(nil)
	_ fs.NodeOpener    = (*node)(nil)
	_ fs.NodeReaddirer = (*node)(nil)
	_ fs.NodeReader    = (*node)(nil)
	_ fs.NodeRenamer   = (*node)(nil)
	_ fs.NodeRmdirer   = (*node)(nil)
	_ fs.NodeSetattrer = (*node)(nil)
	_ fs.NodeStatfser  = (*node)(nil)
	_ fs.NodeUnlinker  = (*node)(nil)
	_ fs.NodeWriter    = (*node)(nil)
)

// handle is an open file. sync is set by O_SYNC and O_DSYNC.
type handle struct{ sync bool }

// The page cache is kept over an open: nobody but the kernel changes a file, and
// mapped pages stay what was written.
const openFlags = fuse.FOPEN_KEEP_CACHE

func newHandle(flags uint32) *handle { return &handle{sync: flags&syscall.O_DSYNC != 0} }

// fill tells the kernel about an inode.
func (n *node) fill(ino uint64, out *fuse.Attr) uint32 {
	i := n.tape.info(ino)
	out.Ino, out.Size, out.Nlink, out.Blksize = ino, uint64(i.size), 1, pageSize
	out.Blocks = uint64(i.pages * pageSize / sectorSize)
	out.Mode = syscall.S_IFREG | i.perm
	if i.isDir {
		out.Mode, out.Nlink = syscall.S_IFDIR|i.perm, 2
	}
	return out.Mode & syscall.S_IFMT
}

// child makes the node of an inode and fills the answer about it.
func (n *node) child(ctx context.Context, ino uint64, out *fuse.EntryOut) *fs.Inode {
	mode := n.fill(ino, &out.Attr)
	return n.NewInode(ctx, &node{tape: n.tape, ino: ino}, fs.StableAttr{Mode: mode, Ino: ino})
}

func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	c, ok := n.tape.lookup(n.ino, name)
	if !ok {
		return nil, syscall.ENOENT
	}
	return n.child(ctx, c.ino, out), 0
}

func (n *node) Readdir(context.Context) (fs.DirStream, syscall.Errno) {
	var list []fuse.DirEntry
	for _, c := range n.tape.list(n.ino) {
		mode := uint32(syscall.S_IFREG)
		if c.isDir {
			mode = syscall.S_IFDIR
		}
		list = append(list, fuse.DirEntry{Name: c.name, Ino: c.ino, Mode: mode})
	}
	return fs.NewListDirStream(list), 0
}

func (n *node) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	ino, errno := n.tape.make(opCreate, n.ino, name, mode)
	if errno != 0 {
		return nil, nil, 0, errno
	}
	return n.child(ctx, ino, out), newHandle(flags), openFlags, 0
}

func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	ino, errno := n.tape.make(opMkdir, n.ino, name, mode)
	if errno != 0 {
		return nil, errno
	}
	return n.child(ctx, ino, out), 0
}

func (n *node) Unlink(_ context.Context, name string) syscall.Errno {
	return n.tape.remove(opUnlink, n.ino, name)
}

func (n *node) Rmdir(_ context.Context, name string) syscall.Errno {
	return n.tape.remove(opRmdir, n.ino, name)
}

func (n *node) Rename(_ context.Context, name string, parent fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	to, ok := parent.(*node)
	if !ok {
		return syscall.EXDEV
	}
	return n.tape.rename(n.ino, name, to.ino, newName, flags)
}

func (n *node) Open(_ context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return newHandle(flags), openFlags, 0
}

func (n *node) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	return fuse.ReadResultData(dest[:n.tape.read(n.ino, dest, off)]), 0
}

func (n *node) Write(_ context.Context, f fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	h, ok := f.(*handle)
	if errno := n.tape.write(n.ino, data, off, ok && h.sync); errno != 0 {
		return 0, errno
	}
	return uint32(len(data)), 0
}

// Fsync serves files and directories.
func (n *node) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	n.tape.sync(n.ino)
	return 0
}

func (n *node) Allocate(_ context.Context, _ fs.FileHandle, off, size uint64, mode uint32) syscall.Errno {
	return n.tape.allocate(n.ino, off, size, mode)
}

func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.fill(n.ino, &out.Attr)
	return 0
}

func (n *node) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if size, ok := in.GetSize(); ok {
		if errno := n.tape.truncate(n.ino, size); errno != 0 {
			return errno
		}
	}
	if mode, ok := in.GetMode(); ok {
		n.tape.chmod(n.ino, mode)
	}
	n.fill(n.ino, &out.Attr)
	return 0
}

func (n *node) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	free := uint64(maxRecorded-n.tape.recorded()) / pageSize
	out.Blocks, out.Bfree, out.Bavail = maxRecorded/pageSize, free, free
	out.Bsize, out.Frsize, out.NameLen = pageSize, pageSize, 255
	return 0
}
