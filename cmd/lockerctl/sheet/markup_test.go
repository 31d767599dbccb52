package sheet

import (
	"slices"
	"strings"
	"testing"

	g "maragu.dev/gomponents"

	"lockerd/daemon/locker"
	"lockerd/daemon/page"
	"lockerd/daemon/page/markuptest"
	"lockerd/daemon/report"
	"lockerd/daemon/report/reporttest"
)

func TestWellFormed(t *testing.T) {
	if s := markuptest.Skeleton(t, write(t, monthOf(t, reporttest.Journal()))); !slices.Contains(s, "polyline points") {
		t.Errorf("elements %q", s)
	}
}

// fullOf is a report all of whose texts are the same; each of its items was
// brought in another way, and a scan was refused with a door and without one.
func fullOf(text string) *report.Report {
	var r report.Report
	markuptest.Fill(&r, text)
	r.Items = append(r.Items, r.Items[0])
	for i, strip := range []func(*report.Item){
		func(*report.Item) {},
		func(it *report.Item) { it.Brought.By = "" },
		func(it *report.Item) { it.Brought.By, it.Brought.Ref = "", "" },
	} {
		hand := *r.Items[i].Brought
		r.Items[i].Brought = &hand
		strip(&r.Items[i])
	}
	r.Refusals[1].Door = locker.DoorID{}
	return &r
}

// TestNothingIsMarkup: whatever text a report holds, and wherever, the page has the
// elements and attributes that it has with harmless ones, and shows the text.
func TestNothingIsMarkup(t *testing.T) {
	markuptest.Run(t, 20, func(text string) string { return write(t, fullOf(text)) })
}

// TestPartsEscape tries the parts that show no text of a journal today.
func TestPartsEscape(t *testing.T) {
	const evil = markuptest.Evil
	for name, c := range map[string]struct {
		node g.Node
		want string
	}{
		"drawing": {drawing(1, 1, evil), "svg|svg viewBox|svg role|svg aria-label"},
		"hint":    {hint(evil), "title"},
		"label":   {label(1, 1, evil, anchor(evil), fill(evil), stroke(evil)), "text|text x|text y|text text-anchor|text fill|text stroke"},
		"cell":    {page.Classed(evil, evil), "td|td class"},
		"heads":   {g.Group{columns(evil), numbers(evil)}, "th|th|th class"},
		"section": {section(evil, say(evil), note(evil)), "h2|p|p|p class"},
		"figure":  {figure(evil, evil), "li|b"},
	} {
		var b strings.Builder
		if err := c.node.Render(&b); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(markuptest.Skeleton(t, b.String()), "|"); got != c.want {
			t.Errorf("%s: %s, not %s", name, got, c.want)
		}
	}
}

func TestNothingIsRaw(t *testing.T) { markuptest.NothingIsRaw(t, style) }
