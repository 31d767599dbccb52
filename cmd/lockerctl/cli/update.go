package cli

import (
	"context"
	"flag"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

const updateHelp = `--from is a repository of lockerctl release: an address, or a directory as on a
stick. The signatures are checked by lockerd, against the root it knows. The verb
returns when the new version is verified on the bank's disk (exit 0) or was refused
(exit 1). It is tried when no door is open and no visit runs, in the window if one is
given; if all that worked before does not work then, the old version comes back by
itself. lockerctl update status shows how it went.`

func updateVerb(fs *flag.FlagSet) action {
	var o bank.UpdateOrder
	fs.StringVar(&o.From, "from", "", "`source`: directory or address (the bank's [update] source)")
	fs.StringVar(&o.Channel, "channel", "", "`channel` of releases (stable)")
	fs.StringVar(&o.Version, "version", "", "refuse any other `version`")
	fs.StringVar(&o.Window, "window", "", "`hours` in which it may be tried, 02:00-04:00, the bank's time zone")
	fs.BoolVar(&o.Again, "again", false, "also a version that was rolled back here")
	return func(ctx context.Context, c *call) error {
		if why := wire.CheckUpdate(&locker.CommandArgs{Channel: o.Channel, Version: o.Version, Window: o.Window}); why != "" {
			return ui.Usagef("no bank takes this: %s", strings.TrimPrefix(why, "args."))
		}
		if o.From != "" && !strings.Contains(o.From, "://") {
			path, err := filepath.Abs(o.From) // lockerd's directory is another
			if err != nil {
				return ui.Usagef("cannot use %q: %s", o.From, err)
			}
			o.From = path
		}
		s, err := c.client().Update(ctx, o)
		if err != nil {
			return withCure(err)
		}
		return c.print(s, func(p *ui.Page) { updatePage(p, &s) })
	}
}

func updateStatusVerb(*flag.FlagSet) action {
	return func(ctx context.Context, c *call) error {
		s, err := c.client().UpdateStatus(ctx)
		if err != nil {
			return withCure(err)
		}
		return c.print(s, func(p *ui.Page) { updatePage(p, &s) })
	}
}

func updatePage(p *ui.Page, s *bank.UpdateStatus) {
	t := &ui.Table{}
	if s.Slot == "" || s.Slot == "base" {
		t.Row(ui.Plain("running"), ui.Plain(s.Running), ui.Tinted("not from a slot: no updates", ui.Notice))
	} else {
		t.Row(ui.Plain("running"), ui.Plain(s.Running), ui.Plain("slot "+s.Slot))
	}
	for _, slot := range slices.Sorted(maps.Keys(s.Slots)) {
		what := "kept to fall back on"
		if slot == s.Active {
			what = "confirmed"
		}
		if s.Update != nil && slot != s.Active {
			what = s.Update.Phase
		}
		t.Row(ui.Plain("slot "+slot), ui.Plain(s.Slots[slot]), ui.Plain(what))
	}
	t.Row(ui.Plain("source"), ui.Plain(ui.OrDash(s.Source)))
	if u := s.Update; u != nil {
		t.Row(ui.Plain("update"), ui.Plain(u.Version), ui.Tinted(trialWords(u), ui.Notice))
	}
	if l := s.Last; l != nil {
		colour := ui.Bad
		if l.Result == "confirmed" {
			colour = ui.Good
		}
		t.Row(ui.Plain("last"), ui.Plain(l.Version), ui.Tinted(strings.TrimSpace(strings.ReplaceAll(l.Result, "_", " ")+" "+ui.Local(l.At)+" "+l.Why), colour))
	}
	p.Table(t)
}

// trialWords says how far an update is.
func trialWords(u *bank.UpdateTrial) string {
	switch {
	case u.Phase == "verified" && u.Ordered && u.Window != "":
		return "on disk, will be tried at " + u.Window + " when all doors are shut"
	case u.Phase == "verified" && u.Ordered:
		return "on disk, will be tried when all doors are shut"
	case u.Phase == "verified":
		return "on disk, not ordered: lockerctl update"
	case u.Phase == "trying":
		return "on trial"
	case u.Phase == "failed":
		return "failed (" + u.Why + "), the old version comes back when all doors are shut"
	}
	return u.Phase
}
