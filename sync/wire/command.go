package wire

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/wire/internal/strict"
)

// maxOpening is how long an order to open may live (contract 6.7).
const maxOpening = 30 * time.Second

// takes lists the arguments of each type: need must stand there, may can.
var takes = map[string]struct{ need, may []string }{
	locker.CmdOpen:         {need: []string{"door"}},
	locker.CmdOpenAll:      {may: []string{"locker"}},
	locker.CmdOutOfService: {need: []string{"door"}},
	locker.CmdInService:    {need: []string{"door"}},
	locker.CmdIdentify:     {need: []string{"door"}},
	locker.CmdPoll:         {},
	locker.CmdSelfTest:     {},
	locker.CmdRestart:      {},
	locker.CmdSetStock:     {need: []string{"door", "item"}},
	locker.CmdResync:       {need: []string{"from"}},
	locker.CmdUpdate:       {may: []string{"channel", "version", "window"}},
	locker.CmdBundle:       {need: []string{"to"}, may: []string{"bundle", "from"}},
}

// loose is what is read of a command that is not whole, to answer it.
type loose struct {
	ID      string          `json:"id"`
	Type    json.RawMessage `json:"type,omitempty"`
	IAT     json.RawMessage `json:"iat,omitempty"`
	EXP     json.RawMessage `json:"exp,omitempty"`
	Counter json.RawMessage `json:"counter,omitempty"`
	Nonce   json.RawMessage `json:"nonce,omitempty"`
}

var (
	commandPlan = strict.Compile[Command](extra)
	loosePlan   = strict.Compile[loose](nil)
	argsPlan    = strict.Compile[struct {
		Args map[string]json.RawMessage `json:"args"`
	}](nil)
	textPlan   = strict.Compile[string](nil)
	numberPlan = strict.Compile[int64](nil)
	timePlan   = strict.Compile[locker.Time](nil)
)

// readCommand reads a command. One that can be answered is returned although it
// is not whole, with the fault in Bad: the contract wants a reply.
func readCommand(body []byte) (Down, *Refusal) {
	l, err := loosePlan.Decode(body)
	switch {
	case err != nil:
		return nil, malformed(err)
	case !printable(l.ID):
		return nil, &Refusal{Reason: Malformed, Why: "id: must be 1 to 64 visible ASCII characters"}
	}
	m, err := commandPlan.Decode(body)
	if err != nil {
		m.Bad = err.Error()
	} else {
		m.Bad = checkCommand(&m.Command, body)
	}
	m.Asked = l.asked()
	if m.Bad != "" {
		m.Bad, m.Command = locker.Cut(m.Bad, maxWhy), l.rest()
	}
	return &m, nil
}

func (l *loose) asked() string {
	typ, _ := textPlan.Decode(l.Type)
	if _, known := takes[typ]; !known {
		return "" // it goes into events
	}
	return typ
}

// rest is what can be read of a command that is not carried out.
func (l *loose) rest() locker.Command {
	c := locker.Command{ID: l.ID}
	c.Counter, _ = numberPlan.Decode(l.Counter)
	c.IAT, _ = timePlan.Decode(l.IAT)
	c.EXP, _ = timePlan.Decode(l.EXP)
	if c.Nonce, _ = textPlan.Decode(l.Nonce); !printable(c.Nonce) {
		c.Nonce = ""
	}
	return c
}

func checkCommand(c *locker.Command, body []byte) string {
	t, known := takes[c.Type]
	opens := c.Type == locker.CmdOpen || c.Type == locker.CmdOpenAll
	switch {
	case !known:
		return "type: is unknown"
	case c.Counter < 0:
		return "counter: must not be below 0"
	case !signedTime(c.IAT) || !signedTime(c.EXP):
		return "iat and exp: " + whySigned
	case c.EXP < c.IAT:
		return "exp: is before iat"
	case opens && c.EXP.Sub(c.IAT) > maxOpening:
		return "exp: an opening may live 30 s at most"
	case c.Nonce != "" && !printable(c.Nonce):
		return "nonce: must be at most 64 visible ASCII characters"
	}
	a, err := argsPlan.Decode(body)
	if err != nil {
		return err.Error()
	}
	for _, n := range t.need {
		if _, ok := a.Args[n]; !ok {
			return fmt.Sprintf("args.%s: %s needs it", n, c.Type)
		}
	}
	for _, n := range []string{"door", "locker", "item", "from", "channel", "version", "window", "to", "bundle"} {
		if v, ok := a.Args[n]; ok && string(v) != "null" && !slices.Contains(t.need, n) && !slices.Contains(t.may, n) {
			return fmt.Sprintf("args.%s: is not for %s", n, c.Type) // open_all {door} must not open all
		}
	}
	if _, ok := a.Args["locker"]; ok && (c.Args.Locker < 1 || c.Args.Locker > locker.MaxLockers) {
		return fmt.Sprintf("args.locker: must be 1 to %d", locker.MaxLockers)
	}
	if why := CheckUpdate(&c.Args); why != "" {
		return why
	}
	if why := checkBundle(c); why != "" {
		return why
	}
	return checkItem(c.Args.Item)
}

var (
	channelForm = locker.NewForm(ChannelForm)
	windowForm  = locker.NewForm(WindowForm)
)

// Forms of the arguments of update.
const (
	ChannelForm = `^[a-z0-9][a-z0-9-]{0,31}$`
	WindowForm  = `^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$`
)

// CheckUpdate says which argument of the command update no bank takes; "": none.
func CheckUpdate(a *locker.CommandArgs) string {
	switch {
	case a.Channel != "" && !channelForm.MatchString(a.Channel):
		return "args.channel: must be up to 32 of a-z, 0-9 and -"
	case a.Version != "" && !printable(a.Version):
		return "args.version: must be at most 64 visible ASCII characters"
	case a.Window != "" && !windowForm.MatchString(a.Window):
		return "args.window: must be HH:MM-HH:MM"
	}
	return ""
}

// RecipientForm is what a support bundle is encrypted to: an X25519 key.
const RecipientForm = `^lockerd-bundle-[A-Za-z0-9_-]{43}$`

var recipientForm = locker.NewForm(RecipientForm)

func checkBundle(c *locker.Command) string {
	a := &c.Args
	switch {
	case c.Type != locker.CmdBundle:
		return ""
	case !recipientForm.MatchString(a.To):
		return "args.to: must be lockerd-bundle- and 43 of A-Z, a-z, 0-9, - and _"
	case a.Bundle != "" && !printable(a.Bundle):
		return "args.bundle: must be at most 64 visible ASCII characters"
	case (a.Bundle == "") != (a.From == nil):
		return "args.bundle and args.from: one needs the other"
	case a.From != nil && (*a.From < 1 || *a.From > MaxBundleChunks):
		return fmt.Sprintf("args.from: must be 1 to %d", MaxBundleChunks)
	}
	return ""
}

func checkItem(it *locker.Item) string {
	switch {
	case it == nil:
		return ""
	case it.Tenant != "" && !locker.ValidTenant(it.Tenant):
		return "args.item.tenant: is no tenant's name"
	case !locker.ValidSKU(it.SKU):
		return "args.item.sku: is no sku's name"
	case it.Serial != "" && !printable(it.Serial):
		return "args.item.serial: must be at most 64 visible ASCII characters"
	case !slices.Contains([]locker.Condition{locker.Ready, locker.Faulty, locker.Uncertain}, it.Condition):
		return "args.item.condition: must be ready, faulty or uncertain"
	}
	return ""
}
