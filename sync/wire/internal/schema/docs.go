package schema

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
)

// Docs are the comments of structs ("package.Type") and of their members
// ("package.Type.member").
type Docs map[string]string

// Read adds the comments of the Go files in a directory, tests left out.
func (d Docs) Read(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("cannot read comments: %w", err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ParseComments)
		if err != nil {
			return fmt.Errorf("cannot read comments: %w", err)
		}
		d.file(f)
	}
	return nil
}

func (d Docs) file(f *ast.File) {
	for _, decl := range f.Decls {
		g, ok := decl.(*ast.GenDecl)
		if !ok || g.Tok != token.TYPE {
			continue
		}
		for _, s := range g.Specs {
			ts, ok := s.(*ast.TypeSpec)
			if !ok {
				continue
			}
			st, ok := ts.Type.(*ast.StructType)
			if !ok {
				continue
			}
			name := f.Name.Name + "." + ts.Name.Name
			if text := line(g.Doc); text != "" {
				d[name] = text
			}
			d.members(name, st)
		}
	}
}

func (d Docs) members(owner string, st *ast.StructType) {
	for _, f := range st.Fields.List {
		if f.Tag == nil {
			continue
		}
		name, _, _ := strings.Cut(reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("json"), ",")
		if text := line(f.Comment); text != "" {
			d[owner+"."+name] = text
		}
	}
}

// source is where a comment has it from, which readers of a schema do not have.
var source = regexp.MustCompile(` \(contract [0-9.]+\)|, contract [0-9.]+`)

func line(c *ast.CommentGroup) string {
	return source.ReplaceAllString(strings.TrimSpace(strings.ReplaceAll(c.Text(), "\n", " ")), "")
}
