package wire

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"lockerd/daemon/locker"
	"lockerd/sync/wire/internal/schema"
)

//go:generate go test -run ^(TestSchemas|TestGolden)$ -update

var update = flag.Bool("update", false, "write the schemas, asyncapi.json and the signatures of the golden messages anew")

// channels is the catalogue of topics.
var channels = []schema.Channel{
	{Topic: TopicState, Schema: "state", QoS: 1, Retain: true, Says: "Birth and death of a connection; the death is the will, or is published on a clean stop"},
	{Topic: TopicDoors, Schema: "doors", QoS: 1, Retain: true, Says: "The doors after the event seq, on change, at most once in 5 s"},
	{Topic: TopicStock, Schema: "stock", QoS: 1, Retain: true, Says: "The stock after the event seq, on change, at most once a second"},
	{Topic: TopicHealth, Schema: "health", QoS: 0, Retain: true, Says: "Each heartbeat"},
	{Topic: TopicEvents, Schema: "events", QoS: 1, Says: "At most 50 events and 16 KiB (one larger event goes alone, up to 64 KiB), at most 4 batches unacknowledged; at least once"},
	{Topic: TopicReply, Schema: "reply", QoS: 1, Says: "The answer to a command"},
	{Topic: TopicGet, Schema: "get", QoS: 1, Says: "The bank asks for codes"},
	{Topic: TopicBundle, Schema: "bundle", QoS: 1, Says: "A chunk of a support bundle, encrypted to whom the command bundle named; only while no event waits to be sent"},
	{Topic: TopicAck, Schema: "ack", QoS: 1, Signed: true, Says: "Frees events up to upto; publish it with QoS 0, as the next says the same and more"},
	{Topic: TopicCodes, Schema: "codes", QoS: 1, Signed: true, Says: "A delta or a chunk of a snapshot of one set of codes"},
	{Topic: TopicDesired, Schema: "desired", QoS: 1, Signed: true, Says: "The desired document, whole"},
	{Topic: TopicCommand, Schema: "command", QoS: 1, Signed: true, Says: "One command; up/reply answers it"},
	{Topic: TopicTrust, Schema: "trust", QoS: 1, Signed: true, Says: "A new set of keys"},
}

var schemas = map[string]struct {
	title string
	of    reflect.Type
}{
	"state":   {"birth or death", reflect.TypeFor[State]()},
	"doors":   {"snapshot of the doors", reflect.TypeFor[Doors]()},
	"stock":   {"snapshot of the stock", reflect.TypeFor[Stock]()},
	"health":  {"heartbeat", reflect.TypeFor[Health]()},
	"events":  {"batch of events", reflect.TypeFor[Events]()},
	"reply":   {"answer to a command", reflect.TypeFor[Reply]()},
	"get":     {"request for codes", reflect.TypeFor[Get]()},
	"bundle":  {"chunk of a support bundle", reflect.TypeFor[Bundle]()},
	"ack":     {"acknowledgement, as signed", reflect.TypeFor[Ack]()},
	"codes":   {"codes of one set, as signed", reflect.TypeFor[Codes]()},
	"desired": {"desired document, as signed", reflect.TypeFor[Desired]()},
	"command": {"command, as signed", reflect.TypeFor[Command]()},
	"trust":   {"key set for a bank, as signed", reflect.TypeFor[Trust]()},
	"jwks":    {"key set, as in keys_file", reflect.TypeFor[jwkSet]()},
	"event":   {"one line of the journal", reflect.TypeFor[locker.Event]()},
}

const about = "One bank of smart lockers and its backend; how to write one: README.md beside this file. Everything below down/ is a compact JWS with the header {\"alg\":\"EdDSA\",\"kid\":\"…\"}; the rest is plain JSON. Unknown members are ignored, duplicate members refused. Written from the Go types of lockerd/sync/wire."

