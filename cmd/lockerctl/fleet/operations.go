package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/backend"
	"lockerd/sync/ticket"
	"lockerd/sync/wire"
)

// operation is what a desk can do: JSON in, JSON out.
type operation func(ctx context.Context, s *station, in []byte) (any, error)

// operations is the catalogue, the same for a verb's own desk and for the socket.
func operations() map[string]operation {
	ops := enrolOperations()
	maps.Copy(ops, map[string]operation{
		"ping":        on(func(context.Context, *station, *struct{}) (struct{}, error) { return struct{}{}, nil }),
		"banks":       on(opBanks),
		"bank":        on(opBank),
		"events":      on(opEvents),
		"code.new":    on(opCodeNew),
		"code.list":   on(opCodeList),
		"code.revoke": on(opCodeRevoke),
		"ticket.new":  on(opTicketNew),
		"command":     on(opCommand),
		"bundle":      on(opBundle),
		"desired.set": on(opDesiredSet),
		"desired.get": on(opDesiredGet),
		"trust.set":   on(opTrustSet),
		"backup":      on(opBackup),

		"rollout.start":  on(opRolloutStart),
		"rollout.get":    on(opRolloutGet),
		"rollout.pause":  on(opRolloutPause),
		"rollout.resume": on(opRolloutResume),
		"rollout.stop":   on(opRolloutStop),
	})
	return ops
}

func on[In, Out any](do func(context.Context, *station, *In) (Out, error)) operation {
	return func(ctx context.Context, s *station, raw []byte) (any, error) {
		in := new(In)
		if err := json.Unmarshal(raw, in); err != nil {
			return nil, fail("cannot read the request: %s", "use one version of lockerctl for both", err)
		}
		return do(ctx, s, in)
	}
}

// fleetPage is all banks at one time.
type fleetPage struct {
	At        locker.Time      `json:"at"`
	Connected bool             `json:"connected"`
	Failed    string           `json:"failed,omitempty"`
	Banks     []backend.Status `json:"banks"`
	Counts    backend.Counts   `json:"counts"`
}

func opBanks(_ context.Context, s *station, _ *struct{}) (fleetPage, error) {
	p := fleetPage{At: now(), Connected: s.be.Connected(), Banks: s.be.Banks(), Counts: s.be.Counts()}
	if err := s.reached(); err != nil {
		p.Failed = err.Error()
	}
	return p, nil
}

type bankQuery struct {
	Bank string `json:"bank"`
	Set  string `json:"set,omitempty"`
}

// bankShown is one bank, as it was last heard of.
type bankShown struct {
	backend.Status

	Failed string `json:"failed,omitempty"` // why nothing is heard of any bank now
}

func opBank(_ context.Context, s *station, q *bankQuery) (bankShown, error) {
	st, ok := s.be.Bank(q.Bank)
	if !ok {
		return bankShown{}, noBank(s, q.Bank)
	}
	b := bankShown{Status: st}
	if err := s.reached(); err != nil {
		b.Failed = err.Error()
	}
	return b, nil
}

// heard tells whether something has come from a bank. A code or a document can be there
// before.
func heard(s *station, name string) bool {
	st, ok := s.be.Bank(name)
	return ok && !st.Seen.IsZero()
}

// knownBank is an error if there is neither a bank of that name nor anything for one.
func knownBank(s *station, name string) error {
	if _, ok := s.be.Bank(name); !ok {
		return noBank(s, name)
	}
	return nil
}

const namesShown = 8 // banks named in an error

func noBank(s *station, name string) error {
	text, next := "cannot find bank %s: nothing has been heard of it", "is its broker this one, and its prefix "+s.g.prefix+"?"
	if why, cure := s.away(); why != "" {
		text, next = text+", nor can be: "+why, cure
	}
	var names []string
	for _, b := range s.be.Banks() {
		if !b.Seen.IsZero() {
			names = append(names, b.Bank)
		}
	}
	switch {
	case len(names) == 0:
		next = "no bank is known yet: " + next
	case len(names) <= namesShown:
		next = "known are " + strings.Join(names, ", ") + "; " + next
	default:
		next = "lockerctl fleet watch --once lists those known; " + next
	}
	return fail("%s", next, fmt.Sprintf(text, name))
}

type eventQuery struct {
	Bank  string `json:"bank,omitempty"`
	After uint64 `json:"after"`
	Last  int    `json:"last,omitempty"` // begin this number before the end
	Limit int    `json:"limit"`
	WaitS int    `json:"wait_s,omitempty"` // for more, when there are none
}

type eventPage struct {
	Events []backend.Event `json:"events"`
	Next   uint64          `json:"next"`
	End    bool            `json:"end"`
}

const eventsMax = 1000 // in one page

