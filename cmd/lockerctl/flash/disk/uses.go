package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// uses are the mounts and swaps of the machine.
type uses struct {
	mounts []mount
	swaps  []string // names: sda2
}

type mount struct {
	number string // 8:17
	name   string // sdb1, where the source is a device; some file systems have a number of their own
	at     string
}

func (s *System) uses() (*uses, error) {
	u := &uses{}
	b, err := os.ReadFile(filepath.Join(s.Proc, "self", "mountinfo"))
	if err != nil {
		return nil, fmt.Errorf("cannot tell what is mounted: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		m, err := s.mount(line)
		if err != nil {
			return nil, err
		}
		u.mounts = append(u.mounts, m)
	}
	b, err = os.ReadFile(filepath.Join(s.Proc, "swaps"))
	if errors.Is(err, fs.ErrNotExist) { // a kernel without swap
		return u, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot tell what is swap: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[1] == "partition" {
			u.swaps = append(u.swaps, s.nameOf(unescape(f[0])))
		}
	}
	return u, nil
}

// mount reads one line of mountinfo, proc_pid_mountinfo(5).
func (s *System) mount(line string) (mount, error) {
	front, back, ok := strings.Cut(strings.TrimSpace(line), " - ")
	f, b := strings.Fields(front), strings.Fields(back)
	if !ok || len(f) < 6 || len(b) < 2 {
		return mount{}, errors.New("cannot tell what is mounted: mountinfo is not as proc(5) says")
	}
	return mount{number: f[2], name: s.nameOf(unescape(b[1])), at: unescape(f[4])}, nil
}

// nameOf returns the kernel's name of a device file, or nothing.
func (s *System) nameOf(path string) string {
	if !strings.HasPrefix(path, "/dev/") {
		return ""
	}
	path = filepath.Join(s.Dev, strings.TrimPrefix(path, "/dev/"))
	if where, err := filepath.EvalSymlinks(path); err == nil {
		path = where
	}
	rel, err := filepath.Rel(s.Dev, path)
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(rel, "/", "!")
}

// unescape replaces \040 and its like.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// usesOf finds the uses of a disk, its partitions, and all that is made of them.
func (s *System) usesOf(name string, u *uses) ([]Use, error) {
	var list []Use
	seen := map[string]bool{}
	var visit func(name string) error
	visit = func(name string) error {
		if seen[name] {
			return nil
		}
		seen[name] = true
		list = append(list, s.direct(name, u)...)
		holders, err := s.holders(name)
		if err != nil {
			return err
		}
		for _, h := range holders {
			list = append(list, Use{Kind: UseHeld, By: name, At: s.called(h)})
			if err := visit(h); err != nil {
				return err
			}
		}
		parts, err := s.partsOf(name)
		if err != nil {
			return err
		}
		for _, p := range parts {
			if err := visit(p); err != nil {
				return err
			}
		}
		return nil
	}
	err := visit(name)
	return list, err
}

// direct are the mounts and swaps of one device.
func (s *System) direct(name string, u *uses) []Use {
	var list []Use
	number := s.text(name, "dev")
	for _, m := range u.mounts {
		if m.name == name || number != "" && m.number == number {
			list = append(list, Use{Kind: UseMount, By: name, At: m.at})
		}
	}
	for _, w := range u.swaps {
		if w == name {
			list = append(list, Use{Kind: UseSwap, By: name})
		}
	}
	return list
}

func (s *System) holders(name string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(s.class(name), "holders"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot tell what holds %s: %w", name, err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list, nil
}

// called is what a person knows a holder by.
func (s *System) called(holder string) string {
	if dm := s.text(holder, "dm", "name"); dm != "" {
		return fmt.Sprintf("%s (%s)", holder, dm)
	}
	if level := s.text(holder, "md", "level"); level != "" {
		return fmt.Sprintf("%s (%s)", holder, level)
	}
	return holder
}