// generated are the published files by name.
func generated(t *testing.T) map[string][]byte {
	t.Helper()
	docs := schema.Docs{}
	for _, dir := range []string{"../../daemon/locker", "."} {
		if err := docs.Read(dir); err != nil {
			t.Fatal(err)
		}
	}
	files := map[string]any{
		"asyncapi.json": schema.AsyncAPI("lockerd", about, "1.0.0", channels),
		"schema/jws.json": &s{
			Dialect: schema.Dialect, ID: "urn:lockerd:wire:v1:jws", Title: "compact JWS", Type: "string", MaxLength: MaxDown,
			Pattern: `^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}$`,
		},
	}
	for name, x := range schemas {
		r := rules(docs)
		r.Members["Head.typ"] = s{Const: name, Description: "the topic's last word"}
		switch name {
		case "trust":
			r.Marks["Head.journal"] = "optional"
		case "doors":
			r.Members["Item.sku"] = s{Pattern: skuForm + "|^$", Description: "empty: what was returned, as long as nobody has said what it is"}
		}
		one := r.Of(x.of)
		one.Dialect, one.ID, one.Title = schema.Dialect, "urn:lockerd:wire:v1:"+name, x.title
		files["schema/"+name+".json"] = one
	}
	out := map[string][]byte{}
	for name, v := range files {
		b, err := schema.Write(v)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = b
	}
	return out
}

// TestSchemas holds that the published files are those of the types.
func TestSchemas(t *testing.T) {
	want := generated(t)
	if *update {
		for name, b := range want {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	have, err := filepath.Glob("schema/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(have, "asyncapi.json") {
		if want[filepath.ToSlash(name)] == nil {
			t.Errorf("%s is of no type: remove it", name)
		}
	}
	for name, b := range want {
		got, err := os.ReadFile(name)
		if err != nil || !bytes.Equal(got, b) {
			t.Errorf("%s is not current (%v): run go generate ./sync/wire", name, err)
		}
	}
}

// TestSchemasAreStrict holds that each part of a schema names the type that its keywords
// are for, and each member that it requires: a validator in strict mode (ajv) refuses
// a schema else. Formats are for notes only there: patterns judge.
func TestSchemasAreStrict(t *testing.T) {
	for name, b := range generated(t) {
		var doc any
		if err := json.Unmarshal(b, &doc); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(name, "schema/") {
			strictly(t, name, doc)
		}
	}
}

var typed = map[string]string{
	"properties": "object", "required": "object", "additionalProperties": "object",
	"items": "array", "contains": "array", "minItems": "array", "maxItems": "array", "uniqueItems": "array",
	"pattern": "string", "format": "string", "minLength": "string", "maxLength": "string",
}

func strictly(t *testing.T, at string, v any) {
	t.Helper()
	m, _ := v.(map[string]any)
	for word, typ := range typed {
		if m[word] != nil && m["type"] != typ {
			t.Errorf("%s: %s without type %s", at, word, typ)
		}
	}
	members, _ := m["properties"].(map[string]any)
	required, _ := m["required"].([]any)
	for _, n := range required {
		if members[n.(string)] == nil {
			t.Errorf("%s: requires %s, which is not among its properties", at, n)
		}
	}
	if _, list := m["type"].([]any); list {
		t.Errorf("%s: more than one type", at)
	}
	for word, sub := range m {
		switch sub := sub.(type) {
		case []any:
			for _, e := range sub {
				strictly(t, at+"/"+word, e)
			}
		case map[string]any:
			if word != "properties" && word != "$defs" {
				strictly(t, at+"/"+word, sub)
				continue
			}
			for n, e := range sub {
				strictly(t, at+"/"+word+"/"+n, e)
			}
		}
	}
}

// TestAsyncAPI follows every reference of the document, and holds it against the
// contract's table of topics.
func TestAsyncAPI(t *testing.T) {
	b, err := os.ReadFile("asyncapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	follow(t, doc, doc)
	for _, c := range channels {
		for _, w := range []string{"state", "up/", "down/"} {
			if strings.HasPrefix(c.Topic, w) && (w == "down/") == c.Sent() {
				t.Errorf("%s: sent %v", c.Topic, c.Sent())
			}
		}
		if c.Signed == c.Sent() || c.Retain != strings.HasPrefix(c.Topic, "state") {
			t.Errorf("%s: signed %v, retained %v", c.Topic, c.Signed, c.Retain)
		}
	}
}

func follow(t *testing.T, doc, v any) {
	t.Helper()
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			follow(t, doc, e)
		}
	case map[string]any:
		for k, e := range v {
			if to, ok := e.(string); ok && k == "$ref" {
				if !leads(doc, to) {
					t.Errorf("$ref %s leads nowhere", to)
				}
				continue
			}
			follow(t, doc, e)
		}
	}
}

func leads(doc any, to string) bool {
	path, local := strings.CutPrefix(to, "#/")
	if !local {
		_, err := os.Stat(to)
		return err == nil
	}
	for p := range strings.SplitSeq(path, "/") {
		m, _ := doc.(map[string]any)
		if doc = m[p]; doc == nil {
			return false
		}
	}
	return true
}
