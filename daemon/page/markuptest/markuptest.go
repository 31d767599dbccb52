// Package markuptest tries whether a text can become markup of a page that shows
// it: a page must have the same skeleton with hostile texts as with harmless ones.
package markuptest

import (
	"encoding/xml"
	"errors"
	"html"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Evil would leave any place that a text can have: an element, an attribute in
// either quotes, the title, the style sheet, a comment.
const Evil = `"></title></style>--><script>alert(1)</script><i onload='x' ' onload=x &lt;`

const harmless = "harmlessword"

// Skeleton is a page without its texts: its elements, and each one's attributes by
// name. It fails the test where an element is not closed, so that any reader shows
// the same.
func Skeleton(t *testing.T, page string) []string {
	t.Helper()
	page = regexp.MustCompile(`<(meta|br)\b[^>]*`).ReplaceAllString(page, "$0/") // are never closed
	d := xml.NewDecoder(strings.NewReader(page))
	d.Entity = xml.HTMLEntity
	var out []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%v in the page:\n%s", err, page)
		}
		if e, ok := token.(xml.StartElement); ok {
			out = append(out, e.Name.Local)
			for _, a := range e.Attr {
				out = append(out, e.Name.Local+" "+a.Name.Local)
			}
		}
	}
}

// Run fails the test unless the page made with Evil has the skeleton of that made
// with a harmless text, and shows Evil wherever that shows its text: at least so
// often.
func Run(t *testing.T, least int, page func(text string) string) {
	t.Helper()
	plain, hostile := page(harmless), page(Evil)
	if want, got := Skeleton(t, plain), Skeleton(t, hostile); !slices.Equal(got, want) {
		t.Errorf("a text has become markup: %q, not %q", got, want)
	}
	want, got := strings.Count(plain, harmless), strings.Count(hostile, html.EscapeString(Evil))
	if got != want || want < least {
		t.Errorf("the hostile text stands in the page %d times, the harmless one %d times, at least %d wanted", got, want, least)
	}
}

// NothingIsRaw fails the test if the package under test puts anything into its pages as
// it stands, or if its style sheet could end where it stands.
func NothingIsRaw(t *testing.T, style string) {
	t.Helper()
	if found := Raw(t); len(found) > 0 || strings.Contains(style, "<") {
		t.Errorf("put in as it stands: %q", found)
	}
}

// Raw lists what the package under test puts into its pages as it stands.
func Raw(t *testing.T) (found []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		source, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(f, "_test.go") {
			found = append(found, regexp.MustCompile(`\bg\.Rawf?\b(\(\w*\))?`).FindAllString(string(source), -1)...)
		}
	}
	return found
}

// Fill puts a text wherever the value that v points to can hold one, and something
// in all else.
func Fill(v any, text string) { fill(reflect.ValueOf(v).Elem(), text) }

func fill(v reflect.Value, text string) {
	switch v.Kind() { //nolint:exhaustive // what documents are made of
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Struct:
		for _, f := range v.Fields() {
			if f.CanSet() {
				fill(f, text)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		elements(v, text)
	case reflect.Array:
		elements(v, text)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, text)
		fill(value, text)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	default:
		v.Set(reflect.ValueOf(3).Convert(v.Type()))
	}
}

func elements(v reflect.Value, text string) {
	for i := range v.Len() {
		fill(v.Index(i), text)
	}
}
