package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bank"
	"lockerd/daemon/control"
	"lockerd/daemon/locker"
)

// cureTime bounds the second question that a cure may need.
const cureTime = 3 * time.Second

// doorCure adds to a refusal about a door what to do next, where the bank has
// not said it: which doors there are, or how this one comes back in service.
func (c *call) doorCure(ctx context.Context, door locker.DoorID, err error) error {
	e, ok := errors.AsType[*bank.Error](err)
	if !ok || e.Cure != "" {
		return err
	}
	more := *e
	more.Cure = generalCure(e.Code)
	if e.Code == control.CodeNotFound || e.Code == control.CodeRefused {
		ctx, cancel := context.WithTimeout(ctx, cureTime)
		defer cancel()
		if all, derr := c.client().Doors(ctx); derr == nil {
			more.Cure = cureAt(all, door, e.Code)
		}
	}
	return &more
}

func cureAt(all []bank.DoorStatus, door locker.DoorID, code string) string {
	i := slices.IndexFunc(all, func(d bank.DoorStatus) bool { return d.ID == door })
	switch {
	case i < 0:
		return existing(all)
	case len(all[i].Out) > 0:
		return outCure(&all[i])
	case all[i].State == "unknown":
		return "its board is silent: lockerctl status shows the bus, lockerctl self-test what is wrong with it"
	case all[i].State == "open":
		return "it stands open already: shut it, then try again"
	}
	return generalCure(code)
}

// outCure says how a door comes back in service.
func outCure(d *bank.DoorStatus) string {
	var steps []string
	for _, c := range d.Out {
		switch c {
		case locker.CauseJammed:
			steps = append(steps, "jammed: look at latch, lock plug and feedback wire")
		case locker.CauseFlapping:
			steps = append(steps, "flapping: look at the feedback switch and its wire")
		case locker.CauseCommand:
			steps = append(steps, "taken out by a command of the operator: ask why")
		case locker.CauseDesired:
			return "taken out by the operator's desired configuration: only the operator can put it back in service"
		case locker.CauseControl:
			steps = append(steps, "taken out at this socket: lockerctl events says by whom")
		}
	}
	return fmt.Sprintf("%s; then: lockerctl service in %s", strings.Join(steps, "; "), d.ID)
}

// existing lists doors as ranges.
func existing(all []bank.DoorStatus) string {
	ids := make([]locker.DoorID, len(all))
	for i := range all {
		ids[i] = all[i].ID
	}
	slices.SortFunc(ids, func(a, b locker.DoorID) int {
		if a.Less(b) {
			return -1
		}
		return 1
	})
	var runs []string
	for i := 0; i < len(ids); {
		j := i
		for j+1 < len(ids) && ids[j+1].Locker == ids[i].Locker && ids[j+1].Door == ids[j].Door+1 {
			j++
		}
		run := ids[i].String()
		if j > i {
			run += " to " + ids[j].String()
		}
		runs = append(runs, run)
		i = j + 1
	}
	return "doors of this bank: " + ui.OrDash(strings.Join(runs, ", "))
}

// generalCure is what helps where nothing better is known.
func generalCure(code string) string {
	switch code {
	case control.CodeNotFound:
		return "lockerctl doors and lockerctl code list show what there is"
	case control.CodeRefused:
		return "lockerctl doors and lockerctl events --last 20 show why"
	case control.CodeInvalid:
		return "lockerctl help VERB shows what it takes"
	case control.CodeUnavailable:
		return "lockerctl status; systemctl status lockerd"
	}
	return "journalctl -u lockerd says more"
}
