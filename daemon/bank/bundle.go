package bank

import (
	"context"

	"lockerd/daemon/locker"
)

// BundleOrder is a support bundle ordered from above.
type BundleOrder struct {
	ID    string // of the command, and of the bundle it makes
	To    string // the recipient it is encrypted to
	Again string // an earlier bundle, of which chunks are wanted again; "": a new one
	From  int    // the first of those
}

// BundleSent is a bundle on its way.
type BundleSent struct {
	ID     string
	Bytes  int
	SHA256 string
	Chunks int
}

// Bundles makes support bundles and sends them.
type Bundles interface {
	// Order returns when the bundle is made; it is sent then.
	Order(ctx context.Context, o BundleOrder) (BundleSent, error)
}

// AttachBundles gives the bank who makes support bundles for the backend. It is
// called before Run.
func (b *Bank) AttachBundles(s Bundles) { b.bundles = s }

// actBundle answers a command bundle when the bundle is made.
func (b *Bank) actBundle(p pendingCommand, a locker.CommandArgs) {
	if b.bundles == nil {
		b.done(p, failure(&Error{Code: "unavailable", Text: "cannot make a support bundle: this lockerd was built into another program", Cure: "use the lockerd of the package"}))
		return
	}
	o := BundleOrder{ID: p.ID, To: a.To, Again: a.Bundle}
	if a.From != nil {
		o.From = int(*a.From) //nolint:gosec // the wire has bounded it
	}
	s, err := b.bundles.Order(context.Background(), o)
	if err != nil {
		b.done(p, failure(err))
		return
	}
	b.done(p, locker.Reply{Status: locker.ReplyDone, Result: map[string]any{"bundle": s.ID, "bytes": s.Bytes, "sha256": s.SHA256, "chunks": s.Chunks}})
}
