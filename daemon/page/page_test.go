package page

import (
	"slices"
	"strings"
	"testing"

	g "maragu.dev/gomponents"

	"lockerd/daemon/page/markuptest"
)

func TestOnlyTheStyleIsRaw(t *testing.T) {
	if got := markuptest.Raw(t); !slices.Equal(got, []string{"g.Raw(style)"}) {
		t.Errorf("put in as it stands: %q", got)
	}
}

func TestNothingIsMarkup(t *testing.T) {
	markuptest.Run(t, 6, func(text string) string {
		var b strings.Builder
		if err := Write(&b, text, "td.n { text-align: right }", g.Text(text), nil, Cell(text), Number(text), Classed(text, text)); err != nil {
			t.Fatal(err)
		}
		return b.String()
	})
}
