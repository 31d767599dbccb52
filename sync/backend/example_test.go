package backend_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/backend"
	"lockerd/sync/backend/banktest"
	"lockerd/sync/wire"
)

// A backend with one bank. The bank is a model at the other end of a pipe; with a
// broker it is `mqttlink.Run(ctx, mqttlink.Options{URL: …}, be)` instead of Serve.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	// The operator's key: here, and as public half in each bank's trust.json.
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	may := []string{"ack", "codes", "desired", "command", "ticket", "trust"}
	trust, err := wire.NewKeys(wire.Key{KID: "ops-1", Public: public, May: may, Tenant: wire.Operator})
	if err != nil {
		panic(err)
	}
	be, err := backend.New(backend.Config{
		Store: backend.NewMemory(), // boltstore.Open(path), or your own database
		Keys:  []backend.Key{{KID: "ops-1", Signer: private, Tenant: wire.Operator}},
		Trust: trust,
	})
	if err != nil {
		panic(err)
	}

	bank := banktest.New("lon-042", "j-7c1f", trust)
	link := banktest.NewPipe(bank, "lockers/v1", func(topic string, payload []byte, retained bool) {
		be.Receive(ctx, backend.Message{Topic: topic, Payload: payload, Retained: retained})
	})
	defer link.Close()
	go func() { _ = be.Serve(ctx, link) }() // until ctx ends

	// A code: its text is in nobody's store.
	issued, err := be.Issue(ctx, "lon-042", "acme", locker.Code{Kind: locker.Collect, SKU: "laptop-14"})
	if err != nil {
		panic(err)
	}
	if err := be.AwaitCodes(ctx, "lon-042", "acme"); err != nil {
		panic(err)
	}
	fmt.Println(len(issued[0].Text), "digits, check pair right:", backend.CheckText(issued[0].Text))

	// A command, with the bank's reply.
	reply, err := be.Command(ctx, "lon-042", backend.Order{Type: locker.CmdPoll})
	if err != nil {
		panic(err)
	}
	fmt.Println("poll:", reply.Status)

	// Events, after a cursor that belongs into your own store.
	cursor, used := uint64(0), false
	for !used {
		changed := be.Changed()
		list, next, err := be.Events("", cursor, 100)
		if err != nil {
			panic(err)
		}
		for _, e := range list {
			used = used || e.Flag == backend.FlagNone && e.Bank == "lon-042"
		}
		if cursor = next; len(list) == 0 {
			<-changed
		}
	}
	fmt.Println("events are stored, their chain holds:", used)
	// Output:
	// 26 digits, check pair right: true
	// poll: done
	// events are stored, their chain holds: true
}
