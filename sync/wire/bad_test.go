package wire

import (
	"fmt"
	"strings"
	"testing"

	"lockerd/daemon/locker"
)

// TestCommands holds that a command which can be answered is returned whatever is
// wrong with it, and that Bad says what.
func TestCommands(t *testing.T) {
	c := func(typ, args string) string {
		return command(fmt.Sprintf(`"type":%q,"args":%s,"nonce":"n",`, typ, args) + iat)
	}
	item := `{"tenant":"acme","sku":"lap","serial":"S1","condition":"ready"}`
	cases := []struct{ name, payload, bad string }{
		{"open", c("open", `{"door":"1-07"}`), ""},
		{"open_all", c("open_all", `{}`), ""},
		{"open_all of a locker", c("open_all", `{"locker":2}`), ""},
		{"set_stock", c("set_stock", `{"door":"1-07","item":`+item+`}`), ""},
		{"set_stock empties", c("set_stock", `{"door":"1-07","item":null}`), ""},
		{"update", c("update", `{"channel":"stable","version":"1.3.0","window":"23:00-04:30"}`), ""},
		{"resync from 0", c("resync", `{"from":0}`), ""},
		{"poll", c("poll", `{}`), ""},
		{"unknown args", c("poll", `{"fast":true}`), ""},
		{"unknown type", c("explode", `{}`), "type: is unknown"},
		{"type a number", command(`"type":5,"args":{},` + iat), "type: must be a text"},
		{"no args", command(`"type":"poll",` + iat), "args: is missing"},
		{"args a list", c("poll", `[]`), "args: must be an object"},
		{"no counter", command(`"type":"poll","args":{},` + strings.Replace(iat, `,"counter":10`, "", 1)), "counter: is missing"},
		{"no exp", command(`"type":"poll","args":{},"iat":"2026-11-22T10:00:00.000Z","counter":1`), "exp: is missing"},
		{"exp before iat", strings.Replace(c("poll", `{}`), "10:00:30", "09:00:00", 1), "exp: is before iat"},
		{"opening of 31 s", strings.Replace(c("open_all", `{}`), "10:00:30", "10:00:31", 1), "exp: an opening may live 30 s at most"},
		{"poll of a day", strings.Replace(c("poll", `{}`), "22T10:00:30", "23T10:00:30", 1), ""},
		{"iat of 1970", strings.Replace(c("poll", `{}`), "2026-11-22T10:00:00", "1970-01-02T10:00:00", 1), "iat and exp: is not between 2020 and 2100"},
		{"open without door", c("open", `{}`), "args.door: open needs it"},
		{"open no door", c("open", `{"door":""}`), "args.door: a door is written L-DD, locker 1-6 and door 01-34"},
		{"open_all with a door", c("open_all", `{"door":"1-07"}`), "args.door: is not for open_all"},
		{"locker 0", c("open_all", `{"locker":0}`), "args.locker: must be 1 to 6"},
		{"set_stock without item", c("set_stock", `{"door":"1-07"}`), "args.item: set_stock needs it"},
		{"item without tenant", c("set_stock", `{"door":"1-07","item":{"sku":"lap","condition":"ready"}}`), "args.item.tenant: is missing"},
		{"item of tenant local", c("set_stock", `{"door":"1-07","item":{"tenant":"local","sku":"lap","condition":"ready"}}`), "args.item.tenant: is no tenant's name"},
		{"item without sku", c("set_stock", `{"door":"1-07","item":{"tenant":"","sku":"","condition":"ready"}}`), "args.item.sku: is no sku's name"},
		{"item in no condition", c("set_stock", `{"door":"1-07","item":{"tenant":"","sku":"l","condition":"new"}}`), "args.item.condition: must be ready, faulty or uncertain"},
		{"update of a door", c("update", `{"door":"1-07"}`), "args.door: is not for update"},
		{"update window", c("update", `{"window":"2-4"}`), "args.window: must be HH:MM-HH:MM"},
		{"update channel", c("update", `{"channel":"../x"}`), "args.channel: must be up to 32 of a-z, 0-9 and -"},
		{"window of a restart", c("restart", `{"window":"02:00-04:00"}`), "args.window: is not for restart"},
		{"resync without from", c("resync", `{}`), "args.from: resync needs it"},
		{"resync from -1", c("resync", `{"from":-1}`), "args.from: must not be below 0"},
	}
	keys := trusted(t)
	for _, x := range cases {
		m, _, r := keys.Open(here, TopicCommand, plain(t, "ops-1", x.payload), false)
		if r != nil {
			t.Errorf("%s: %v", x.name, r)
			continue
		}
		got, _ := m.(*Command)
		if got.Bad != x.bad || got.ID != "x-1" || got.Bank != here.Bank {
			t.Errorf("%s: bad %q, want %q (%+v)", x.name, got.Bad, x.bad, got)
		}
		if _, known := takes[got.Asked]; !known && got.Asked != "" || (got.Type == got.Asked) != (x.bad == "" || got.Asked == "") {
			t.Errorf("%s: type %q, asked %q", x.name, got.Type, got.Asked)
		}
		if x.bad != "" && (got.Type != "" || got.Args != locker.CommandArgs{}) {
			t.Errorf("%s: could be carried out: %+v", x.name, got.Command)
		}
	}
}

