package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// File is a segment of a journal that is in use, open for reading. What is appended
// meanwhile may be in it, torn.
type File struct {
	*os.File
	Name string // in the journal's directory
	Size int64
}

// Files opens all segments, of one moment. They stay readable when Prune replaces or
// removes them; whoever has them closes them.
func (j *Journal) Files() (out []*File, err error) {
	j.files.RLock() // nothing is replaced meanwhile
	defer j.files.RUnlock()
	for _, v := range j.views(func(*segment) bool { return true }) {
		f, err := os.Open(v.path)
		if err != nil {
			return out, fmt.Errorf("cannot open journal segment %q: %w", v.path, err)
		}
		out = append(out, &File{f, filepath.Base(v.path), v.size})
	}
	return out, nil
}

// IsFile tells whether a name in a journal's directory is that of a segment or a
// checkpoint.
func IsFile(name string) bool {
	return !strings.HasSuffix(name, tmpSuffix) && (strings.HasSuffix(name, segSuffix) || strings.HasPrefix(name, checkpointPrefix))
}
