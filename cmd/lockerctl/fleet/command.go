package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"sort"
	"strconv"
	"time"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/locker"
	"lockerd/sync/backend"
)

const commandHelp = `The command is signed for the bank's present connection and the reply awaited: exit 0
if the bank says done, else 1 with its reason. What opens doors is good for 30 s
and refused while the bank is away; anything else waits for it (--life). Each is in
the bank's journal. set-stock without SKU empties the door; a SERIAL of - stands for
none.`

// orderOf makes an order of the operands behind the bank.
type orderOf func(args []string) (backend.Order, error)

func doorOrder(typ string) orderOf {
	return func(args []string) (backend.Order, error) {
		door, err := locker.ParseDoorID(args[0])
		if err != nil {
			return backend.Order{}, ui.Usagef("%s", err)
		}
		return backend.Order{Type: typ, Args: locker.CommandArgs{Door: door}}, nil
	}
}

func plainOrder(typ string) orderOf {
	return func([]string) (backend.Order, error) { return backend.Order{Type: typ}, nil }
}

func openDoor(args []string) (backend.Order, error) { return doorOrder(locker.CmdOpen)(args) }
func doorOut(args []string) (backend.Order, error)  { return doorOrder(locker.CmdOutOfService)(args) }
func doorIn(args []string) (backend.Order, error)   { return doorOrder(locker.CmdInService)(args) }
func identify(args []string) (backend.Order, error) { return doorOrder(locker.CmdIdentify)(args) }
func poll(args []string) (backend.Order, error)     { return plainOrder(locker.CmdPoll)(args) }
func restart(args []string) (backend.Order, error)  { return plainOrder(locker.CmdRestart)(args) }
func selfTest(args []string) (backend.Order, error) { return plainOrder(cmdSelfTest)(args) }

const cmdSelfTest = "self_test"

func openAll(args []string) (backend.Order, error) {
	o := backend.Order{Type: locker.CmdOpenAll}
	if len(args) > 0 {
		n, err := strconv.Atoi(args[0])
		if err != nil || n < 1 || n > locker.MaxLockers {
			return o, ui.Usagef("cannot read locker %q: 1 to %d", args[0], locker.MaxLockers)
		}
		o.Args.Locker = n
	}
	return o, nil
}

func resync(args []string) (backend.Order, error) {
	n, err := strconv.ParseUint(args[0], 10, 63)
	if err != nil || n == 0 {
		return backend.Order{}, ui.Usagef("cannot read seq %q: a number from 1 on", args[0])
	}
	return backend.Order{Type: locker.CmdResync, Args: locker.CommandArgs{From: &n}}, nil
}

const lifeText = "how long the command may wait for the bank (30s for what opens doors, else 10m)"

// Bounds of --life.
const (
	orderLeast = time.Second
	orderOpens = 30 * time.Second // contract 6.7
	orderMost  = 7 * 24 * time.Hour
)

func checkLife(o *backend.Order) error {
	most := orderMost
	if o.Type == locker.CmdOpen || o.Type == locker.CmdOpenAll {
		most = orderOpens
	}
	if o.Life != 0 && (o.Life < orderLeast || o.Life > most) { // 0: as long as usual
		return ui.Usagef("--life of %s is %s to %s", o.Type, ui.Span(orderLeast), ui.Span(most))
	}
	return nil
}

func commandVerb(order orderOf) func(*flag.FlagSet) action {
	return func(fs *flag.FlagSet) action {
		life := fs.Duration("life", 0, lifeText)
		return func(ctx context.Context, c *call) error {
			o, err := order(c.args[1:])
			if err != nil {
				return err
			}
			o.Life = *life
			return c.order(ctx, o)
		}
	}
}

func setStockVerb(fs *flag.FlagSet) action {
	tenant := fs.String("tenant", "", "`tenant` whose item it is")
	cond := ui.Choice{Value: string(locker.Ready), Of: []string{string(locker.Ready), string(locker.Faulty), string(locker.Uncertain)}}
	fs.Var(&cond, "condition", "ready, faulty or uncertain")
	life := fs.Duration("life", 0, lifeText)
	return func(ctx context.Context, c *call) error {
		o, err := doorOrder(locker.CmdSetStock)(c.args[1:])
		if err != nil {
			return err
		}
		o.Life = *life
		switch {
		case len(c.args) == 2 && (*tenant != "" || given(fs, "condition")):
			return ui.Usagef("--tenant and --condition go with SKU and SERIAL")
		case len(c.args) == 3:
			return ui.Usagef("SERIAL is missing; - stands for none")
		case len(c.args) == 4:
			if o.Args.Item, err = ui.ReadItem(*tenant, c.args[2], c.args[3], locker.Condition(cond.Value)); err != nil {
				return err
			}
		}
		return c.order(ctx, o)
	}
}

