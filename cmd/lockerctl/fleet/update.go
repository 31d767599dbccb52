package fleet

import (
	"context"
	"flag"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/backend"
)

const updateHelp = `The bank fetches from its own [update] source and answers when the new version is
verified on its disk, or why it refused. It tries it when no door is open, in the window (its
own time zone) if there is one. How that ended comes as an event: update.confirmed
or update.rolled_back.`

const (
	updateLife = 24 * time.Hour   // a bank that is away gets it when it is back
	updateWait = 20 * time.Minute // for the way of a program to the bank
)

func updateVerb(fs *flag.FlagSet) action {
	var a locker.CommandArgs
	fs.StringVar(&a.Channel, "channel", "", "of releases (stable)")
	fs.StringVar(&a.Version, "version", "", "refuse any other than this")
	fs.StringVar(&a.Window, "window", "", "when it may be tried, 02:00-04:00 in the bank's time zone")
	life := fs.Duration("life", updateLife, "how long the command may wait for the bank")
	return func(ctx context.Context, c *call) error {
		if err := checkUpdate(&a); err != nil {
			return err
		}
		c.wait = max(c.wait, updateWait)
		return c.order(ctx, backend.Order{Type: locker.CmdUpdate, Args: a, Life: *life})
	}
}
