package suite

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lockerd/sync/outbox"
	"lockerd/sync/uplink"
	"lockerd/sync/wire"
)

// bank is a bank without doors.
type bank struct {
	*book
	j       outbox.Journal
	key     ed25519.PublicKey
	box     *outbox.Outbox
	u       *uplink.Uplink
	conn    atomic.Int64
	refused atomic.Int64
	changed chan struct{}
	out     chan uplink.Outgoing
	once    sync.Once
	stop    func()
}

// ackTimeout is short, so that tests are.
const ackTimeout = 300 * time.Millisecond

func startBank(tb testing.TB, b *book, url, user string, key ed25519.PublicKey, change func(*uplink.Config, *uplink.Options)) *bank {
	tb.Helper()
	k := startOn(tb, b, url, user, key, change)
	k.book = b
	return k
}

func startOn(tb testing.TB, b outbox.Journal, url, user string, key ed25519.PublicKey, change func(*uplink.Config, *uplink.Options)) *bank {
	tb.Helper()
	k := &bank{j: b, key: key, changed: make(chan struct{}), out: make(chan uplink.Outgoing)}
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("LOCKERD_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	box, err := outbox.New(b, outbox.Options{Bank: "lon-042", JournalID: journalID, AckTimeout: ackTimeout, Quiet: ackTimeout, Log: log})
	if err != nil {
		tb.Fatal(err)
	}
	k.box = box
	c := uplink.Config{Bank: "lon-042", URL: url, Username: user, DownQoS: 1, KeepAlive: 2 * time.Second, Heartbeat: time.Second}
	if user != "" {
		c.PasswordFile = tb.TempDir() + "/password"
		if err := os.WriteFile(c.PasswordFile, []byte(user+"-secret\n"), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	o := uplink.Options{Log: log, BackoffMin: 20 * time.Millisecond, BackoffMax: 200 * time.Millisecond}
	if change != nil {
		change(&c, &o)
	}
	if k.u, err = uplink.New(c, k, box, o); err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		k.u.Run(ctx)
	}()
	k.stop = func() {
		begun := time.Now()
		k.once.Do(func() {
			cancel()
			<-done
			if d := time.Since(begun); d > uplink.StopTimeout+time.Second {
				tb.Errorf("the stop took %v", d)
			}
		})
	}
	tb.Cleanup(k.stop)
	return k
}

func (k *bank) state() wire.State {
	return wire.State{
		V: 1, Bank: "lon-042", Status: wire.Online, Boot: 17, Conn: k.conn.Load(), Nonce: fmt.Sprint(k.conn.Load()),
		Journal: &wire.JournalState{ID: journalID, First: k.j.First(), Next: k.j.Next()},
	}
}

func (k *bank) Connect(context.Context) (wire.State, error) {
	k.conn.Add(1)
	return k.state(), nil
}

func (k *bank) Birth(context.Context) (wire.State, error) { return k.state(), nil }

func (k *bank) Doors(context.Context) (wire.Doors, error) {
	return wire.Doors{V: 1, Bank: "lon-042", Journal: journalID, Seq: k.j.Next() - 1}, nil
}

func (k *bank) Stock(context.Context) (wire.Stock, error) {
	return wire.Stock{V: 1, Bank: "lon-042", Journal: journalID, Seq: k.j.Next() - 1}, nil
}

func (k *bank) Health(context.Context) (wire.Health, error) {
	return wire.Health{V: 1, Bank: "lon-042", Boot: 17, Conn: k.conn.Load()}, nil
}

func (k *bank) Changed() <-chan struct{} { return k.changed }

func (k *bank) Receive(_ context.Context, m uplink.Inbound) {
	o, ok := verify(k.key, m.Payload)
	if !ok || m.Retained || o.Journal != journalID || "down/"+o.Typ != m.Topic {
		k.refused.Add(1)
		return
	}
	switch o.Typ {
	case "ack":
		k.box.Acked(o.UpTo)
	case "command":
		k.box.Resync(o.From)
	}
}

func (k *bank) Outgoing() <-chan uplink.Outgoing { return k.out }

// Bulk has nothing large to say.
func (*bank) Bulk(ctx context.Context) (uplink.Outgoing, func(), error) {
	<-ctx.Done()
	return uplink.Outgoing{}, nil, ctx.Err()
}

func (*bank) Disconnected() {}
