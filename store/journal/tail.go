package journal

import (
	"fmt"
	"path/filepath"
	"slices"
)

// Tail returns the newest events of the journal in dir, oldest first, at most
// so many bytes of lines. It only reads, takes no lock and judges nothing: it is
// for looking at a bank whose lockerd does not run, whatever its journal is
// like.
func Tail(dir string, most int) ([][]byte, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*"+segSuffix))
	if err != nil {
		return nil, fmt.Errorf("cannot read journal directory %q: %w", dir, err)
	}
	slices.Sort(paths) // numbers of one width
	var newest [][]byte
	for _, path := range slices.Backward(paths) {
		b, err := readSegment(path)
		if err != nil {
			return backward(newest), err
		}
		var lines [][]byte
		salvage(b, func(r Record) {
			for _, l := range r.Lines {
				lines = append(lines, slices.Clone(l.JSON))
			}
		})
		for _, l := range slices.Backward(lines) {
			if most -= len(l); most < 0 {
				return backward(newest), nil
			}
			newest = append(newest, l)
		}
	}
	return backward(newest), nil
}

func backward(lines [][]byte) [][]byte {
	slices.Reverse(lines)
	return lines
}

// ID returns the id of the journal in dir, without a judgement of the rest of it; "" if
// it can't be read.
func ID(dir string) string {
	paths, err := filepath.Glob(filepath.Join(dir, "*"+segSuffix))
	if err != nil { // the pattern is good
		return ""
	}
	for _, path := range paths {
		b, err := readSegment(path)
		if err != nil {
			continue
		}
		if f, _, ok := parseFrame(b); ok && f.kind == kindHead {
			if h, err := parseHead(f.payload); err == nil {
				return h.ID
			}
		}
	}
	return ""
}
