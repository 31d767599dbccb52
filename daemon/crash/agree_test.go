package crash

import (
	"encoding/json"
	"testing"

	"lockerd/daemon/locker"
)

// agrees checks that what every commit has stored of the doors is what the
// events up to it tell: a judge that reads the events and a bank that reads the
// doors must not part ways at any commit.
func (r *record) agrees(t *testing.T) {
	t.Helper()
	s, told := newStory(), uint64(0)
	for i, c := range r.commits {
		for ; told < c.next-1; told++ {
			s.tell(&r.events[told])
		}
		for id, text := range c.doors {
			var rec locker.DoorRecord
			if err := json.Unmarshal([]byte(text), &rec); err != nil {
				t.Fatal(err)
			}
			if want := s.doors[id]; !want.is(&rec) {
				t.Fatalf("after commit %d and event %d door %s is %s, and by the events its item is %+v, its claims %v, its causes %v",
					i+1, told, id, text, want.item, want.named, want.out)
			}
		}
	}
}

// is tells whether a stored door is what the events tell of it.
func (d *doorStory) is(rec *locker.DoorRecord) bool {
	same := (d.item == nil) == (rec.Item == nil) && len(d.out) == len(rec.Out) && len(d.named) == len(rec.Named)
	for _, n := range rec.Named {
		same = same && d.named[n.Code.ID]
	}
	return same && (d.item == nil || *d.item == *rec.Item)
}
