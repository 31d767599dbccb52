package strict

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"lockerd/daemon/locker"
)

type inner struct {
	A int     `json:"a"`
	B *string `json:"b,omitempty"`
}

type base struct {
	Bank string `json:"bank"`
}

type sample struct {
	base
	N     int64           `json:"n"`
	U     uint64          `json:"u,omitempty"`
	F     *float64        `json:"f,omitempty"`
	OK    bool            `json:"ok,omitempty"`
	Door  locker.DoorID   `json:"door,omitzero"`
	Tag   locker.Tag      `json:"tag,omitzero"`
	At    locker.Time     `json:"at,omitzero"`
	List  []inner         `json:"list,omitempty"`
	Map   map[string]int  `json:"map,omitempty"`
	Raw   json.RawMessage `json:"raw,omitempty"`
	Any   any             `json:"any,omitempty"`
	Maybe *inner          `json:"maybe,omitempty" strict:"null"`
	Self  *string         `json:"self,omitempty"`
	Lax   string          `json:"lax" strict:"optional"`
}

var samplePlan = Compile[sample](nil)

// TestRefused names what is refused, where, and in which words.
func TestRefused(t *testing.T) {
	const ok = `{"bank":"b","n":1`
	for in, want := range map[string]string{
		``:                                   "must be an object",
		`null`:                               "must be an object",
		`[]`:                                 "must be an object",
		`{"bank":"b"}`:                       "n: is missing",
		`{"n":1}`:                            "bank: is missing",
		`{"BANK":"b","n":1}`:                 "bank: is missing",
		ok:                                   "is no JSON object",
		ok + `,}`:                            "is no JSON object",
		ok + `}}`:                            "has data after its end",
		ok + "}\x00":                         "has data after its end",
		ok + `,"n":1}`:                       "n: stands twice in one object",
		ok + `,"\u006e":1}`:                  "n: stands twice in one object",
		ok + `,"zzz":1,"zzz":2}`:             "stands twice in one object",
		ok + `,"zzz":[{"x":{"y":1,"y":1}}]}`: "stands twice in one object",
		ok + `,"raw":{"y":1,"y":1}}`:         "raw: stands twice in one object",
		ok + `,"any":{"y":1,"y":1}}`:         "any: stands twice in one object",
		ok + `,"map":{"y":1,"y":1}}`:         "map: stands twice in one object",
		ok + `,"list":[{"a":1},{"a":"x"}]}`:  "list[1].a: must be a number",
		ok + `,"list":[{"a":1,"b":null}]}`:   "list[0].b: must not be null",
		ok + `,"list":[null]}`:               "list[0]: must be an object",
		ok + `,"list":{}}`:                   "list: must be an array",
		ok + `,"list":[{"a":1} {"a":1}]}`:    "list: is no JSON array",
		ok + `,"map":[]}`:                    "map: must be an object",
		ok + `,"map":{"y":null}}`:            "map: must be a number",
		ok + `,"ok":1}`:                      "ok: must be true or false",
		ok + `,"ok":tru}`:                    "ok: must be true or false",
		ok + `,"u":-1}`:                      "u: must not be below 0",
		ok + `,"u":1.0}`:                     "u: must be a whole number, written without point and exponent",
		ok + `,"u":1e2}`:                     "u: must be a whole number, written without point and exponent",
		ok + `,"u":01}`:                      "u: is no JSON value",
		ok + `,"u":9007199254740993}`:        "u: a number is beyond 2^53-1",
		ok + `,"u":9007199254740992}`:        "u: a number is beyond 2^53-1",
		ok + `,"zzz":-9007199254740992}`:     "a number is beyond 2^53-1",
		ok + `,"zzz":1e999}`:                 "a number is beyond 2^53-1",
		ok + `,"zzz":0.` + strings.Repeat("1", 40) + `}`: "a number has more than 32 characters",
		ok + `,"zzz":-}`:                              "is no JSON value",
		ok + `,"zzz":.5}`:                             "is no JSON value",
		ok + `,"zzz":1.}`:                             "is no JSON value",
		ok + `,"zzz":1e}`:                             "is no JSON value",
		ok + `,"zzz":NaN}`:                            "is no JSON value",
		ok + `,"zzz":nul}`:                            "is no JSON value",
		ok + `,"zzz":"a` + "\n" + `"}`:                "a text has a raw control character",
		ok + `,"zzz":"` + "\xff" + `"}`:               "a text is no valid UTF-8",
		ok + `,"zzz":"\ud800"}`:                       `a text has a broken \u escape`,
		ok + `,"zzz":"\ud800\ud800"}`:                 `a text has a broken \u escape`,
		ok + `,"zzz":"\udc00\ud800"}`:                 `a text has a broken \u escape`,
		ok + `,"zzz":"\u12g4"}`:                       `a text has a broken \u escape`,
		ok + `,"zzz":"\u12"}`:                         `a text has a broken \u escape`,
		ok + `,"zzz":"\x"}`:                           "a text has an unknown escape",
		ok + `,"zzz":"\`:                              "a text has no end",
		ok + `,"zzz":"`:                               "a text has no end",
		ok + `,"door":"1-35"}`:                        "door: a door is written L-DD, locker 1-6 and door 01-34",
		ok + `,"door":""}`:                            "door: a door is written L-DD, locker 1-6 and door 01-34",
		ok + `,"door":7}`:                             "door: must be a text",
		ok + `,"tag":"Jubx0pYK4p7fmxWXHDg7o\nw"}`:     "tag: a tag is 22 characters of unpadded base64url",
		ok + `,"at":"9999-12-31T23:59:59.999-00:01"}`: "at: a time is written 2006-01-02T15:04:05.000Z",
		ok + `,"at":"1969-12-31T23:59:59.999Z"}`:      "at: a time is written 2006-01-02T15:04:05.000Z",
		ok + `,"at":"2026-11-22"}`:                    "at: a time is written 2006-01-02T15:04:05.000Z",
		ok + `,"zzz":` + strings.Repeat(`[`, MaxDepth) + strings.Repeat(`]`, MaxDepth) + `}`: "is nested deeper than 16 levels",
		ok + `,"zzz":` + strings.Repeat(`[`, 1<<16):                                          "is nested deeper than 16 levels",
	} {
		_, err := samplePlan.Decode([]byte(in))
		if err == nil || err.Error() != want {
			t.Errorf("%.80s\n got %v\nwant %s", in, err, want)
		}
	}
}

