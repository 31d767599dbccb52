package journal

import "errors"

// Salvage calls fn with every sound record that can still be found in a
// damaged journal, in the order in which they lie. It repairs nothing. The
// record's bytes are fn's only while it runs. Segments that can't be read are
// passed over, and the error is theirs.
func Salvage(dir string, fn func(Record)) error {
	segs, err := listSegments(dir)
	if err != nil {
		return err
	}
	var failed []error
	for _, s := range segs {
		b, err := readSegment(s.path)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		salvage(b, fn)
	}
	return errors.Join(failed...)
}

func salvage(b []byte, fn func(Record)) {
	for off := 0; off+frameHead <= len(b); {
		f, size, ok := parseFrame(b[off:])
		if !ok {
			off += frameAlign
			continue
		}
		off += size
		if f.kind != kindCommit {
			continue
		}
		if r, err := parsePayload(f.index, f.payload); err == nil {
			fn(r)
		}
	}
}
