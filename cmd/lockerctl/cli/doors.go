package cli

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bank"
	"lockerd/daemon/control"
	"lockerd/daemon/locker"
)

func doorsVerb(*flag.FlagSet) action {
	return func(ctx context.Context, c *call) error {
		wanted := make([]locker.DoorID, len(c.args))
		for i, a := range c.args {
			id, err := parseDoor(a)
			if err != nil {
				return err
			}
			wanted[i] = id
		}
		all, err := c.client().Doors(ctx)
		if err != nil {
			return err
		}
		list, err := pick(all, wanted)
		if err != nil {
			return err
		}
		return c.print(list, func(p *ui.Page) { p.Table(doorTable(list)) })
	}
}

// parseDoor reads a door operand.
func parseDoor(s string) (locker.DoorID, error) {
	id, err := locker.ParseDoorID(s)
	if err != nil {
		return id, ui.Usagef("%s", err)
	}
	return id, nil
}

// pick returns the wanted doors, or all if none is named.
func pick(all []bank.DoorStatus, wanted []locker.DoorID) ([]bank.DoorStatus, error) {
	if len(wanted) == 0 {
		return all, nil
	}
	list := make([]bank.DoorStatus, 0, len(wanted))
	for _, id := range wanted {
		i := slices.IndexFunc(all, func(d bank.DoorStatus) bool { return d.ID == id })
		if i < 0 {
			return nil, &bank.Error{Code: control.CodeNotFound, Text: fmt.Sprintf("there is no door %s at this bank", id), Cure: existing(all)}
		}
		list = append(list, all[i])
	}
	return list, nil
}

func doorTable(list []bank.DoorStatus) *ui.Table {
	t := &ui.Table{Head: []string{"DOOR", "SIZE", "STATE", "SERVICE", "ITEM", "LOCK", "NOTES"}}
	for i := range list {
		d := &list[i]
		service := ui.Plain("in")
		if len(d.Out) > 0 {
			service = ui.Tinted("out: "+causes(d.Out), ui.Bad)
		}
		lock := fmt.Sprintf("%s:%d/%d", d.Bus, d.Address, d.Channel)
		t.Row(ui.Plain(d.ID.String()), ui.Plain(d.Size.String()), stateCell(d.State), service, itemCell(d.Item), ui.Plain(lock), ui.Plain(notes(d)))
	}
	return t
}

func itemCell(it *locker.Item) ui.Cell {
	if it == nil {
		return ui.Plain("-")
	}
	c := ui.Cell{Text: strings.Join(slices.DeleteFunc([]string{strings.TrimPrefix(it.Tenant+"/"+it.SKU, "/"), it.Serial, string(it.Condition)}, func(s string) bool { return s == "" }), " ")}
	if it.Condition != locker.Ready {
		c.Colour = ui.Notice
	}
	return c
}

// notes says what is special about a door.
func notes(d *bank.DoorStatus) string {
	var list []string
	if d.Tenant != "" {
		list = append(list, "for "+d.Tenant)
	}
	if d.Accessible {
		list = append(list, "accessible")
	}
	if !d.Sensor {
		list = append(list, "no sensor")
	}
	if d.Named {
		list = append(list, "promised")
	}
	if d.Reserved {
		list = append(list, "kept for a swap")
	}
	if d.Pending {
		list = append(list, "opening")
	}
	if d.Item != nil && !d.Since.IsZero() {
		list = append(list, "since "+ui.Local(d.Since))
	}
	return strings.Join(list, ", ")
}
