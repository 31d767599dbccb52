package fleet

import (
	"context"
	"flag"
	"slices"

	"lockerd/cmd/lockerctl/ui"
)

type verb = ui.Verb[*call]

// program is lockerctl fleet.
func program() *ui.Program[*call] {
	return &ui.Program[*call]{
		Name:  "lockerctl fleet",
		Head:  "[--broker URL] [--state FILE] [--json] VERB ...",
		Verbs: slices.Concat(views(), commands(), rollouts(), keeping()),
		Foot: `
  --broker URL   mqtt, mqtts, ws or wss; else $LOCKERCTL_BROKER
  --user, --password-file, --ca, --cert, --key   else $LOCKERCTL_USER, _PASSWORD_FILE, _CA, _CERT, _KEY
  --prefix P     of topics (lockers/v1); --qos0 where QoS 1 subscriptions are dear
  --state FILE   else $LOCKERCTL_FLEET_STATE, else $XDG_STATE_HOME/lockerctl/fleet.db; keys beside it
  --wait 10s     how long to wait for a bank's word
  --json         print JSON: one document, events and watch one line each
exit code: 0 done, 1 failed or refused, 2 called wrongly
Verbs ask the lockerctl fleet serve that runs on the state; if none does, they connect themselves.
`,
	}
}

func views() []*verb {
	return []*verb{
		{Name: "watch", Args: "[--once]", Short: "all banks: doors, stock, last seen, versions, alarms; live on a terminal", Setup: watchVerb, Long: watchHelp},
		{Name: "show", Args: "BANK", Short: "one bank in one page", Least: 1, Most: 1, Setup: showVerb},
		{Name: "events", Args: "[--follow] [--bank B] [--last N]", Short: "stored events, one line each", Setup: eventsVerb, Long: eventsHelp},
		{Name: "code new", Args: "BANK --kind KIND [--ttl 24h] [flags]", Short: "issue a code, with its QR and Code 128", Least: 1, Most: 1, Setup: codeNewVerb, Long: codeNewHelp},
		{Name: "code list", Args: "BANK [--set S]", Short: "codes of a bank", Least: 1, Most: 1, Setup: codeListVerb},
		{Name: "code revoke", Args: "BANK ID [--set S]", Short: "revoke a code or a ticket for ever", Least: 2, Most: 2, Setup: codeRevokeVerb},
		{Name: "ticket new", Args: "BANK --kind KIND [--life 24h] [flags]", Short: "sign a code that a bank takes unseen, even offline", Least: 1, Most: 1, Setup: ticketNewVerb, Long: ticketHelp},
	}
}

func commands() []*verb {
	return []*verb{
		{Name: "command open", Args: "BANK DOOR", Short: "open a door", Least: 2, Most: 2, Setup: commandVerb(openDoor), Long: commandHelp},
		{Name: "command open-all", Args: "BANK [LOCKER]", Short: "open all doors, or those of a locker", Least: 1, Most: 2, Setup: commandVerb(openAll), Long: commandHelp},
		{Name: "command out", Args: "BANK DOOR", Short: "take a door out of service", Least: 2, Most: 2, Setup: commandVerb(doorOut), Long: commandHelp},
		{Name: "command in", Args: "BANK DOOR", Short: "put a door back in service", Least: 2, Most: 2, Setup: commandVerb(doorIn), Long: commandHelp},
		{Name: "command identify", Args: "BANK DOOR", Short: "let a door show itself", Least: 2, Most: 2, Setup: commandVerb(identify), Long: commandHelp},
		{Name: "command poll", Args: "BANK", Short: "read all doors now", Least: 1, Most: 1, Setup: commandVerb(poll), Long: commandHelp},
		{Name: "command self-test", Args: "BANK", Short: "look at everything, move nothing", Least: 1, Most: 1, Setup: commandVerb(selfTest), Long: commandHelp},
		{Name: "command restart", Args: "BANK", Short: "restart lockerd once all doors are shut", Least: 1, Most: 1, Setup: commandVerb(restart), Long: commandHelp},
		{Name: "command set-stock", Args: "BANK DOOR [SKU SERIAL [--tenant T] [--condition C]]", Short: "say what lies behind a door; without SKU: nothing", Least: 2, Most: 4, Setup: setStockVerb, Long: commandHelp},
		{Name: "command update", Args: "BANK [--channel C] [--version V] [--window 02:00-04:00]", Short: "fetch a new version and try it once all doors are shut", Least: 1, Most: 1, Setup: updateVerb, Long: updateHelp},
		{Name: "command resync", Args: "BANK SEQ", Short: "have events sent again from one on", Least: 2, Most: 2, Setup: commandVerb(resync), Long: commandHelp},
		{Name: "bundle", Args: "BANK [-d DIR | --to KEY]", Short: "fetch a support bundle of a bank, encrypted on its way", Least: 1, Most: 1, Setup: bundleVerb, Long: bundleHelp},
	}
}

func rollouts() []*verb {
	return []*verb{
		{Name: "rollout start", Args: "VERSION [--steps 1,5,25,100] [flags]", Short: "update all banks step by step, and stop when it goes badly", Least: 1, Most: 1, Setup: rolloutStartVerb, Long: rolloutStartHelp},
		{Name: "rollout status", Args: "[--follow] [--banks]", Short: "how the rollout stands", Setup: rolloutStatusVerb, Long: rolloutStatusHelp},
		{Name: "rollout pause", Args: "[--why TEXT]", Short: "order nothing more for now", Setup: rolloutPauseVerb, Long: rolloutHaltHelp},
		{Name: "rollout resume", Args: "[--follow]", Short: "go on after a pause", Setup: rolloutResumeVerb, Long: rolloutResumeHelp},
		{Name: "rollout stop", Args: "[--why TEXT]", Short: "end the rollout for good", Setup: rolloutStopVerb, Long: rolloutHaltHelp},
	}
}

func keeping() []*verb {
	return []*verb{
		{Name: "desired apply", Args: "BANK FILE", Short: "send a desired document (JSON or TOML) and see it applied or rejected", Least: 2, Most: 2, Setup: desiredApplyVerb, Long: desiredHelp},
		{Name: "desired show", Args: "BANK", Short: "the desired document of a bank", Least: 1, Most: 1, Setup: desiredShowVerb},
		{Name: "keys new", Args: "[--tenant T] [--trust FILE]", Short: "make the operator's key or a tenant's, and trust.json for banks", Setup: keysNewVerb, Long: keysHelp},
		{Name: "keys rotate", Args: "[--tenant T] [--trust FILE]", Short: "make a new key in place of the old one", Setup: keysRotateVerb, Long: keysHelp},
		{Name: "keys show", Short: "keys, and which banks have which", Setup: keysShowVerb},
		{Name: "backup", Args: "FILE", Short: "copy the state into a new file; keys go by themselves", Least: 1, Most: 1, Setup: backupVerb},
		{Name: "serve", Short: "be the fleet's backend until stopped", Setup: serveVerb, Long: serveHelp},
		{Name: "help", Args: "[VERB]", Short: "how a verb is used", Most: 2, Setup: helpVerb},
	}
}

func helpVerb(*flag.FlagSet) action {
	return func(_ context.Context, c *call) error { return c.program.Help(c.out, c.args) }
}

// Manual returns the man page of lockerctl fleet.
func Manual() []ui.Chapter { return program().Manual() }
