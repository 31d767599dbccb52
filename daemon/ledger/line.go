package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"lockerd/daemon/locker"
)

// told are the beginnings of the types that the ledger takes more from than their
// seq. No text in an event can hold an unescaped quote, so these bytes are a type.
func told() [][]byte {
	return [][]byte{
		[]byte(`"type":"item.`), []byte(`"type":"stock.changed"`), []byte(`"type":"door.out_of_service"`),
		[]byte(`"type":"door.in_service"`), []byte(`"type":"journal.gap"`),
	}
}

// Line takes the next event as it is stored. Of those that change nothing it reads
// the seq only: a whole journal has some hundred thousand lines, and a board is slow.
func (l *Ledger) Line(line []byte) error {
	for _, t := range l.types {
		if bytes.Contains(line, t) {
			var e locker.Event
			if err := json.Unmarshal(line, &e); err != nil {
				return fmt.Errorf("cannot read the event after %d: %w", l.last, err)
			}
			l.Apply(&e)
			return nil
		}
	}
	seq, err := seqOf(line)
	if err != nil {
		return fmt.Errorf("cannot read the event after %d: %w", l.last, err)
	}
	l.Apply(&locker.Event{Seq: seq})
	return nil
}

// seqOf reads the first member of a stored event.
func seqOf(line []byte) (uint64, error) {
	rest, ok := bytes.CutPrefix(line, []byte(`{"seq":`))
	end := bytes.IndexByte(rest, ',')
	if !ok || end < 0 {
		return 0, fmt.Errorf("it does not begin with its number: %.40q", line)
	}
	return strconv.ParseUint(string(rest[:end]), 10, 64)
}