// order gives an order and prints the bank's reply.
func (c *call) order(ctx context.Context, o backend.Order) error {
	if err := checkLife(&o); err != nil {
		return err
	}
	bank := c.args[0]
	d, err := c.at(ctx, bank)
	if err != nil {
		return err
	}
	defer func() { _ = d.close() }() // nothing is left to be done
	wait := max(c.wait, openWait)
	var r locker.Reply
	if err := d.ask(ctx, "command", commandRequest{Bank: bank, Order: o, Wait: wait.Milliseconds()}, &r); err != nil {
		return err
	}
	if err := c.print(r, func(p *ui.Page) { replyPage(p, o.Type, &r) }); err != nil {
		return err
	}
	return replyError(bank, o.Type, &r)
}

// openWait is the least that is waited for a reply: the life of an opening.
const openWait = 40 * time.Second

func replyPage(p *ui.Page, typ string, r *locker.Reply) {
	state := ui.Tinted(r.Status, ui.Good)
	if r.Status != locker.ReplyDone {
		state.Colour = ui.Bad
	}
	t := &ui.Table{}
	t.Row(ui.Plain(typ), state, ui.Plain(r.Reason))
	names := make([]string, 0, len(r.Result))
	for k := range r.Result {
		names = append(names, k)
	}
	sort.Strings(names)
	for _, k := range names {
		if told, _ := failed(r); told != "" && (k == "error" || k == "cure") {
			continue // replyError says it
		}
		if k == "lines" {
			continue // below
		}
		t.Row(ui.Plain(""), ui.Plain(k), ui.Plain(resultText(r.Result[k])))
	}
	p.Table(t)
	if lines, ok := r.Result["lines"].([]any); ok {
		findings(p, lines)
	}
}

// resultText shows a text as it is, all else as JSON.
func resultText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	return string(b)
}

// findings prints the lines of a self-test.
func findings(p *ui.Page, lines []any) {
	t := &ui.Table{}
	for _, l := range lines {
		m, _ := l.(map[string]any)
		state := ui.Tinted("ok", ui.Good)
		if good, _ := m["ok"].(bool); !good {
			state = ui.Tinted("BAD", ui.Bad)
		}
		what, _ := m["what"].(string)
		text, _ := m["text"].(string)
		if cure, _ := m["cure"].(string); cure != "" {
			text += "; next: " + cure
		}
		t.Row(ui.Plain(what), state, ui.Plain(text))
	}
	p.Table(t)
}

// failed returns what a bank says of its failure, and the cure.
func failed(r *locker.Reply) (text, cure string) {
	if r.Status != locker.ReplyFailed {
		return "", ""
	}
	text, _ = r.Result["error"].(string)
	cure, _ = r.Result["cure"].(string)
	return text, cure
}

func replyError(bank, typ string, r *locker.Reply) error {
	see := "lockerctl fleet events --bank " + bank + " --last 20"
	switch r.Status {
	case locker.ReplyDone:
		return nil
	case locker.ReplyRefused:
		return fail("%s refused %s: %s", refusedBy(r.Reason, bank), bank, typ, r.Reason)
	case locker.ReplyUnknown:
		return fail("cannot tell what came of %s at %s: it restarted meanwhile; it is not repeated", see, typ, bank)
	case backend.Unanswered:
		return fail("%s did not answer %s in time; it may have been carried out", see, bank, typ)
	}
	text, cure := failed(r)
	return fail("%s at %s failed: %s", cmp.Or(cure, see), typ, bank, cmp.Or(text, r.Reason, "no reason was given"))
}

// refusedBy says what helps against a refusal.
func refusedBy(reason, bank string) string {
	switch reason {
	case locker.RefusedUnknownDoor:
		return "lockerctl fleet show " + bank + " says how many doors there are"
	case locker.RefusedClockUntrusted:
		return "the bank's clock is unset: see to its time source, then again"
	case locker.RefusedExpired:
		return "the bank's clock and this one's differ, or the way took longer than the command lives: compare both clocks"
	case locker.RefusedWrongNonce, locker.RefusedReplayed:
		return "the bank has connected anew meanwhile: try again"
	}
	return fmt.Sprintf("lockerctl fleet events --bank %s --last 20", bank)
}