func opEvents(ctx context.Context, s *station, q *eventQuery) (eventPage, error) {
	if q.Bank != "" && !heard(s, q.Bank) {
		return eventPage{}, noBank(s, q.Bank)
	}
	if q.Last > 0 {
		q.After = 0
		if q.Bank == "" {
			after, err := s.be.CursorBefore(q.Last)
			if err != nil {
				return eventPage{}, err
			}
			q.After = after
		}
	}
	end := time.After(time.Duration(q.WaitS) * time.Second)
	for {
		c := s.be.Changed()
		list, next, err := s.be.Events(q.Bank, q.After, min(max(q.Limit, 1), eventsMax))
		p := eventPage{Events: list, Next: next, End: next >= s.be.LastEvent()}
		if err != nil || len(list) > 0 || !p.End || q.WaitS == 0 {
			return p, err
		}
		q.After = next
		select {
		case <-c:
		case <-end:
			return p, nil
		case <-ctx.Done():
			return p, ctx.Err()
		}
	}
}

type codeRequest struct {
	Bank string      `json:"bank"`
	Set  string      `json:"set"`
	Code locker.Code `json:"code"`
	Wait int64       `json:"wait_ms"`
}

// issuedCode is a code and whether the bank has said that it has it.
type issuedCode struct {
	backend.Issued
	Set     string `json:"set"`
	Arrived bool   `json:"arrived"`
	Known   bool   `json:"known"` // something has been heard of the bank
}

// checkDoor refuses a door that the bank has not told of: whoever gets such a code
// stands before a bank that knows no door for it.
func checkDoor(s *station, name string, door locker.DoorID) error {
	doors, err := s.be.Shown(name)
	if err != nil || len(doors) == 0 || door.IsZero() { // nobody knows
		return err
	}
	if slices.ContainsFunc(doors, func(d wire.Door) bool { return d.ID == door }) {
		return nil
	}
	return fail("cannot issue this: bank %s has no door %s, it has %d, %s to %s", "correct --door; if the door is new, let the bank connect with its new configuration first",
		name, door, len(doors), doors[0].ID, doors[len(doors)-1].ID)
}

func opCodeNew(ctx context.Context, s *station, r *codeRequest) (issuedCode, error) {
	known := heard(s, r.Bank)
	if err := checkDoor(s, r.Bank, r.Code.Door); err != nil {
		return issuedCode{}, err
	}
	list, err := s.be.Issue(ctx, r.Bank, r.Set, r.Code)
	if err != nil {
		return issuedCode{}, err
	}
	c := issuedCode{Issued: list[0], Set: r.Set, Known: known}
	c.Arrived, err = arrived(ctx, s, r.Bank, r.Set, r.Wait)
	return c, err
}

// arrived waits for the bank's word on a set. None in time is no error.
func arrived(ctx context.Context, s *station, bank, set string, waitMS int64) (bool, error) {
	if st, ok := s.be.Bank(bank); !ok || !st.Online || !s.be.Connected() {
		return false, nil
	}
	wctx, cancel := context.WithTimeout(ctx, time.Duration(waitMS)*time.Millisecond)
	defer cancel()
	there := s.be.AwaitCodes(wctx, bank, set) == nil // else it is on disk, and on its way
	return there, ctx.Err()
}

