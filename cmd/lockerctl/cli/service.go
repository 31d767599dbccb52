package cli

import (
	"context"
	"flag"

	"lockerd/cmd/lockerctl/ui"
)

const serviceHelp = `A door out of service is opened for no code. service in clears every cause but
desired, which only the operator's configuration can lift.`

// serviceDone is the document of service in and service out.
type serviceDone struct {
	Door string `json:"door"`
	In   bool   `json:"in_service"`
}

func serviceVerb(in bool) func(*flag.FlagSet) action {
	word := "out of"
	if in {
		word = "in"
	}
	return func(*flag.FlagSet) action {
		return func(ctx context.Context, c *call) error {
			door, err := parseDoor(c.args[0])
			if err != nil {
				return err
			}
			if err := c.client().SetService(ctx, door, in); err != nil {
				return c.doorCure(ctx, door, err)
			}
			return c.print(serviceDone{door.String(), in}, func(p *ui.Page) { p.Line("door %s is %s service", door, word) })
		}
	}
}
