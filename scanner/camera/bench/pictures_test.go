package bench

import (
	"encoding/base64"
	"encoding/csv"
	"image"
	_ "image/jpeg" // the project's own pictures
	_ "image/png"  // those from public corpora
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lockerd/scanner/camera/luma"
)

// picture is one still with what is in it.
type picture struct {
	path   string
	set    string // folder and format: a row of the table
	none   bool   // no code: whatever is read is wrong
	expect string
	also   []string // other codes that are really in it
	luma   luma.Image
}

// judge says what became of what was read.
func (p *picture) judge(texts []string) (hit bool, wrong int) {
	for _, t := range texts {
		switch {
		case !p.none && t == p.expect:
			hit = true
		case slices.Contains(p.also, t):
		default:
			wrong++
		}
	}
	return hit, wrong
}

// load reads the pictures that a manifest names.
func load(t *testing.T, dir string) []*picture {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "manifest.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	var out []*picture
	for _, row := range rows[1:] {
		p := &picture{path: filepath.Join(dir, row[column["file"]]), expect: row[column["expected_text"]]}
		format := row[column["format"]]
		p.none, p.set = format == "-", filepath.Base(dir)+" "+format
		if i, ok := column["expected_base64"]; ok && row[i] != "" {
			b, err := base64.StdEncoding.DecodeString(row[i])
			if err != nil {
				t.Fatal(err)
			}
			p.expect = string(b)
		}
		if i, ok := column["also_valid"]; ok && row[i] != "" {
			p.also = strings.Split(row[i], "|")
		}
		p.decode(t)
		out = append(out, p)
	}
	return out
}

func (p *picture) decode(t *testing.T) {
	t.Helper()
	f, err := os.Open(p.path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read
	img, _, err := image.Decode(f)
	if err != nil {
		t.Fatalf("%s: %v", p.path, err)
	}
	if err := p.luma.FromImage(img); err != nil {
		t.Fatal(err)
	}
}
