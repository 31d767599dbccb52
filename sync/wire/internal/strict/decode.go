package strict

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"

	"lockerd/daemon/locker"
)

func decode(b []byte, p *plan, v reflect.Value) error {
	s := &scanner{b: b}
	if err := s.value(p, v, nil); err != nil {
		return err
	}
	if s.peek() != 0 || s.i < len(b) {
		return &Error{Why: "has data after its end"}
	}
	return nil
}

// value reads one value into v, which is not valid when it is skipped.
func (s *scanner) value(p *plan, v reflect.Value, a *at) error {
	c := s.peek()
	switch p.kind {
	case kindSkip:
		return s.skip(c, a)
	case kindRaw, kindAny:
		return s.raw(c, p, v, a)
	case kindPointer:
		e := reflect.New(p.typ.Elem())
		if err := s.value(p.elem, e.Elem(), a); err != nil {
			return err
		}
		v.Set(e)
		return nil
	case kindStruct:
		if c != '{' {
			return a.fail("must be an object")
		}
		return s.structure(p, v, a)
	case kindMap:
		if c != '{' {
			return a.fail("must be an object")
		}
		return s.mapping(p, v, a)
	case kindSlice:
		if c != '[' {
			return a.fail("must be an array")
		}
		return s.slice(p, v, a)
	case kindText, kindString:
		if c != '"' {
			return a.fail("must be a text")
		}
		return s.stringInto(p, v, a)
	case kindBool:
		return s.boolean(c, v, a)
	case kindInt, kindUint, kindFloat:
		return s.numberInto(c, p, v, a)
	}
	return a.fail("can't be read")
}

// raw keeps a value as it stands, once it is checked.
func (s *scanner) raw(c byte, p *plan, v reflect.Value, a *at) error {
	from := s.i
	if err := s.skip(c, a); err != nil {
		return err
	}
	b := append([]byte(nil), s.b[from:s.i]...)
	if p.kind == kindRaw {
		v.SetBytes(b)
		return nil
	}
	if err := json.Unmarshal(b, v.Addr().Interface()); err != nil {
		return a.fail("can't be read")
	}
	return nil
}

func (s *scanner) skip(c byte, a *at) error {
	switch c {
	case '{':
		return s.object(a, func(string, *at) error { return s.skip(s.peek(), a) })
	case '[':
		return s.array(a, func(int, *at) error { return s.skip(s.peek(), a) })
	case '"':
		_, err := s.text(a)
		return err
	case 't', 'f', 'n':
		if s.word("true") || s.word("false") || s.word("null") {
			return nil
		}
		return a.fail("is no JSON value")
	}
	_, _, err := s.number(a)
	return err
}

func (s *scanner) stringInto(p *plan, v reflect.Value, a *at) error {
	t, err := s.text(a)
	switch {
	case err != nil:
		return err
	case p.kind == kindString:
		v.SetString(t)
		return nil
	}
	u, _ := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr())
	// Go's base64 skips line ends, and an empty door or size is no door or size.
	if t == "" || strings.ContainsAny(t, "\r\n") || u.UnmarshalText([]byte(t)) != nil || !writable(p.typ, v) {
		return a.fail(form(p.typ))
	}
	return nil
}

// writable tells whether a time can be written again: an offset may carry it past
// the years of four digits.
func writable(t reflect.Type, v reflect.Value) bool {
	const last = 253402300799_999 // of the year 9999, in milliseconds
	return t != reflect.TypeFor[locker.Time]() || v.Int() >= 0 && v.Int() <= last
}

func (s *scanner) boolean(c byte, v reflect.Value, a *at) error {
	switch {
	case c == 't' && s.word("true"):
		v.SetBool(true)
	case c == 'f' && s.word("false"):
		v.SetBool(false)
	default:
		return a.fail("must be true or false")
	}
	return nil
}

func (s *scanner) numberInto(c byte, p *plan, v reflect.Value, a *at) error {
	if c != '-' && (c < '0' || c > '9') {
		return a.fail("must be a number")
	}
	lit, whole, err := s.number(a)
	switch {
	case err != nil:
		return err
	case p.kind == kindFloat:
		f, _ := strconv.ParseFloat(lit, 64) // number has tried it
		v.SetFloat(f)
		return nil
	case !whole:
		return a.fail("must be a whole number, written without point and exponent")
	}
	n, err := strconv.ParseInt(lit, 10, 64)
	switch {
	case err != nil || p.kind == kindUint && n < 0:
		return a.fail("must not be below 0")
	case p.kind == kindUint:
		v.SetUint(uint64(n))
	case v.OverflowInt(n):
		return a.fail("is too large")
	default:
		v.SetInt(n)
	}
	return nil
}
