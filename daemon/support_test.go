package daemon_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"lockerd/daemon/bundle"
	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// TestBundlesHoldNoDoorUp has support bundles made without a pause while people
// scan: their doors are pulsed as they are without.
func TestBundlesHoldNoDoorUp(t *testing.T) {
	const people = 10
	r := newLoadRig(t, 1)
	r.start()
	visits := func(first int) (took []time.Duration) {
		for i := range people {
			v := r.issue(1, first+i)
			r.scan(v)
			took = append(took, r.pulsed(v))
			r.opens(v)
			r.shut(v)
		}
		slices.Sort(took)
		return took
	}
	alone := visits(1)

	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	var made, most, longest atomic.Int64
	done := make(chan error, 1)
	first := make(chan struct{})
	go func() {
		for {
			began := time.Now()
			b, err := r.client.Bundle(ctx)
			if ctx.Err() != nil {
				done <- nil
				return
			}
			if err == nil {
				_, _, err = bundle.Read(bytes.NewReader(b))
			}
			if err != nil {
				done <- err
				return
			}
			most.Store(max(most.Load(), int64(len(b))))
			longest.Store(max(longest.Load(), int64(time.Since(began))))
			if made.Add(1) == 1 {
				close(first)
			}
		}
	}()
	select {
	case <-first:
	case err := <-done:
		t.Fatal(err)
	}
	crowd := visits(1 + people)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	t.Logf("scan to pulse alone %v\nwhile %d bundles were made %v; the largest %d bytes, the slowest %s", alone, made.Load(), crowd, most.Load(), time.Duration(longest.Load()))
	if each := ratio(crowd, people-1, alone, people*9/10); each > loadSlowest {
		t.Errorf("the slowest waits %.1f times as long as alone (bound %.0f)", each, loadSlowest)
	}
}

// TestBundleComesUp orders a support bundle over the broker: it comes in chunks,
// encrypted to whom the command names, and with no secret in it; chunks come again
// when they are asked for, and what is not kept is said.
func TestBundleComesUp(t *testing.T) {
	r := newLinkRig(t)
	r.run()
	u := r.up
	born := u.birth(0)
	c, text := r.code(1, 7)
	r.whole(born, "acme", "acme-1", 1763800000, 1, c)
	u.event(`"codes.applied"`)
	v := &visit{locker: 1, door: 7, text: text}
	r.scan(v)
	r.opens(v)
	r.shut(v)
	secret, to, err := bundle.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	command := func(id string, counter int64, a locker.CommandArgs) {
		now := locker.TimeOf(time.Now())
		u.send(wire.TopicCommand, "ops-1", &wire.Command{Head: u.head(born), Command: locker.Command{
			ID: id, Type: locker.CmdBundle, Args: a, IAT: now, EXP: now.Add(time.Minute), Counter: counter, Nonce: born.Nonce,
		}})
	}
	command("b-1", 1, locker.CommandArgs{To: to})
	u.until("the reply", func() bool { return u.reply["b-1"].Status == locker.ReplyDone })
	n := func() int { f, _ := u.reply["b-1"].Result["chunks"].(float64); return int(f) }
	u.until("the chunks", func() bool { return len(u.chunks) > 0 && len(u.chunks) == n() })
	sealed := u.sealed()
	sum := sha256.Sum256(sealed)
	if got := u.reply["b-1"].Result["sha256"]; got != hex.EncodeToString(sum[:]) {
		t.Errorf("digest %v", got)
	}
	plain, err := bundle.Unseal(secret, sealed)
	if err != nil {
		t.Fatal(err)
	}
	m, parts, err := bundle.Read(bytes.NewReader(plain))
	if err != nil || m.Bank != linkBank {
		t.Fatalf("%+v: %v", m, err)
	}
	journal := ""
	for _, p := range parts {
		if bytes.Contains(p.Body, []byte(text)) {
			t.Errorf("%s holds a code's text", p.Name)
		}
		if p.Name == "journal.jsonl" {
			journal = string(p.Body)
		}
	}
	if !strings.Contains(journal, `"type":"door.opened"`) {
		t.Errorf("parts %+v, journal %.300s", m.Parts, journal)
	}

	last := uint64(n()) //nolint:gosec // some
	u.mu.Lock()
	u.chunks = map[int]wire.Bundle{}
	u.mu.Unlock()
	command("b-2", 2, locker.CommandArgs{To: to, Bundle: "b-1", From: &last})
	u.until("the last chunk again", func() bool { return len(u.chunks) == 1 && u.chunks[n()].ID == "b-1" })
	command("b-3", 3, locker.CommandArgs{To: strings.Replace(to, to[20:24], "AAAA", 1), Bundle: "b-1", From: &last})
	u.until("the failure", func() bool { return u.reply["b-3"].Reason == "bundle_gone" })
	command("b-4", 4, locker.CommandArgs{To: "lockerd-bundle-" + strings.Repeat("A", 43)}) // no key of the curve can be sealed to
	u.until("the failure", func() bool { return u.reply["b-4"].Status == locker.ReplyFailed })
	if err := r.end(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

// sealed puts the chunks that have come together.
func (u *upstream) sealed() []byte {
	u.mu.Lock()
	defer u.mu.Unlock()
	var out []byte
	for i := 1; i <= len(u.chunks); i++ {
		m := u.chunks[i]
		piece, _ := m.Piece()
		out = append(out, piece...)
	}
	return out
}