func TestTaken(t *testing.T) {
	in := " {\"bank\":\"b\\u00e9\\ud83d\\ude00\\n\",\t\"n\":-9007199254740991,\"u\":9007199254740991,\"f\":-1.5e-3,\"ok\":true,\"door\":\"1-07\"," +
		`"list":[{"a":1,"b":""},{"a":2}],"map":{"x":1},"raw": {"k":[1, null]} ,"any":{"k":[1,null]},"maybe":null,"N":3,"new":{"bank":[]}}` + "\r\n"
	got, err := samplePlan.Decode([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	f, empty := -1.5e-3, ""
	want := sample{
		base: base{"bé😀\n"}, N: -MaxInt, U: MaxInt, F: &f, OK: true, Door: locker.DoorID{Locker: 1, Door: 7},
		List: []inner{{1, &empty}, {2, nil}}, Map: map[string]int{"x": 1}, Raw: json.RawMessage(`{"k":[1, null]}`),
		Any: map[string]any{"k": []any{1.0, nil}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

// TestManyNames goes past the length at which names are looked up in a map.
func TestManyNames(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"x0":0`)
	for i := range 20_000 {
		b.WriteString(`,"y` + strings.Repeat("z", i%7) + string(rune('a'+i%26)) + locker.Time(i).String() + `":0`)
	}
	if err := Check([]byte(b.String() + "}")); err != nil {
		t.Errorf("all different: %v", err)
	}
	if err := Check([]byte(b.String() + `,"x0":1}`)); err == nil {
		t.Error("the first name again was taken")
	}
}

// FuzzCheck holds that what is taken is JSON for encoding/json too, and that what
// only we refuse is refused for one of the reasons of the package comment.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{`{"a":[1,-0.5e3,"\u00e9\ud83d\ude00",true,null,{}]}`, `[[[]]]`, `{"a":1,"\u0061":2}`, `"\ud800"`, `9007199254740993`, `1e400`, "\"\xff\"", ` 0 `} {
		f.Add([]byte(s))
	}
	ours := []string{"stands twice", "nested deeper", "beyond 2^53", "more than 32", "UTF-8", `\u escape`}
	f.Fuzz(func(t *testing.T, b []byte) {
		err := Check(b)
		if valid := json.Valid(b); err == nil && !valid {
			t.Fatalf("taken, but no JSON: %q", b)
		} else if err != nil && valid {
			for _, o := range ours {
				if strings.Contains(err.Error(), o) {
					return
				}
			}
			t.Fatalf("refused: %v: %q", err, b)
		}
	})
}

// FuzzDecode holds that what is decoded, written and decoded is the same, and that
// encoding/json reads the written form alike.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"bank":"b","n":1,"u":2,"f":0.5,"ok":true,"door":"1-07","list":[{"a":1,"b":"x"}],"map":{"x":1},"raw":{"k":[1]},"any":{"k":[1,null]},"self":"s"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := samplePlan.Decode(b)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		out, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		again, err := samplePlan.Decode(out)
		if err != nil {
			t.Fatalf("written as %s: %v", out, err)
		}
		var std sample
		if err := json.Unmarshal(out, &std); err != nil {
			t.Fatal(err)
		}
		for _, o := range []sample{again, std} {
			if got, _ := json.Marshal(o); string(got) != string(out) {
				t.Fatalf("read again: %s, want %s", got, out)
			}
		}
	})
}
