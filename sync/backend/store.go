package backend

import (
	"bytes"
	"slices"
	"sync"
)

// Reader reads one state of the store. What it returns is valid until the function
// it was given to returns, and must not be changed.
type Reader interface {
	// Get returns the value of a key, nil if there is none.
	Get(key []byte) ([]byte, error)
	// Scan calls each for the keys that begin with prefix and are not below from, in
	// ascending order of bytes, until it returns false. The store is not changed
	// meanwhile.
	Scan(prefix, from []byte, each func(key, value []byte) bool) error
}

// Tx is one change of the store.
type Tx interface {
	Reader
	Put(key, value []byte) error
	Delete(key []byte) error
}

// Store is an ordered map from bytes to bytes: a bbolt file (boltstore), or a table
// of two columns in your database. One Backend owns it.
type Store interface {
	View(read func(Reader) error) error
	// Update calls change once and carries out what it did as a whole or not at all. It
	// is on disk when Update returns nil.
	Update(change func(Tx) error) error
}

// Memory is a Store that forgets everything with the program. It is for tests and
// examples.
type Memory struct {
	mu   sync.RWMutex
	m    map[string][]byte
	keys []string // sorted
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{m: map[string][]byte{}} }

// Clone returns a copy as it is now: a backup.
func (s *Memory) Clone() *Memory {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := NewMemory()
	for k, v := range s.m {
		c.m[k] = bytes.Clone(v)
	}
	c.keys = slices.Clone(s.keys)
	return c
}

// View implements Store.
func (s *Memory) View(read func(Reader) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return read(&memoryTx{s: s})
}

// Update implements Store.
func (s *Memory) Update(change func(Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &memoryTx{s: s, undo: map[string][]byte{}}
	err := change(t)
	if err != nil {
		for k, v := range t.undo {
			t.set(k, v)
		}
	}
	return err
}

type memoryTx struct {
	s    *Memory
	undo map[string][]byte // values before the first change; nil: absent
}

func (t *memoryTx) Get(key []byte) ([]byte, error) { return t.s.m[string(key)], nil }

func (t *memoryTx) Scan(prefix, from []byte, each func(key, value []byte) bool) error {
	start := string(prefix)
	if bytes.Compare(from, prefix) > 0 {
		start = string(from)
	}
	i, _ := slices.BinarySearch(t.s.keys, start)
	for ; i < len(t.s.keys) && len(t.s.keys[i]) >= len(prefix) && t.s.keys[i][:len(prefix)] == string(prefix); i++ {
		if !each([]byte(t.s.keys[i]), t.s.m[t.s.keys[i]]) {
			break
		}
	}
	return nil
}

func (t *memoryTx) Put(key, value []byte) error {
	t.remember(string(key))
	t.set(string(key), append([]byte{}, value...))
	return nil
}

func (t *memoryTx) Delete(key []byte) error {
	t.remember(string(key))
	t.set(string(key), nil)
	return nil
}

func (t *memoryTx) remember(key string) {
	if _, ok := t.undo[key]; !ok {
		t.undo[key] = t.s.m[key]
	}
}

func (t *memoryTx) set(key string, value []byte) {
	i, found := slices.BinarySearch(t.s.keys, key)
	switch {
	case value == nil && found:
		t.s.keys = slices.Delete(t.s.keys, i, i+1)
	case value != nil && !found:
		t.s.keys = slices.Insert(t.s.keys, i, key)
	}
	if value == nil {
		delete(t.s.m, key)
	} else {
		t.s.m[key] = value
	}
}
