package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
	"lockerd/sync/backend"
	"lockerd/sync/backend/mqttlink"
	"lockerd/sync/wire"
)

// Names in the demo.
const (
	bankName = "demo"
	operator = "ops-1"
	codeLife = 48 * time.Hour
)

// fleet is what stands above the bank: a broker, and a backend with keys that
// the bank trusts.
type fleet struct {
	*broker
	be    *backend.Backend
	stop  context.CancelFunc
	ended chan error
}

// newFleet starts broker and backend and writes the bank's trust file into dir.
func newFleet(ctx context.Context, dir string, log *slog.Logger) (*fleet, error) {
	keys, trust, err := makeKeys()
	if err != nil {
		return nil, err
	}
	file, err := json.Marshal(trust)
	if err != nil {
		return nil, fmt.Errorf("cannot encode the trust file: %w", err)
	}
	if err := os.WriteFile(trustFile(dir), file, 0o600); err != nil {
		return nil, fmt.Errorf("cannot write the trust file: %w", err)
	}
	f := &fleet{ended: make(chan error, 1)}
	if f.be, err = backend.New(backend.Config{Store: backend.NewMemory(), Keys: keys, Trust: trust, Log: log}); err != nil {
		return nil, err
	}
	if f.broker, err = newBroker(ctx); err != nil {
		return nil, err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	f.stop = stop
	go func() {
		f.ended <- mqttlink.Run(run, mqttlink.Options{URL: f.url(), ClientID: "fleet", Log: log}, f.be)
	}()
	return f, nil
}

func trustFile(dir string) string { return filepath.Join(dir, "trust.json") }

// makeKeys makes a key for the operator and one for the tenant.
func makeKeys() ([]backend.Key, *wire.Keys, error) {
	var mine []backend.Key
	var public []wire.Key
	for _, k := range []wire.Key{
		{KID: operator, Tenant: "*", May: []string{"ack", "codes", "desired", "command", "ticket", "trust"}},
		{KID: tenant + "-1", Tenant: tenant, May: []string{"codes", "ticket"}},
	} {
		pub, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			return nil, nil, fmt.Errorf("cannot make a key: %w", err)
		}
		k.Public = pub
		public = append(public, k)
		mine = append(mine, backend.Key{KID: k.KID, Signer: private, Tenant: k.Tenant})
	}
	trust, err := wire.NewKeys(public...)
	return mine, trust, err
}

// issue issues a code at the bank and waits until the bank has it.
func (f *fleet) issue(ctx context.Context, c locker.Code) (backend.Issued, error) {
	now := locker.TimeOf(time.Now())
	c.NotBefore, c.NotAfter = now, now.Add(codeLife)
	list, err := f.be.Issue(ctx, bankName, tenant, c)
	if err != nil {
		return backend.Issued{}, err
	}
	if err := f.be.AwaitCodes(ctx, bankName, tenant); err != nil {
		return backend.Issued{}, fmt.Errorf("cannot see the bank take the code: %w; is the broker plugged in?", err)
	}
	return list[0], nil
}

// desire gives the bank a document and waits until it has taken it.
func (f *fleet) desire(ctx context.Context, doc locker.Desired) error {
	if _, err := f.be.SetDesired(bankName, doc); err != nil {
		return err
	}
	_, err := f.be.AwaitDesired(ctx, bankName)
	return err
}

// codes returns how the backend sees the codes, by id.
func (f *fleet) codes() (map[string]backend.CodeStatus, error) {
	out := map[string]backend.CodeStatus{}
	err := f.be.Codes(bankName, tenant, func(c *backend.CodeStatus) bool {
		out[c.Code.ID] = *c
		return true
	})
	return out, err
}

// await waits until the backend knows the bank as is says; the error names what.
func (f *fleet) await(ctx context.Context, what string, is func(*backend.Status) bool) (backend.Status, error) {
	for {
		changed := f.be.Changed()
		st, ok := f.be.Bank(bankName)
		if ok && is(&st) {
			return st, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return st, fmt.Errorf("cannot see %s at the backend: %w", what, context.Cause(ctx))
		}
	}
}

// awaitBank waits until the bank's birth has come.
func (f *fleet) awaitBank(ctx context.Context) error {
	_, err := f.await(ctx, "the bank", func(st *backend.Status) bool { return st.Online })
	return err
}

// awaitEvents waits until the backend has stored the bank's events up to a seq.
func (f *fleet) awaitEvents(ctx context.Context, seq uint64) (backend.Status, error) {
	return f.await(ctx, fmt.Sprintf("event %d", seq), func(st *backend.Status) bool { return st.Journal.Stored >= seq })
}

// awaitStock waits until the backend counts what the bank counts.
func (f *fleet) awaitStock(ctx context.Context, lines []bank.StockLine) (backend.Status, error) {
	return f.await(ctx, "the bank's stock", func(st *backend.Status) bool {
		return slices.EqualFunc(lines, st.Stock, func(a bank.StockLine, b wire.StockLine) bool {
			return a.Tenant == b.Tenant && a.SKU == b.SKU && a.Count == b.Count
		})
	})
}

func (f *fleet) close() error {
	f.stop()
	return errors.Join(<-f.ended, f.unplug())
}
