package daemon

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"lockerd/daemon/bank"
	"lockerd/store"
)

// faults are what the store had to mend, in words for storage.fault.
func faults(r store.Report) []string {
	var out []string
	for _, x := range r.Repaired {
		out = append(out, fmt.Sprintf("repaired a flipped bit in the journal: %v", x))
	}
	if r.Rebuilt != "" {
		out = append(out, "rebuilt the state file from the journal: "+r.Rebuilt+keptIn(r.RebuiltOld))
	}
	if r.NewJournal != "" {
		out = append(out, "began a new journal, all codes are forgotten: "+r.NewJournal+keptIn(r.JournalOld))
	}
	for _, s := range r.LostSets {
		out = append(out, fmt.Sprintf("lost the codes of set %q: the backend must send them again", s))
	}
	return out
}

func keptIn(path string) string {
	if path == "" {
		return ""
	}
	return " (the old one is kept in " + path + ")"
}

func (d *Daemon) verify(ctx context.Context) (bank.VerifyResult, error) {
	v, err := d.store.Verify(ctx)
	if err != nil {
		return bank.VerifyResult{}, fmt.Errorf("cannot verify the journal: %w", err)
	}
	return bank.VerifyResult{Journal: v.Journal, First: v.First, Last: v.Last, Events: v.Events, Gaps: v.Gaps, OK: v.OK, Text: v.Text}, nil
}

// Bounds below which the disk is told as a finding.
const (
	diskLow   = 64 << 20
	inodesLow = 100
)

// selfTest tells what only the process knows.
func (d *Daemon) selfTest(context.Context) []bank.SelfTestLine {
	var fs unix.Statfs_t
	l := bank.SelfTestLine{What: "disk " + d.opt.Config.DataDir}
	if err := unix.Statfs(d.opt.Config.DataDir, &fs); err != nil {
		l.Text, l.Cure = err.Error(), "check the card: dmesg"
		return []bank.SelfTestLine{l}
	}
	free := fs.Bavail * uint64(fs.Bsize) //nolint:gosec,nolintlint // a block size is positive
	l.OK = free >= diskLow && (fs.Files == 0 || fs.Ffree >= inodesLow)
	l.Text = fmt.Sprintf("%d MiB free", free>>20)
	if !l.OK {
		l.Cure = "free space on the card: journalctl --vacuum-size=50M"
	}
	return append([]bank.SelfTestLine{l}, d.identityTest()...)
}

// identityTest tells whether the bank can show its broker who it is; nothing, where that is
// not its own to see to.
func (d *Daemon) identityTest() []bank.SelfTestLine {
	if d.manager == nil {
		return nil
	}
	s := d.manager.ID.Status()
	l := bank.SelfTestLine{What: "certificate"}
	l.OK, l.Text, l.Cure = s.Finding(d.clock.Now())
	return []bank.SelfTestLine{l}
}