// TestDesired holds the same of a document: version, and what is wrong.
func TestDesired(t *testing.T) {
	cases := []struct{ doc, bad string }{
		{`{}`, ""},
		{`{"tenants":[{"tenant":"acme","max_doors":20,"max_codes":20000}],"skus":[{"sku":"laptop-14","tenant":"acme","size":"M","min":2,"label":"^[A-Z0-9]{7,12}$"}],"doors":[{"id":"1-07","out_of_service":true,"tenant":"acme"}],"cache_max_age":"168h","open":{"pulse":"300ms","tries":3},"texts":{"en":{"hello":"Hi"}},"new":1}`, ""},
		{`[]`, "must be an object"},
		{`{"tenants":[{"tenant":"Acme"}]}`, "doc.tenants[0].tenant: is no tenant's name"},
		{`{"tenants":[{"tenant":"acme"},{"tenant":"acme"}]}`, "doc.tenants[1].tenant: acme stands twice"},
		{`{"tenants":[{"tenant":"acme","max_codes":-1}]}`, "doc.tenants[0]: max_doors and max_codes must not be below 0"},
		{`{"skus":[{"sku":"a b"}]}`, "doc.skus[0].sku: is no sku's name"},
		{`{"skus":[{"sku":"a"},{"sku":"a","tenant":"acme"},{"sku":"a"}]}`, "doc.skus[2].sku: a stands twice for its tenant"},
		{`{"skus":[{"sku":"a","tenant":"*"}]}`, "doc.skus[0].tenant: is no tenant's name"},
		{`{"skus":[{"sku":"a","min":-1}]}`, "doc.skus[0].min: must not be below 0"},
		{`{"skus":[{"sku":"a","label":"("}]}`, "doc.skus[0].label: is no regular expression of RE2"},
		{`{"skus":[{"sku":"a","label":"((a{30}){30}){30}"}]}`, "doc.skus[0].label: is no regular expression of RE2"},
		{`{"skus":[{"sku":"a","label":"(abcdef){900}"}]}`, "doc.skus[0].label: repeats too much; use smaller counts"},
		{`{"skus":[{"sku":"a","size":"XXL"}]}`, "skus[0].size: a size is XS, S, M, L or XL"},
		{`{"doors":[{"out_of_service":true}]}`, "doors[0].id: is missing"},
		{`{"doors":[{"id":"1-07"},{"id":"1-07"}]}`, "doc.doors[1].id: 1-07 stands twice"},
		{`{"doors":[{"id":"1-07","tenant":"local"}]}`, "doc.doors[0].tenant: is no tenant's name"},
		{`{"cache_max_age":"7 days"}`, "cache_max_age: a duration is written 300ms, 2m or 168h"},
		{`{"cache_max_age":"-5h"}`, "doc.cache_max_age: must be 1m0s to 87840h0m0s, or absent"},
		{`{"open":{"pulse":"2s"}}`, "doc.open.pulse: must be above 0 and at most 1s"},
		{`{"open":{"tries":99}}`, "doc.open.tries: must be 1 to 10"},
		{`{"texts":[]}`, "doc.texts: must be an object"},
	}
	keys := trusted(t)
	for _, x := range cases {
		m, _, r := keys.Open(here, TopicDesired, plain(t, "ops-1", `{"v":1,"typ":"desired","bank":"lon-042","journal":"j-test","version":6,"doc":`+x.doc+`}`), false)
		if r != nil {
			t.Errorf("%s: %v", x.doc, r)
			continue
		}
		got, _ := m.(*Desired)
		if got.Bad != x.bad || got.Version != 6 || x.bad != "" && len(got.Doc.Tenants)+len(got.Doc.SKUs)+len(got.Doc.Doors) > 0 {
			t.Errorf("%s: bad %q, want %q", x.doc, got.Bad, x.bad)
		}
	}
}

