package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"lockerd/daemon/locker"
)

// Hash is a link of the chain of events (contract 7.2).
type Hash [sha256.Size]byte

// FirstHash is the link in front of the first event of a journal.
func FirstHash(id string) Hash { return sha256.Sum256([]byte(id)) }

// next is the link of the event whose JSON begins with body.
func (h Hash) next(body []byte) Hash {
	s := sha256.New()
	s.Write(h[:])
	s.Write(body)
	var out Hash
	s.Sum(out[:0])
	return out
}

// lineRoom is what a line commonly takes, with its hash.
const lineRoom = 640

const (
	hashMember = `,"hash":"`
	hashTail   = len(hashMember) + 2*sha256.Size + len(`"}`)
)

// encodeEvent gives ev its hash and returns its line and the next link.
func encodeEvent(prev Hash, ev *locker.Event) ([]byte, Hash, error) {
	ev.Hash = ""
	line, err := ev.AppendJSON(make([]byte, 0, lineRoom))
	if err != nil {
		return nil, prev, fmt.Errorf("cannot encode event %d of type %q: %w", ev.Seq, ev.Type, err)
	}
	body := line[:len(line)-1]
	h := prev.next(body)
	ev.Hash = hex.EncodeToString(h[:])
	line = append(body, hashMember...)
	line = append(line, ev.Hash...)
	return append(line, `"}`...), h, nil
}

// splitLine returns the part of a line that is hashed and the hash it carries.
func splitLine(line []byte) (body []byte, h Hash, err error) {
	cut := len(line) - hashTail
	if cut < 1 || !bytes.HasPrefix(line[cut:], []byte(hashMember)) {
		return nil, Hash{}, fmt.Errorf("cannot find the hash at the end of event %.40q", line)
	}
	if _, err := hex.Decode(h[:], line[cut+len(hashMember):len(line)-2]); err != nil {
		return nil, Hash{}, fmt.Errorf("cannot read the hash of event %.40q: %w", line, err)
	}
	return line[:cut], h, nil
}

// lineType returns the type of an event line without decoding it.
func lineType(line []byte) string {
	return lineMember(line, `"type":"`)
}

// lineTime returns the time of an event line, or zero.
func lineTime(line []byte) locker.Time {
	var t locker.Time
	if t.UnmarshalText([]byte(lineMember(line, `"at":"`))) != nil {
		return 0
	}
	return t
}

// lineMember finds the first text member of that key. The journal writes
// lines itself, and type and at stand in front of any free text.
func lineMember(line []byte, key string) string {
	_, rest, ok := bytes.Cut(line, []byte(key))
	if !ok {
		return ""
	}
	v, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(v)
}

// checkLine verifies one line against the link in front of it and returns the
// next. A gap stands for its run: it carries the run's last hash.
func checkLine(prev Hash, line []byte) (Hash, error) {
	body, h, err := splitLine(line)
	if err != nil {
		return prev, err
	}
	if lineType(line) == locker.EvJournalGap {
		return h, nil
	}
	if prev.next(body) != h {
		return prev, fmt.Errorf("cannot verify event %.40q: its hash does not follow from the one before", line)
	}
	return h, nil
}
