package slots

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// Launch is the launcher's part: what runs now.
type Launch struct {
	Dir  *Dir
	Base string           // path of the base program
	Log  func(string)     // one line for the system's journal
	Now  func() time.Time // system clock
}

// Choice is a program to run.
type Choice struct {
	Slot  Slot
	Path  string
	Trial bool // a guard must watch it
}

// Choose takes a new base program in, counts the start and names the program whose
// turn it is. It always names one; that nothing at all can be run shows at its
// exec.
func (l *Launch) Choose() Choice {
	if err := l.adopt(); err != nil {
		l.Log(err.Error())
	}
	for range 3 { // trial, active, the other
		c, again, err := l.next()
		if err == nil {
			return c
		}
		l.Log(err.Error())
		if !again {
			break
		}
	}
	return Choice{Slot: Base, Path: l.Base}
}

// next counts one start. again tells that the state has changed, and that it is
// worth asking once more.
func (l *Launch) next() (c Choice, again bool, err error) {
	_, doubt, _ := l.Dir.Load()
	var slot Slot
	s, err := l.Dir.Change(func(s State) (State, error) {
		s, slot = s.Start(l.Now())
		return s, nil
	})
	if err != nil {
		return l.uncounted(err)
	}
	if slot == "" {
		return c, false, errors.New("no slot holds a program: running the base program")
	}
	c = Choice{Slot: slot, Path: l.Dir.Program(slot), Trial: s.Trial != nil && slot == s.Trial.Slot}
	p := s.Slots[slot]
	if c.Trial || doubt || s.Starts > 1 { // a confirmed one is believed until it fails to come up
		if err := l.Dir.Check(slot, p); err != nil {
			return c, true, errors.Join(err, l.Broken(c, err))
		}
	}
	return c, false, nil
}

// uncounted chooses when nothing can be written: never a program on trial.
func (l *Launch) uncounted(why error) (c Choice, again bool, err error) {
	s, _, err := l.Dir.Load()
	if err != nil || s.Active == "" {
		return c, false, errors.Join(why, err)
	}
	l.Log(why.Error() + ": no update is tried")
	c = Choice{Slot: s.Active, Path: l.Dir.Program(s.Active)}
	return c, false, l.Dir.Check(c.Slot, s.Slots[c.Slot])
}

// Broken notes that a chosen program can't be run; Choose then names another.
func (l *Launch) Broken(c Choice, why error) error {
	_, err := l.Dir.Change(func(s State) (State, error) {
		if c.Trial {
			return s.Fail(why.Error())
		}
		if c.Slot != s.Active {
			return s, nil
		}
		return s.Lost(why.Error(), l.Now()), nil
	})
	return err
}

// adopt stages the base program, and orders its trial, if the package has brought
// another one.
func (l *Launch) adopt() error {
	id, err := identify(l.Base)
	if err != nil {
		return fmt.Errorf("cannot look at the base program: %w: install the package again", err)
	}
	s, _, err := l.Dir.Load()
	if err != nil {
		return err
	}
	if s.Active != "" && s.Base == id || s.Trial != nil && s.Trial.Phase != Staging && s.Trial.Phase != Verified {
		return nil // known; or a trial is on, which comes first
	}
	size, sum, err := Measure(l.Base)
	if err != nil {
		return fmt.Errorf("cannot read the base program: %w: install the package again", err)
	}
	if s.Active != "" && (s.Adopted == sum || s.Slots[s.Active].SHA256 == sum) {
		return l.note(id, sum) // installed again: it had its turn
	}
	f, err := os.Open(l.Base)
	if err != nil {
		return fmt.Errorf("cannot read the base program: %w: install the package again", err)
	}
	defer func() { _ = f.Close() }()
	p := Program{Version: "package " + sum[:12], SHA256: sum, Size: size}
	if err := l.Dir.Put(p, f, l.Now()); err != nil {
		return fmt.Errorf("cannot take the package's program into a slot: %w", err)
	}
	_, err = l.Dir.Change(func(s State) (State, error) {
		s, err := s.Arm(nil)
		return s.Adopt(id, sum), err
	})
	if err == nil {
		l.Log("took in the program that the package brought, sha256 " + sum[:12])
	}
	return err
}

func (l *Launch) note(id FileID, sum string) error {
	_, err := l.Dir.Change(func(s State) (State, error) { return s.Adopt(id, sum), nil })
	return err
}

func identify(path string) (FileID, error) {
	info, err := os.Stat(path)
	if err != nil {
		return FileID{}, err
	}
	id := FileID{Size: info.Size(), MTime: info.ModTime().UnixNano()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		id.Inode, id.CTime = uint64(st.Ino), time.Unix(st.Ctim.Unix()).UnixNano() //nolint:unconvert,nolintlint // 32 bits on some boards
	}
	return id, nil
}
