package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/locker"
	"lockerd/sync/backend"
)

const replaceHelp = `A board is dead, or its card was stolen. Its certificates are revoked, its open tokens
withdrawn, and a token for the next board is made (--out: as the seed for its card). What the
backend knows to lie behind the doors is kept. Then, in this order:
  1. reload the broker, unless a unit does that (sync/enrol/README.md)
  2. flash a card with the seed, put lockerd.toml on it (from lockerctl backup, your own copy, or
     lockerctl commission), wire the board, start it: it makes a new key and enrols. Codes and
     the desired document come down by themselves.
  3. lockerctl replace contents --bank BANK, or at the bank: lockerctl stock audit`

const replaceContentsHelp = `Tells the new board what lay behind its doors, as the backend knew it when the bank was
replaced: one set_stock for each door, answered by the bank; a door that holds something by
then is left alone. What was put in or taken out while the old board was without a network
the backend can't know: --uncertain marks everything so, and lockerctl stock audit at the
bank settles it with hands. Once all doors are told, nothing is kept any more.`

func replaceVerb(fs *flag.FlagSet) action {
	f := &tokenFlags{}
	f.register(fs)
	return func(ctx context.Context, c *call) error {
		if err := f.check(); err != nil {
			return err
		}
		var r replaced
		if err := c.enrolAsk(ctx, "enrol.replace", f.request(), &r); err != nil {
			return err
		}
		if c.json && f.out != "-" {
			if err := f.write(&r.madeToken); err != nil {
				return err
			}
			return c.print(r, nil)
		}
		return c.hand(&r.madeToken, &f.seedFlags, func(p *ui.Page) {
			revokedPage(p, r.Revoked, r.CRL)
			if r.Kept > 0 {
				p.Line("%d items are known behind its doors: lockerctl replace contents --bank %s, once the new board is there", r.Kept, f.bank)
			}
		})
	}
}

func replaceContentsVerb(fs *flag.FlagSet) action {
	bank := fs.String("bank", "", "`name` of the bank")
	uncertain := fs.Bool("uncertain", false, "mark what is told as uncertain")
	show := fs.Bool("show", false, "only show what is kept")
	return func(ctx context.Context, c *call) error {
		if err := needBank(*bank); err != nil {
			return err
		}
		if *show && *uncertain {
			return ui.Usagef("--show and --uncertain exclude each other")
		}
		if *show {
			var k keptContents
			if err := c.enrolAsk(ctx, "enrol.kept", bankQuery{Bank: *bank}, &k); err != nil {
				return err
			}
			return c.print(k, func(p *ui.Page) { keptPage(p, &k) })
		}
		d, err := c.at(ctx, *bank)
		if err != nil {
			return err
		}
		defer func() { _ = d.close() }() // nothing is left to be done
		return c.tellContents(ctx, d, *bank, *uncertain)
	}
}

// told is what came of one door.
type told struct {
	Door   locker.DoorID `json:"door"`
	Item   locker.Item   `json:"item"`
	Status string        `json:"status"`
	Reason string        `json:"reason,omitempty"`
}

const skipped = "skipped" // the door holds something

// tellContents has a bank take what is kept of it.
func (c *call) tellContents(ctx context.Context, d desk, bank string, uncertain bool) error {
	var k keptContents
	if err := d.ask(ctx, "enrol.kept", bankQuery{Bank: bank}, &k); err != nil {
		return err
	}
	list, failed := []told{}, 0
	for _, x := range k.Doors {
		t := told{Door: x.Door, Item: x.Item}
		if uncertain {
			t.Item.Condition = locker.Uncertain
		}
		if x.Now != nil {
			t.Status = skipped
		} else {
			var r locker.Reply
			o := backend.Order{Type: locker.CmdSetStock, Args: locker.CommandArgs{Door: t.Door, Item: &t.Item}}
			if err := d.ask(ctx, "command", commandRequest{Bank: bank, Order: o, Wait: max(c.wait, openWait).Milliseconds()}, &r); err != nil {
				return errors.Join(err, c.print(list, func(p *ui.Page) { toldPage(p, list) }))
			}
			if t.Status, t.Reason = r.Status, r.Reason; r.Status != locker.ReplyDone {
				failed++
			}
		}
		list = append(list, t)
	}
	if err := c.print(list, func(p *ui.Page) { toldPage(p, list) }); err != nil {
		return err
	}
	if failed > 0 {
		return fail("%s did not take %d of %d items", "see to the reasons, then again: what it has is left alone; or lockerctl stock audit at the bank", bank, failed, len(list))
	}
	return d.ask(ctx, "enrol.told", bankQuery{Bank: bank}, nil)
}

