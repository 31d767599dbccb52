package backend

import (
	"encoding/json"
	"fmt"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// reportedDesired takes the bank's word on its desired document.
func (t *txn) reportedDesired(b *bank, version int64, absolute bool) {
	d := &b.Desired
	if !absolute && version <= d.Applied {
		return
	}
	d.Applied, b.dirty = version, true
	if d.Version > 0 && version > d.Version {
		b.find(t.now, FoundRestored, fmt.Sprintf("the bank's desired document %d is newer than this store's: this store's goes out again", version))
		d.Version, d.Rejected, d.Why = version+1, 0, ""
	}
}

// sendDesired sends the desired document to a bank that has another one and has not
// rejected this one.
func (t *txn) sendDesired(b *bank) {
	d := &b.Desired
	if !d.owed() || !b.online() {
		return
	}
	raw := t.get(key('D', b.Name))
	m := &wire.Desired{Head: b.head(), Version: d.Version}
	if err := json.Unmarshal(raw, &m.Doc); err != nil {
		t.fail(fmt.Errorf("cannot read the desired document of %s in the store: %w", b.Name, err))
		return
	}
	d.again.sent(t.now)
	t.send(b, wire.TopicDesired, locker.SetOperator, m)
}

func (d *document) owed() bool { return d.Version > d.Applied && d.Version != d.Rejected }
