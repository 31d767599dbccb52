package link

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"lockerd/sync/wire"
)

// next takes the piece that is due, and tells the link that the broker has it.
func next(t *testing.T, l *Link, taken bool) wire.Bundle {
	t.Helper()
	m, done, err := l.Bulk(t.Context())
	if err != nil || m.Topic != wire.TopicBundle {
		t.Fatalf("%s: %v", m.Topic, err)
	}
	b, err := wire.DecodeBundle(m.Payload)
	if err != nil {
		t.Fatal(err)
	}
	if taken {
		done()
	}
	return b
}

func none(t *testing.T, l *Link) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if m, _, err := l.Bulk(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%s is due: %v", m.Payload, err)
	}
}

func TestBundleInPieces(t *testing.T) {
	l := newRig(t).l
	none(t, l)
	whole := bytes.Repeat([]byte("sealed"), 5000) // three chunks
	sum, chunks, err := l.SendBundle("b-1", "to-1", whole)
	if err != nil || chunks != 3 {
		t.Fatalf("%d chunks: %v", chunks, err)
	}
	var got []byte
	for n := 1; n <= 3; n++ {
		next(t, l, false) // the connection ends: it comes again
		b := next(t, l, true)
		piece, _ := b.Piece()
		if got = append(got, piece...); b.Chunk != n || b.SHA256 != sum || b.ID != "b-1" || b.Bank != bankName {
			t.Errorf("chunk %d: %+v", n, b)
		}
	}
	none(t, l)
	if !bytes.Equal(got, whole) {
		t.Error("the pieces are not the whole")
	}
	if _, _, _, kept := l.ResendBundle("b-1", "to-2", 2); kept {
		t.Error("it was sent again for another recipient")
	}
	if _, _, _, kept := l.ResendBundle("b-1", "to-1", 4); kept {
		t.Error("a chunk that it has not was sent again")
	}
	if again, size, n, kept := l.ResendBundle("b-1", "to-1", 2); !kept || again != sum || size != len(whole) || n != 3 {
		t.Errorf("%s %d %d %v", again, size, n, kept)
	}
	if b := next(t, l, true); b.Chunk != 2 {
		t.Errorf("chunk %d comes", b.Chunk)
	}
	late := l.bulk.t
	if _, _, err := l.SendBundle("b-2", "to-1", []byte("x")); err != nil {
		t.Fatal(err)
	}
	l.bulk.taken(late, 3, time.Now()) // of the one before
	if b := next(t, l, true); b.ID != "b-2" || b.Chunk != 1 {
		t.Errorf("%+v", b)
	}
	l.bulk.tick(time.Now().Add(bulkKeep - time.Minute))
	if _, _, _, kept := l.ResendBundle("b-2", "to-1", 1); !kept {
		t.Error("it is forgotten too soon")
	}
	l.bulk.tick(time.Now().Add(bulkKeep + time.Minute))
	if _, _, _, kept := l.ResendBundle("b-2", "to-1", 1); kept {
		t.Error("it is kept for ever")
	}
	none(t, l)
	if _, _, err := l.SendBundle("b-3", "to", make([]byte, wire.MaxBundle+1)); err == nil {
		t.Error("a bundle beyond the bound was taken")
	}
}
