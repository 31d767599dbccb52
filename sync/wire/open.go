package wire

import (
	"fmt"
	"slices"
	"strings"

	"lockerd/daemon/locker"
	"lockerd/sync/wire/internal/strict"
)

// Expect is what a message must name to be meant for this bank.
type Expect struct{ Bank, Journal string }

// head is what is read first of a payload.
type head struct {
	V       int    `json:"v"`
	Typ     string `json:"typ"`
	Bank    string `json:"bank,omitempty"`
	Journal string `json:"journal,omitempty"`
}

var headPlan = strict.Compile[head](nil)

// Open reads a message from above, in the order of the package comment; the first
// fault is the reason. The topic is the part below {prefix}/{bank}/. The key is
// the one that has signed, also of a refusal that comes after its signature.
func (k *Keys) Open(e Expect, topic string, payload []byte, retained bool) (Down, Key, *Refusal) {
	word := wordOf(topic)
	key, body, r := k.authentic(payload, retained)
	if r == nil {
		var m Down
		if m, r = open(e, topic, key, body); r == nil {
			return m, key, nil
		}
	}
	r.Topic = word
	r.Why = locker.Cut(r.Why, maxWhy)
	return nil, key, r
}

// authentic checks all that can be checked without believing the payload.
func (k *Keys) authentic(payload []byte, retained bool) (Key, []byte, *Refusal) {
	switch {
	case retained:
		return Key{}, nil, &Refusal{Reason: Retained, Why: "the broker had kept it"}
	case len(payload) > MaxDown:
		return Key{}, nil, &Refusal{Reason: TooLarge, Why: fmt.Sprintf("%d bytes, at most %d", len(payload), MaxDown)}
	}
	kid, why := kidOf(payload)
	if why != "" {
		return Key{}, nil, &Refusal{Reason: Malformed, Why: why}
	}
	key, ok := k.Find(kid)
	if !ok {
		return Key{}, nil, &Refusal{Reason: UnknownKey, Why: fmt.Sprintf("kid %q", kid)}
	}
	body, ok := verified(payload, key)
	if !ok {
		return Key{}, nil, &Refusal{Reason: BadSignature, Why: fmt.Sprintf("kid %q", kid)}
	}
	return key, body, nil
}

// open judges an authentic payload.
func open(e Expect, topic string, key Key, body []byte) (Down, *Refusal) {
	h, err := headPlan.Decode(body)
	switch {
	case err != nil:
		return nil, malformed(err)
	case h.V != Version:
		return nil, &Refusal{Reason: Malformed, Why: fmt.Sprintf("v: must be %d", Version)}
	case topic != "down/"+h.Typ:
		return nil, &Refusal{Reason: WrongPurpose, Why: "typ is not the topic's"}
	case !key.Can(h.Typ):
		return nil, &Refusal{Reason: WrongPurpose, Why: fmt.Sprintf("key %q may not: lb_may", key.KID)}
	}
	var set string
	if h.Typ == TypCodes {
		s, err := setPlan.Decode(body)
		if err != nil {
			return nil, malformed(err)
		}
		if set = s.Set; !ownSet(key, set) {
			return nil, &Refusal{Reason: WrongTenant, Set: validSet(set), Why: fmt.Sprintf("key %q may not write this set", key.KID)}
		}
	}
	m, r := read(e, h, body)
	if r != nil {
		r.Set = validSet(set)
	}
	return m, r
}

// read decodes the members, once the message is known to be meant for us.
func read(e Expect, h head, body []byte) (Down, *Refusal) {
	switch {
	case h.Bank == "" || h.Bank != e.Bank:
		return nil, &Refusal{Reason: WrongBank, Why: "is for another bank"}
	case h.Typ != TypTrust && (h.Journal == "" || h.Journal != e.Journal):
		return nil, &Refusal{Reason: WrongJournal, Why: "is for another journal: the board or its data file was replaced"}
	}
	switch h.Typ {
	case TypAck:
		return readAck(body)
	case TypCodes:
		return readCodes(body)
	case TypDesired:
		return readDesired(body)
	case TypCommand:
		return readCommand(body)
	case TypTrust:
		return readTrust(body)
	}
	return nil, &Refusal{Reason: WrongPurpose, Why: "typ is unknown"}
}

// ownSet tells whether a key may write a set at all. Nothing from above touches
// the set of the control socket.
func ownSet(key Key, set string) bool {
	return set != locker.SetLocal && (key.Tenant == Operator || key.Tenant == set)
}

// validSet is set if it can be one, so that nothing else gets into an event.
func validSet(set string) string {
	if set == locker.SetOperator || locker.ValidTenant(set) {
		return set
	}
	return ""
}

// wordOf is the last word of a topic from which messages are taken.
func wordOf(topic string) string {
	word, ok := strings.CutPrefix(topic, "down/")
	if ok && slices.Contains([]string{TypAck, TypCodes, TypDesired, TypCommand, TypTrust}, word) {
		return word
	}
	return ""
}

func malformed(err error) *Refusal { return &Refusal{Reason: Malformed, Why: err.Error()} }

const maxWhy = 200 // bytes of a why: it becomes part of an event
