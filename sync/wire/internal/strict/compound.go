package strict

import (
	"reflect"
	"slices"
)

// object reads the members of an object; read reads the value of each.
func (s *scanner) object(a *at, read func(name string, a *at) error) error {
	return s.members(a, nil, func(name string, _ *field, in *at) error { return read(name, in) })
}

// members is object for a struct: a name that the plan knows comes as its field,
// and its place is named.
func (s *scanner) members(a *at, p *plan, read func(name string, f *field, a *at) error) error {
	if s.depth++; s.depth > MaxDepth {
		return a.fail("is nested deeper than 16 levels")
	}
	s.i++
	var seen names
	for first := true; !s.take('}'); first = false {
		if !first && !s.take(',') || s.peek() != '"' {
			return a.fail("is no JSON object")
		}
		name, err := s.text(a)
		if err != nil {
			return err
		}
		var f *field
		in := a
		if p != nil && p.fields[name] != nil {
			f = p.fields[name]
			in = &at{up: a, name: f.name}
		}
		if !seen.add(name) {
			return in.fail("stands twice in one object")
		}
		if !s.take(':') {
			return in.fail("is no JSON object")
		}
		if err := read(name, f, in); err != nil {
			return err
		}
	}
	s.depth--
	return nil
}

func (s *scanner) array(a *at, read func(i int, a *at) error) error {
	if s.depth++; s.depth > MaxDepth {
		return a.fail("is nested deeper than 16 levels")
	}
	s.i++
	for i := 0; !s.take(']'); i++ {
		if i > 0 && !s.take(',') {
			return a.fail("is no JSON array")
		}
		if err := read(i, a); err != nil {
			return err
		}
	}
	s.depth--
	return nil
}

func (s *scanner) structure(p *plan, v reflect.Value, a *at) error {
	have := make([]bool, len(p.list))
	err := s.members(a, p, func(_ string, f *field, in *at) error {
		if f == nil {
			return s.skip(s.peek(), a)
		}
		have[f.n] = true
		if s.peek() == 'n' && s.word("null") {
			if f.null {
				return nil
			}
			return in.fail("must not be null")
		}
		return s.value(f.plan, v.FieldByIndex(f.index), in)
	})
	if err != nil {
		return err
	}
	for _, f := range p.list {
		if f.required && !have[f.n] {
			return (&at{up: a, name: f.name}).fail("is missing")
		}
	}
	return nil
}

func (s *scanner) mapping(p *plan, v reflect.Value, a *at) error {
	v.Set(reflect.MakeMap(p.typ))
	return s.object(a, func(name string, _ *at) error {
		e := reflect.New(p.typ.Elem()).Elem()
		if err := s.value(p.elem, e, a); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(name).Convert(p.typ.Key()), e)
		return nil
	})
}

func (s *scanner) slice(p *plan, v reflect.Value, a *at) error {
	v.Set(reflect.MakeSlice(p.typ, 0, 0))
	return s.array(a, func(i int, _ *at) error {
		v.Set(reflect.Append(v, reflect.Zero(p.typ.Elem())))
		return s.value(p.elem, v.Index(i), &at{up: a, index: i})
	})
}

// names are the members of one object so far.
type names struct {
	few  []string
	many map[string]bool
}

const fewNames = 24 // up to which looking through a list is quicker

func (n *names) add(s string) bool {
	if n.many != nil {
		if n.many[s] {
			return false
		}
		n.many[s] = true
		return true
	}
	if slices.Contains(n.few, s) {
		return false
	}
	n.few = append(n.few, s)
	if len(n.few) > fewNames {
		n.many = map[string]bool{}
		for _, o := range n.few {
			n.many[o] = true
		}
	}
	return true
}
