package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockerd/cmd/lockerctl/commission"
	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bank"
	walk "lockerd/daemon/commission"
	"lockerd/daemon/control"
	"lockerd/daemon/locker"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/families"
	"lockerd/hal/rs485/probe"
)

const commissionHelp = `Drives the lock boards itself, so lockerd must not run (systemctl stop lockerd).
Looks for boards on each port, asks which doors hang on them, opens door after
door by single pulses and asks which one moved. From the answers it writes the
configuration, and beside it a report (.commission.html and .json) that says
for each door what was proven, and each fault with its cure. Exit 0: all doors
are proven and nothing is to be mended; 1: see the report.

  --port   [BUS=]PATH, for each line; else those of the file
  --board  BUS:ADDRESS=FIRST..LAST, answers which doors hang on a board
  --door   proves one door of a walk again, after a repair

After each door the walk is on disk (.commission.state): after an interrupt the
same call goes on where it was. An existing file is not replaced without
--force; then it is kept as .bak, and all but its wiring is taken over.
On a board that lockerctl flash has seeded the seed names the bank, and the file
gets the [identity] by which lockerd enrols.
--unattended asks nobody: labels are then assumed, not seen.`

// commissionFlags are the flags as they were given.
type commissionFlags struct {
	o          commission.Options
	size       string
	door       string
	families   string
	addresses  string
	unattended bool
	rs485      bool
}

func commissionVerb(fs *flag.FlagSet) action {
	f := &commissionFlags{o: commission.Options{Now: time.Now, Dial: rs485.Dial, Turn: rs485.DialTurning, Times: commission.DefaultTimes()}}
	fs.StringVar(&f.o.Config, "config", "lockerd.toml", "`file` to be written")
	fs.StringVar(&f.o.Bank, "bank", "", "`name` of the bank, where there is no file yet")
	fs.StringVar(&f.o.DataDir, "data-dir", "/var/lib/lockerd", "`directory` of its data, where there is no file yet")
	fs.StringVar(&f.o.Seed, "seed", "", "`file` of the board's seed, or none (default "+commission.DefaultSeed+", where there is one)")
	fs.StringVar(&f.size, "size", "M", "`size` of the doors of a new locker: XS, S, M, L or XL")
	fs.Func("port", "serial `port` to look at, may be repeated", f.addPort)
	fs.Func("board", "`doors` of a board: a:1=1-01..1-24, may be repeated", f.addBoard)
	fs.StringVar(&f.door, "door", "", "`door` to be proven again")
	fs.StringVar(&f.families, "family", "", "look for these `families` only, with commas between")
	fs.StringVar(&f.addresses, "addresses", "", "look at these `addresses` only: 0-32")
	fs.IntVar(&f.o.Scan.Baud, "baud", 0, "`rate` of the lines; else that of the family")
	fs.BoolVar(&f.rs485, "rs485", false, "let the kernel switch the direction of the lines named by --port")
	fs.DurationVar(&f.o.Scan.Reply, "reply-timeout", probe.ReplyDefault, "`time` for a board to answer")
	fs.DurationVar(&f.o.Pulse, "pulse", 300*time.Millisecond, "`length` of a pulse, where boards can be told")
	fs.DurationVar(&f.o.Times.Prove, "prove", f.o.Times.Prove, "`time` for a switch to move")
	fs.BoolVar(&f.unattended, "unattended", false, "ask nobody")
	fs.BoolVar(&f.o.Force, "force", false, "replace the file; it is kept as .bak")
	fs.BoolVar(&f.o.Fresh, "fresh", false, "forget the walk that was begun")
	return func(ctx context.Context, c *call) error {
		if err := f.read(); err != nil {
			return err
		}
		f.o.By = c.engineer()
		return c.commission(ctx, f)
	}
}

func (f *commissionFlags) addPort(v string) error {
	p := commission.Port{Bus: string(rune('a' + len(f.o.Ports))), Path: v}
	if name, path, ok := strings.Cut(v, "="); ok {
		p = commission.Port{Bus: name, Path: path}
	}
	f.o.Ports = append(f.o.Ports, p)
	return nil
}

func (f *commissionFlags) addBoard(v string) error {
	at, doors, ok := strings.Cut(v, "=")
	bus, number, ok2 := strings.Cut(at, ":")
	address, err := strconv.ParseUint(number, 10, 8)
	if !ok || !ok2 || err != nil {
		return fmt.Errorf("write it as BUS:ADDRESS=FIRST..LAST, for example a:1=1-01..1-24")
	}
	first, n, err := walk.ParseDoors(doors)
	f.o.Spans = append(f.o.Spans, walk.Span{Bus: bus, Address: int(address), First: first, Doors: n})
	return err
}

