package storetest

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"testing"
)

// Bounds of what a failing test says.
const (
	maxFailures = 5  // images told of; then no more are looked at
	describeOps = 12 // operations shown before a cut
)

// Each writes every image to an empty directory of its own, in memory where
// there is /dev/shm, has it checked, and removes it. It uses all processors, so
// check is called from several goroutines, never twice at a time for one
// directory; a panic counts as an error. The first five failures fail the test, with the end of the log that
// led there. It returns the number of images looked at.
func Each(tb testing.TB, images iter.Seq[Image], check func(dir string, im Image) error) int {
	tb.Helper()
	n, failures := sweep(scratch(tb), images, check, maxFailures)
	for _, f := range failures {
		tb.Errorf("%v\n%s\nlog up to the cut:\n%s", f.err, f.im.Desc, f.im.log.Describe(f.im.At-describeOps, f.im.At))
	}
	return n
}

// failure is an image that did not pass.
type failure struct {
	im  Image
	err error
}

// scratch returns a directory for images that is gone after the test.
func scratch(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "storetest-") //nolint:usetesting // TempDir is on a disk, and tens of thousands of images are not for a disk
	if err != nil {
		return tb.TempDir()
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// sweep checks images until so many have failed.
func sweep(dir string, images iter.Seq[Image], check func(dir string, im Image) error, most int) (int, []failure) {
	var (
		mu       sync.Mutex
		failures []failure
		n        int
		wg       sync.WaitGroup
	)
	todo := make(chan Image)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for im := range todo {
				err := im.check(dir, check)
				mu.Lock()
				if n++; err != nil {
					failures = append(failures, failure{im, err})
				}
				mu.Unlock()
			}
		})
	}
	for im := range images {
		todo <- im
		mu.Lock()
		enough := len(failures) >= most
		mu.Unlock()
		if enough {
			break
		}
	}
	close(todo)
	wg.Wait()
	return n, failures[:min(len(failures), most)]
}

// check writes one image to a directory of its own and has it looked at.
func (im Image) check(parent string, check func(dir string, im Image) error) error {
	dir := filepath.Join(parent, strconv.FormatUint(im.crash.seed, 36)+"-"+strconv.Itoa(im.At))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("cannot make a directory for an image: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := im.WriteTo(dir); err != nil {
		return err
	}
	return guard(func() error { return check(dir, im) })
}

// guard turns a panic, also one from a fault in mapped memory, into an error: a
// store that dies of an image has not survived it.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("cannot go on: panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}
