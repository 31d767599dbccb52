package daemon_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"lockerd/daemon/backup"
	"lockerd/daemon/bundle"
	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// TestBundlesAndBackupsHoldNoDoorUp has support bundles and backups made without a
// pause while people scan: their doors are pulsed as they are without.
func TestBundlesAndBackupsHoldNoDoorUp(t *testing.T) {
	const people = 8
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
	for n, one := range map[string]func(context.Context) (int, error){"bundles": r.bundle, "backups": r.backup} {
		ctx, cancel := context.WithCancel(r.ctx)
		defer cancel()
		m := &maker{first: make(chan struct{})}
		done := m.begin(ctx, one)
		select {
		case <-m.first:
		case err := <-done:
			t.Fatal(err)
		}
		first := 1 + people
		if n == "backups" {
			first += people
		}
		crowd := visits(first)
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		t.Logf("scan to pulse alone %v\nwhile %d %s were made %v; the largest %d bytes, the slowest %s", alone, m.made.Load(), n, crowd, m.most.Load(), time.Duration(m.longest.Load()))
		if each := ratio(crowd, people-1, alone, people*9/10); each > loadSlowest {
			t.Errorf("the slowest waits %.1f times as long as alone (bound %.0f)", each, loadSlowest)
		}
	}
}

// maker makes something again and again.
type maker struct {
	first               chan struct{} // closed when there is one
	made, most, longest atomic.Int64
}

func (m *maker) begin(ctx context.Context, one func(context.Context) (int, error)) <-chan error {
	done := make(chan error, 1)
	go func() {
		for {
			began := time.Now()
			n, err := one(ctx)
			if ctx.Err() != nil {
				done <- nil
				return
			}
			if err != nil {
				done <- err
				return
			}
			m.most.Store(max(m.most.Load(), int64(n)))
			m.longest.Store(max(m.longest.Load(), int64(time.Since(began))))
			if m.made.Add(1) == 1 {
				close(m.first)
			}
		}
	}()
	return done
}

func (r *loadRig) bundle(ctx context.Context) (int, error) {
	b, err := r.client.Bundle(ctx)
	if err != nil {
		return 0, err
	}
	_, _, err = bundle.Read(bytes.NewReader(b))
	return len(b), err
}

func (r *loadRig) backup(ctx context.Context) (int, error) {
	body, err := r.client.Backup(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = body.Close() }()
	n := 0
	_, files, err := backup.Read(body, func(backup.Head) error { return nil }, func(_ string, size int64, _ io.Reader) error { n += int(size); return nil })
	if err == nil && len(files) < 3 {
		err = fmt.Errorf("only %v", files)
	}
	return n, errors.Join(err, body.Err())
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