// read takes what needs more than a flag's own reader.
func (f *commissionFlags) read() error {
	for i := range f.o.Ports {
		f.o.Ports[i].RS485 = f.rs485
	}
	if err := f.o.Size.UnmarshalText([]byte(f.size)); err != nil || f.size == "" {
		return ui.Usagef("--size is XS, S, M, L or XL")
	}
	if f.o.Bank != "" && !locker.ValidBank(f.o.Bank) {
		return ui.Usagef("--bank: a-z, 0-9 and -, at most 32, as lon-042")
	}
	if f.families != "" {
		f.o.Scan.Families = strings.Split(f.families, ",")
	}
	known := slices.Sorted(maps.Keys(families.All()))
	for _, name := range f.o.Scan.Families {
		if !slices.Contains(known, name) {
			return ui.Usagef("--family: there is no %q, there are %s", name, strings.Join(known, ", "))
		}
	}
	if f.o.Scan.Baud < 0 || f.o.Scan.Reply < 0 || f.o.Times.Prove < 0 {
		return ui.Usagef("--baud, --reply-timeout and --prove are not below 0")
	}
	if f.addresses != "" {
		from, to, ok := strings.Cut(f.addresses, "-")
		first, err := strconv.ParseUint(from, 10, 8)
		last, err2 := strconv.ParseUint(to, 10, 8)
		if !ok || err != nil || err2 != nil || last < max(first, 1) {
			return ui.Usagef("--addresses is the lowest and the highest, as 0-32")
		}
		f.o.Scan.First, f.o.Scan.Last = int(first), int(last)
	}
	if f.o.Pulse <= 0 || f.o.Pulse > rs485.PulseCeiling {
		return ui.Usagef("--pulse is at most %s: longer burns a lock", rs485.PulseCeiling)
	}
	if f.door != "" {
		var err error
		if f.o.Door, err = locker.ParseDoorID(f.door); err != nil {
			return ui.Usagef("%v", err)
		}
	}
	return nil
}

// engineer names who is at work, for the report.
func (c *call) engineer() string {
	name := c.by
	if u, err := user.Current(); err == nil {
		name = strings.TrimPrefix(u.Username+" "+name, " ")
	}
	return strings.TrimSpace(name)
}

// commission talks on stdout, or on stderr where stdout is for machines.
func (c *call) commission(ctx context.Context, f *commissionFlags) error {
	if err := c.idle(ctx); err != nil {
		return err
	}
	var talk io.Writer = &prompt{c}
	if c.json {
		talk = c.stderr
	}
	var person commission.Person = commission.Unattended{}
	if !f.unattended {
		person = commission.NewTerminal(c.stdin, talk)
	}
	r, err := commission.Run(ctx, f.o, person, func(format string, args ...any) {
		ui.Emit(talk, "%s\n", ui.Clean(fmt.Sprintf(format, args...)))
	})
	if r != nil {
		if perr := c.print(r, func(p *ui.Page) { reportPage(p, r) }); perr != nil {
			return perr
		}
	}
	if err != nil {
		return stopped(ctx, err)
	}
	return openFaults(r)
}

// prompt shows each piece at once.
type prompt struct{ c *call }

// Write implements io.Writer.
func (p *prompt) Write(b []byte) (int, error) {
	n, err := p.c.out.Write(b)
	if err == nil {
		err = p.c.out.Flush()
	}
	return n, err
}

// idle refuses to work beside a lockerd that runs.
func (c *call) idle(ctx context.Context) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", c.path())
	if err != nil {
		return nil //nolint:nilerr // no socket, or one that nobody serves: it is left over
	}
	_ = conn.Close() // nothing was said
	return &bank.Error{
		Code: control.CodeRefused,
		Text: "cannot commission: lockerd runs here, and it drives the boards",
		Cure: "systemctl stop lockerd, then again; a door of a running bank is opened by lockerctl open",
	}
}

func stopped(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return &bank.Error{Code: control.CodeFailed, Text: "stopped; the boards are at rest and the walk is kept", Cure: "the same call goes on where it was"}
}

func openFaults(r *walk.Report) error {
	if r.Open == 0 {
		return nil
	}
	left := fmt.Sprintf("%d faults are", r.Open)
	if r.Open == 1 {
		left = "1 fault is"
	}
	return &bank.Error{
		Code: control.CodeFailed,
		Text: left + " left to be mended; the file is written",
		Cure: "see to each, then prove its door again with --door",
	}
}

func reportPage(p *ui.Page, r *walk.Report) {
	t := &ui.Table{}
	proven := 0
	for _, d := range r.Doors {
		if d.OK && d.Proof == walk.Proven {
			proven++
		}
	}
	t.Row(ui.Plain("bank"), ui.Plain(r.Bank), ui.Plain(fmt.Sprintf("%d doors, %d proven", len(r.Doors), proven)))
	html, _ := commission.Files{Config: r.Config}.Report()
	t.Row(ui.Plain("file"), ui.Plain(r.Config), ui.Plain("report "+filepath.Base(html)))
	p.Line("")
	p.Table(t)
	p.Section(faultTable(r))
}

func faultTable(r *walk.Report) *ui.Table {
	t := &ui.Table{}
	for _, f := range r.Faults {
		state := ui.Tinted(string(f.Status), ui.Good)
		switch f.Status {
		case walk.Open:
			state.Colour = ui.Bad
		case walk.Described:
			state.Colour = ui.Notice
		case walk.Mended:
		}
		t.Row(state, ui.Plain(f.Where()), ui.Plain(f.Text))
		if f.Status == walk.Open {
			t.Row(ui.Plain(""), ui.Plain(""), ui.Plain("next: "+f.Cure))
		}
	}
	return t
}
