package suite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"lockerd/daemon/locker"
)

const journalID = "j-suite"

// book is a journal in memory with the hash chain of contract 7.2.
type book struct {
	mu    sync.Mutex
	lines [][]byte // ascending; a removed run is one gap line
	seqs  []uint64 // of lines
	next  uint64
	prev  [sha256.Size]byte
	grown chan struct{}
	acked uint64
}

func newBook() *book {
	return &book{next: 1, prev: sha256.Sum256([]byte(journalID)), grown: make(chan struct{})}
}

// seal appends the hash of contract 7.2 to a line without one.
func seal(prev [sha256.Size]byte, body []byte) (line []byte, hash [sha256.Size]byte) {
	body = bytes.TrimSuffix(body, []byte("}"))
	hash = sha256.Sum256(append(prev[:], body...))
	return fmt.Appendf(bytes.Clone(body), `,"hash":"%x"}`, hash), hash
}

// add writes n events as a collect brings them.
func (b *book) add(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	types := []string{locker.EvCodeAccepted, locker.EvDoorOpened, locker.EvCodeUsed, locker.EvItemCollected, locker.EvStockChanged, locker.EvDoorClosed, locker.EvVisitEnded}
	for range n {
		ev := locker.Event{
			Seq: b.next, At: locker.Time(1_795_000_000_000 + int64(b.next)), Clock: locker.ClockSynced, Boot: 17, UpMS: int64(b.next) * 10,
			Type: types[b.next%uint64(len(types))], Visit: fmt.Sprint("v-17-", b.next/7), Scanner: "front", Door: locker.DoorID{Locker: 1, Door: 7},
			Code: "c-9f31", Set: "acme", Kind: locker.Collect, Ref: "REQ<0012345>", Tenant: "acme",
		}
		body, err := json.Marshal(&ev)
		if err != nil {
			panic(err)
		}
		var line []byte
		line, b.prev = seal(b.prev, body)
		b.lines, b.seqs = append(b.lines, line), append(b.seqs, b.next)
		b.next++
	}
	close(b.grown)
	b.grown = make(chan struct{})
}

// prune removes all lines before seq; with gap it leaves one line for them.
func (b *book) prune(seq uint64, gap bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := b.at(seq)
	if i == 0 {
		return
	}
	if gap {
		var last locker.Event
		if err := json.Unmarshal(b.lines[i-1], &last); err != nil {
			panic(err)
		}
		g := locker.Event{Seq: last.Seq, At: last.At, Clock: last.Clock, Boot: last.Boot, Type: locker.EvJournalGap, From: locker.Number(1), To: locker.Number(int64(last.Seq)), N: int64(last.Seq), Hash: last.Hash}
		line, err := json.Marshal(&g)
		if err != nil {
			panic(err)
		}
		i--
		b.lines[i] = line
	}
	b.lines, b.seqs = b.lines[i:], b.seqs[i:]
}

// at returns the index of the first line with a seq of at least seq.
func (b *book) at(seq uint64) int {
	lo, hi := 0, len(b.seqs)
	for lo < hi {
		if mid := (lo + hi) / 2; b.seqs[mid] < seq {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

func (b *book) First() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.seqs) == 0 {
		return b.next
	}
	return b.seqs[0]
}

func (b *book) Next() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.next
}

func (b *book) Lines(from uint64, fn func([]byte) bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.lines[b.at(from):] {
		if !fn(l) {
			break
		}
	}
	return nil
}

func (b *book) Wait(ctx context.Context, next uint64) error {
	for {
		b.mu.Lock()
		grown, have := b.grown, b.next
		b.mu.Unlock()
		if have > next {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (b *book) AckedUpTo() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.acked
}

// chained tells whether line follows prev in the chain.
func chained(prev string, line []byte) (hash string, ok bool) {
	i := bytes.LastIndex(line, []byte(`,"hash":"`))
	if i < 0 {
		return "", false
	}
	raw, err := hex.DecodeString(prev)
	if err != nil {
		return "", false
	}
	sum := sha256.Sum256(append(raw, line[:i]...))
	hash = strings.TrimSuffix(string(line[i+len(`,"hash":"`):]), `"}`)
	return hash, hash == hex.EncodeToString(sum[:])
}
