package cli

import "lockerd/cmd/lockerctl/ui"

// program is lockerctl.
func program() *ui.Program[*call] {
	return &ui.Program[*call]{
		Name:  "lockerctl",
		Head:  "[--socket S] [--json] [--by NAME] VERB ...",
		Verbs: catalogue(),
		Foot: `
  --socket S   control socket; else $LOCKERD_SOCKET, else /run/lockerd/control.sock,
               else /var/lib/lockerd/control.sock
  --json       print JSON: one document, events one line each
  --by NAME    your name, for the journal; it stands behind your user's
exit code: 0 done, 1 failed or refused, 2 called wrongly
lockerctl help VERB says more
lockerctl help flash: the card of a new board
lockerctl release help: the repository that banks fetch new versions from
lockerctl enrol help: a bank's key and certificate; lockerctl replace: another board for it
lockerctl fleet help: codes, commands and a live view of many banks, through their broker
`,
	}
}

// catalogue returns what lockerctl can do, in the order of its help.
func catalogue() []*ui.Verb[*call] {
	return []*ui.Verb[*call]{
		{Name: "status", Short: "the bank in one page", Setup: statusVerb},
		{Name: "doors", Args: "[DOOR...]", Short: "doors, what is behind them, and whether they serve", Most: -1, Setup: doorsVerb},
		{Name: "open", Args: "DOOR --reason TEXT", Short: "open a door and wait until it is proven open", Least: 1, Most: 1, Setup: openVerb, Long: openHelp},
		{Name: "service in", Args: "DOOR", Short: "put a door back in service", Least: 1, Most: 1, Setup: serviceVerb(true), Long: serviceHelp},
		{Name: "service out", Args: "DOOR", Short: "take a door out of service", Least: 1, Most: 1, Setup: serviceVerb(false), Long: serviceHelp},
		{Name: "stock", Args: "[--items] [--csv]", Short: "what there is of each sku", Setup: stockVerb},
		{Name: "stock set", Args: "DOOR SKU SERIAL [--tenant T]", Short: "say what lies behind a door", Least: 3, Most: 3, Setup: stockSetVerb, Long: stockHelp},
		{Name: "stock clear", Args: "DOOR", Short: "say that a door is empty", Least: 1, Most: 1, Setup: stockClearVerb},
		{Name: "stock audit", Args: "[DOOR...] [--resume]", Short: "open doors one after another, ask what is inside, set the stock right", Most: -1, Setup: auditVerb, Long: auditHelp},
		{Name: "report", Args: "[--since LONG] [--html FILE]", Short: "the 60-second promise measured, troubles, busy hours, wear", Setup: reportVerb, Long: reportHelp},
		{Name: "events", Args: "[--follow] [--from N | --last N]", Short: "the journal, one line an event", Setup: eventsVerb, Long: eventsHelp},
		{Name: "bus trace", Args: "[BUS] [--follow] [--last N]", Short: "what goes over a bus's line, in hex and in words", Most: 1, Setup: traceVerb, Long: traceHelp},
		{Name: "journal verify", Short: "check the journal: its hashes, and that it gives what the bank holds", Setup: verifyVerb, Long: verifyHelp},
		{Name: "clock show", Short: "bank time and how far it can be trusted", Setup: clockVerb},
		{Name: "clock reset", Short: "set bank time back to the system clock", Setup: clockResetVerb, Long: clockHelp},
		{Name: "tag", Args: "CODE [--bank NAME]", Short: "the tag of a code's text at this bank", Least: 1, Most: -1, Setup: tagVerb, Long: tagHelp},
		{Name: "code new", Args: "--kind KIND [--ttl 24h] [flags]", Short: "issue a code, with its QR", Setup: codeNewVerb, Long: codeNewHelp},
		{Name: "code list", Short: "codes issued here", Setup: codeListVerb},
		{Name: "code revoke", Args: "ID", Short: "revoke a code issued here", Least: 1, Most: 1, Setup: codeRevokeVerb},
		{Name: "commission", Args: "[--door DOOR] [flags]", Short: "find boards, prove every door, write the configuration", Setup: commissionVerb, Long: commissionHelp},
		{Name: "self-test", Short: "look at everything, move nothing", Setup: selfTestVerb},
		{Name: "doctor", Short: "what is wrong, and what to do first", Setup: doctorVerb, Long: doctorHelp},
		{Name: "bundle", Args: "[-o FILE] [--to KEY]", Short: "make one file for whoever helps from afar, without secrets", Setup: bundleVerb, Long: bundleHelp},
		{Name: "bundle open", Args: "FILE [--key FILE]", Short: "verify and unpack a support bundle", Least: 1, Most: 1, Setup: bundleOpenVerb, Long: bundleOpenHelp},
		{Name: "bundle key", Args: "[-o FILE]", Short: "make the pair of keys that bundles are encrypted with", Setup: bundleKeyVerb, Long: bundleKeyHelp},
		{Name: "backup", Args: "FILE [--to KEY]", Short: "copy what the bank knows into one file, while it runs", Least: 1, Most: 1, Setup: backupVerb, Long: backupHelp},
		{Name: "restore", Args: "FILE", Short: "bring a backup back; lockerd stopped", Least: 1, Most: 1, Setup: restoreVerb, Long: restoreHelp},
		{Name: "update", Args: "[--from DIR|URL] [flags]", Short: "fetch a new version and try it once all doors are shut", Setup: updateVerb, Long: updateHelp},
		{Name: "update status", Short: "versions, and how the last update went", Setup: updateStatusVerb},
		{Name: "help", Args: "[VERB]", Short: "how a verb is used", Most: 2, Setup: helpVerb},
		{Name: "version", Short: "version of lockerctl", Setup: versionVerb},
	}
}

// Manual returns lockerctl's man page.
func Manual() []ui.Chapter { return program().Manual() }
