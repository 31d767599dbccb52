package roguetest

import (
	"math/rand/v2"
	"slices"

	"lockerd/sync/wire"
)

// Attempt is one message of the rogue's.
type Attempt struct {
	Name     string // of its family
	Why      string // why it must not be honoured
	Topic    string // below {prefix}/{bank}/
	Payload  []byte // until the next attempt
	Retained bool
	Reason   string // with which wire refuses it; "" is any
	Later    bool   // a replay: wire takes it, the bank's state must not
}

// maxHeard is how many real messages are kept; beyond it a random one goes.
const maxHeard = 64

// maxOver is the size of the largest payload.
const maxOver = 1 << 20

// Rogue makes attempts. It is one goroutine's.
type Rogue struct {
	c       Config
	rand    *rand.Rand
	own     Signer // the rogue's: nobody trusts it
	texts   []string
	genuine []message // made here, signed by those who may
	heard   []message // overheard
	foreign []Attempt // a tenant's key on what is not its own
	big     []byte
	total   int
}

type message struct {
	topic string
	by    Signer
	body  string
	jws   []byte
}

// New returns a rogue broker.
func New(seed uint64, c Config) *Rogue {
	r := &Rogue{
		c: c, rand: rand.New(rand.NewPCG(seed, 0x10c4e2)), texts: Texts(),
		own: TestKey("rogue-1", wire.Operator, c.Operator.May...), big: make([]byte, maxOver),
	}
	for i := range r.big {
		r.big[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[r.rand.IntN(64)]
	}
	r.genuine = r.honest()
	for _, text := range r.texts {
		for _, a := range Tenants(c, text) {
			if a.Reason == wire.WrongTenant {
				r.foreign = append(r.foreign, a)
			}
		}
	}
	for _, f := range families {
		r.total += f.weight
	}
	return r
}

// Hear remembers a real message from above, to repeat and to mutate it.
func (r *Rogue) Hear(topic string, payload []byte) {
	m := message{topic: topic, jws: slices.Clone(payload)}
	if len(r.heard) < maxHeard {
		r.heard = append(r.heard, m)
		return
	}
	r.heard[r.rand.IntN(maxHeard)] = m
}

// Next is the next attempt.
func (r *Rogue) Next() Attempt {
	n := r.rand.IntN(r.total)
	for _, f := range families {
		if n -= f.weight; n >= 0 {
			continue
		}
		a := f.make(r)
		a.Name, a.Why = f.name, f.why
		return a
	}
	panic("roguetest: the weights do not add up")
}

// Families are the names of all kinds of attempts that Next makes.
func Families() []string {
	all := make([]string, len(families))
	for i, f := range families {
		all[i] = f.name
	}
	return all
}

// any is a message whose signature holds.
func (r *Rogue) any() message {
	if len(r.heard) > 0 && r.rand.IntN(2) == 0 {
		return r.heard[r.rand.IntN(len(r.heard))]
	}
	return pick(r, r.genuine)
}

// made is a genuine message of our own making, which can be changed and signed.
func (r *Rogue) made() message { return pick(r, r.genuine) }

// of is a genuine message for a topic.
func (r *Rogue) of(topics ...string) message {
	for {
		if m := r.made(); slices.Contains(topics, m.topic) {
			return m
		}
	}
}

func pick[T any](r *Rogue, from []T) T { return from[r.rand.IntN(len(from))] }
