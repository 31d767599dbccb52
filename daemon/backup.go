package daemon

import (
	"bytes"
	"context"
	"io"
	"os"
	"runtime"
	"time"

	"lockerd/daemon/backup"
	"lockerd/daemon/bank"
	"lockerd/daemon/control"
)

// backups makes backups of the bank while it serves people, one at a time.
type backups struct {
	d   *Daemon
	one chan struct{}
}

// Write writes one.
func (b *backups) Write(ctx context.Context, w io.Writer) error {
	select {
	case b.one <- struct{}{}:
		defer func() { <-b.one }()
	default:
		return &bank.Error{Code: control.CodeRefused, Text: "cannot back up: another backup is being made", Cure: "wait for its end"}
	}
	d := b.d
	out, err := backup.NewWriter(w, backup.Head{
		Bank: d.opt.Config.Bank, At: d.clock.Now(), Made: time.Now().UTC(), By: "lockerd " + d.opt.Version, Journal: d.store.JournalID(), Next: d.store.Next(),
	})
	if err != nil {
		return err
	}
	if err := d.store.Backup(func(name string, size int64, r io.Reader) error { return out.Add(name, size, polite{ctx, r}) }); err != nil {
		return err
	}
	if conf, err := os.ReadFile(d.opt.ConfigFile); err == nil { // as it is now; its secrets are in files of their own
		if err := out.Add(backup.ConfigName, int64(len(conf)), bytes.NewReader(conf)); err != nil {
			return err
		}
	}
	return out.Close()
}

// polite is a file that is read beside what matters more: a small board has one
// processor, and doors come first.
type polite struct {
	ctx context.Context //nolint:containedctx // of the backup, which this is part of
	r   io.Reader
}

// Read implements io.Reader.
func (p polite) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	runtime.Gosched()
	return p.r.Read(b[:min(len(b), 32<<10)])
}
