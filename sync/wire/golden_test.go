package wire

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// golden is one message of testdata/wire.
type golden struct {
	Name         string          `json:"name"`
	Topic        string          `json:"topic"`
	Message      json.RawMessage `json:"message,omitempty"`
	Text         string          `json:"text,omitempty"`   // instead of Message: what a JSON reader would change
	KID          string          `json:"kid,omitempty"`    // down: who signs
	Reason       string          `json:"reason,omitempty"` // why it is refused; a bank's message is malformed or not
	Op           string          `json:"op,omitempty"`
	ID           string          `json:"id,omitempty"`
	Bad          bool            `json:"bad,omitempty"`           // taken, and answered with refused or config.rejected
	Lossy        bool            `json:"lossy,omitempty"`         // has members that are ignored
	BeyondSchema bool            `json:"beyond_schema,omitempty"` // no schema can tell
	JWS          string          `json:"jws,omitempty"`           // down: the whole message
}

func (g *golden) body(t *testing.T) string {
	t.Helper()
	if g.Text != "" {
		return g.Text
	}
	var b bytes.Buffer
	if err := json.Compact(&b, g.Message); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func goldens(t *testing.T) map[string][]*golden {
	t.Helper()
	files, err := filepath.Glob("../../testdata/wire/*.json")
	if err != nil || len(files) != len(channels) {
		t.Fatalf("%d files for %d topics: %v", len(files), len(channels), err)
	}
	all := map[string][]*golden{}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var list []*golden
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		if err := d.Decode(&list); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[name] = list
	}
	return all
}

// TestGolden holds the golden messages against the decoders and the schemas: both
// take what is good and refuse what is not, where a schema can tell.
func TestGolden(t *testing.T) {
	judges := validators(t)
	for file, list := range goldens(t) {
		kind := strings.TrimSuffix(filepath.Base(file), ".json")
		for _, g := range list {
			t.Run(kind+"/"+g.Name, func(t *testing.T) {
				if strings.HasPrefix(g.Topic, "down/") {
					g.down(t)
				} else {
					g.up(t)
				}
				g.schema(t, judges[kind])
			})
		}
		if *update {
			var b bytes.Buffer
			e := json.NewEncoder(&b)
			e.SetEscapeHTML(false)
			e.SetIndent("", " ")
			if err := e.Encode(list); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (g *golden) down(t *testing.T) {
	t.Helper()
	body := g.body(t)
	jws := plain(t, g.KID, body)
	if *update {
		g.JWS = string(jws)
	} else if g.JWS != string(jws) {
		t.Error("jws is not current: run go generate ./sync/wire")
	}
	m, key, r := trusted(t).Open(here, g.Topic, jws, false)
	if r != nil {
		if r.Reason != g.Reason || r.Op != g.Op || r.ID != g.ID {
			t.Errorf("refused %q op %q id %q (%s), want %q %q %q", r.Reason, r.Op, r.ID, r.Why, g.Reason, g.Op, g.ID)
		}
		return
	}
	if g.Reason != "" || key.KID != g.KID || bad(m) != g.Bad {
		t.Errorf("taken from %s, bad %v; want reason %q, bad %v", key.KID, bad(m), g.Reason, g.Bad)
	}
	if !g.Bad {
		g.same(t, m)
	}
}

func (g *golden) up(t *testing.T) {
	t.Helper()
	b := []byte(g.body(t))
	v, err := map[string]func([]byte) (any, error){
		TopicState: decodes(DecodeState), TopicDoors: decodes(DecodeDoors), TopicStock: decodes(DecodeStock), TopicHealth: decodes(DecodeHealth),
		TopicEvents: decodes(DecodeEvents), TopicReply: decodes(DecodeReply), TopicGet: decodes(DecodeGet), TopicBundle: decodes(DecodeBundle),
	}[g.Topic](b)
	if (err != nil) != (g.Reason == Malformed) {
		t.Errorf("%v, want reason %q", err, g.Reason)
	}
	if err == nil {
		g.same(t, v)
	}
}

func decodes[T any](f func([]byte) (T, error)) func([]byte) (any, error) {
	return func(b []byte) (any, error) { return f(b) }
}

// same asks whether v is written as the golden message is.
func (g *golden) same(t *testing.T, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if json.Unmarshal(b, &got) != nil || json.Unmarshal([]byte(g.body(t)), &want) != nil {
		t.Fatalf("no JSON: %s", b)
	}
	if !g.Lossy && !reflect.DeepEqual(got, want) {
		t.Errorf("written again:\n%s\nwant\n%s", b, g.body(t))
	}
}

func (g *golden) schema(t *testing.T, judge *jsonschema.Schema) {
	t.Helper()
	if g.Text != "" { // refused before anybody looks at members
		return
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(g.body(t)))
	if err != nil {
		t.Fatal(err)
	}
	err = judge.Validate(v)
	wrong := g.Reason == Malformed || g.Bad
	switch {
	case g.BeyondSchema && err != nil:
		t.Errorf("the schema can tell after all: %v", err)
	case !g.BeyondSchema && wrong && err == nil:
		t.Error("the schema takes it")
	case g.Reason == "" && !g.Bad && err != nil:
		t.Errorf("the schema refuses it: %v", err)
	}
}

// TestOpeningNamesTheNonce holds what only the schema can say: the bank answers an
// order to open without the birth's nonce, as one with a wrong one.
func TestOpeningNamesTheNonce(t *testing.T) {
	judge := validators(t)["command"]
	for _, typ := range []string{"open_all", "poll"} {
		body := `{"v":1,"typ":"command","bank":"lon-042","journal":"j","id":"c","type":"` + typ + `","args":{},"iat":"2026-11-22T10:00:00Z","exp":"2026-11-22T10:00:30Z","counter":1}`
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if err := judge.Validate(v); (err == nil) != (typ == "poll") {
			t.Errorf("%s: %v", typ, err)
		}
	}
}

func validators(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	all := map[string]*jsonschema.Schema{}
	files := generated(t) // TestSchemas holds that these are the published ones
	for name := range schemas {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(files["schema/"+name+".json"]))
		if err != nil {
			t.Fatal(err)
		}
		url := "urn:lockerd:wire:v1:" + name
		if err := c.AddResource(url, doc); err != nil {
			t.Fatal(err)
		}
		if all[name], err = c.Compile(url); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestSchemaOfJWS holds that the schema of the envelope takes what is signed.
func TestSchemaOfJWS(t *testing.T) {
	v := vector[[]jwsVector](t, "jws.json")
	c := jsonschema.NewCompiler()
	judge, err := c.Compile("schema/jws.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := judge.Validate(v[0].JWS); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", v[0].JWS + "=", v[0].JWS + ".", v[0].Payload} {
		if judge.Validate(bad) == nil {
			t.Errorf("taken: %.20s", bad)
		}
	}
}
