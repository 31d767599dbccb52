package banktest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// sendBundle answers the command bundle and says the chunks, the reply after them.
func (b *Bank) sendBundle(c *locker.Command) locker.Reply {
	from := 1
	if c.Args.Bundle == "" {
		b.sealed, b.sealedID = b.Bundle(c.Args.To), c.ID
	} else if c.Args.Bundle != b.sealedID {
		return locker.Reply{Status: locker.ReplyFailed, Reason: "bundle_gone"}
	}
	if c.Args.From != nil {
		from = int(*c.Args.From) //nolint:gosec // the wire has bounded it
	}
	h := sha256.Sum256(b.sealed)
	m := wire.Bundle{
		V: 1, Bank: b.Name, ID: b.sealedID, Bytes: len(b.sealed), SHA256: hex.EncodeToString(h[:]),
		Chunks: (len(b.sealed) + wire.BundleChunk - 1) / wire.BundleChunk,
	}
	for m.Chunk = from; m.Chunk <= m.Chunks; m.Chunk++ {
		if b.Lose != nil && b.Lose(m.Chunk) {
			continue
		}
		at := (m.Chunk - 1) * wire.BundleChunk
		m.Data = base64.RawURLEncoding.EncodeToString(b.sealed[at:min(at+wire.BundleChunk, len(b.sealed))])
		b.say(wire.TopicBundle, m, false)
	}
	return locker.Reply{Status: locker.ReplyDone, Result: map[string]any{"bundle": m.ID, "bytes": m.Bytes, "sha256": m.SHA256, "chunks": m.Chunks}}
}