func toldPage(p *ui.Page, list []told) {
	t := &ui.Table{Head: []string{"DOOR", "TENANT", "SKU", "SERIAL", "CONDITION", "OUTCOME"}}
	for i := range list {
		x := &list[i]
		out := ui.Tinted(x.Status, ui.Good)
		switch {
		case x.Status == skipped:
			out = ui.Tinted("left alone: the door holds something", ui.Notice)
		case x.Status != locker.ReplyDone:
			out = ui.Tinted(x.Status+" "+x.Reason, ui.Bad)
		}
		t.Row(append(itemCells(x.Door, &x.Item), out)...)
	}
	p.Table(t)
}

func itemCells(door locker.DoorID, i *locker.Item) []ui.Cell {
	return []ui.Cell{ui.Plain(door.String()), ui.Plain(ui.OrDash(i.Tenant)), ui.Plain(i.SKU), ui.Plain(ui.OrDash(i.Serial)), ui.Plain(string(i.Condition))}
}

func keptPage(p *ui.Page, k *keptContents) {
	p.Line("known on %s", ui.Local(k.At))
	t := &ui.Table{Head: []string{"DOOR", "TENANT", "SKU", "SERIAL", "CONDITION"}}
	for i := range k.Doors {
		t.Row(itemCells(k.Doors[i].Door, &k.Doors[i].Item)...)
	}
	p.Table(t)
}

// keptContents is what was known behind the doors of a bank that was replaced.
type keptContents struct {
	Bank  string      `json:"bank"`
	At    locker.Time `json:"at"`
	Doors []keptDoor  `json:"doors"`
}

type keptDoor struct {
	Door locker.DoorID `json:"door"`
	Item locker.Item   `json:"item"`
	Now  *locker.Item  `json:"now,omitempty"` // what the bank says by now
}

// contents is what the backend knows to lie behind a bank's doors, to be kept over the
// birth of a board that knows nothing; nil if it knows of nothing, so that what was kept
// before stays.
func (s *station) contents(bank string) ([]byte, int, error) {
	doors, err := s.be.Shown(bank)
	if err != nil {
		return nil, 0, err
	}
	k := keptContents{Bank: bank, At: now()}
	for i := range doors {
		if doors[i].Item != nil {
			k.Doors = append(k.Doors, keptDoor{Door: doors[i].ID, Item: *doors[i].Item})
		}
	}
	if len(k.Doors) == 0 {
		return nil, 0, nil
	}
	raw, err := json.Marshal(k)
	return raw, len(k.Doors), err
}

func opEnrolKept(_ context.Context, s *station, q *bankQuery) (keptContents, error) {
	k := keptContents{}
	a, _, err := s.authority()
	if err != nil {
		return k, err
	}
	raw, err := a.Kept(q.Bank)
	if err != nil {
		return k, err
	}
	if raw == nil {
		return k, fail("cannot tell what lay behind the doors of %s: nothing is kept", "it is kept by lockerctl replace, until it was told; at the bank: lockerctl stock audit", q.Bank)
	}
	if err := json.Unmarshal(raw, &k); err != nil {
		return k, fmt.Errorf("cannot read what is kept of %s: %w", q.Bank, err)
	}
	doors, err := s.be.Shown(q.Bank)
	if err != nil {
		return k, err
	}
	for i := range k.Doors {
		for j := range doors {
			if doors[j].ID == k.Doors[i].Door {
				k.Doors[i].Now = doors[j].Item
			}
		}
	}
	return k, nil
}

func opEnrolTold(_ context.Context, s *station, q *bankQuery) (struct{}, error) {
	a, _, err := s.authority()
	if err != nil {
		return struct{}{}, err
	}
	return struct{}{}, a.Forget(q.Bank)
}