// TestCheckCode asks what each kind needs, and the bounds of a record.
func TestCheckCode(t *testing.T) {
	const past, later = 1_000, 2_000
	zero, many := 0, maxUses+1
	door := locker.DoorID{Locker: 1, Door: 7}
	base := locker.Code{ID: "c-1", Tag: locker.Tag{1}, Kind: locker.Collect, SKU: "lap"}
	cases := []struct {
		name, set, reason, why string
		edit                   func(*locker.Code)
	}{
		{"by sku", "acme", "", "", func(*locker.Code) {}},
		{"by door", "acme", "", "", func(c *locker.Code) { c.SKU, c.Door = "", door }},
		{"by both", "acme", Malformed, "door and sku", func(c *locker.Code) { c.Door = door }},
		{"by neither", "acme", Malformed, "door and sku", func(c *locker.Code) { c.SKU = "" }},
		{"deliver", "acme", "", "", func(c *locker.Code) { c.Kind, c.Items = locker.Deliver, 204 }},
		{"deliver nothing", "acme", Malformed, "sku", func(c *locker.Code) { c.Kind, c.SKU = locker.Deliver, "" }},
		{"deliver 205", "acme", Malformed, "items", func(c *locker.Code) { c.Kind, c.Items = locker.Deliver, 205 }},
		{"return", "acme", "", "", func(c *locker.Code) { c.Kind, c.SKU, c.Size = locker.Return, "", locker.SizeM }},
		{"return of no size", "acme", Malformed, "size", func(c *locker.Code) { c.Kind = locker.Return }},
		{"swap", "acme", "", "", func(c *locker.Code) { c.Kind, c.Size, c.To = locker.Swap, locker.SizeM, "lap" }},
		{"swap to nothing", "acme", Malformed, "size and to", func(c *locker.Code) { c.Kind, c.Size = locker.Swap, locker.SizeM }},
		{"swap to no name", "acme", Malformed, "to", func(c *locker.Code) { c.Kind, c.Size, c.To = locker.Swap, locker.SizeM, "L" }},
		{"clear", "acme", "", "", func(c *locker.Code) { c.Kind, c.SKU = locker.Clear, "" }},
		{"service in *", "*", "", "", func(c *locker.Code) { c.Kind = locker.Service }},
		{"service in local", "local", "", "", func(c *locker.Code) { c.Kind = locker.Service }},
		{"service in a tenant's", "acme", WrongTenant, "kind", func(c *locker.Code) { c.Kind = locker.Service }},
		{"another kind", "acme", Malformed, "kind", func(c *locker.Code) { c.Kind = "open" }},
		{"tenant in *", "*", "", "", func(c *locker.Code) { c.Tenant = "acme" }},
		{"no tenant in *", "*", Malformed, "tenant", func(c *locker.Code) { c.Tenant = "local" }},
		{"another's in a tenant's", "acme", WrongTenant, "tenant", func(c *locker.Code) { c.Tenant = "globex" }},
		{"its own in a tenant's", "acme", Malformed, "tenant", func(c *locker.Code) { c.Tenant = "acme" }},
		{"no id", "acme", Malformed, "id", func(c *locker.Code) { c.ID = "" }},
		{"id of 65", "acme", Malformed, "id", func(c *locker.Code) { c.ID = strings.Repeat("x", 65) }},
		{"zero tag", "acme", Malformed, "tag", func(c *locker.Code) { c.Tag = locker.Tag{} }},
		{"rev -1", "acme", Malformed, "rev", func(c *locker.Code) { c.Rev = -1 }},
		{"uses 0", "acme", Malformed, "not_after", func(c *locker.Code) { c.Uses = &zero }},
		{"uses 0 until", "acme", "", "", func(c *locker.Code) { c.Uses, c.NotAfter = &zero, later }},
		{"uses too many", "acme", Malformed, "uses", func(c *locker.Code) { c.Uses = &many }},
		{"window upside down", "acme", Malformed, "not_after", func(c *locker.Code) { c.NotBefore, c.NotAfter = later, past }},
		{"name of 40", "acme", "", "", func(c *locker.Code) { c.Name = strings.Repeat("ä", 40) }},
		{"name of 41", "acme", Malformed, "name", func(c *locker.Code) { c.Name = strings.Repeat("a", 41) }},
		{"name with a line end", "acme", Malformed, "name", func(c *locker.Code) { c.Name = "a\nb" }},
		{"name that turns the text", "acme", Malformed, "name", func(c *locker.Code) { c.Name = "a\u202eb" }},
		{"ref of 65", "acme", Malformed, "ref", func(c *locker.Code) { c.Ref = strings.Repeat("a", 65) }},
		{"sku no name", "acme", Malformed, "sku", func(c *locker.Code) { c.SKU = "Lap" }},
		{"label", "acme", "", "", func(c *locker.Code) { c.Label = `[A-Z]{2}\d+` }},
		{"label no RE2", "acme", Malformed, "label", func(c *locker.Code) { c.Label = `(?=a)` }},
		{"label too long", "acme", Malformed, "label", func(c *locker.Code) { c.Label = strings.Repeat("a", 129) }},
		{"label too dear", "acme", Malformed, "label", func(c *locker.Code) { c.Label = `(\pL{31}){31}` }},
	}
	for _, x := range cases {
		c := base
		x.edit(&c)
		reason, why := CheckCode(x.set, &c)
		if reason != x.reason || !strings.HasPrefix(why, x.why) || (reason == "") != (why == "") {
			t.Errorf("%s: %q %q, want %q %q", x.name, reason, why, x.reason, x.why)
		}
	}
}

// TestLargeBatches: only one event may be larger than a batch, and then it is alone.
func TestLargeBatches(t *testing.T) {
	batch := func(bytes ...int) []byte {
		list := make([]string, len(bytes))
		for i, n := range bytes {
			list[i] = fmt.Sprintf(`{"seq":%d,"why":%q}`, i+1, strings.Repeat("x", n))
		}
		return []byte(`{"v":1,"bank":"lon-042","journal":"j1","events":[` + strings.Join(list, ",") + `]}`)
	}
	for _, x := range []struct {
		b  []byte
		ok bool
	}{
		{batch(MaxBatch - 200), true},
		{batch(MaxBatch), true},
		{batch(MaxAlone - 200), true},
		{batch(MaxAlone), false},
		{batch(MaxBatch/2-200, MaxBatch/2-200), true},
		{batch(MaxBatch/2, MaxBatch/2), false},
	} {
		if _, err := DecodeEvents(x.b); (err == nil) != x.ok {
			t.Errorf("%d bytes: %v", len(x.b), err)
		}
	}
}
