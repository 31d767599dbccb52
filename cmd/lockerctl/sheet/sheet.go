// Package sheet makes of a report one HTML page that can be read, printed and sent
// on: everything is in it, style and plots (SVG), no script and nothing from
// elsewhere. All text passes html/template, so nothing that came from a journal is
// ever markup.
package sheet

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"lockerd/daemon/report"
)

//go:embed sheet.html
var page string //nolint:gochecknoglobals,nolintlint // how embed works

// Write writes the page of a report.
func Write(w io.Writer, r *report.Report) error {
	t, err := template.New("sheet").Parse(page)
	if err != nil {
		return fmt.Errorf("cannot read the template of the page: %w", err)
	}
	if err := t.Execute(w, view(r)); err != nil {
		return fmt.Errorf("cannot write the page: %w", err)
	}
	return nil
}
