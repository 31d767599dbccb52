package store

import (
	"lockerd/daemon/locker"
)

// Bounds of the overlay: past either, the applier no longer waits for quiet.
const (
	maxPendingCommits = 512
	maxPendingBytes   = 4 << 20
)

// genID names a generation of a set: a bucket of its own. Number 0 is a set
// that was never loaded and has all its records from single puts.
type genID struct {
	Set string `json:"set"`
	N   uint64 `json:"n"`
}

// setState is a set as it is now.
type setState struct {
	Info locker.SetInfo `json:"info"`
	Gen  uint64         `json:"gen"`
	Size int            `json:"size"` // records in the generation, live or not
	Lost bool           `json:"lost,omitempty"`
}

// code is a record as the overlay holds it; nil stands for one that is gone.
type code = *locker.Code

// layer is what some commits have changed. Door and value bytes are never
// changed once they are in it.
type layer struct {
	index   uint64 // last commit in it
	commits int
	bytes   int
	doors   map[locker.DoorID][]byte
	marks   map[locker.CodeKey]locker.Mark // zero: forgotten
	values  map[string][]byte              // nil: deleted
	sets    map[string]setState
	codes   map[genID]map[locker.Tag]code
	ids     map[genID]map[string]*locker.Tag // nil: dropped
}

func newLayer() *layer {
	return &layer{
		doors:  map[locker.DoorID][]byte{},
		marks:  map[locker.CodeKey]locker.Mark{},
		values: map[string][]byte{},
		sets:   map[string]setState{},
		codes:  map[genID]map[locker.Tag]code{},
		ids:    map[genID]map[string]*locker.Tag{},
	}
}

func (l *layer) full() bool { return l.commits >= maxPendingCommits || l.bytes >= maxPendingBytes }

func (l *layer) put(g genID, c *locker.Code) {
	if l.codes[g] == nil {
		l.codes[g] = map[locker.Tag]code{}
	}
	l.codes[g][c.Tag] = c
	tag := c.Tag
	l.id(g, c.ID, &tag)
}

func (l *layer) remove(g genID, tag locker.Tag) {
	if l.codes[g] == nil {
		l.codes[g] = map[locker.Tag]code{}
	}
	l.codes[g][tag] = nil
}

func (l *layer) id(g genID, id string, tag *locker.Tag) {
	if l.ids[g] == nil {
		l.ids[g] = map[string]*locker.Tag{}
	}
	l.ids[g][id] = tag
}

// layers are what stands over bbolt, newest first; the second is the one being
// brought into it.
type layers [2]*layer

func (ls layers) mark(key locker.CodeKey) (locker.Mark, bool) {
	for _, l := range ls {
		if l == nil || len(l.marks) == 0 {
			continue
		}
		if m, ok := l.marks[key]; ok {
			return m, true
		}
	}
	return locker.Mark{}, false
}

func (ls layers) code(g genID, tag locker.Tag) (code, bool) {
	for _, l := range ls {
		if l == nil || len(l.codes) == 0 {
			continue
		}
		if c, ok := l.codes[g][tag]; ok {
			return c, true
		}
	}
	return nil, false
}

func (ls layers) tag(g genID, id string) (*locker.Tag, bool) {
	for _, l := range ls {
		if l == nil {
			continue
		}
		if t, ok := l.ids[g][id]; ok {
			return t, true
		}
	}
	return nil, false
}
