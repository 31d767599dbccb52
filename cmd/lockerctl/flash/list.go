package flash

import (
	"encoding/json"
	"fmt"
	"strings"

	"lockerd/cmd/lockerctl/flash/disk"
	"lockerd/cmd/lockerctl/flash/fault"
	"lockerd/cmd/lockerctl/ui"
)

// listed is a disk for scripts.
type listed struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
	Bus   string `json:"bus"`
	Model string `json:"model,omitempty"`
	Free  bool   `json:"free"` // can be flashed
	Why   string `json:"why,omitempty"`
	Cure  string `json:"cure,omitempty"`
}

func (c *call) listDisks() error {
	disks, err := c.system.Disks()
	if err != nil {
		return noDisks(err)
	}
	list := []listed{}
	for _, d := range disks {
		l := listed{Path: d.Path, Bytes: d.Size, Bus: string(d.Bus), Model: d.Model, Free: true}
		if r := d.Refusal(c.largest); r != nil {
			l.Free, l.Why, l.Cure = false, strings.TrimPrefix(r.Text, fmt.Sprintf("cannot flash %s: ", d.Path)), r.Cure
		}
		list = append(list, l)
	}
	if c.json {
		return json.NewEncoder(c.out).Encode(list)
	}
	p := &ui.Page{W: c.out}
	if len(list) == 0 {
		p.Line("there are no disks here: put a card into its reader, and the reader into this machine")
		return nil
	}
	t := &ui.Table{Head: []string{"CARD", "SIZE", "BUS", "MODEL", "CAN BE FLASHED"}}
	for _, l := range list {
		can := "yes"
		if !l.Free {
			can = "no: " + l.Why
		}
		t.Row(ui.Plain(l.Path), ui.Plain(fault.Bytes(l.Bytes)), ui.Plain(l.Bus), ui.Plain(ui.OrDash(l.Model)), ui.Plain(can))
	}
	p.Table(t)
	return nil
}

func noDisks(err error) error {
	return fault.New("is /sys and /proc of the machine itself here? lockerctl flash needs both, in a container too", "%v", err)
}

// noCard names what could be meant, and takes none of it.
func (c *call) noCard() error {
	disks, err := c.system.Disks()
	if err != nil {
		return noDisks(err)
	}
	var free []string
	for _, d := range disks {
		if d.Refusal(c.largest) == nil {
			free = append(free, describe(d))
		}
	}
	there := "put a card in; lockerctl flash --list shows what is there"
	if len(free) > 0 {
		there = "there are: " + strings.Join(free, "; ")
	}
	return ui.Usagef("CARD is missing, and choosing it is yours to do: %s", there)
}

// describe shows a disk in one line.
func describe(d *disk.Disk) string {
	return strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s", d.Path, fault.Bytes(d.Size), d.Bus, d.Model)), " ")
}
