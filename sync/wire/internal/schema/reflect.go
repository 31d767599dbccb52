package schema

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"

	"lockerd/sync/wire/internal/strict"
)

// Dialect is the JSON Schema that is written.
const Dialect = "https://json-schema.org/draft/2020-12/schema"

// Rules say what types can't.
type Rules struct {
	Types   map[reflect.Type]Schema // a type whose JSON is not its Go structure
	Members map[string]Schema       // laid over "Type.member"
	Structs map[string]Schema       // laid over a struct
	As      map[string]reflect.Type // "Type.member" that is raw in Go: what it holds
	Marks   map[string]string       // "Type.member": optional, null, required
	Docs    Docs
}

// Of is the whole schema of a type, with the structs in it as $defs.
func (r *Rules) Of(t reflect.Type) *Schema {
	b := &builder{rules: r, done: map[reflect.Type]bool{}}
	s := b.object(t)
	s.Defs = b.defs
	return s
}

type builder struct {
	rules *Rules
	defs  Members
	done  map[reflect.Type]bool
}

var (
	rawType  = reflect.TypeFor[json.RawMessage]()
	textType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func (b *builder) of(t reflect.Type) *Schema {
	if s, ok := b.rules.Types[t]; ok {
		return &s
	}
	if t == rawType || t.Kind() == reflect.Interface {
		return &Schema{}
	}
	if reflect.PointerTo(t).Implements(textType) {
		return &Schema{Type: "string"}
	}
	switch t.Kind() { //nolint:exhaustive // no other kind stands in a message
	case reflect.String:
		return &Schema{Type: "string"}
	case reflect.Bool:
		return &Schema{Type: "boolean"}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return &Schema{Type: "integer", Minimum: new(int64(0)), Maximum: new(int64(strict.MaxInt))}
	case reflect.Float64:
		return &Schema{Type: "number"}
	case reflect.Pointer:
		return b.of(t.Elem())
	case reflect.Slice:
		return &Schema{Type: "array", Items: b.of(t.Elem())}
	case reflect.Map:
		return &Schema{Type: "object", Extra: b.of(t.Elem())}
	case reflect.Struct:
		return b.ref(t)
	}
	panic("schema: cannot describe " + t.String())
}

// ref names a struct of $defs, and puts it there.
func (b *builder) ref(t reflect.Type) *Schema {
	name := strings.ToLower(t.Name())
	if !b.done[t] {
		b.done[t] = true
		s := b.object(t)
		b.defs = append(b.defs, Member{name, s})
	}
	return &Schema{Ref: "#/$defs/" + name}
}

func (b *builder) object(t reflect.Type) *Schema {
	s := over(Schema{Type: "object", Description: b.rules.Docs[t.String()]}, b.rules.Structs[t.Name()])
	for _, sf := range strict.Members(t) {
		name, opts, _ := strings.Cut(sf.Tag.Get("json"), ",")
		key := strict.Owner(t, sf).Name() + "." + name
		mark := sf.Tag.Get("strict") + b.rules.Marks[key]
		s.Properties = append(s.Properties, Member{name, b.member(sf, key, mark, b.rules.Docs[strict.Owner(t, sf).String()+"."+name])})
		if mark == "required" || mark == "" && opts == "" {
			s.Required = append(s.Required, name)
		}
	}
	return &s
}

func (b *builder) member(sf reflect.StructField, key, mark, doc string) *Schema {
	t := sf.Type
	if as := b.rules.As[key]; as != nil {
		t = as
	}
	m := over(*b.of(t), b.rules.Members[key])
	if m.Description == "" {
		m.Description = doc
	}
	if mark == "null" {
		return &Schema{Description: m.Description, AnyOf: []*Schema{{Type: "null"}, bare(m)}}
	}
	return &m
}

func bare(s Schema) *Schema {
	s.Description = ""
	return &s
}

// over lays what top says over base. Items are laid over items.
func over(base, top Schema) Schema {
	if base.Items != nil && top.Items != nil {
		items := over(*base.Items, *top.Items)
		top.Items = &items
	}
	if base.Extra != nil && top.Extra != nil {
		extra := over(*base.Extra, *top.Extra)
		top.Extra = &extra
	}
	b, t := reflect.ValueOf(&base).Elem(), reflect.ValueOf(top)
	for i := range t.NumField() {
		if f := t.Field(i); !f.IsZero() {
			b.Field(i).Set(f)
		}
	}
	return base
}
