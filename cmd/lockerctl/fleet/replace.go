package fleet

import (
	"context"
	"encoding/json"
	"flag"
	"time"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/sync/wire"
)

const replaceHelp = `A board is dead, or its card was stolen: its certificates are revoked, its open tokens
withdrawn, and a token for the next board is made (--out: as the seed for its card).`

func replaceVerb(fs *flag.FlagSet) action {
	bank := fs.String("bank", "", "`name` of the bank")
	ttl := ui.TTL(defaultTTL)
	fs.Var(&ttl, "ttl", "how long the token is good")
	f := &seedFlags{}
	f.register(fs)
	return func(ctx context.Context, c *call) error {
		if err := needBank(*bank); err != nil {
			return err
		}
		var r replaced
		if err := c.enrolAsk(ctx, "enrol.replace", replaceRequest{*bank, time.Duration(ttl)}, &r); err != nil {
			return err
		}
		return c.hand(&r.madeToken, f, func(p *ui.Page) { revokedPage(p, r.Revoked, r.CRL) })
	}
}

// contents is what the backend knows to lie behind a bank's doors, to be kept over the
// birth of a board that knows nothing.
func (s *station) contents(bank string) ([]byte, int, error) {
	doors, err := s.be.Shown(bank)
	if err != nil {
		return nil, 0, err
	}
	full := []wire.Door{}
	for i := range doors {
		if doors[i].Item != nil {
			full = append(full, doors[i])
		}
	}
	if len(doors) == 0 {
		return nil, 0, nil
	}
	raw, err := json.Marshal(full)
	return raw, len(full), err
}
