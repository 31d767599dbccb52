package locker

import "encoding/base64"

// AppendJSON appends the record's JSON, byte for byte what encoding/json makes
// of it; see Event.AppendJSON for why.
func (d *DoorRecord) AppendJSON(b []byte) ([]byte, error) {
	j := object{b: append(b, '{')}
	j.always("door", d.Door.String())
	if d.Item != nil {
		j.key("item")
		j.any(d.Item)
	}
	j.time("since", d.Since)
	if len(d.Out) > 0 {
		j.key("out")
		j.any(d.Out)
	}
	j.intent("intent", d.Intent)
	if d.Last != nil {
		j.key("last")
		j.open()
		j.code(d.Last.Code)
		j.time("closed", d.Last.Closed)
		j.close()
	}
	list(&j, "named", d.Named, (*Naming).appendJSON)
	j.text("tenant", d.Tenant)
	j.intent("awaits", d.Awaits)
	if !d.Reserved.IsZero() {
		j.key("reserved")
		j.codeKey(d.Reserved)
	}
	j.flag("lapsed", d.Lapsed)
	return append(j.b, '}'), j.err
}

func (n *Naming) appendJSON(b []byte) ([]byte, error) {
	j := object{b: append(b, '{')}
	j.code(n.Code)
	j.time("not_after", n.NotAfter)
	j.text("tenant", n.Tenant)
	return append(j.b, '}'), j.err
}

func (j *object) intent(k string, in *Intent) {
	if in == nil {
		return
	}
	j.key(k)
	j.open()
	if !in.Code.IsZero() {
		j.code(in.Code)
	}
	j.text("kind", string(in.Kind))
	j.text("ref", in.Ref)
	j.text("visit", in.Visit)
	j.text("scanner", in.Scanner)
	j.text("tenant", in.Tenant)
	j.flag("reopening", in.Reopening)
	j.flag("again", in.Again)
	j.flag("jammed", in.Jammed)
	j.flag("uncertain", in.Uncertain)
	j.always("at", in.At.String())
	j.flag("gives", in.Gives)
	j.text("sku", in.SKU)
	j.number("due", int64(in.Due))
	j.text("serial", in.Serial)
	j.close()
}

// AppendJSON appends the change's JSON, byte for byte what encoding/json makes
// of it.
func (m *MarkChange) AppendJSON(b []byte) ([]byte, error) {
	j := object{b: append(b, '{')}
	j.code(m.Code)
	j.key("mark")
	j.open()
	j.number("used", int64(m.Mark.Used))
	j.flag("revoked", m.Mark.Revoked)
	j.flag("going", m.Mark.Going)
	j.number("done", int64(m.Mark.Done))
	j.time("until", m.Mark.Until)
	j.time("last", m.Mark.Last)
	j.close()
	return append(j.b, '}'), j.err
}

// AppendJSON appends the JSON of what a commit changes, its events left out,
// byte for byte what encoding/json makes of it.
func (c *Commit) AppendJSON(b []byte) ([]byte, error) {
	j := object{b: append(b, '{')}
	list(&j, "doors", c.Doors, (*DoorRecord).AppendJSON)
	if len(c.Codes) > 0 {
		j.key("codes")
		j.any(c.Codes)
	}
	list(&j, "marks", c.Marks, (*MarkChange).AppendJSON)
	switch len(c.Values) {
	case 0:
	case 1: // the clock floor, as a rule
		j.key("values")
		j.open()
		for name, v := range c.Values {
			j.bytes(name, v)
		}
		j.close()
	default:
		j.key("values")
		j.any(c.Values)
	}
	return append(j.b, '}'), j.err
}

func list[T any](j *object, key string, all []T, write func(*T, []byte) ([]byte, error)) {
	if len(all) == 0 {
		return
	}
	j.key(key)
	j.b = append(j.b, '[')
	for i := range all {
		if i > 0 {
			j.b = append(j.b, ',')
		}
		var err error
		if j.b, err = write(&all[i], j.b); err != nil && j.err == nil {
			j.err = err
		}
	}
	j.b = append(j.b, ']')
}

func (j *object) open()  { j.b = append(j.b, '{') }
func (j *object) close() { j.b = append(j.b, '}') }

func (j *object) time(k string, t Time) {
	if !t.IsZero() {
		j.always(k, t.String())
	}
}

func (j *object) flag(k string, v bool) {
	if v {
		j.key(k)
		j.b = append(j.b, "true"...)
	}
}

func (j *object) code(c CodeKey) {
	j.key("code")
	j.codeKey(c)
}

func (j *object) codeKey(c CodeKey) {
	j.open()
	j.always("set", c.Set)
	j.always("id", c.ID)
	j.close()
}

func (j *object) bytes(k string, v []byte) {
	j.str(k)
	if v == nil {
		j.b = append(j.b, ":null"...)
		return
	}
	j.b = append(j.b, ':', '"')
	j.b = base64.StdEncoding.AppendEncode(j.b, v)
	j.b = append(j.b, '"')
}
