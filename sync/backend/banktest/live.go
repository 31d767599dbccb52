package banktest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// Live is a model bank with time and a connection. Its methods may be called from any
// goroutine.
type Live struct {
	mu   sync.Mutex
	bank *Bank
	in   chan down
	stop context.CancelFunc
	done sync.WaitGroup
	end  func()
}

type down struct {
	topic    string
	payload  []byte
	retained bool
}

const (
	liveQueue  = 4096
	againEvery = 2 * time.Second // as ack_timeout and heartbeat
	dialTime   = 10 * time.Second
)

// ErrRefused is returned by Dial where the broker does not take the subscription: a bank
// tries again then.
var ErrRefused = errors.New("the broker refuses the subscription")

func live(b *Bank, end func()) (*Live, context.Context) {
	ctx, stop := context.WithCancel(context.Background())
	return &Live{bank: b, in: make(chan down, liveQueue), stop: stop, end: end}, ctx
}

// run takes messages from above, and repeats itself now and then.
func (l *Live) run(ctx context.Context) {
	tick := time.NewTicker(againEvery)
	defer tick.Stop()
	for {
		select {
		case d := <-l.in:
			l.Do(func(b *Bank, now locker.Time) { b.Receive(now, d.topic, d.payload, d.retained) })
		case <-tick.C:
			l.Do(func(b *Bank, now locker.Time) {
				b.Again(now)
				b.Health(now)
			})
		case <-ctx.Done():
			return
		}
	}
}

// Do does something with the bank; what it says is sent.
func (l *Live) Do(f func(b *Bank, now locker.Time)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(l.bank, locker.TimeOf(time.Now()))
}

// Close ends the connection without a word; a broker says the bank's will.
func (l *Live) Close() {
	l.stop()
	l.done.Wait()
	l.end()
}

// Pipe connects a model bank to a backend without a broker: the bank's words go to
// receive, what is published on the pipe goes to the bank. It has the methods of a
// backend's Link.
type Pipe struct {
	*Live
	prefix string
	start  func()
	once   sync.Once
	over   chan struct{}
}

// NewPipe returns a pipe below the prefix.
func NewPipe(b *Bank, prefix string, receive func(topic string, payload []byte, retained bool)) *Pipe {
	over := make(chan struct{})
	l, ctx := live(b, sync.OnceFunc(func() { close(over) }))
	b.Say = func(topic string, payload []byte, retained bool) {
		receive(prefix+"/"+b.Name+"/"+topic, payload, retained)
	}
	return &Pipe{Live: l, prefix: prefix, over: over, start: func() {
		l.done.Go(func() { l.run(ctx) })
		l.Do(func(b *Bank, now locker.Time) { b.Connect(now) })
	}}
}

// Subscribe connects the bank.
func (p *Pipe) Subscribe(context.Context, ...string) error {
	p.once.Do(p.start)
	return nil
}

// Publish gives the bank a message.
func (p *Pipe) Publish(ctx context.Context, topic string, payload []byte) error {
	word, ok := strings.CutPrefix(topic, p.prefix+"/"+p.bank.Name+"/")
	if !ok {
		return nil // of another bank
	}
	select {
	case p.in <- down{topic: word, payload: payload}:
	case <-ctx.Done():
	}
	return nil
}

// Done is closed by Close.
func (p *Pipe) Done() <-chan struct{} { return p.over }

// Dial connects a model bank to a broker as a bank does: its name is its client id and
// user, its will the death of this connection.
func Dial(b *Bank, broker, prefix string) (*Live, error) {
	broker = strings.Replace(broker, "mqtt://", "tcp://", 1)
	base := prefix + "/" + b.Name + "/"
	b.Conn++ // Connect counts; the will names that connection
	will := b.Will()
	b.Conn--
	o := mqtt.NewClientOptions().AddBroker(broker).SetClientID(b.Name).SetUsername(b.Name).SetCleanSession(true)
	o.SetAutoReconnect(false).SetConnectTimeout(dialTime).SetBinaryWill(base+"state", will, 1, true)
	var client mqtt.Client
	l, ctx := live(b, func() { client.Disconnect(0) })
	o.SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
		select {
		case l.in <- down{strings.TrimPrefix(m.Topic(), base), m.Payload(), m.Retained()}:
		case <-ctx.Done():
		}
	})
	client = mqtt.NewClient(o)
	if t := client.Connect(); !t.WaitTimeout(dialTime) || t.Error() != nil {
		return nil, fmt.Errorf("cannot connect %s to %s: %w", b.Name, broker, t.Error())
	}
	t := client.Subscribe(base+"down/+", 1, nil)
	if !t.WaitTimeout(dialTime) || t.Error() != nil {
		return nil, fmt.Errorf("cannot subscribe %s: %w", b.Name, t.Error())
	}
	if s, ok := t.(*mqtt.SubscribeToken); ok && !wire.Granted(s.Result()[base+"down/+"]) {
		client.Disconnect(0)
		return nil, fmt.Errorf("cannot subscribe %s: %w: %#x", b.Name, ErrRefused, s.Result()[base+"down/+"])
	}
	b.Say = func(topic string, payload []byte, retained bool) { client.Publish(base+topic, 1, retained, payload) }
	l.done.Go(func() { l.run(ctx) })
	l.Do(func(b *Bank, now locker.Time) { b.Connect(now) })
	return l, nil
}
