package access

import (
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"lockerd/daemon/locker"
)

type view []Door

func (v view) Door(id locker.DoorID) (Door, bool) {
	i := slices.IndexFunc(v, func(d Door) bool { return d.ID == id })
	if i < 0 {
		return Door{}, false
	}
	return v[i], true
}
func (v view) Doors() iter.Seq[Door]                 { return slices.Values(v) }
func (v view) Touched(locker.CodeKey) iter.Seq[Door] { return v.Doors() }

func (v view) Size(_, sku string) locker.Size {
	if sku == "large" {
		return locker.SizeL
	}
	return 0
}
func (v view) Room(tenant string) bool { return tenant != "full" }

func id(n int) locker.DoorID { return locker.DoorID{Locker: 1, Door: uint8(n)} }

func item(tenant, sku string) *locker.Item {
	return &locker.Item{Tenant: tenant, SKU: sku, Serial: "SN-" + sku, Condition: locker.Ready}
}

const now = locker.Time(1_800_000_000_000)

func named(door int) locker.Entry {
	return locker.Entry{Set: "acme", Code: locker.Code{ID: "c1", Kind: locker.Collect, Door: id(door), NotAfter: now.Add(time.Hour)}}
}

func bySKU(sku string) locker.Entry {
	return locker.Entry{Set: "acme", Code: locker.Code{ID: "c1", Kind: locker.Collect, SKU: sku, NotAfter: now.Add(time.Hour)}}
}

// TestOrder breaks several rules at a time and wants the first one's reason:
// each step mends one, so the whole order of contract 5.3 is walked.
func TestOrder(t *testing.T) {
	e := named(1)
	r := &Request{Entry: e, Now: now, Clock: locker.ClockUnset, MaxAge: time.Hour, Confirmed: now.Add(-2 * time.Hour), Awaiting: true, ReopenWindow: 2 * time.Minute}
	r.Entry.Mark = locker.Mark{Revoked: true, Used: 1}
	r.Entry.Code.NotBefore = now.Add(2 * time.Minute)
	d := Door{ID: id(1), Out: true, Open: true, Silent: true, Item: item("globex", "x")}
	steps := []struct {
		want locker.Reason
		mend func()
	}{
		{locker.Revoked, func() { r.Entry.Mark.Revoked = false }},
		{locker.ClockUntrusted, func() { r.Clock = locker.ClockHeld }},
		{locker.NotYet, func() { r.Entry.Code.NotBefore = now.Add(Grace); r.Entry.Code.NotAfter = now.Add(-time.Millisecond) }},
		{locker.Expired, func() { r.Entry.Code.NotAfter = now }},
		{locker.Used, func() { r.Entry.Mark.Used = 0 }},
		{locker.StaleCache, func() { r.Confirmed = now.Add(-time.Hour) }},
		{locker.Busy, func() { r.Awaiting = false }},
		{locker.NoStock, func() { d.Item = item("acme", "x") }}, // another tenant's door does not exist: nothing of it is told
		{locker.DoorOutOfService, func() { d.Out = false }},
		{locker.DoorOutOfService, func() { d.Open = false }},
		{locker.BoardSilent, func() { d.Silent = false }},
		{locker.Granted, func() {}},
	}
	for i, s := range steps {
		if got := Decide(r, view{d}); got.Reason != s.want {
			t.Fatalf("step %d: reason %q, want %q", i, got.Reason, s.want)
		}
		s.mend()
	}
}

