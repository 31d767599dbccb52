package backend

import (
	"fmt"
	"strings"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// receive takes one message of a bank. Whatever is wrong with it is the bank's
// finding, never an error.
func (t *txn) receive(m *Message) *bank {
	name, topic, ok := splitTopic(t.c.cfg.Prefix, m.Topic)
	if !ok || !fromBank(topic) || t.c.barred(name) {
		return nil
	}
	b := t.bankOf(name)
	if b == nil {
		return nil
	}
	if !m.Retained { // a retained message says what was, not that the bank is there
		b.seen(t.now)
	}
	if len(m.Payload) == 0 {
		return b // somebody cleared a retained message
	}
	if len(m.Payload) > payloadBytes {
		b.find(t.now, FoundMalformed, fmt.Sprintf("%s of more than %d bytes", topic, payloadBytes))
		return b
	}
	if err := t.take(b, topic, m); err != nil {
		b.find(t.now, FoundMalformed, fmt.Sprintf("%s: %.200s", topic, err))
	}
	if topic == wire.TopicState {
		b.told = b.told || m.Retained
	} else if _, known := t.c.unborn[name]; !known && !m.Retained && b.unborn() {
		t.c.unborn[name] = false
	}
	return b
}

func fromBank(topic string) bool {
	switch topic {
	case wire.TopicState, wire.TopicDoors, wire.TopicStock, wire.TopicHealth, wire.TopicEvents, wire.TopicReply, wire.TopicGet, wire.TopicBundle:
		return true
	}
	return false
}

// splitTopic splits {prefix}/{bank}/{rest}.
func splitTopic(prefix, topic string) (bank, rest string, ok bool) {
	rest, ok = strings.CutPrefix(topic, prefix+"/")
	if !ok {
		return "", "", false
	}
	bank, rest, ok = strings.Cut(rest, "/")
	return bank, rest, ok && locker.ValidBank(bank)
}

func (t *txn) take(b *bank, topic string, m *Message) error {
	switch topic {
	case wire.TopicState:
		return with(b, t, m, wire.DecodeState, func(v *wire.State) string { return v.Bank }, func(b *bank, v *wire.State) { t.state(b, v, m.Retained) })
	case wire.TopicDoors:
		return with(b, t, m, wire.DecodeDoors, func(v *wire.Doors) string { return v.Bank }, func(b *bank, v *wire.Doors) { t.doors(b, v, m.Payload) })
	case wire.TopicStock:
		return with(b, t, m, wire.DecodeStock, func(v *wire.Stock) string { return v.Bank }, func(b *bank, v *wire.Stock) { t.stock(b, v, m.Payload) })
	case wire.TopicHealth:
		return with(b, t, m, wire.DecodeHealth, func(v *wire.Health) string { return v.Bank }, func(b *bank, v *wire.Health) { t.health(b, v, m.Retained) })
	case wire.TopicEvents:
		return with(b, t, m, wire.DecodeEvents, func(v *wire.Events) string { return v.Bank }, t.events)
	case wire.TopicReply:
		return with(b, t, m, wire.DecodeReply, func(v *wire.Reply) string { return v.Bank }, t.reply)
	case wire.TopicBundle:
		return with(b, t, m, wire.DecodeBundle, func(v *wire.Bundle) string { return v.Bank }, t.bundle)
	case wire.TopicGet:
		return with(b, t, m, wire.DecodeGet, func(v *wire.Get) string { return v.Bank }, t.want)
	}
	return nil
}

// with decodes a message and hands it on if it speaks for the bank of its topic:
// the broker's rules bind the topic to the bank's login, nothing else binds the
// member.
func with[T any](b *bank, t *txn, m *Message, decode func([]byte) (T, error), of func(*T) string, do func(*bank, *T)) error {
	v, err := decode(m.Payload)
	if err != nil {
		return err
	}
	if other := of(&v); other != b.Name {
		b.find(t.now, FoundStranger, fmt.Sprintf("%s speaks for %.40q", m.Topic, other))
		return nil
	}
	do(b, &v)
	return nil
}
