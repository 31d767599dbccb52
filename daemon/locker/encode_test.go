package locker

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

// TestAppendJSON holds the hand-written encoder to encoding/json: with every
// member set alone, and with random members together.
func TestAppendJSON(t *testing.T) {
	typ := reflect.TypeFor[Event]()
	for i := range typ.NumField() {
		for range 20 {
			var e Event
			fill(reflect.ValueOf(&e).Elem().Field(i))
			same(t, &e, e.AppendJSON)
		}
	}
	for range 2000 {
		var e Event
		v := reflect.ValueOf(&e).Elem()
		for _, f := range v.Fields() {
			if rand.IntN(2) == 0 {
				fill(f)
			}
		}
		same(t, &e, e.AppendJSON)
	}
}

// TestAppendCommit does the same for what a commit changes.
func TestAppendCommit(t *testing.T) {
	for range 3000 {
		var c Commit
		fillAll(reflect.ValueOf(&c).Elem())
		c.Events, c.Durable = nil, nil
		same(t, &c, c.AppendJSON)
	}
}

// fillAll gives every member below v some value, now and then none.
func fillAll(v reflect.Value) {
	for _, f := range v.Fields() {
		switch {
		case rand.IntN(3) == 0 || f.Kind() == reflect.Func || f.Type() == reflect.TypeFor[[]Event]():
		case f.Kind() == reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), rand.IntN(3), 3))
			for k := range f.Len() {
				fillOne(f.Index(k))
			}
		case f.Type() == reflect.TypeFor[map[string][]byte]():
			f.Set(reflect.ValueOf([]map[string][]byte{{}, {"a": nil}, {"clock_floor": []byte("123")}, {"a<": {}, "b": {255}}}[rand.IntN(4)]))
		default:
			fillOne(f)
		}
	}
}

func fillOne(v reflect.Value) {
	switch {
	case v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct:
		v.Set(reflect.New(v.Type().Elem()))
		fillAll(v.Elem())
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[DoorID]():
		fillAll(v)
	default:
		fill(v)
	}
}

func same(t *testing.T, e any, appendJSON func([]byte) ([]byte, error)) {
	t.Helper()
	want, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	got, err := appendJSON(nil)
	if err != nil || string(got) != string(want) {
		t.Fatalf("%s\nwant %s (%v)", got, want, err)
	}
}

var texts = []string{"", "a", "door 1-07", `quo"te\`, "<&>", "ümläut", "\x00\t\n", "\xff", "\u2028"}

// fill gives a member some value, now and then the zero value.
func fill(v reflect.Value) {
	n := []int64{0, 1, -1, 42, math.MaxInt64, math.MinInt64}[rand.IntN(6)]
	s := texts[rand.IntN(len(texts))]
	switch p := v.Addr().Interface().(type) {
	case *DoorID:
		*p = DoorID{Locker: uint8(rand.IntN(7)), Door: uint8(rand.IntN(35))}
	case *Time:
		*p = Time(rand.Int64N(4e12))
	case *Tag:
		(*p)[3] = byte(n)
	case *bool:
		*p = rand.IntN(2) == 0
	case *Size:
		*p = Size(rand.IntN(6))
	case *Scalar:
		*p = []Scalar{{}, Number(n), Text(s)}[rand.IntN(3)]
	case *Millis:
		*p = []Millis{{}, MS(n), StageMS(Stages{}), StageMS(Stages{Decision: &n, Close: &n})}[rand.IntN(4)]
	case **CacheInfo:
		*p = &CacheInfo{Version: n, AgeS: 7}
	case **int:
		k := int(n)
		*p = &k
	default:
		switch k := v.Kind(); {
		case k == reflect.String:
			v.SetString(s)
		case v.CanInt():
			v.SetInt(n)
		case v.CanUint():
			v.SetUint(uint64(n))
		default:
			panic("a member of a new type: teach fill and AppendJSON about " + v.Type().String())
		}
	}
}
