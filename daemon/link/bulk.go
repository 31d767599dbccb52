package link

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"lockerd/sync/uplink"
	"lockerd/sync/wire"
)

// bulk is the support bundle on its way, the last one there was.
type bulk struct {
	mu    sync.Mutex
	t     *transfer     // nil: none is kept
	more  chan struct{} // closed when there is something to be sent again
	until time.Time     // t is forgotten then
}

// transfer is one bundle in chunks.
type transfer struct {
	id, to string
	sealed []byte
	sum    string
	next   int // chunk to be sent
	chunks int
}

// SendBundle sends a bundle that is encrypted to a recipient, in chunks, while
// nothing else is to be sent. It takes the place of an earlier one. It returns the
// bundle's SHA-256 and how many chunks there are.
func (l *Link) SendBundle(id, to string, sealed []byte) (sum string, chunks int, err error) {
	if len(sealed) == 0 || len(sealed) > wire.MaxBundle {
		return "", 0, fmt.Errorf("cannot send a bundle of %d bytes: the bound is %d", len(sealed), wire.MaxBundle)
	}
	h := sha256.Sum256(sealed)
	t := &transfer{id: id, to: to, sealed: sealed, sum: hex.EncodeToString(h[:]), next: 1, chunks: (len(sealed) + wire.BundleChunk - 1) / wire.BundleChunk}
	l.bulk.put(t, time.Now())
	return t.sum, t.chunks, nil
}

// ResendBundle sends a bundle again from a chunk on. It tells what SendBundle has
// told, and whether the bundle is still kept.
func (l *Link) ResendBundle(id, to string, from int) (sum string, size, chunks int, kept bool) {
	l.bulk.mu.Lock()
	t := l.bulk.t
	l.bulk.mu.Unlock()
	if t == nil || t.id != id || t.to != to || from < 1 || from > t.chunks {
		return "", 0, 0, false
	}
	again := *t
	again.next = from
	l.bulk.put(&again, time.Now())
	return t.sum, len(t.sealed), t.chunks, true
}

func (b *bulk) put(t *transfer, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.t, b.until = t, now.Add(bulkKeep)
	close(b.more)
	b.more = make(chan struct{})
}

// tick forgets what has been kept long enough.
func (b *bulk) tick(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.t != nil && now.After(b.until) {
		b.t = nil
	}
}

// due returns the chunk to be sent next, or when to look again.
func (b *bulk) due() (t *transfer, n int, more <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.t == nil || b.t.next > b.t.chunks {
		return nil, 0, b.more
	}
	return b.t, b.t.next, nil
}

// taken goes on behind chunk n of a transfer, if it is still the one there is.
func (b *bulk) taken(t *transfer, n int, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.t == t && t.next == n {
		t.next++
		b.until = now.Add(bulkKeep)
	}
}

// Bulk implements uplink.Bank.
func (l *Link) Bulk(ctx context.Context) (uplink.Outgoing, func(), error) {
	for {
		t, n, more := l.bulk.due()
		if t != nil {
			return l.piece(t, n), func() { l.bulk.taken(t, n, time.Now()) }, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return uplink.Outgoing{}, nil, ctx.Err()
		}
	}
}

func (l *Link) piece(t *transfer, n int) uplink.Outgoing {
	data := t.sealed[(n-1)*wire.BundleChunk : min(n*wire.BundleChunk, len(t.sealed))]
	b, err := json.Marshal(wire.Bundle{
		V: wire.Version, Bank: l.c.Bank, ID: t.id, Chunk: n, Chunks: t.chunks, Bytes: len(t.sealed), SHA256: t.sum,
		Data: base64.RawURLEncoding.EncodeToString(data),
	})
	if err != nil { // of texts and numbers: can't fail
		l.log.Error("cannot encode a chunk of a bundle", slog.Any("error", err))
	}
	return uplink.Outgoing{Topic: wire.TopicBundle, Payload: b}
}
