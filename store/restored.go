package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"lockerd/daemon/locker"
	"lockerd/store/durable"
	"lockerd/store/journal"
)

// restoredName lies beside the journal from a restore until the first start
// after it, and for ever in what a further restore has moved aside before that start.
const restoredName = "restored"

// MarkRestored says that the files in a data directory came from a backup. What
// was used since the backup is unused in them, so the next Open begins a new
// journal, as after damage: no code, no intent, no claim is taken over, and the use
// marks of what Restore has moved aside are joined in. A restore marks the
// directory before the first file of the backup is in it.
func MarkRestored(dir, why string) error {
	path := filepath.Join(dir, restoredName)
	if err := durable.WriteFile(path, []byte(why+"\n"), 0o600); err != nil {
		return fmt.Errorf("cannot mark %q as restored: %w", dir, err)
	}
	return nil
}

// restored returns what MarkRestored has said, or "".
func (s *Store) restored() (why string, err error) {
	b, err := os.ReadFile(filepath.Join(s.dir, restoredName))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("cannot tell whether the data was restored from a backup: %w", err)
	}
	return "restored from a backup: " + strings.TrimSpace(string(b)), nil
}

// distrusted removes the mark once the new journal is in place. A crash before
// only begins one more.
func (s *Store) distrusted() error {
	if err := os.Remove(filepath.Join(s.dir, restoredName)); err != nil {
		return fmt.Errorf("cannot remove the mark of a restore: %w", err)
	}
	return durable.SyncDir(s.dir)
}

// carry is what a new journal begins with: what can be salvaged, and after a restore
// what was known in the life that the restore has ended, as far as that can still be
// read. If something is lost, tickets that were valid before are not honoured any more:
// nobody knows which of them were used. Codes need no such rule: none is carried
// over, and the backend sends those that it does not know as used.
func (s *Store) carry(ctx context.Context) *carried {
	c := s.known(ctx)
	if c.lossy {
		now := locker.TimeOf(s.o.Now())
		c.raise(locker.ValueTicketsFrom, strconv.AppendInt(nil, int64(now), 10))
		c.raise(locker.ValueTicketsFrom, c.values[locker.ValueFloor]) // the system's clock may be unset
	}
	return c
}

// known is what the data directory, and after a restore what lies aside, know together.
func (s *Store) known(ctx context.Context) *carried {
	_, marked := os.Stat(filepath.Join(s.dir, restoredName))
	all := asides(s.dir)
	if marked != nil || !s.joins() {
		return s.salvage(ctx, s.dir)
	}
	base := s.dir
	if _, err := os.Stat(filepath.Join(s.dir, journalName)); err != nil && len(all) > 0 {
		base = all[len(all)-1] // a restore was cut short: nothing has taken its place yet
	}
	c := s.salvage(ctx, base)
	life := journal.ID(filepath.Join(base, journalName))
	c.lossy = true // of what was restored nobody expects to be of today
	for _, dir := range all {
		if lived(dir, life) {
			c.lossy = false // its further life, not that of a board which was new
		}
	}
	for _, dir := range all {
		c.join(s.salvage(ctx, dir))
	}
	return c
}

// lived tells whether what lies aside is the life of that journal as this board went
// on with it. What an earlier restore may have put there, and nothing has opened since,
// knows no more than a backup does.
func lived(aside, life string) bool {
	_, marked := os.Stat(filepath.Join(aside, restoredName))
	return errors.Is(marked, os.ErrNotExist) && life != "" && journal.ID(filepath.Join(aside, journalName)) == life
}

// join takes over from another life of the bank what forbids more.
func (c *carried) join(o *carried) {
	c.lossy = c.lossy || o.lossy
	for key, m := range o.marks {
		have := c.marks[key]
		have.Stricter(m)
		have.Until, have.Last = max(have.Until, m.Until), max(have.Last, m.Last)
		c.marks[key] = have
	}
	for _, name := range []string{locker.ValueFloor, locker.ValueBoot, locker.ValueTicketsFrom} {
		c.raise(name, o.values[name])
	}
	if trustVersion(o.values[locker.ValueTrust]) > trustVersion(c.values[locker.ValueTrust]) {
		c.values[locker.ValueTrust] = o.values[locker.ValueTrust]
	}
}

// raise keeps the higher of two decimal values.
func (c *carried) raise(name string, v []byte) {
	n, err := strconv.ParseInt(string(v), 10, 64)
	have, herr := strconv.ParseInt(string(c.values[name]), 10, 64)
	if err == nil && (herr != nil || n > have) {
		c.values[name] = v
	}
}

// trustVersion is the version of a stored key set, -1: there is none.
func trustVersion(stored []byte) int64 {
	var t struct {
		Version int64 `json:"version"`
	}
	if json.Unmarshal(stored, &t) != nil {
		return -1
	}
	return t.Version
}
