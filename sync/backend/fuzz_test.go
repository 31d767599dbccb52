package backend

import (
	"encoding/json"
	"testing"
	"time"

	"lockerd/sync/wire"
)

// FuzzReceive: whatever comes from a bank, nothing fails and no other bank changes.
func FuzzReceive(f *testing.F) {
	seed := newRig(f)
	b := seed.bank("lon-042", "j-1")
	seed.issue("lon-042", "acme", 2)
	emit(seed, b, 5)
	b.Connect(seed.at())
	b.Ask("acme")
	for _, p := range seed.up {
		f.Add(p.topic, p.payload, p.retained)
	}
	for _, s := range []string{
		`{"v":1,"bank":"lon-042","journal":"j-1","events":[{"seq":18446744073709551615}]}`,
		`{"v":1,"bank":"lon-042","journal":"j-1","events":[{"seq":9,"type":"journal.gap","from":1,"to":9}]}`,
		`{"v":1,"bank":"lon-042","journal":"j-1","events":[{"seq":2,"type":"codes.applied","set":"acme","epoch":9007199254740993,"to":9007199254740993}]}`,
		`{"v":1,"bank":"lon-042","journal":"j-1","events":[null,{},[]]}`,
	} {
		f.Add(wire.TopicEvents, []byte(s), false)
	}
	f.Add(wire.TopicState, []byte(`{"v":1,"bank":"lon-042","status":"online","boot":9223372036854775807,"conn":1,"journal":{"id":"x","first":1,"next":2},"codes":{"acme":{"epoch":9223372036854775807,"version":-1}}}`), false)
	f.Fuzz(func(t *testing.T, topic string, payload []byte, retained bool) {
		r := newRig(t)
		r.bank("ber-001", "j-2")
		b := r.bank("lon-042", "j-1")
		r.issue("lon-042", "acme", 2)
		r.connect("lon-042", "ber-001")
		emit(r, b, 3)
		before := mustStatus(t, r, "ber-001")
		for range 2 {
			if err := r.be.takeGroup(Message{Topic: "lockers/v1/lon-042/" + topic, Payload: payload, Retained: retained}); err != nil {
				t.Fatal(err)
			}
		}
		r.pass(5 * time.Second)
		if after := mustStatus(t, r, "ber-001"); before != after {
			t.Fatalf("another bank changed:\n%s\n%s", before, after)
		}
		// what it wrote can be read again
		r.start()
		r.settle()
		if _, ok := r.be.Bank("lon-042"); !ok {
			t.Fatal("the bank is gone")
		}
		var all []Event
		for cursor := uint64(0); cursor < r.be.LastEvent(); {
			list, next, err := r.be.Events("", cursor, 100)
			if err != nil || next <= cursor {
				t.Fatal(err, next)
			}
			all, cursor = append(all, list...), next
		}
		if _, err := json.Marshal(all); err != nil {
			t.Fatal(err)
		}
	})
}

func mustStatus(t *testing.T, r *rig, bank string) string {
	t.Helper()
	s, ok := r.be.Bank(bank)
	if !ok {
		t.Fatal("no bank " + bank)
	}
	s.Seen, s.Health = 0, nil
	return string(mustJSON(t, s))
}

// FuzzLink: the parts of an event put together again are the event.
func FuzzLink(f *testing.F) {
	f.Add([]byte(`{"seq":1,"hash":"7534cc6d661371bc489f02d1d958bf2ec18f873db067b961209d8d0bd9038226"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, ok := linkOf(raw)
		if ok && string(l.body)+`,"hash":"`+l.claimed+`"}` != string(raw) {
			t.Fatalf("%q: %+v", raw, l)
		}
		var h eventHead
		if json.Unmarshal(raw, &h) == nil && h.start() > h.Seq {
			t.Fatalf("%q begins at %d", raw, h.start())
		}
	})
}
