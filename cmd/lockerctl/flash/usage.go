package flash

import (
	"context"
	"flag"

	"lockerd/cmd/lockerctl/flash/disk"
	"lockerd/cmd/lockerctl/ui"
)

const long = `IMAGE is a card's image, .img or .img.gz; what stands in IMAGE.sha256 is compared with it.
CARD is the whole card, as --list shows it, or a file for a virtual machine. A card that is mounted,
belongs to this system, is read-only, too small, or larger than a card can be, is refused.
--seed FILE puts on it which bank the board will be, its network and its one-time token: lockerctl
enrol token --out FILE makes one, or a person (see below). --no-seed leaves the place empty.

Everything is read back from the card and compared. Its beginning is written last: a card that
is not finished doesn't boot. Run it again then.

A seed:

` + SeedExample

// SeedExample is a seed to start from.
const SeedExample = `version = 1
bank    = "lon-042"
site    = "100 Bishopsgate, lobby"
expires = "2026-11-27T13:00:00Z"       # of the token, as the operator gives it; UTC

[network]
mode    = "static"                     # or "dhcp", then nothing else
address = "192.0.2.17/24"
gateway = "192.0.2.1"                  # if the site has a way out
dns     = ["192.0.2.53"]

[network.wifi]                         # only without a cable
ssid    = "lockers"
psk     = "correct horse"
country = "GB"

[enrol]
url   = "https://fleet.example.com:8443/enrol"
token = "TOKEN-OF-THE-OPERATOR"
ca    = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"   # or certificates in PEM`

// program is the catalogue of one verb.
func program() *ui.Program[*call] {
	return &ui.Program[*call]{
		Name: "lockerctl",
		Head: "flash ...",
		Verbs: []*ui.Verb[*call]{{
			Name: "flash", Args: "IMAGE CARD --seed FILE|--no-seed [--yes]  |  --list", Short: "write an image to a card, with the seed of a bank, and prove it",
			Long: long, Most: 2, Setup: setup,
		}},
	}
}

// Manual is the program's help, for its man page.
func Manual() []ui.Chapter { return program().Manual()[1:] }

func setup(fs *flag.FlagSet) action {
	var o options
	fs.BoolVar(&o.list, "list", false, "show the disks of this machine, and which can be flashed")
	fs.StringVar(&o.seed, "seed", "", "`file` with the seed; - is stdin, and the terminal is asked all the same")
	fs.BoolVar(&o.noSeed, "no-seed", false, "flash without a seed")
	fs.BoolVar(&o.yes, "yes", false, "don't ask")
	fs.Int64Var(&o.largest, "largest", disk.Largest, "`bytes` above which a disk is no card")
	return func(ctx context.Context, c *call) error {
		c.options = o
		switch {
		case o.list && (len(c.args) > 0 || o.seed != "" || o.noSeed || o.yes):
			return ui.Usagef("--list stands alone")
		case o.list:
			return c.listDisks()
		case len(c.args) == 1:
			return c.noCard()
		case len(c.args) == 0:
			return ui.Usagef("operands are missing")
		case (o.seed == "") == !o.noSeed:
			return ui.Usagef("say --seed FILE, or --no-seed")
		}
		return c.flash(ctx, c.args[0], c.args[1])
	}
}
