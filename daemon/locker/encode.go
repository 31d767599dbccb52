package locker

import (
	"encoding/json"
	"strconv"
)

// AppendJSON appends the event's JSON, byte for byte what encoding/json makes of
// it. It stands between a scan and its door, where reflection over forty
// members, most of them absent, took a tenth of the time (bench, cold caches).
func (e *Event) AppendJSON(b []byte) ([]byte, error) {
	j := object{b: append(b, `{"seq":`...)}
	j.b = strconv.AppendUint(j.b, e.Seq, 10)
	j.always("at", e.At.String())
	j.always("clock", string(e.Clock))
	j.whole("boot", e.Boot)
	j.whole("up_ms", e.UpMS)
	j.always("type", e.Type)
	j.text("visit", e.Visit)
	j.text("scanner", e.Scanner)
	j.text("door", e.Door.String())
	j.text("bus", e.Bus)
	j.pointer("address", e.Address)
	j.text("code", e.Code)
	j.text("set", e.Set)
	j.text("kind", string(e.Kind))
	j.text("ref", e.Ref)
	j.text("tenant", e.Tenant)
	j.text("sku", e.SKU)
	j.text("serial", e.Serial)
	j.text("condition", string(e.Cond))
	j.text("reason", string(e.Reason))
	j.scalar("version", e.Version)
	j.text("cause", e.Cause)
	j.text("level", e.Level)
	j.text("by", e.By)
	j.text("outcome", e.Outcome)
	j.number("tries", int64(e.Tries))
	j.millis(e.MS)
	j.cache(e.Cache)
	j.number("delta", int64(e.Delta))
	j.pointer("count", e.Count)
	j.pointer("min", e.Min)
	j.number("epoch", e.Epoch)
	j.text("id", e.ID)
	j.text("command", e.Command)
	j.text("op", e.Op)
	j.text("why", e.Why)
	j.scalar("from", e.From)
	j.scalar("to", e.To)
	j.number("n", e.N)
	j.text("error", e.Error)
	j.text("hash", e.Hash)
	return append(j.b, '}'), j.err
}

// object is a JSON object being written.
type object struct {
	b   []byte
	err error
}

func (j *object) key(k string) {
	if j.b[len(j.b)-1] != '{' {
		j.b = append(j.b, ',')
	}
	j.b = append(j.b, '"')
	j.b = append(j.b, k...)
	j.b = append(j.b, '"', ':')
}

func (j *object) always(k, v string) {
	j.key(k)
	j.str(v)
}

func (j *object) text(k, v string) {
	if v != "" {
		j.always(k, v)
	}
}

func (j *object) whole(k string, v int64) {
	j.key(k)
	j.b = strconv.AppendInt(j.b, v, 10)
}

func (j *object) number(k string, v int64) {
	if v != 0 {
		j.whole(k, v)
	}
}

func (j *object) pointer(k string, v *int) {
	if v != nil {
		j.whole(k, int64(*v))
	}
}

func (j *object) scalar(k string, s Scalar) {
	switch {
	case s.isNum:
		j.whole(k, s.num)
	case !s.IsZero():
		j.always(k, s.text)
	}
}

func (j *object) millis(m Millis) {
	switch {
	case m.stages != nil:
		j.key("ms")
		j.any(m.stages)
	case m.isOne:
		j.whole("ms", m.one)
	}
}

func (j *object) cache(c *CacheInfo) {
	if c == nil {
		return
	}
	j.b = append(j.b, `,"cache":{"version":`...)
	j.b = strconv.AppendInt(j.b, c.Version, 10)
	j.whole("age_s", c.AgeS)
	j.b = append(j.b, '}')
}

// str writes a text; one that needs escaping goes through encoding/json.
func (j *object) str(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			j.any(s)
			return
		}
	}
	j.b = append(j.b, '"')
	j.b = append(j.b, s...)
	j.b = append(j.b, '"')
}

func (j *object) any(v any) {
	b, err := json.Marshal(v)
	if err != nil && j.err == nil {
		j.err = err
	}
	j.b = append(j.b, b...)
}
