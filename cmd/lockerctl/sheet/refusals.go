package sheet

import (
	"strconv"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"lockerd/daemon/locker"
	"lockerd/daemon/page"
	"lockerd/daemon/report"
)

func refusals(list []report.Refusal) g.Node {
	const title = "Refused scans"
	if len(list) == 0 {
		return section(title, say("No scan was refused."))
	}
	return section(title, table(g.Group{numbers("Scans"), meters(16), columns("Reason", "At")}, list, func(f *report.Refusal) g.Node {
		return h.Tr(page.Number(strconv.FormatInt(f.N, 10)), h.Td(meter(f.N, list[0].N)), h.Td(h.Class("say"), reason(f.Reason)), page.Classed("keep", whereRefused(f)))
	}))
}

func reason(r locker.Reason) g.Node {
	means := meaning(r)
	if means != "" {
		means = " – " + means
	}
	return g.Group{h.B(g.Text(string(r))), g.Text(means)}
}

func whereRefused(f *report.Refusal) string {
	if f.Door.IsZero() {
		return "scanner " + f.Scanner
	}
	return "door " + f.Door.String()
}

// meaning says a reason in words for people who never saw a contract.
func meaning(r locker.Reason) string {
	return map[locker.Reason]string{ //nolint:exhaustive // Granted is no refusal
		locker.Malformed:    "cannot be a code: torn label, or something else was held before the scanner",
		locker.Misread:      "a digit was misread: dirty window or worn label",
		locker.Unknown:      "nobody has issued this code to this bank, or it was withdrawn",
		locker.BadSignature: "a ticket that is not genuine", locker.WrongBank: "a ticket for another bank",
		locker.Revoked: "the code was revoked", locker.ClockUntrusted: "the bank does not know the time: its clock needs the network or a battery",
		locker.NotYet: "came too early", locker.Expired: "came too late", locker.Used: "was used already",
		locker.StaleCache: "the bank has been offline longer than its codes may be trusted, or cannot know whether a ticket was used",
		locker.Busy:       "somebody else was at that scanner", locker.DoorOutOfService: "the door is out of service",
		locker.NoStock: "nothing of the kind was there", locker.NoFreeDoor: "no free door was left",
		locker.BoardSilent: "the lock board did not answer", locker.WrongLabel: "the label does not fit the product",
		locker.DuplicateSerial: "an item with this serial number is inside already",
	}[r]
}
