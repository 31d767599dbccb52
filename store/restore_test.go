package store

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"lockerd/daemon/locker"
	"lockerd/store/journal"
)

// copied are the files of a backup.
type copied map[string][]byte

func (c copied) take(name string, size int64, r io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(r, size))
	if int64(len(b)) != size {
		return errors.New("another size")
	}
	c[name] = b
	return err
}

func (c copied) stage(to string) error {
	for name, b := range c {
		path := filepath.Join(to, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, b, 0o600)); err != nil {
			return err
		}
	}
	return nil
}

func mark(t *testing.T, s *Store, set string, i int) locker.Mark {
	t.Helper()
	m, _, err := s.Mark(key(set, i))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestUsedSinceBackup restores an old backup over a bank that has gone on: what was
// used since is used, and the later key set is in force. On a new board nobody can
// know, so tickets from before count for nothing.
func TestUsedSinceBackup(t *testing.T) {
	for _, way := range []string{"running", "stopped"} {
		t.Run(way, func(t *testing.T) {
			dir := t.TempDir()
			s := openStore(t, dir, Options{})
			must(t, s, put("acme", 1, 2, 3))
			must(t, s, use("acme", 1, 1))
			must(t, s, &locker.Commit{Values: map[string][]byte{
				locker.ValueTrust: []byte(`{"version":3}`), locker.ValueBoot: []byte("7"), locker.ValueFloor: []byte("1795428000000"), locker.ValueConn: []byte("9"),
			}})
			c := copied{}
			if way == "running" {
				if err := CopyFiles(t.Context(), dir, c.take); !errors.Is(err, ErrRunning) {
					t.Errorf("files of a store in use were copied: %v", err)
				}
				if err := s.Backup(c.take); err != nil {
					t.Fatal(err)
				}
				if _, err := Restore(dir, RestoreOptions{Why: "x"}, c.stage); !errors.Is(err, ErrRunning) {
					t.Errorf("restored under a store in use: %v", err)
				}
			}
			must(t, s, &locker.Commit{}) // what comes while it is copied
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if way == "stopped" {
				if err := CopyFiles(t.Context(), dir, c.take); err != nil {
					t.Fatal(err)
				}
			}
			s = openStore(t, dir, Options{})
			must(t, s, use("acme", 2, 1))
			must(t, s, &locker.Commit{Values: map[string][]byte{locker.ValueTrust: []byte(`{"version":5}`), locker.ValueBoot: []byte("8")}})
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			aside, err := Restore(dir, RestoreOptions{Why: "test"}, c.stage)
			if err != nil || filepath.Base(aside) != "before-restore-1" {
				t.Fatalf("%q: %v", aside, err)
			}
			s = openStore(t, dir, Options{})
			if s.Report().NewJournal != "restored from a backup: test" || mark(t, s, "acme", 1).Used != 1 || mark(t, s, "acme", 2).Used != 1 || mark(t, s, "acme", 3).Used != 0 {
				t.Errorf("report %+v, marks %+v %+v %+v", s.Report(), mark(t, s, "acme", 1), mark(t, s, "acme", 2), mark(t, s, "acme", 3))
			}
			for name, want := range map[string]string{locker.ValueTrust: `{"version":5}`, locker.ValueBoot: "8", locker.ValueFloor: "1795428000000", locker.ValueTicketsFrom: "", locker.ValueConn: ""} {
				if v, _, err := s.Value(name); err != nil || string(v) != want {
					t.Errorf("%s is %q, want %q: %v", name, v, want, err)
				}
			}
			snapshotKnows(t, s)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}

			board := t.TempDir() // a new one, that has been started once
			if s = openStore(t, board, Options{}); s.Close() != nil {
				t.Fatal("it does not start")
			}
			if _, err := Restore(board, RestoreOptions{Why: "test"}, c.stage); err != nil {
				t.Fatal(err)
			}
			now := time.UnixMilli(1795500000000)
			s = openStore(t, board, Options{Now: func() time.Time { return now }})
			if mark(t, s, "acme", 1).Used != 1 {
				t.Error("what was used before the backup is not")
			}
			for name, want := range map[string]string{locker.ValueTrust: `{"version":3}`, locker.ValueTicketsFrom: "1795500000000"} {
				if v, _, err := s.Value(name); err != nil || string(v) != want {
					t.Errorf("%s is %q, want %q: %v", name, v, want, err)
				}
			}
		})
	}
}