func opCodeList(_ context.Context, s *station, q *bankQuery) ([]backend.CodeStatus, error) {
	if err := knownBank(s, q.Bank); err != nil {
		return nil, err
	}
	list := []backend.CodeStatus{}
	sets := []string{q.Set}
	if q.Set == "" {
		sets = nil
		if st, ok := s.be.Bank(q.Bank); ok {
			for name := range st.Sets {
				sets = append(sets, name)
			}
		}
	}
	for _, set := range sets {
		err := s.be.Codes(q.Bank, set, func(c *backend.CodeStatus) bool {
			list = append(list, *c)
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

type revokeRequest struct {
	Bank string `json:"bank"`
	Set  string `json:"set"`
	ID   string `json:"id"`
	Wait int64  `json:"wait_ms"`
}

type revoked struct {
	ID      string `json:"id"`
	Set     string `json:"set"`
	State   string `json:"state"`
	Arrived bool   `json:"arrived"`
	Known   bool   `json:"known"` // it was issued here, or may be a ticket's
}

func opCodeRevoke(ctx context.Context, s *station, r *revokeRequest) (revoked, error) {
	if err := knownBank(s, r.Bank); err != nil {
		return revoked{}, err
	}
	known := strings.HasPrefix(r.ID, "t-") // no list is kept of tickets
	err := s.be.Codes(r.Bank, r.Set, func(c *backend.CodeStatus) bool {
		known = known || c.Code.ID == r.ID
		return !known
	})
	if err != nil {
		return revoked{}, err
	}
	if err := s.be.Revoke(ctx, r.Bank, r.Set, r.ID); err != nil {
		return revoked{}, err
	}
	ok, err := arrived(ctx, s, r.Bank, r.Set, r.Wait)
	return revoked{r.ID, r.Set, "revoked", ok, known}, err
}

type ticketRequest struct {
	ticket.Ticket
	Wait int64 `json:"wait_ms"`
}

type issuedTicket struct {
	ID       string      `json:"id"`
	Set      string      `json:"set"`
	Text     string      `json:"text"`
	NotAfter locker.Time `json:"not_after"`
	KID      string      `json:"kid"`
	Known    bool        `json:"known"`     // something has been heard of the bank
	SetThere bool        `json:"set_there"` // the bank keeps the set, without which it takes no ticket of it
}

func opTicketNew(ctx context.Context, s *station, r *ticketRequest) (issuedTicket, error) {
	t := r.Ticket
	if err := checkDoor(s, t.Bank, t.Door); err != nil {
		return issuedTicket{}, err
	}
	keys := s.keys.Load()
	k, ok := keys.find(t.Set()) // the operator's for service, which no bank takes by a tenant's
	if !ok {
		k, ok = keys.find(locker.SetOperator)
	}
	if !ok {
		return issuedTicket{}, fail("cannot sign a ticket: there is no key", "lockerctl fleet keys new")
	}
	p, err := k.private()
	if err != nil {
		return issuedTicket{}, err
	}
	text, err := ticket.Sign(t, k.KID, p)
	if err != nil {
		return issuedTicket{}, fail("cannot sign a ticket: %s", "lockerctl fleet help ticket new", err)
	}
	if err := s.be.OpenSet(ctx, t.Bank, t.Set()); err != nil {
		return issuedTicket{}, err
	}
	c := t.Code()
	out := issuedTicket{ID: c.ID, Set: t.Set(), Text: text, NotAfter: t.NotBefore.Add(t.Lifetime), KID: k.KID, Known: heard(s, t.Bank)}
	out.SetThere, err = arrived(ctx, s, t.Bank, out.Set, r.Wait)
	return out, err
}

type commandRequest struct {
	Bank  string        `json:"bank"`
	Order backend.Order `json:"order"`
	Wait  int64         `json:"wait_ms"`
}

func opCommand(ctx context.Context, s *station, r *commandRequest) (locker.Reply, error) {
	if err := knownBank(s, r.Bank); err != nil {
		return locker.Reply{}, err
	}
	if err := s.reached(); err != nil {
		return locker.Reply{}, err
	}
	wctx, cancel := context.WithTimeout(ctx, time.Duration(r.Wait)*time.Millisecond)
	defer cancel()
	reply, err := s.be.Command(wctx, r.Bank, r.Order)
	if errors.Is(err, context.DeadlineExceeded) {
		return reply, fail("no reply of %s to %s within %s", "it is carried out if it arrives in time: lockerctl fleet events --bank "+r.Bank+" --follow shows it; --wait waits longer", r.Bank, r.Order.Type, time.Duration(r.Wait)*time.Millisecond)
	}
	return reply, err
}

type desiredRequest struct {
	Bank string         `json:"bank"`
	Doc  locker.Desired `json:"doc"`
	Wait int64          `json:"wait_ms"`
}

// desiredState is how far a document is, and whether its bank is known.
type desiredState struct {
	backend.DesiredStatus
	Known bool `json:"known"` // something has been heard of the bank
}

func opDesiredSet(ctx context.Context, s *station, r *desiredRequest) (desiredState, error) {
	version, err := s.be.SetDesired(r.Bank, r.Doc)
	if err != nil {
		return desiredState{}, err
	}
	d := desiredState{backend.DesiredStatus{Version: version, State: backend.DocPending}, heard(s, r.Bank)}
	st, ok := s.be.Bank(r.Bank)
	if !ok || !st.Online || !s.be.Connected() {
		return d, nil
	}
	wctx, cancel := context.WithTimeout(ctx, time.Duration(r.Wait)*time.Millisecond)
	defer cancel()
	d.DesiredStatus, err = s.be.AwaitDesired(wctx, r.Bank)
	if err != nil && ctx.Err() == nil {
		err = nil // it is on disk, and on its way
	}
	return d, err
}

type desiredPage struct {
	desiredState
	Doc locker.Desired `json:"doc"`
}

func opDesiredGet(_ context.Context, s *station, q *bankQuery) (desiredPage, error) {
	if err := knownBank(s, q.Bank); err != nil {
		return desiredPage{}, err
	}
	doc, st, err := s.be.Desired(q.Bank)
	if err == nil && st.State == backend.DocNone {
		err = fail("cannot show a desired document of %s: there is none", "lockerctl fleet desired apply "+q.Bank+" FILE", q.Bank)
	}
	return desiredPage{desiredState{st, heard(s, q.Bank)}, doc}, err
}

type trustVersion struct {
	Version int64 `json:"version"`
}

func opTrustSet(_ context.Context, s *station, _ *struct{}) (trustVersion, error) {
	v, err := s.trustNow()
	return trustVersion{v}, err
}

type backupRequest struct {
	Path string `json:"path"`
}

func opBackup(_ context.Context, s *station, r *backupRequest) (backupRequest, error) {
	if err := s.backup(r.Path); err != nil {
		return *r, fmt.Errorf("cannot back up: %w", err)
	}
	return *r, nil
}
