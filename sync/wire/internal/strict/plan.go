package strict

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
)

// Plan is how values of T are decoded. It is made when it is first used, so that a
// start does not wait for the plans of all messages, and never changes.
type Plan[T any] struct{ root func() *plan }

// Compile prepares the decoding of T, which must not be a recursive type. Members
// of the extra fields are known by "Type.member": optional or null, for types
// whose tags are not ours to write.
func Compile[T any](extra map[string]string) Plan[T] {
	return Plan[T]{sync.OnceValue(func() *plan { return compile(reflect.TypeFor[T](), extra) })}
}

// Decode decodes all of b.
func (p Plan[T]) Decode(b []byte) (T, error) {
	var v T
	err := decode(b, p.root(), reflect.ValueOf(&v).Elem())
	return v, err
}

// Check checks that b is one JSON value within the bounds, whatever it says.
func Check(b []byte) error { return decode(b, &plan{kind: kindSkip}, reflect.Value{}) }

type kind int

const (
	kindSkip kind = iota // anything; checked, not kept
	kindRaw              // json.RawMessage
	kindAny
	kindText // encoding.TextUnmarshaler
	kindString
	kindBool
	kindInt
	kindUint
	kindFloat
	kindPointer
	kindSlice
	kindMap
	kindStruct
)

type plan struct {
	kind   kind
	typ    reflect.Type
	elem   *plan
	fields map[string]*field
	list   []*field
}

type field struct {
	name     string
	index    []int
	plan     *plan
	required bool
	null     bool
	n        int // place in list
}

var (
	rawType  = reflect.TypeFor[json.RawMessage]()
	textType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func compile(t reflect.Type, extra map[string]string) *plan {
	p := &plan{typ: t}
	switch {
	case t == rawType:
		p.kind = kindRaw
		return p
	case reflect.PointerTo(t).Implements(textType):
		p.kind = kindText
		return p
	}
	switch t.Kind() { //nolint:exhaustive // no other kind stands in a message
	case reflect.Interface:
		p.kind = kindAny
	case reflect.String:
		p.kind = kindString
	case reflect.Bool:
		p.kind = kindBool
	case reflect.Int, reflect.Int64:
		p.kind = kindInt
	case reflect.Uint64:
		p.kind = kindUint
	case reflect.Float64:
		p.kind = kindFloat
	case reflect.Pointer:
		p.kind, p.elem = kindPointer, compile(t.Elem(), extra)
	case reflect.Slice:
		p.kind, p.elem = kindSlice, compile(t.Elem(), extra)
	case reflect.Map:
		p.kind, p.elem = kindMap, compile(t.Elem(), extra)
	case reflect.Struct:
		p.kind = kindStruct
		p.members(extra)
	default:
		panic("strict: cannot decode into " + t.String())
	}
	return p
}

func (p *plan) members(extra map[string]string) {
	p.fields = map[string]*field{}
	for _, sf := range Members(p.typ) {
		name, opts, _ := strings.Cut(sf.Tag.Get("json"), ",")
		mark := sf.Tag.Get("strict") + extra[Owner(p.typ, sf).Name()+"."+name]
		f := &field{
			name: name, index: sf.Index, n: len(p.list),
			plan:     compile(sf.Type, extra),
			required: opts == "" && mark == "",
			null:     mark == "null",
		}
		p.list = append(p.list, f)
		p.fields[name] = f
	}
}

// Members are the fields of a struct that stand in its JSON, those of embedded
// structs in their place.
func Members(t reflect.Type) []reflect.StructField {
	var all []reflect.StructField
	for _, sf := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if !sf.IsExported() || name == "" || name == "-" {
			continue
		}
		all = append(all, sf)
	}
	return all
}

// Owner is the struct in which a field of t was written: t or one embedded in it.
func Owner(t reflect.Type, sf reflect.StructField) reflect.Type {
	for _, i := range sf.Index[:len(sf.Index)-1] {
		t = t.Field(i).Type
	}
	return t
}