// snapshotKnows has the backend send all codes again, which has not heard of the last
// use: what was used is.
func snapshotKnows(t *testing.T, s *Store) {
	t.Helper()
	l, err := s.LoadSnapshot("acme")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Add([]locker.Code{testCode(1), testCode(2), testCode(3)}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Finish(locker.SetInfo{Epoch: 1, Version: 1}, nil); err != nil {
		t.Fatal(err)
	}
	for i, used := range map[int]int{1: 1, 2: 1, 3: 0} {
		if e, ok, err := s.Find(testCode(i).Tag); err != nil || !ok || e.Mark.Used != used {
			t.Errorf("code %d: %+v, %v, %v", i, e.Mark, ok, err)
		}
	}
}

// TestRestoredTwiceWithoutStart: what the first restore has put on a new board lies
// aside after the second, and is of the backup's own journal; but it is no further life
// of it. Nobody knows what was used since, so tickets from before count for nothing.
func TestRestoredTwiceWithoutStart(t *testing.T) {
	c := copied{}
	if err := CopyFiles(t.Context(), filled(t), c.take); err != nil {
		t.Fatal(err)
	}
	for name, cut := range map[string]func(t *testing.T, board string) error{
		"whole":                     func(*testing.T, string) error { return nil },
		"cut before it is in place": func(_ *testing.T, board string) error { return os.RemoveAll(filepath.Join(board, journalName)) },
	} {
		t.Run(name, func(t *testing.T) {
			board := t.TempDir()
			if s := openStore(t, board, Options{}); s.Close() != nil { // as an image does by itself
				t.Fatal("it does not start")
			}
			for range 2 {
				if _, err := Restore(board, RestoreOptions{Why: "test"}, c.stage); err != nil {
					t.Fatal(err)
				}
			}
			if err := cut(t, board); err != nil {
				t.Fatal(err)
			}
			s := openStore(t, board, Options{Now: func() time.Time { return time.UnixMilli(1795500000000) }})
			if v, _, err := s.Value(locker.ValueTicketsFrom); err != nil || string(v) != "1795500000000" {
				t.Errorf("tickets from %q: %v", v, err)
			}
			if mark(t, s, "acme", 1).Used != 1 {
				t.Error("what was used before the backup is not")
			}
		})
	}
}

// TestUnsetClockAtRestore: what the system's clock says before the bank's floor is
// no time.
func TestUnsetClockAtRestore(t *testing.T) {
	dir := filled(t)
	c := copied{}
	if err := CopyFiles(t.Context(), dir, c.take); err != nil {
		t.Fatal(err)
	}
	board := t.TempDir()
	if _, err := Restore(board, RestoreOptions{Why: "test"}, c.stage); err != nil {
		t.Fatal(err)
	}
	s := openStore(t, board, Options{Now: func() time.Time { return time.UnixMilli(7) }})
	if v, _, err := s.Value(locker.ValueTicketsFrom); err != nil || string(v) != "99" { // of filled's floor
		t.Errorf("tickets from %q: %v", v, err)
	}
}

// TestAsideThatCannotBeRead: what is left of it is taken, and tickets from before count
// for nothing.
func TestAsideThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{SegmentBytes: 64 << 10})
	c := copied{}
	if err := s.Backup(c.take); err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 6; i++ {
		must(t, s, use("acme", i, 1))
	}
	crash(s)
	if err := os.Remove(s.path); err != nil {
		t.Fatal(err)
	}
	seg := filepath.Join(dir, "journal", "0000000000000001.seg")
	edit(t, seg, func(b []byte) []byte { // the third use
		at := bytes.Index(b, []byte(testCode(3).ID))
		copy(b[at:], "xxxx")
		return b
	})
	if _, err := Restore(dir, RestoreOptions{Why: "test"}, c.stage); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, dir, Options{})
	for i := 1; i <= 6; i++ {
		if got := mark(t, s, "acme", i).Used; (got == 1) != (i != 3) {
			t.Errorf("code %d: used %d", i, got)
		}
	}
	v, ok, err := s.Value(locker.ValueTicketsFrom)
	if n, perr := strconv.ParseInt(string(v), 10, 64); err != nil || !ok || perr != nil || n == 0 {
		t.Errorf("tickets from %q: %v", v, err)
	}
}