func TestSKUChoice(t *testing.T) {
	base := Door{ID: id(1), Size: locker.SizeM, Item: item("acme", "lap"), Since: 100}
	with := func(n int, f func(*Door)) Door { d := base; d.ID = id(n); f(&d); return d }
	cases := map[string]struct {
		doors view
		code  func(*locker.Entry)
		want  Decision
	}{
		"lowest id of equals":      {view{with(1, func(*Door) {}), with(2, func(*Door) {})}, nil, Decision{Door: id(1)}},
		"oldest item":              {view{with(1, func(*Door) {}), with(2, func(d *Door) { d.Since = 99 })}, nil, Decision{Door: id(2)}},
		"not accessible unasked":   {view{with(1, func(d *Door) { d.Accessible, d.Since = true, 1 }), with(2, func(*Door) {})}, nil, Decision{Door: id(2)}},
		"accessible as a last way": {view{with(1, func(d *Door) { d.Accessible = true })}, nil, Decision{Door: id(1)}},
		"accessible asked":         {view{with(1, func(*Door) {}), with(2, func(d *Door) { d.Accessible = true })}, func(e *locker.Entry) { e.Code.Accessible = true }, Decision{Door: id(2)}},
		"accessible asked, none":   {view{with(1, func(*Door) {})}, func(e *locker.Entry) { e.Code.Accessible = true }, refuse(locker.NoStock)},
		"smallest size first":      {view{with(1, func(d *Door) { d.Size, d.Since = locker.SizeL, 1 }), with(2, func(*Door) {})}, nil, Decision{Door: id(2)}},
		"never an open door":       {view{with(1, func(d *Door) { d.Open = true }), with(2, func(*Door) {})}, nil, Decision{Door: id(2)}},
		"out of service":           {view{with(1, func(d *Door) { d.Out = true })}, nil, refuse(locker.NoStock)},
		"promised to another":      {view{with(1, func(d *Door) { d.Named = []locker.Naming{{Code: locker.CodeKey{Set: "acme", ID: "c9"}}} })}, nil, refuse(locker.NoStock)},
		"promised to another's":    {view{with(1, func(d *Door) { d.Named = []locker.Naming{{Code: locker.CodeKey{Set: "globex", ID: "c9"}}} })}, nil, Decision{Door: id(1)}},
		"uncertain item":           {view{with(1, func(d *Door) { d.Item = &locker.Item{Tenant: "acme", SKU: "lap", Condition: locker.Uncertain} })}, nil, refuse(locker.NoStock)},
		"another tenant's":         {view{with(1, func(d *Door) { d.Item = item("globex", "lap") })}, nil, refuse(locker.NoStock)},
		"dedicated to another":     {view{with(1, func(d *Door) { d.Dedicated = "globex" })}, nil, refuse(locker.NoStock)},
		"all boards silent":        {view{with(1, func(d *Door) { d.Silent = true })}, nil, refuse(locker.BoardSilent)},
		"one board silent":         {view{with(1, func(d *Door) { d.Silent = true }), with(3, func(*Door) {})}, nil, Decision{Door: id(3)}},
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		c := cases[name]
		e := bySKU("lap")
		if c.code != nil {
			c.code(&e)
		}
		if got := Decide(&Request{Entry: e, Now: now}, c.doors); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestReopening(t *testing.T) {
	r := &Request{Entry: bySKU("lap"), Now: now, ReopenWindow: 2 * time.Minute}
	r.Entry.Mark.Used = 1
	d := Door{ID: id(4), LastUse: &locker.LastUse{Code: r.Entry.Key(), Closed: now.Add(-2 * time.Minute)}}
	if got := Decide(r, view{d}); got != (Decision{Door: id(4), Reopening: true}) {
		t.Fatalf("within the window: %+v", got)
	}
	for name, f := range map[string]func(d *Door){
		"too late": func(d *Door) {
			d.LastUse = &locker.LastUse{Code: r.Entry.Key(), Closed: now.Add(-2*time.Minute - time.Millisecond)}
		},
		"not yet closed": func(d *Door) { d.LastUse = &locker.LastUse{Code: r.Entry.Key()} },
		"another's":      func(d *Door) { d.LastUse = &locker.LastUse{Code: locker.CodeKey{Set: "acme", ID: "c2"}, Closed: now} },
		"forgotten":      func(d *Door) { d.LastUse = nil },
		"given away":     func(d *Door) { d.Dedicated = "globex" },
	} {
		d := d
		f(&d)
		if got := Decide(r, view{d}); got.Reason != locker.Used {
			t.Errorf("%s: %+v, want used", name, got)
		}
	}
}

// TestLocalIsNeverStale: nobody confirms the set of the control socket.
func TestLocalIsNeverStale(t *testing.T) {
	r := &Request{Entry: named(1), Now: now, MaxAge: time.Hour}
	for set, want := range map[string]locker.Reason{"acme": locker.StaleCache, locker.SetOperator: locker.StaleCache, locker.SetLocal: locker.Granted} {
		r.Entry.Set = set
		if got := Decide(r, view{{ID: id(1)}}); got.Reason != want {
			t.Errorf("%s: %q, want %q", set, got.Reason, want)
		}
	}
}

// TestServiceReopens: a service code may open any door, and so open it once more.
func TestServiceReopens(t *testing.T) {
	r := &Request{Entry: locker.Entry{Set: "*", Code: locker.Code{ID: "s1", Kind: locker.Service}, Mark: locker.Mark{Used: 1}}, Now: now, ReopenWindow: time.Minute}
	d := Door{ID: id(4), Dedicated: "globex", Item: item("globex", "lap"), LastUse: &locker.LastUse{Code: r.Entry.Key(), Closed: now}}
	if got := Decide(r, view{d}); got != (Decision{Door: id(4), Reopening: true}) {
		t.Errorf("%+v", got)
	}
}

func TestUncertainOpensAgain(t *testing.T) {
	r := &Request{Entry: bySKU("lap"), Now: now.Add(48 * time.Hour)} // expired long ago
	r.Entry.Mark.Used = 1
	d := Door{ID: id(4), Uncertain: r.Entry.Key(), Item: &locker.Item{Tenant: "acme", SKU: "lap", Condition: locker.Uncertain}}
	if got := Decide(r, view{d}); got != (Decision{Door: id(4), Again: true}) {
		t.Fatalf("same code: %+v", got)
	}
	r.Entry.Mark.Revoked = true
	if got := Decide(r, view{d}); got.Reason != locker.Revoked {
		t.Fatalf("revoked: %+v", got)
	}
	r.Entry.Mark.Revoked, d.Uncertain = false, locker.CodeKey{}
	if got := Decide(r, view{d}); got.Reason != locker.Expired {
		t.Fatalf("given to another: %+v", got)
	}
}

func free(n int, change func(*Door)) Door {
	d := Door{ID: id(n), Size: locker.SizeM, Use: "any"}
	if change != nil {
		change(&d)
	}
	return d
}

func deliver(change func(*locker.Entry)) locker.Entry {
	e := locker.Entry{Set: "acme", Code: locker.Code{ID: "c1", Kind: locker.Deliver, SKU: "lap"}}
	if change != nil {
		change(&e)
	}
	return e
}

func TestFreeDoor(t *testing.T) {
	other := []locker.Naming{{Code: locker.CodeKey{Set: "acme", ID: "c9"}}}
	back := func(e *locker.Entry) { e.Code.Kind, e.Code.Size = locker.Return, locker.SizeM }
	cases := map[string]struct {
		doors view
		code  func(*locker.Entry)
		want  Decision
	}{
		"lowest id":                  {view{free(1, nil), free(2, nil)}, nil, Decision{Door: id(1)}},
		"smallest size":              {view{free(1, func(d *Door) { d.Size = locker.SizeL }), free(2, nil)}, nil, Decision{Door: id(2)}},
		"large enough for the sku":   {view{free(1, nil), free(2, func(d *Door) { d.Size = locker.SizeXL })}, func(e *locker.Entry) { e.Code.SKU = "large" }, Decision{Door: id(2)}},
		"the code's own size":        {view{free(1, nil), free(2, func(d *Door) { d.Size = locker.SizeXL })}, func(e *locker.Entry) { e.Code.SKU, e.Code.Size = "large", locker.SizeM }, Decision{Door: id(1)}},
		"for stock before any":       {view{free(1, nil), free(2, func(d *Door) { d.Use = "stock" })}, nil, Decision{Door: id(2)}},
		"never one for returns":      {view{free(1, func(d *Door) { d.Use = "returns" })}, nil, refuse(locker.NoFreeDoor)},
		"return: for returns first":  {view{free(1, nil), free(2, func(d *Door) { d.Use = "returns" })}, back, Decision{Door: id(2)}},
		"return: never one of stock": {view{free(1, func(d *Door) { d.Use = "stock" })}, back, refuse(locker.NoFreeDoor)},
		"wheels last":                {view{free(1, func(d *Door) { d.Accessible = true }), free(2, nil)}, nil, Decision{Door: id(2)}},
		"wheels asked":               {view{free(1, nil), free(2, func(d *Door) { d.Accessible = true })}, func(e *locker.Entry) { e.Code.Accessible = true }, Decision{Door: id(2)}},
		"never a full one":           {view{free(1, func(d *Door) { d.Item = item("acme", "x") })}, nil, refuse(locker.NoFreeDoor)},
		"never a promised one":       {view{free(1, func(d *Door) { d.Named = other })}, nil, refuse(locker.NoFreeDoor)},
		"but the one it names":       {view{free(1, nil), free(2, func(d *Door) { d.Named = other })}, func(e *locker.Entry) { e.Code.Door = id(2) }, Decision{Door: id(2)}},
		"in doubt last":              {view{free(1, func(d *Door) { d.Uncertain = other[0].Code }), free(2, nil)}, nil, Decision{Door: id(2)}},
		"in doubt at need":           {view{free(1, func(d *Door) { d.Uncertain = other[0].Code })}, nil, Decision{Door: id(1)}},
		"another's":                  {view{free(1, func(d *Door) { d.Dedicated = "globex" })}, nil, refuse(locker.NoFreeDoor)},
		"open":                       {view{free(1, func(d *Door) { d.Open = true })}, nil, refuse(locker.NoFreeDoor)},
		"silent":                     {view{free(1, func(d *Door) { d.Silent = true })}, nil, refuse(locker.BoardSilent)},
		"no room":                    {view{free(1, nil)}, func(e *locker.Entry) { e.Set = "full" }, refuse(locker.NoFreeDoor)},
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		c := cases[name]
		if got := Decide(&Request{Entry: deliver(c.code), Now: now}, c.doors); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestSwapChoice(t *testing.T) {
	e := locker.Entry{Set: "acme", Code: locker.Code{ID: "s1", Kind: locker.Swap, Size: locker.SizeM, To: "lap"}}
	ready := func(n int, change func(*Door)) Door {
		d := free(n, change)
		d.Item = item("acme", "lap")
		return d
	}
	kept := func(by string) func(*Door) { return func(d *Door) { d.Reserved = locker.CodeKey{Set: "acme", ID: by} } }
	full := ready(9, kept("s9"))
	second := func(e *locker.Entry) { e.Mark = locker.Mark{Used: 1, Going: true, Done: 1} }
	for name, c := range map[string]struct {
		doors view
		code  func(*locker.Entry)
		want  Decision
	}{
		"in first, one kept":       {view{free(1, nil), ready(2, nil), ready(3, nil)}, nil, Decision{Door: id(1), Reserve: id(2)}},
		"nothing to give":          {view{free(1, nil), full}, nil, refuse(locker.NoStock)},
		"nothing, and no room":     {view{full}, nil, refuse(locker.NoStock)},
		"no free door":             {view{ready(1, nil)}, nil, refuse(locker.NoFreeDoor)},
		"no free door, one silent": {view{ready(1, func(d *Door) { d.Silent = true })}, nil, refuse(locker.NoFreeDoor)},
		"what to give is silent":   {view{free(1, nil), ready(2, func(d *Door) { d.Silent = true })}, nil, refuse(locker.BoardSilent)},
		"second: the kept one":     {view{free(1, nil), ready(2, nil), ready(3, kept("s1"))}, second, Decision{Door: id(3), Gives: true, Resumed: true}},
		"second: another":          {view{ready(2, nil), ready(3, func(d *Door) { kept("s1")(d); d.Out = true })}, second, Decision{Door: id(2), Gives: true, Resumed: true}},
		"second: none":             {view{free(1, nil), full}, second, refuse(locker.NoStock)},
	} {
		e := e
		if c.code != nil {
			c.code(&e)
		}
		if got := Decide(&Request{Entry: e, Now: now}, c.doors); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestClearChoice(t *testing.T) {
	with := func(n int, c locker.Condition, change func(*Door)) Door {
		d := free(n, nil)
		d.Item = item("acme", "lap")
		d.Item.Condition = c
		if change != nil {
			change(&d)
		}
		return d
	}
	lapsed := func(d *Door) { d.Lapsed = true }
	for name, c := range map[string]struct {
		doors view
		want  Decision
	}{
		"faulty":            {view{with(1, locker.Ready, nil), with(2, locker.Faulty, nil)}, Decision{Door: id(2)}},
		"uncertain":         {view{with(1, locker.Uncertain, nil)}, Decision{Door: id(1)}},
		"expired":           {view{with(1, locker.Ready, lapsed)}, Decision{Door: id(1)}},
		"named once more":   {view{with(1, locker.Ready, func(d *Door) { lapsed(d); d.Named = []locker.Naming{{Code: locker.CodeKey{Set: "acme", ID: "c9"}}} })}, refuse(locker.NoStock)},
		"kept for a swap":   {view{with(1, locker.Ready, func(d *Door) { lapsed(d); d.Reserved.ID = "s" })}, refuse(locker.NoStock)},
		"another tenant's":  {view{with(1, locker.Faulty, func(d *Door) { d.Item.Tenant = "globex" })}, refuse(locker.NoStock)},
		"all out":           {view{with(1, locker.Faulty, func(d *Door) { d.Out = true })}, refuse(locker.NoStock)},
		"silent":            {view{with(1, locker.Faulty, func(d *Door) { d.Silent = true })}, refuse(locker.BoardSilent)},
		"nothing to be had": {view{free(1, nil)}, refuse(locker.NoStock)},
	} {
		e := locker.Entry{Set: "acme", Code: locker.Code{ID: "x", Kind: locker.Clear}}
		if got := Decide(&Request{Entry: e, Now: now}, c.doors); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// TestGoing: a use under way is gone on with though no uses are left; while its
// own visit is under way the code is used, and while its door stands open it
// has to be shut first.
func TestGoing(t *testing.T) {
	e := deliver(func(e *locker.Entry) { e.Mark = locker.Mark{Used: 1, Going: true, Done: 1} })
	r := &Request{Entry: e, Now: now}
	doors := view{free(1, func(d *Door) { d.Awaits = e.Key() }), free(2, nil)}
	if got := Decide(r, doors); got.Reason != locker.DoorOutOfService {
		t.Errorf("its door stands open: %+v", got)
	}
	doors = doors[1:]
	if got := Decide(r, doors); got != (Decision{Door: id(2), Resumed: true}) {
		t.Errorf("at rest: %+v", got)
	}
	r.UnderWay, r.Awaiting = true, true
	if got := Decide(r, doors); got.Reason != locker.Used {
		t.Errorf("under way: %+v", got)
	}
	doors[0].Uncertain = e.Key()
	if got := Decide(r, doors); got.Reason != locker.Used {
		t.Errorf("under way, with a door in doubt: %+v", got)
	}
	r.UnderWay, r.Awaiting = false, false
	if got := Decide(r, doors); got != (Decision{Door: id(2), Again: true}) {
		t.Errorf("a door in doubt: %+v", got)
	}
	r.Entry.Mark.Going, doors[0].Uncertain = false, locker.CodeKey{}
	if got := Decide(r, doors); got.Reason != locker.Used {
		t.Errorf("over: %+v", got)
	}
}
