package cli

import (
	"flag"
	"fmt"
	"slices"
	"strings"
)

// verb is one entry of the catalogue.
type verb struct {
	name  string // one word, or two
	args  string // operands and flags, as usage shows them
	short string
	long  string                     // what else help says
	least int                        // operands
	most  int                        // operands; -1: any number
	setup func(*flag.FlagSet) action // declares the flags
}

// catalogue returns what lockerctl can do, in the order of its help.
func catalogue() []*verb {
	return []*verb{
		{name: "status", short: "the bank in one page", setup: statusVerb},
		{name: "doors", args: "[DOOR...]", short: "doors, what is behind them, and whether they serve", most: -1, setup: doorsVerb},
		{name: "open", args: "DOOR --reason TEXT", short: "open a door and wait until it is proven open", least: 1, most: 1, setup: openVerb, long: openHelp},
		{name: "service in", args: "DOOR", short: "put a door back in service", least: 1, most: 1, setup: serviceVerb(true), long: serviceHelp},
		{name: "service out", args: "DOOR", short: "take a door out of service", least: 1, most: 1, setup: serviceVerb(false), long: serviceHelp},
		{name: "stock", short: "what there is of each sku", setup: stockVerb},
		{name: "stock set", args: "DOOR SKU SERIAL [--tenant T]", short: "say what lies behind a door", least: 3, most: 3, setup: stockSetVerb, long: stockHelp},
		{name: "stock clear", args: "DOOR", short: "say that a door is empty", least: 1, most: 1, setup: stockClearVerb},
		{name: "events", args: "[--follow] [--from N | --last N]", short: "the journal, one line an event", setup: eventsVerb, long: eventsHelp},
		{name: "journal verify", short: "check the journal's chain of hashes", setup: verifyVerb},
		{name: "clock show", short: "bank time and how far it can be trusted", setup: clockVerb},
		{name: "clock reset", short: "set bank time back to the system clock", setup: clockResetVerb, long: clockHelp},
		{name: "tag", args: "CODE [--bank NAME]", short: "the tag of a code's text at this bank", least: 1, most: -1, setup: tagVerb, long: tagHelp},
		{name: "code new", args: "--kind KIND [--ttl 24h] [flags]", short: "issue a code, with its QR", setup: codeNewVerb, long: codeNewHelp},
		{name: "code list", short: "codes issued here", setup: codeListVerb},
		{name: "code revoke", args: "ID", short: "revoke a code issued here", least: 1, most: 1, setup: codeRevokeVerb},
		{name: "self-test", short: "look at everything, move nothing", setup: selfTestVerb},
		{name: "help", args: "[VERB]", short: "how a verb is used", most: 2, setup: helpVerb},
		{name: "version", short: "version of lockerctl", setup: versionVerb},
	}
}

// words splits the name of a verb.
func words(name string) []string { return strings.Fields(name) }

// findVerb takes the longest verb that args begin with.
func findVerb(args []string) (*verb, []string, error) {
	if len(args) == 0 {
		return nil, nil, &usageError{text: "a verb is missing"}
	}
	var best *verb
	for _, v := range catalogue() {
		w := words(v.name)
		if len(args) >= len(w) && slices.Equal(args[:len(w)], w) && (best == nil || len(w) > len(words(best.name))) {
			best = v
		}
	}
	if best != nil {
		return best, args[len(words(best.name)):], nil
	}
	if group := groupOf(args[0]); len(group) > 0 {
		return nil, nil, &usageError{text: fmt.Sprintf("%s needs one of its verbs", args[0]), group: group}
	}
	return nil, nil, &usageError{text: fmt.Sprintf("there is no verb %q", args[0])}
}

// groupOf returns the verbs whose first word is word.
func groupOf(word string) []*verb {
	var group []*verb
	for _, v := range catalogue() {
		if words(v.name)[0] == word {
			group = append(group, v)
		}
	}
	return group
}

// count checks the number of operands.
func (v *verb) count(n int) error {
	switch {
	case n < v.least:
		return &usageError{text: "operands are missing", verb: v}
	case v.most >= 0 && n > v.most:
		u := &usageError{text: "there are too many operands", verb: v}
		if group := groupOf(v.name); len(group) > 1 { // stock mvoe: a verb of the group was meant
			u.group = group
		}
		return u
	}
	return nil
}
