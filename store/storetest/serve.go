package storetest

import (
	"encoding/gob"
	"errors"
	"io/fs"
	"os"
	"os/signal"
	"syscall"
	"time"

	fuselib "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// serveEnv names the directory to be served; it is set for the serving process
// only.
const serveEnv = "LOCKERD_STORETEST_SERVE"

// File descriptors of the serving process.
const (
	requestFD = 3
	replyFD   = 4
)

// Bounds of one reply that carries operations.
const (
	maxSendOps   = 4096
	maxSendBytes = 16 << 20
)

// maxWrite is the longest write that the kernel hands over in one piece.
const maxWrite = 1 << 20

// request is what the test asks of the serving process: a mark, or operations.
type request struct {
	Mark  bool
	Label string
	From  int // without a mark: the first operation wanted
}

// reply answers a request. The first one is unasked for: the mount stands, or
// why not.
type reply struct {
	At     int // of the mark
	Ops    []op
	Len    int // of the whole log
	Failed string
	Denied bool // Failed because this process may not mount
}

// Serve must be the first thing that TestMain calls in a package that uses
// Mount. It returns at once in the test's own process. In the process that
// Mount starts it serves the files until the test has ended, and exits.
func Serve() {
	dir := os.Getenv(serveEnv)
	if dir == "" {
		return
	}
	// The test may outlive an interrupt, and needs its files as long as it does.
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP)
	serve(dir, os.NewFile(requestFD, "requests"), os.NewFile(replyFD, "replies"))
	os.Exit(0)
}

// serve mounts a tape on dir and answers until the requests end.
func serve(dir string, requests, replies *os.File) {
	t, enc, dec := newTape(), gob.NewEncoder(replies), gob.NewDecoder(requests)
	if err := t.mount(dir); err != nil {
		denied := errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENODEV)
		_ = enc.Encode(reply{Failed: err.Error(), Denied: denied})
		return
	}
	// The test unmounts; this is for a test that was killed.
	defer func() { _ = unix.Unmount(dir, unix.MNT_DETACH) }()
	if enc.Encode(reply{}) != nil {
		return
	}
	for {
		var q request
		if dec.Decode(&q) != nil || enc.Encode(t.answer(q)) != nil {
			return
		}
	}
}

func (t *tape) answer(q request) reply {
	if q.Mark {
		return reply{At: t.mark(q.Label)}
	}
	return reply{Ops: t.since(q.From), Len: t.len()}
}

func (t *tape) mount(dir string) error {
	long := time.Hour // nobody but the kernel changes anything
	_, err := fuselib.Mount(dir, &node{tape: t, ino: rootIno}, &fuselib.Options{
		EntryTimeout:    &long,
		AttrTimeout:     &long,
		RootStableAttr:  &fuselib.StableAttr{Ino: rootIno},
		NullPermissions: true,
		MountOptions: fuse.MountOptions{
			FsName:                   "storetest",
			Name:                     "storetest",
			DirectMountStrict:        true,
			DisableXAttrs:            true,
			ExplicitDataCacheControl: true,
			MaxWrite:                 maxWrite,
		},
	})
	return err
}
