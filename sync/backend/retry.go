package backend

// tick sends again what nobody has confirmed, for the banks that are there.
func (t *txn) tick() map[string]*bank {
	changed := map[string]*bank{}
	for name := range t.c.due {
		b := t.c.banks[name]
		if b == nil || !t.c.outstanding(b) {
			delete(t.c.due, name)
			continue
		}
		before := len(t.out)
		t.retry(b)
		if b.dirty || len(t.out) > before {
			changed[name] = b
		}
	}
	t.advance(changed)
	return changed
}

func (t *txn) retry(b *bank) {
	t.expireCommands(b)
	if !b.online() {
		return
	}
	if t.c.trustOwed(b) && b.Trust.again.due(t.now) {
		t.sendTrust(b)
	}
	for name, s := range b.Sets {
		if !s.applied() && s.again.due(t.now) {
			t.syncSet(b, name, s, "")
		}
		t.probeOn(b, name, s)
	}
	if b.Desired.owed() && b.Desired.again.due(t.now) {
		t.sendDesired(b)
	}
	t.sendCommands(b, false)
}

// outstanding tells whether anything may have to be sent to the bank again.
func (c *core) outstanding(b *bank) bool {
	if c.trustOwed(b) || b.Desired.owed() || b.pending() > 0 {
		return true
	}
	for _, s := range b.Sets {
		if !s.applied() || s.Probe != nil {
			return true
		}
	}
	return false
}
