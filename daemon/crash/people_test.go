package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
	"lockerd/store"
)

const (
	sku       = "laptop-14"
	step      = 10 * time.Millisecond // people act at multiples of it, so that they meet
	recentMax = 12                    // texts that a lane remembers
	actsMax   = 4000                  // of one lane: openings must come meanwhile
)

// crowd is everybody who comes to the bank while it is recorded.
type crowd struct {
	*site
	w  *witness
	st *store.Store
}

// lane is one person after another at one scanner.
type lane struct {
	*crowd
	name   string
	rng    *rand.Rand
	recent []string // texts scanned
	later  []string // issued, not yet scanned
	serial int
}

// openings lets people come until so many doors have sprung open in all.
func (c *crowd) openings(rng *rand.Rand, boot, total int) error {
	var wg sync.WaitGroup
	errs := make([]error, len(scanners))
	for i, name := range scanners {
		l := &lane{crowd: c, name: name, rng: rand.New(rand.NewPCG(rng.Uint64(), 0)), serial: 1e6*boot + 1e5*i}
		wg.Go(func() { errs[i] = l.run(total) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (l *lane) run(total int) error {
	for range actsMax {
		if l.bus.opened() >= total {
			return nil
		}
		if err := l.act(); err != nil {
			return err
		}
		l.rest(1, 60)
	}
	return fmt.Errorf("only %d of %d openings came", l.bus.opened(), total)
}

// rest waits for some steps.
func (l *lane) rest(from, to int) { time.Sleep(time.Duration(from+l.rng.IntN(to-from+1)) * step) }

// act does one thing that people do.
func (l *lane) act() error {
	switch n := l.rng.IntN(100); {
	case n < 15:
		return l.collect(bank.NewCode{Kind: locker.Collect, Door: l.namedDoor()})
	case n < 29:
		return l.collect(bank.NewCode{Kind: locker.Collect, SKU: sku})
	case n < 38:
		return l.deliver()
	case n < 42:
		return l.giveBack()
	case n < 49:
		return l.swap()
	case n < 52:
		return l.clear()
	case n < 55: // through all tries, and no other door: the code is released
		l.bus.edit(func() { l.bus.nextIs = openTimes.Tries })
		return l.collect(bank.NewCode{Kind: locker.Collect, Door: l.namedDoor()})
	case n < 60:
		l.bus.edit(func() { l.bus.nextIs = 1 + l.rng.IntN(4) })
		return l.collect(bank.NewCode{Kind: locker.Collect, SKU: sku})
	case n < 66:
		l.again(l.recent)
	case n < 70:
		l.again(l.later)
	case n < 74:
		return l.serve()
	case n < 78:
		return l.order(doorAt(1 + l.rng.IntN(doors)))
	case n < 81:
		return l.revoke()
	case n < 85:
		l.nonsense()
	case n < 92:
		return l.mend()
	case n < 94:
		return l.takeOut()
	case n < 96:
		l.bus.edit(func() { l.bus.muted = 1 })
		return l.collect(bank.NewCode{Kind: locker.Collect, Door: l.namedDoor()})
	default:
		if next := l.st.Next(); next > 60 {
			l.w.acknowledge(l.st, next-uint64(20+l.rng.IntN(40)))
		}
	}
	return nil
}

// namedDoor is a door that codes name; the others hold stock.
func (l *lane) namedDoor() locker.DoorID { return doorAt(doors/2 + 1 + l.rng.IntN(doors/2)) }

// answered marks an answer of the bank as visible. Refusals are answers; an end
// of the bank is not.
func (l *lane) answered(err error) error {
	var e *bank.Error
	if err == nil || errors.As(err, &e) && e.Code != "unavailable" && e.Code != "failed" {
		l.w.see(didAnswer, locker.DoorID{})
		return nil
	}
	if e != nil && l.up() {
		return nil // a silent board
	}
	return err
}

// up tells whether the bank still runs.
func (l *lane) up() bool {
	_, err := l.bank.Doors(context.Background())
	return err == nil
}

func (l *lane) fill(id locker.DoorID) error {
	l.serial++
	item := &locker.Item{SKU: sku, Serial: fmt.Sprintf("SN-%07d", l.serial)}
	return l.answered(l.bank.SetStock(context.Background(), id, item, "test"))
}

// collect loads what is to be collected, issues a code and scans it, or keeps
// it for later.
func (l *lane) collect(n bank.NewCode) error {
	if !n.Door.IsZero() {
		if l.rng.IntN(4) > 0 {
			if err := l.fill(n.Door); err != nil {
				return err
			}
		}
	} else if err := l.restock(); err != nil {
		return err
	}
	text, err := l.issue(n)
	if err != nil {
		return err
	}
	if l.rng.IntN(6) == 0 {
		l.later = append(l.later, text)
		return nil
	}
	l.rest(0, 5)
	l.scanNow(text)
	l.rest(5, 150)
	return nil
}

func (l *lane) issue(n bank.NewCode) (string, error) {
	n.TTL = 48 * time.Hour
	c, err := l.bank.NewCode(context.Background(), n, "test")
	if err != nil {
		return "", l.answered(err)
	}
	l.w.issue(issued{id: c.ID, text: c.Text, kind: n.Kind, door: n.Door, sku: n.SKU})
	return c.Text, nil
}

func (l *lane) scanNow(text string) {
	if text == "" {
		return
	}
	l.scan(l.name, text)
	if l.recent = append(l.recent, text); len(l.recent) > recentMax {
		l.recent = slices.Delete(l.recent, 0, 1)
	}
}

// restock keeps the doors of the stock filled.
func (l *lane) restock() error {
	all, err := l.bank.Doors(context.Background())
	if err != nil {
		return err
	}
	for _, d := range all[:doors/2] {
		if d.Item != nil && d.Item.Condition == locker.Ready || l.rng.IntN(3) == 0 {
			continue
		}
		if err := l.fill(d.ID); err != nil {
			return err
		}
	}
	return nil
}

func (l *lane) again(texts []string) {
	if len(texts) > 0 {
		l.scan(l.name, texts[l.rng.IntN(len(texts))])
		l.rest(5, 60)
	}
}

// serve is an engineer with a service code who opens two doors.
func (l *lane) serve() error {
	text, err := l.issue(bank.NewCode{Kind: locker.Service})
	if err != nil {
		return err
	}
	l.scanNow(text)
	l.rest(1, 5)
	for range 2 {
		if err := l.order(doorAt(1 + l.rng.IntN(doors))); err != nil {
			return err
		}
		l.rest(10, 120)
	}
	return nil
}

func (l *lane) order(id locker.DoorID) error {
	_, err := l.bank.Open(context.Background(), id, "test", "test")
	return l.answered(err)
}

func (l *lane) revoke() error {
	text, err := l.issue(bank.NewCode{Kind: locker.Collect, Door: l.namedDoor()})
	if err != nil || text == "" {
		return err
	}
	if l.rng.IntN(2) == 0 {
		l.scanNow(text)
	}
	l.rest(0, 3)
	c := l.w.latest(text)
	if err := l.answered(l.bank.RevokeCode(context.Background(), c.id, "test")); err != nil {
		return err
	}
	l.scanNow(text)
	return nil
}

func (w *witness) latest(text string) issued {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.codes[slices.IndexFunc(w.codes, func(c issued) bool { return c.text == text })]
}

func (l *lane) nonsense() {
	for range 1 + l.rng.IntN(8) {
		l.scan(l.name, fmt.Sprintf("no-code-%d", l.rng.IntN(1e6)))
	}
}

// mend brings back into service what is out of it.
func (l *lane) mend() error {
	all, err := l.bank.Doors(context.Background())
	if err != nil {
		return err
	}
	for _, d := range all {
		if len(d.Out) > 0 {
			if err := l.answered(l.bank.SetService(context.Background(), d.ID, true, "test")); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *lane) takeOut() error {
	return l.answered(l.bank.SetService(context.Background(), doorAt(1+l.rng.IntN(doors)), false, "test"))
}