// TestLastSegmentThatCannotBeRead: no hole shows that the newest uses are lost.
func TestLastSegmentThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{})
	c := copied{}
	if err := s.Backup(c.take); err != nil {
		t.Fatal(err)
	}
	must(t, s, use("acme", 1, 1))
	crash(s)
	if err := os.Mkdir(filepath.Join(dir, journalName, "0000000000000009.seg"), 0o700); err != nil { // reads with an error
		t.Fatal(err)
	}
	if _, err := Restore(dir, RestoreOptions{Why: "test"}, c.stage); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, dir, Options{})
	if mark(t, s, "acme", 1).Used != 1 {
		t.Error("a use mark that could be read was lost")
	}
	if _, ok, err := s.Value(locker.ValueTicketsFrom); err != nil || !ok {
		t.Errorf("tickets from before count: %v", err)
	}
}

// TestCutInFirstStart ends the power when the start after a restore has the new journal
// in place, and state.db is still the backup's, which is behind the backup's own journal.
func TestCutInFirstStart(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{})
	must(t, s, use("acme", 1, 1))
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	must(t, s, use("acme", 2, 1)) // in the journal only
	crash(s)
	c := copied{}
	if err := CopyFiles(t.Context(), dir, c.take); err != nil {
		t.Fatal(err)
	}
	board := t.TempDir()
	if _, err := Restore(board, RestoreOptions{Why: "test"}, c.stage); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, board, Options{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(s.path, c["state.db"], 0o600), MarkRestored(board, "test")); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, board, Options{})
	for i := 1; i <= 2; i++ {
		if mark(t, s, "acme", i).Used != 1 {
			t.Errorf("code %d was used, and is not", i)
		}
	}
}

// TestRestoreThatFails leaves everything as it was.
func TestRestoreThatFails(t *testing.T) {
	dir := filled(t)
	bad := errors.New("damaged")
	_, err := Restore(dir, RestoreOptions{Why: "test"}, func(to string) error {
		return errors.Join(os.WriteFile(filepath.Join(to, "journal"), nil, 0o600), bad)
	})
	if !errors.Is(err, bad) {
		t.Errorf("Restore = %v", err)
	}
	for _, name := range []string{restoredName, stagingName, asidePrefix + "1"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !os.IsNotExist(err) {
			t.Errorf("%s is there: %v", name, err)
		}
	}
	checkFilled(t, openStore(t, dir, Options{}))
}

// TestAsidesAreBounded: two are kept, but none goes before its marks were taken over.
func TestAsidesAreBounded(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{})
	c := copied{}
	if err := s.Backup(c.take); err != nil {
		t.Fatal(err)
	}
	must(t, s, use("acme", 1, 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 4 { // without a start in between
		if _, err := Restore(dir, RestoreOptions{Why: "test"}, c.stage); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(asides(dir)); n != 4 {
		t.Errorf("%d lie aside", n)
	}
	s = openStore(t, dir, Options{})
	if mark(t, s, "acme", 1).Used != 1 {
		t.Error("a use mark was lost")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(dir, RestoreOptions{Why: "test"}, c.stage); err != nil {
		t.Fatal(err)
	}
	if all := asides(dir); len(all) != keepAside || filepath.Base(all[1]) != "before-restore-5" {
		t.Errorf("%v lie aside", all)
	}
	if s = openStore(t, dir, Options{}); mark(t, s, "acme", 1).Used != 1 {
		t.Error("a use mark was lost with what lay aside")
	}
}

// TestTrustOutlivesDamage: a bank whose journal was damaged believes whom it believed.
func TestTrustOutlivesDamage(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{})
	must(t, s, &locker.Commit{Values: map[string][]byte{locker.ValueTrust: []byte(`{"version":3}`)}})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "journal")); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, dir, Options{})
	if v, _, err := s.Value(locker.ValueTrust); err != nil || string(v) != `{"version":3}` || s.Report().NewJournal == "" {
		t.Errorf("trust %q, %v; report %+v", v, err, s.Report())
	}
}

