package commission

import (
	_ "embed"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"lockerd/daemon/page"
	"lockerd/hal/rs485/probe"
)

//go:embed report.css
var style string

// HTML writes the report for people: one page that needs nothing else, fit to
// be printed.
func (r *Report) HTML(w io.Writer) error {
	return page.Write(w, "Commissioning of "+r.Bank, style,
		h.H1(g.Text("Commissioning of bank "+r.Bank)),
		r.summary(),
		h.H2(g.Text("Faults, and what to do")), r.faults(),
		h.H2(g.Text("Boards")), table([]string{"Bus", "Port", "Family", "Addresses (channels)", "Profile"}, r.Buses, busRow),
		h.H2(g.Text("Doors")), table([]string{"Door", "Board", "Lock channel", "Switch channel", "Its switch", "Its number", "Opened in", "Pulses", ""}, r.Doors, doorRow),
	)
}

func (r *Report) summary() g.Node {
	const day = "2006-01-02 15:04 MST"
	left := marked("ok", "Nothing is left to be mended.")
	if r.Open > 0 {
		left = marked(string(Open), fmt.Sprintf("%d to be mended.", r.Open))
	}
	return h.P(g.Textf("%s to %s, by %s. Configuration: %s.\n", r.Begun.Format(day), r.Ended.Format(day), r.By, r.Config), left)
}

func (r *Report) faults() g.Node {
	if len(r.Faults) == 0 {
		return h.P(g.Text("None."))
	}
	return table([]string{"", "Where", "What", "What to do"}, r.Faults, faultRow)
}

func faultRow(f *Fault) g.Node {
	status := string(f.Status)
	if f.Status == Open { // of a door it would say something else
		status = "to be mended"
	}
	return h.Tr(page.Classed(string(f.Status), status), page.Classed("keep", f.Where()), page.Cell(f.Text), page.Cell(f.Cure))
}

func busRow(b *ReportBus) g.Node {
	return h.Tr(page.Cell(b.Name), page.Cell(b.Port), page.Cell(family(&b.Found)), page.Cell(addresses(b.Found.Boards)), h.Td(profile(b.Profile)))
}

func family(f *probe.Found) string {
	if f.Family == "" {
		return "no board found"
	}
	return fmt.Sprintf("%s, %d baud", f.Family, f.Baud)
}

// proofWords and labelWords say for people what stands as one word in the JSON.
func proofWords(p Proof) string {
	switch p {
	case Proven:
		return "moved with it"
	case Unproven:
		return "did not move"
	case NotSeen:
		return "the door did not move"
	case NotTried:
		return "not tried"
	}
	return string(p)
}

func labelWords(l Label) string {
	switch l {
	case LabelSeen:
		return "read at the door"
	case LabelAssumed:
		return "as planned"
	case LabelUnknown:
		return "not known"
	}
	return string(l)
}

func addresses(boards []probe.Board) string {
	list := make([]string, len(boards))
	for i, b := range boards {
		list[i] = fmt.Sprintf("%d (%d)", b.Address, b.Channels)
	}
	return strings.Join(list, ", ")
}

func profile(p map[string]string) g.Node {
	return g.Map(slices.Sorted(maps.Keys(p)), func(key string) g.Node { return g.Group{g.Text(key + " = " + p[key]), h.Br()} })
}

func doorRow(d *ReportDoor) g.Node {
	feedback, took, state := strconv.Itoa(d.Feedback), "", marked("ok", "ok")
	if d.Inverted {
		feedback += " inverted"
	}
	if d.UnlockMS != 0 {
		took = fmt.Sprintf("%d ms", d.UnlockMS)
	}
	if !d.OK {
		state = marked(string(Open), "see faults")
	}
	return h.Tr(
		page.Cell(d.Door.String()), page.Cell(fmt.Sprintf("%s %d", d.Bus, d.Board)), page.Number(strconv.Itoa(d.Channel)), page.Number(feedback),
		page.Cell(proofWords(d.Proof)), page.Cell(labelWords(d.Label)), page.Number(took), page.Number(strconv.Itoa(d.Tries)), h.Td(state),
	)
}
