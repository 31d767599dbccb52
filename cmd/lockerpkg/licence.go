package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// module is one that is linked into the programs.
type module struct {
	path    string
	version string
	sum     string // of go.sum
	ids     []string
	texts   []text
}

// text is a file about the rights in a module.
type text struct {
	name string // below the module
	body string
}

// goModule stands for Go's own library, which is in every program.
const goModule = "std"

// licences collects the licence of every module that is linked in, and of Go.
// A module that has none, or one that is not in the catalogue, is an error: what
// may not be passed on is found before it is packed.
func (b *built) licences(ctx context.Context) error {
	dirs, err := b.linked(ctx)
	if err != nil {
		return err
	}
	goroot, err := golang(ctx, b.target, "env", "GOROOT")
	if err != nil {
		return err
	}
	root := strings.TrimSpace(string(goroot))
	dirs[goModule] = &sources{root: root, dirs: []string{root}}
	b.mods = append(b.mods, module{path: goModule, version: b.golang})
	var all error
	for i := range b.mods {
		m := &b.mods[i]
		src := dirs[m.path]
		if src == nil {
			return fmt.Errorf("cannot find the sources of %s: go list names no package of it", m.path)
		}
		all = errors.Join(all, m.collect(src))
	}
	return all
}

// sources are the directories of a module that packages are linked from.
type sources struct {
	root string
	dirs []string
}

// linked asks the go command where the linked packages lie.
func (b *built) linked(ctx context.Context) (map[string]*sources, error) {
	format := "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Dir}}\t{{$.Dir}}{{end}}{{end}}"
	out, err := golang(ctx, b.target, append([]string{"list", "-deps", "-f", format}, packages()...)...)
	if err != nil {
		return nil, err
	}
	all := map[string]*sources{}
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 3 {
			continue // a package of Go or of ours
		}
		if all[f[0]] == nil {
			all[f[0]] = &sources{root: f[1]}
		}
		all[f[0]].dirs = append(all[f[0]].dirs, f[2])
	}
	return all, nil
}

// rights matches the names of files that speak of rights; those that licences
// matches must be known.
var (
	rights   = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense|notice|patents|copyright)([-._].*)?$`)
	licences = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)([-._].*)?$`)
)

// collect reads the files about rights in the linked packages' directories and
// those above them, up to the module's root.
func (m *module) collect(src *sources) error {
	seen := map[string]bool{}
	for _, dir := range src.dirs {
		for ; !seen[dir] && strings.HasPrefix(dir, src.root); dir = filepath.Dir(dir) {
			seen[dir] = true
			if err := m.read(src.root, dir); err != nil {
				return err
			}
		}
	}
	slices.SortFunc(m.texts, func(x, y text) int { return strings.Compare(x.name, y.name) })
	slices.Sort(m.ids)
	m.ids = slices.Compact(m.ids)
	if len(m.ids) == 0 {
		return fmt.Errorf("%s %s has no licence: ask its authors, or do without it", m.path, m.version)
	}
	return nil
}

func (m *module) read(root, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() || !rights.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		m.texts = append(m.texts, text{name: name, body: string(body)})
		if !licences.MatchString(e.Name()) {
			continue
		}
		ids := identify(string(body))
		if len(ids) == 0 {
			return fmt.Errorf("%s %s: cannot tell which licence %s is: read it, and add it to known() in licence_known.go if it may be passed on", m.path, m.version, name)
		}
		m.ids = append(m.ids, ids...)
	}
	return nil
}