// TestTicketsAfterDamage: where a use may be lost with the journal, tickets from before
// count for nothing, as after a restore; where all that was committed is known, they do.
func TestTicketsAfterDamage(t *testing.T) {
	now := time.UnixMilli(1795500000000)
	frame := func(b []byte, i int) int { // where the record of that use begins
		at := bytes.Index(b, []byte(testCode(i).ID))
		return bytes.LastIndex(b[:at], []byte("LKJ1"))
	}
	for name, x := range map[string]struct {
		stop func(*testing.T, *Store) // after five uses
		harm func(t *testing.T, dir string)
		want string // "": tickets count
	}{
		"a use in no other place": {pulled, func(t *testing.T, dir string) {
			t.Helper()
			editFirst(t, dir, func(b []byte) { clear(b[frame(b, 3)+40:][:60]) })
		}, "1795500000000"},
		"a use that state.db has": {closed, func(t *testing.T, dir string) {
			t.Helper()
			editFirst(t, dir, func(b []byte) { clear(b[frame(b, 3)+40:][:60]) })
		}, ""},
		"the end, of which state.db has some": {closed, func(t *testing.T, dir string) {
			t.Helper()
			editFirst(t, dir, func(b []byte) { clear(b[frame(b, 4):]) })
		}, "1795500000000"},
		"all of it": {closed, func(t *testing.T, dir string) {
			t.Helper()
			if err := os.RemoveAll(filepath.Join(dir, journalName)); err != nil {
				t.Fatal(err)
			}
		}, "1795500000000"},
		"state.db only": {pulled, func(t *testing.T, dir string) {
			t.Helper()
			if err := os.Remove(statePath(dir)); err != nil {
				t.Fatal(err)
			}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := openStore(t, dir, Options{})
			for i := 1; i <= 5; i++ {
				must(t, s, use("acme", i, 1))
			}
			x.stop(t, s)
			x.harm(t, dir)
			s = openStore(t, dir, Options{Now: func() time.Time { return now }})
			if (s.Report().NewJournal == "") != (name == "state.db only") {
				t.Errorf("report %+v", s.Report())
			}
			if v, _, err := s.Value(locker.ValueTicketsFrom); err != nil || string(v) != x.want {
				t.Errorf("tickets from %q, want %q: %v", v, x.want, err)
			}
		})
	}
}

func pulled(t *testing.T, s *Store) {
	t.Helper()
	crash(s)
}

func closed(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// editFirst harms the first segment of a journal.
func editFirst(t *testing.T, dir string, harm func(b []byte)) {
	t.Helper()
	edit(t, filepath.Join(dir, journalName, "0000000000000001.seg"), func(b []byte) []byte {
		harm(b)
		return b
	})
}

// TestBackupWhileItIsUsed: commits, flushes and pruning go on; what was acknowledged
// before is in the backup.
func TestBackupWhileItIsUsed(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{JournalBytes: 256 << 10, SegmentBytes: 64 << 10, ApplyDelay: time.Millisecond})
	stop, done := make(chan struct{}), make(chan int, 1)
	var before int
	step := make(chan int)
	go func() {
		for i := 1; ; i++ {
			c := use("acme", i, 1)
			c.Events[0].Why = string(bytes.Repeat([]byte("x"), 500))
			if _, err := s.Commit(c); err != nil {
				t.Error(err)
			}
			s.Acked(s.Next()-1, time.Time{})
			select {
			case step <- i:
			case <-stop:
				done <- i
				return
			default:
			}
		}
	}()
	for range 5 {
		before = <-step
		c := copied{}
		if err := s.Backup(c.take); err != nil {
			t.Fatal(err)
		}
		to := t.TempDir()
		if _, err := Restore(to, RestoreOptions{Why: "test"}, c.stage); err != nil {
			t.Fatal(err)
		}
		b := openStore(t, to, Options{})
		for i := 1; i <= before; i++ {
			if mark(t, b, "acme", i).Used != 1 {
				t.Fatalf("use %d of %d is not in the backup", i, before)
			}
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		for range 300 {
			<-step
		}
	}
	close(stop)
	t.Logf("%d commits, %d bytes of events kept", <-done, s.EventBytes())
	if _, err := journal.Checkpoint(filepath.Join(dir, "journal")); err != nil {
		t.Errorf("nothing was pruned meanwhile: %v", err)
	}
}

// TestRestoreAsRoot gives all it makes to the owner of the directory: else lockerd
// could not open it.
func TestRestoreAsRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	const uid, gid = 4711, 4712
	c := copied{}
	if err := CopyFiles(t.Context(), filled(t), c.take); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Chown(dir, uid, gid); errors.Is(err, syscall.EINVAL) {
		t.Skip("this user namespace does not have the user")
	} else if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := Restore(dir, RestoreOptions{Why: "test"}, c.stage); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if st, ok := info.Sys().(*syscall.Stat_t); ok && (st.Uid != uid || st.Gid != gid) {
			t.Errorf("%s belongs to %d:%d", path, st.Uid, st.Gid)
		}
		n++
		return err
	})
	if err != nil || n < 8 {
		t.Errorf("%d files: %v", n, err)
	}
}
