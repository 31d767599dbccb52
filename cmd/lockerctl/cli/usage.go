package cli

import (
	"context"
	"flag"
)

func helpVerb(*flag.FlagSet) action {
	return func(_ context.Context, c *call) error { return program().Help(c.out, c.args) }
}
