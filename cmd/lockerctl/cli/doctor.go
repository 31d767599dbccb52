package cli

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bank"
	"lockerd/daemon/control"
	"lockerd/daemon/health"
	"lockerd/daemon/locker"
)

const doctorHelp = `Looks at the self-test, the link, the latest 5000 events, the buses' counters and
what the kernel tells of this machine, and says what to do, the most urgent
first. It moves nothing, and works while lockerd is down too. Exit 0: nothing is
wrong; 1: see the list.`

// advice is one thing to do.
type advice struct {
	Level    health.Level `json:"level"`
	What     string       `json:"what"`
	Evidence string       `json:"evidence"`
	Cure     string       `json:"cure"`
	rank     int
}

// Ranks of what does not come from daemon/health: what others depend on first.
const (
	rankDaemon = iota
	rankMachine
	rankStorage
	rankBus
	rankDoor
	rankOther
	rankTrend
)

func doctorVerb(fs *flag.FlagSet) action {
	sys := fs.String("sys", "/sys", "`directory` that stands for /sys")
	return func(ctx context.Context, c *call) error {
		list, err := c.examine(ctx, *sys)
		if err != nil {
			return err
		}
		if err := c.print(list, func(p *ui.Page) { doctorPage(p, list) }); err != nil || len(list) == 0 {
			return err
		}
		return &bank.Error{Code: control.CodeFailed, Text: fmt.Sprintf("findings: %d", len(list)), Cure: "begin at the top, then lockerctl doctor again"}
	}
}

// examine gathers all that is wrong, the most urgent first.
func (c *call) examine(ctx context.Context, sys string) ([]advice, error) {
	list := []advice{}
	sample := health.Sample{Machine: health.ReadMachine(os.DirFS(sys))}
	var history health.History
	s, err := c.client().Status(ctx)
	var down *bank.Error
	switch {
	case errors.As(err, &down) && down.Code == control.CodeUnavailable:
		list = append(list, advice{health.Alarm, "lockerd does not answer", down.Text, cmp.Or(down.Cure, generalCure(down.Code)), rankDaemon})
	case err != nil:
		return nil, withCure(err)
	default:
		list = append(append(list, linkAdvice(s.Link)...), clockAdvice(s.Clock)...)
		more, err := c.tested(ctx)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
		sampled(&sample, &s)
		if err := c.remember(ctx, &history, s.Journal.Next); err != nil {
			return nil, err
		}
	}
	for _, f := range health.Judge(&history, sample) {
		list = append(list, advice{f.Level, f.What, f.Evidence, f.Cure, rankOf(&f)})
	}
	slices.SortStableFunc(list, func(a, b advice) int {
		return cmp.Or(cmp.Compare(a.Level, b.Level), cmp.Compare(a.rank, b.rank)) // alarm before warn
	})
	return list, nil
}

func rankOf(f *health.Finding) int {
	switch {
	case f.Bus != "":
		return rankBus
	case !f.Door.IsZero(), f.Scanner != "":
		return rankTrend
	}
	return rankMachine
}

// sampled takes the counters since the start of lockerd.
func sampled(to *health.Sample, s *bank.Status) {
	to.Now, to.Buses = s.Time.Time(), map[string]health.Counters{}
	for _, b := range s.Buses {
		to.Buses[b.Name] = health.Counters{Requests: b.Stats.Requests, Timeouts: b.Stats.Timeouts, Garbage: b.Stats.Garbage, Foreign: b.Stats.Foreign}
	}
	for _, x := range s.Scanners {
		if x.State == "ok" {
			to.Scanners = append(to.Scanners, x.Name)
		}
	}
}

func (c *call) remember(ctx context.Context, h *health.History, next uint64) error {
	err := c.client().Events(ctx, next-min(next, health.Events), false, func(line []byte) error {
		_, err := h.AddJSON(line)
		return err
	})
	return withCure(err)
}

// tested is what the self-test finds bad.
func (c *call) tested(ctx context.Context) ([]advice, error) {
	lines, err := c.client().SelfTest(ctx)
	if err != nil {
		return nil, withCure(err)
	}
	var out []advice
	for _, l := range lines {
		if l.OK {
			continue
		}
		a := advice{health.Alarm, l.What, l.Text, l.Cure, rankOther}
		switch kind, _, _ := strings.Cut(l.What, " "); kind {
		case "journal", "disk":
			a.rank = rankStorage
		case "bus", "feedback":
			a.rank = rankBus
		case "door":
			a.rank = rankDoor
		}
		out = append(out, a)
	}
	return out, nil
}

func linkAdvice(l *bank.LinkStatus) []advice {
	if l == nil || l.Connected {
		return nil
	}
	return []advice{{
		health.Warn, "the broker is not reached", cmp.Or(l.Error, "not connected since "+ui.Local(l.Since)),
		cmp.Or(l.Cure, "look at the network; doors go on opening, and "+fmt.Sprint(l.Pending)+" events wait"), rankOther,
	}}
}

func clockAdvice(k locker.Clock) []advice {
	if k != locker.ClockUnset {
		return nil
	}
	return []advice{{
		health.Warn, "bank time is not known", "clock unset: codes that are not valid yet are refused",
		"look at the network and at timedatectl; a signed time from the backend does it too", rankOther,
	}}
}

func doctorPage(p *ui.Page, list []advice) {
	if len(list) == 0 {
		p.Line("nothing to do")
		return
	}
	t := &ui.Table{}
	for i, a := range list {
		colour := ui.Notice
		if a.Level == health.Alarm {
			colour = ui.Bad
		}
		t.Row(ui.Plain(fmt.Sprintf("%d.", i+1)), ui.Tinted(a.What, colour))
		t.Row(ui.Plain(""), ui.Plain("seen: "+a.Evidence))
		t.Row(ui.Plain(""), ui.Plain("do:   "+a.Cure))
	}
	p.Table(t)
}
