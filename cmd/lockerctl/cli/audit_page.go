package cli

import (
	"errors"
	"fmt"
	"io"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bank"
	"lockerd/daemon/control"
	"lockerd/daemon/locker"
)

// auditResult is the document of stock audit.
type auditResult struct {
	Audit   string        `json:"audit"`
	Outcome string        `json:"outcome"`           // done, aborted
	Earlier int           `json:"earlier,omitempty"` // doors answered before it was taken up again
	Doors   []auditedDoor `json:"doors"`
}

// auditedDoor is one door of it.
type auditedDoor struct {
	Door      locker.DoorID `json:"door"`
	Outcome   string        `json:"outcome"` // agrees, differs, skipped, not opened
	Expected  *locker.Item  `json:"expected"`
	Found     *locker.Item  `json:"found"`
	From      locker.DoorID `json:"from,omitzero"` // behind which the bank had what was found
	Reason    string        `json:"reason,omitempty"`
	StillOpen bool          `json:"still_open,omitempty"`
}

func (r *auditResult) count(outcomes ...string) int {
	n := 0
	for i := range r.Doors {
		for _, o := range outcomes {
			if r.Doors[i].Outcome == o {
				n++
			}
		}
	}
	return n
}

// left counts the doors of which nothing is known.
func (r *auditResult) left() int { return r.count(auditSkipped, auditNotOpened) }

func auditPage(p *ui.Page, r *auditResult) {
	p.Line("")
	earlier := ""
	if r.Earlier > 0 {
		earlier = fmt.Sprintf(", %d answered earlier", r.Earlier)
	}
	p.Line("audit %s %s: %d doors agree, %d differ, %d left out%s", r.Audit, r.Outcome, r.count(bank.AuditAgrees), r.count(bank.AuditDiffers), r.left(), earlier)
	t := &ui.Table{Head: []string{"DOOR", "", "EXPECTED", "FOUND", "NOTES"}}
	for i := range r.Doors {
		d := &r.Doors[i]
		if d.Outcome == bank.AuditAgrees && !d.StillOpen {
			continue
		}
		found := d.Found.String()
		if d.Outcome == auditSkipped || d.Outcome == auditNotOpened {
			found = "-"
		}
		t.Row(ui.Plain(d.Door.String()), ui.Tinted(d.Outcome, ui.Notice), ui.Plain(d.Expected.String()), ui.Plain(found), ui.Plain(auditNotes(d)))
	}
	if t.Len() > 0 {
		p.Table(t)
	}
}

func auditNotes(d *auditedDoor) string {
	switch {
	case d.Reason != "":
		return d.Reason
	case !d.From.IsZero():
		return "the bank had it behind " + d.From.String()
	case d.Outcome == auditSkipped && d.Expected != nil:
		return "its item is uncertain until somebody has looked"
	case d.StillOpen:
		return "stands open"
	}
	return ""
}

// failure is why an audit is not over.
func (r *auditResult) failure(err error) error {
	next := "lockerctl stock audit --resume goes on with it"
	switch {
	case err == nil && r.left() == 0:
		return nil
	case err == nil:
		return &bank.Error{Code: control.CodeFailed, Text: fmt.Sprintf("%d doors were left out of the audit", r.left()), Cure: next}
	case errors.Is(err, errQuit), errors.Is(err, io.EOF):
		return &bank.Error{Code: control.CodeFailed, Text: err.Error(), Cure: next}
	}
	if e, ok := errors.AsType[*bank.Error](err); ok && e.Cure != "" {
		return e
	}
	return &bank.Error{Code: control.CodeFailed, Text: "the audit broke off: " + err.Error(), Cure: next}
}
