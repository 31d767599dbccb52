package storetest

import (
	"maps"
	"slices"
)

// state is a disk and the memory above it after some operations of a log. It is
// never changed: apply returns the next one, which shares what stayed the same.
type state struct {
	files map[uint64]file
	dirs  map[uint64]dir
	names []int // operations on names that are not durable, by their index in the log
}

// file is a regular file, named or not.
type file struct {
	live    content // what a reader sees
	kept    content // what is durable
	pending []int   // operations since, by their index in the log
	perm    uint32
}

// dir is a directory: inode by name.
type dir struct {
	live map[string]uint64
	kept map[string]uint64
	perm uint32
}

func newState() state {
	return state{
		files: map[uint64]file{},
		dirs:  map[uint64]dir{rootIno: {perm: 0o755}},
	}
}

// apply returns the state after ops[i].
func (s state) apply(ops []op, i int) state {
	o := &ops[i]
	switch o.Kind {
	case opMark:
		return s
	case opWrite, opTruncate, opAllocate, opSync:
		return s.applyFile(o, i)
	case opCreate, opMkdir, opUnlink, opRmdir, opRename:
		return s.applyName(o, i)
	case opChmod:
		return s.applyMode(o)
	case opSyncDir:
		return s.syncDir(ops, o.Dir)
	}
	panic("storetest: " + o.String())
}

func (s state) applyFile(o *op, i int) state {
	f, ok := s.files[o.Ino]
	if !ok {
		return s // nameless for ever: pruned
	}
	if o.Kind == opSync {
		f.kept, f.pending = f.live, nil
	} else {
		f.live = f.live.clone()
		f.live.apply(o)
		f.pending = append(f.pending, i)
	}
	s.files = maps.Clone(s.files)
	s.files[o.Ino] = f
	return s
}

func (s state) applyMode(o *op) state {
	if d, ok := s.dirs[o.Ino]; ok {
		d.perm = o.Mode
		s.dirs = maps.Clone(s.dirs)
		s.dirs[o.Ino] = d
	} else if f, ok := s.files[o.Ino]; ok {
		f.perm = o.Mode
		s.files = maps.Clone(s.files)
		s.files[o.Ino] = f
	}
	return s
}

// apply does a whole operation on the bytes of a file.
func (c *content) apply(o *op) {
	if o.grows() {
		c.size = max(c.size, o.end())
	}
	switch {
	case o.Kind == opTruncate:
		c.resize(o.Off)
	case o.Kind == opWrite:
		c.write(o.Off, o.Data)
	case o.zeroes():
		c.zero(o.Off, o.Len)
	}
}

func (s state) applyName(o *op, i int) state {
	s.dirs = maps.Clone(s.dirs)
	if o.Kind == opCreate {
		s.files = maps.Clone(s.files)
		s.files[o.Ino] = file{perm: o.Mode}
	}
	if o.Kind == opMkdir {
		s.dirs[o.Ino] = dir{perm: o.Mode}
	}
	for _, ino := range o.dirs() {
		d := s.dirs[ino]
		d.live = cloneNames(d.live)
		s.dirs[ino] = d
	}
	o.rename(func(ino uint64) map[string]uint64 { return s.dirs[ino].live })
	s.names = append(s.names, i)
	return s
}

// cloneNames returns names that can be written to.
func cloneNames(names map[string]uint64) map[string]uint64 {
	if names == nil {
		return map[string]uint64{}
	}
	return maps.Clone(names)
}

// dirs returns the directories whose names o changes.
func (o *op) dirs() []uint64 {
	if o.Kind == opRename && o.Dir2 != o.Dir {
		return []uint64{o.Dir, o.Dir2}
	}
	return []uint64{o.Dir}
}

// rename does an operation on names in the tables that it is given.
func (o *op) rename(table func(ino uint64) map[string]uint64) {
	from := table(o.Dir)
	ino := from[o.Name]
	delete(from, o.Name)
	if o.Kind == opRename {
		table(o.Dir2)[o.Name2] = ino
	}
	if o.Kind == opCreate || o.Kind == opMkdir {
		from[o.Name] = o.Ino
	}
}

// syncDir makes the names of a directory durable, and with them what a rename
// between directories ties to them: the earlier changes of the other one.
func (s state) syncDir(ops []op, ino uint64) state {
	wanted := map[uint64]bool{ino: true}
	var now, later []int
	for _, i := range slices.Backward(s.names) {
		dirs := ops[i].dirs()
		if !slices.ContainsFunc(dirs, func(d uint64) bool { return wanted[d] }) {
			later = append(later, i)
			continue
		}
		for _, d := range dirs {
			wanted[d] = true
		}
		now = append(now, i)
	}
	slices.Reverse(now)
	slices.Reverse(later)
	tables := newTables(s.dirs)
	for _, i := range now {
		ops[i].rename(tables.of)
	}
	s.dirs, s.names = maps.Clone(s.dirs), later
	for ino, names := range tables.changed {
		d := s.dirs[ino]
		d.kept = names
		s.dirs[ino] = d
	}
	return s
}

// prune forgets files that no name can lead to any more. A recorder must not:
// they may still be open.
func (s state) prune() state {
	if len(s.names) > 0 {
		return s
	}
	named := map[uint64]file{}
	for _, d := range s.dirs {
		for _, ino := range d.kept {
			if f, ok := s.files[ino]; ok {
				named[ino] = f
			}
		}
	}
	s.files = named
	return s
}

// settled tells whether all that was done is durable.
func (s state) settled() bool {
	for _, f := range s.files {
		if len(f.pending) > 0 {
			return false
		}
	}
	return len(s.names) == 0
}

// tables are durable names that are about to change.
type tables struct {
	dirs    map[uint64]dir
	changed map[uint64]map[string]uint64
}

func newTables(dirs map[uint64]dir) tables {
	return tables{dirs: dirs, changed: map[uint64]map[string]uint64{}}
}

// of returns the names of a directory to be changed.
func (t tables) of(ino uint64) map[string]uint64 {
	if m, ok := t.changed[ino]; ok {
		return m
	}
	m := cloneNames(t.dirs[ino].kept)
	t.changed[ino] = m
	return m
}

// names returns the names of a directory as they are now.
func (t tables) names(ino uint64) map[string]uint64 {
	if m, ok := t.changed[ino]; ok {
		return m
	}
	return t.dirs[ino].kept
}
