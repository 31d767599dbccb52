package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
)

const answerHelp = "Enter: as said; SERIAL; SKU SERIAL; empty; faulty; skip; quit"

// verdict is what an answer amounts to.
type verdict int

const (
	verdictFound verdict = iota // found says what, nil: empty
	verdictSkip
	verdictQuit
)

// answer is what an engineer has said of one door.
type answer struct {
	verdict verdict
	found   *locker.Item
	from    locker.DoorID // behind which the bank had it
}

// asked is a door as an answer is read for it.
type asked struct {
	door   *bank.DoorStatus // as it was before it was opened
	all    []bank.DoorStatus
	done   map[locker.DoorID]bool           // answered in this audit
	tenant func(sku string) (string, error) // whose a sku must be here
}

// read makes of a line what it says. A line is a word, or a serial as typed or
// scanned, or a sku and a serial; faulty or ready may stand behind it.
func (q *asked) read(line string) (answer, error) {
	words := strings.Fields(line)
	if len(words) == 1 {
		switch words[0] {
		case "s", "skip":
			return answer{verdict: verdictSkip}, nil
		case "q", "quit":
			return answer{verdict: verdictQuit}, nil
		case "-", "empty":
			return answer{}, nil
		case "=":
			words = nil
		}
	}
	condition := locker.Condition("")
	if n := len(words); n > 0 && slices.Contains([]string{"faulty", "ready"}, words[n-1]) {
		condition, words = locker.Condition(words[n-1]), words[:n-1]
	}
	a, err := q.thing(words)
	if err == nil && a.found != nil && condition != "" {
		a.found.Condition = condition
	}
	if err == nil && a.found == nil && condition != "" {
		err = fmt.Errorf("nothing was expected here: say SKU SERIAL %s", condition)
	}
	return a, err
}

// thing finds what the words name.
func (q *asked) thing(words []string) (answer, error) {
	expected := q.door.Item
	switch {
	case len(words) == 0 && expected == nil:
		return answer{}, nil
	case len(words) == 0, len(words) == 1 && expected != nil && expected.Serial == words[0]:
		return answer{found: settled(expected)}, nil
	case len(words) == 1:
		return q.serial(words[0])
	case len(words) == 2:
		return q.named(words[0], words[1])
	}
	return answer{}, errors.New("cannot read the answer; " + answerHelp)
}

// settled is an item that somebody has seen: it is there, so it is ready unless it was
// known to be faulty.
func settled(it *locker.Item) *locker.Item {
	seen := *it
	if seen.Condition == locker.Uncertain {
		seen.Condition = locker.Ready
	}
	return &seen
}

// elsewhere returns the door behind which the bank has a serial; nil: it does not.
func (q *asked) elsewhere(serial string) (*bank.DoorStatus, error) {
	for i := range q.all {
		d := &q.all[i]
		switch {
		case d.ID == q.door.ID || d.Item == nil || d.Item.Serial != serial:
		case q.done[d.ID]:
			return nil, fmt.Errorf("%s was confirmed behind door %s in this audit: look at both", serial, d.ID)
		default:
			return d, nil
		}
	}
	return nil, nil //nolint:nilnil,nolintlint // nowhere is an answer
}

// serial is another serial than was expected: of an item that the bank has elsewhere,
// else of the same sku.
func (q *asked) serial(serial string) (answer, error) {
	d, err := q.elsewhere(serial)
	switch {
	case err != nil:
		return answer{}, err
	case d != nil:
		return answer{found: settled(d.Item), from: d.ID}, nil
	case q.door.Item == nil:
		return answer{}, fmt.Errorf("the bank does not know %s and expected nothing here: say SKU SERIAL", serial)
	}
	return answer{found: &locker.Item{Tenant: q.door.Item.Tenant, SKU: q.door.Item.SKU, Serial: serial, Condition: locker.Ready}}, nil
}

// named is an item by [tenant/]sku and serial, - for none.
func (q *asked) named(sku, serial string) (answer, error) {
	tenant, name, has := strings.Cut(sku, "/")
	if !has {
		tenant, name = "", sku
	}
	if serial == "-" {
		serial = ""
	}
	if !locker.ValidSKU(name) || tenant != "" && !locker.ValidTenant(tenant) {
		return answer{}, fmt.Errorf("%q is no sku: %s", sku, answerHelp)
	}
	if e := q.door.Item; !has && e != nil && e.SKU == name {
		tenant = e.Tenant
	} else if !has {
		var err error
		if tenant, err = q.tenant(name); err != nil {
			return answer{}, err
		}
	}
	found := &locker.Item{Tenant: tenant, SKU: name, Serial: serial, Condition: locker.Ready}
	if serial == "" {
		return answer{found: found}, nil
	}
	d, err := q.elsewhere(serial)
	if err != nil {
		return answer{}, err
	}
	if d != nil && d.Item.Tenant == tenant && d.Item.SKU == name {
		return answer{found: settled(d.Item), from: d.ID}, nil
	}
	return answer{found: found}, nil
}
