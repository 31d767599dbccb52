package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bank"
	"lockerd/daemon/control"
	"lockerd/daemon/locker"
)

const auditHelp = `Opens the doors one after another, all of them or those named, and asks of each
what is inside. An answer is: Enter (as the bank says), a SERIAL typed or scanned,
SKU SERIAL or TENANT/SKU SERIAL (- for no serial), empty, faulty, skip or quit;
faulty or ready may stand behind a serial. What differs is set right at once, and
journaled with your name (stock.audited). An item that the bank has behind another
door moves. After an answer the next door opens when this one is shut.
A door that was opened and not answered for leaves its item uncertain, so go on
with it: --resume takes up the last audit that has not come to its end. --answers
reads the answers from a FILE instead, a line for each door: 1-07 SN-4711.`

const (
	lookEvery   = 300 * time.Millisecond
	shutLimit   = 2 * time.Minute // so long a door may stand open behind its answer
	endingLimit = 3 * time.Second // for telling the bank that an audit is over
)

func auditVerb(fs *flag.FlagSet) action {
	f := &auditFlags{}
	fs.StringVar(&f.tenant, "tenant", "", "only doors of this `tenant`, or with its items")
	fs.IntVar(&f.locker, "locker", 0, "only doors of this `locker`")
	fs.StringVar(&f.answers, "answers", "", "a `file` with the answers, to ask nobody")
	fs.BoolVar(&f.resume, "resume", false, "go on with the last audit that was not finished")
	return func(ctx context.Context, c *call) error {
		if err := f.read(c.args); err != nil {
			return err
		}
		a, err := c.beginAudit(ctx, f)
		if err != nil {
			return withCure(err)
		}
		err = a.run(ctx)
		if eerr := a.end(ctx, err); err == nil {
			err = eerr
		}
		if perr := c.print(&a.result, func(p *ui.Page) { auditPage(p, &a.result) }); perr != nil {
			return perr
		}
		return a.result.failure(err)
	}
}

// auditFlags are the flags of stock audit.
type auditFlags struct {
	tenant  string
	locker  int
	answers string
	resume  bool
	doors   []locker.DoorID // those named
}

// read takes the doors that are named, and refuses what no bank has.
func (f *auditFlags) read(named []string) error {
	switch {
	case f.locker < 0 || f.locker > locker.MaxLockers:
		return ui.Usagef("--locker is 1 to %d", locker.MaxLockers)
	case f.tenant != "" && !locker.ValidTenant(f.tenant):
		return ui.Usagef("cannot read tenant %q: a tenant is 1-32 of a-z 0-9 . _ -, and not \"local\"", f.tenant)
	}
	for _, n := range named {
		id, err := parseDoor(n)
		if err != nil {
			return err
		}
		f.doors = append(f.doors, id)
	}
	return nil
}

// auditor is an audit under way.
type auditor struct {
	c      *call
	client *control.Client
	ask    asker
	doors  []locker.DoorID
	done   map[locker.DoorID]bool
	result auditResult
}

var errQuit = errors.New("the audit was ended early")

func (c *call) beginAudit(ctx context.Context, f *auditFlags) (*auditor, error) {
	a := &auditor{c: c, client: c.client(), done: map[locker.DoorID]bool{}, result: auditResult{Doors: []auditedDoor{}}}
	all, err := a.client.Doors(ctx)
	if err != nil {
		return nil, err
	}
	if a.doors, err = f.choose(all); err != nil {
		return nil, err
	}
	if a.ask, err = c.asker(f.answers); err != nil {
		return nil, err
	}
	if f.resume {
		err = a.takeUp(ctx)
	} else {
		a.result.Audit, err = newAuditID()
	}
	return a, err
}

// choose returns the doors that are to be audited.
func (f *auditFlags) choose(all []bank.DoorStatus) ([]locker.DoorID, error) {
	list, err := pick(all, f.doors)
	if err != nil {
		return nil, err
	}
	var out []locker.DoorID
	for i := range list {
		d := &list[i]
		its := f.tenant == "" || d.Tenant == f.tenant || d.Item != nil && d.Item.Tenant == f.tenant
		if its && (f.locker == 0 || int(d.ID.Locker) == f.locker) {
			out = append(out, d.ID)
		}
	}
	if len(out) == 0 {
		return nil, &bank.Error{Code: control.CodeNotFound, Text: "there is no such door to audit", Cure: existing(all)}
	}
	return out, nil
}

func newAuditID() (string, error) {
	var raw [4]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return "", fmt.Errorf("cannot draw an id for the audit: %w", err)
	}
	return "a-" + hex.EncodeToString(raw[:]), nil
}

// takeUp finds the last audit in the journal, and which doors it has behind it.
func (a *auditor) takeUp(ctx context.Context) error {
	finished := true
	err := a.client.Events(ctx, 0, false, func(line []byte) error {
		var e locker.Event
		if !strings.Contains(string(line), `"type":"`+locker.EvStockAudited+`"`) {
			return nil
		}
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("cannot read an event of the journal: %w", err)
		}
		if e.ID != a.result.Audit {
			a.result.Audit = e.ID
			clear(a.done)
		}
		if finished = e.Outcome == bank.AuditDone; !e.Door.IsZero() {
			a.done[e.Door] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	if finished {
		return &bank.Error{Code: control.CodeRefused, Text: "there is no audit to go on with: the last one came to its end, or there was none", Cure: "lockerctl stock audit"}
	}
	a.result.Earlier = len(a.done)
	a.doors = slices.DeleteFunc(a.doors, func(id locker.DoorID) bool { return a.done[id] })
	return nil
}

// run asks for door after door.
func (a *auditor) run(ctx context.Context) error {
	a.say("audit %s: %d doors. %s", a.result.Audit, len(a.doors), answerHelp)
	for _, id := range a.doors {
		r, err := a.door(ctx, id)
		a.result.Doors = append(a.result.Doors, r)
		if err != nil {
			return err
		}
	}
	return nil
}

// end tells the bank how the audit ended, also after an interruption.
func (a *auditor) end(ctx context.Context, err error) error {
	a.result.Outcome = bank.AuditDone
	if err != nil || a.result.left() > 0 {
		a.result.Outcome = bank.AuditAborted
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endingLimit)
	defer cancel()
	return a.client.EndAudit(ctx, bank.AuditEnd{Audit: a.result.Audit, Outcome: a.result.Outcome, Doors: len(a.done)})
}

// say tells the engineer something while it goes on; with --json stdout is for the
// document.
func (a *auditor) say(format string, args ...any) {
	line := ui.Clean(fmt.Sprintf(format, args...))
	if a.c.json {
		ui.Emit(a.c.stderr, "%s\n", line)
		return
	}
	ui.Emit(a.c.out, "%s\n", line)
	_ = a.c.out.Flush() // its error is met at the end
}

// asker gets the answers.
type asker interface {
	// answer returns what is said of a door; again tells why the last answer to it was
	// not taken.
	answer(ctx context.Context, door locker.DoorID, again error) (string, error)
	// forget drops what was said before a door is asked for.
	forget()
}

func (c *call) asker(file string) (asker, error) {
	if file == "" {
		return keyboard{ui.NewInput(c.stdin)}, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, &bank.Error{Code: control.CodeFailed, Text: fmt.Sprintf("cannot read the answers: %v", err), Cure: "one line for each door: 1-07 SN-4711"}
	}
	return readAnswers(string(b))
}
