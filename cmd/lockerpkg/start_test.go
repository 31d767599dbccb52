package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// startMax is how much longer lockerd may take than a program that links the
// same libraries and does nothing. Issue 6.
const startMax = 1.2

// BenchmarkStart measures from exec to the end of `lockerd version`, beside a stub
// that links every package that lockerd links and is not ours. They take turns in
// one run. It is for people: a busy machine can make it fail.
func BenchmarkStart(b *testing.B) {
	b.Run("amd64", func(b *testing.B) {
		benchStart(b, targets()[0], func(exe string) *exec.Cmd { return exec.CommandContext(b.Context(), exe, "version") })
	})
	for _, e := range boards() {
		b.Run(e.target, func(b *testing.B) {
			if _, err := exec.LookPath(e.Emulator); err != nil {
				b.Skipf("%s is not here: apt-get install qemu-user-static", e.Emulator)
			}
			t, err := choose(targets(), e.target)
			if err != nil {
				b.Fatal(err)
			}
			benchStart(b, t[0], func(exe string) *exec.Cmd {
				return exec.CommandContext(b.Context(), e.Emulator, "-cpu", e.CPU, exe, "version")
			})
		})
	}
}

func benchStart(b *testing.B, t target, command func(exe string) *exec.Cmd) {
	b.Helper()
	dir := b.TempDir()
	ours, stub := filepath.Join(dir, "lockerd"), filepath.Join(dir, "stub")
	linked := buildStub(b, t, dir, stub)
	if _, err := golang(b.Context(), t, "build", "-trimpath", "-ldflags", "-s -w", "-o", ours, "lockerd/cmd/lockerd"); err != nil {
		b.Fatal(err)
	}
	var times [2][]time.Duration
	for b.Loop() {
		for i, exe := range []string{ours, stub} {
			begun := time.Now()
			if out, err := command(exe).CombinedOutput(); err != nil || !bytes.HasSuffix(out, []byte("\n")) {
				b.Fatalf("%s: %v\n%s", exe, err, out)
			}
			times[i] = append(times[i], time.Since(begun))
		}
	}
	// What else the machine does adds to a start, and more to the longer one: the
	// fastest tenth is nearest to what a start takes.
	fast := func(d []time.Duration) time.Duration { slices.Sort(d); return d[len(d)/10] }
	l, s := fast(times[0]), fast(times[1])
	ratio := float64(l) / float64(s)
	b.ReportMetric(ratio, "lockerd/stub")
	b.ReportMetric(float64(l.Microseconds())/1e3, "ms-lockerd")
	b.ReportMetric(float64(s.Microseconds())/1e3, "ms-stub")
	b.ReportMetric(float64(linked), "packages")
	b.ReportMetric(size(b, ours), "MiB-lockerd")
	b.ReportMetric(size(b, stub), "MiB-stub")
	if len(times[0]) >= 20 && ratio > startMax {
		b.Errorf("lockerd starts in %s, the stub in %s: %.2f times, more than %.1f", l, s, ratio, startMax)
	}
}

func size(b *testing.B, exe string) float64 {
	b.Helper()
	fi, err := os.Stat(exe)
	if err != nil {
		b.Fatal(err)
	}
	return float64(fi.Size()) / (1 << 20)
}

// buildStub builds a program that links what lockerd links and is not ours, and
// returns how many packages that are. It names each of their functions, or the linker
// would leave them out and only their initialisation in. Its source is laid over the
// repository, so that the versions are go.mod's.
func buildStub(b *testing.B, t target, dir, exe string) (linked int) {
	b.Helper()
	list, err := golang(b.Context(), t, "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}} {{.Dir}} {{join .GoFiles \" \"}}{{end}}", "lockerd/cmd/lockerd")
	if err != nil {
		b.Fatal(err)
	}
	var imports, funcs strings.Builder
	for line := range strings.Lines(string(list)) {
		f := strings.Fields(line)
		if len(f) < 3 || strings.HasPrefix(f[0], "lockerd/") || slices.Contains(strings.Split(f[0], "/"), "internal") {
			continue
		}
		name := "_"
		for _, fn := range functions(b, f[1], f[2:]) {
			name = fmt.Sprintf("p%d", linked)
			fmt.Fprintf(&funcs, "\t%s.%s,\n", name, fn)
		}
		fmt.Fprintf(&imports, "\t%s %q\n", name, f[0])
		linked++
	}
	if linked == 0 {
		b.Fatal("the stub links nothing")
	}
	src := "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n" + imports.String() + ")\n\nvar linked = []any{\n" + funcs.String() + "}\n\n" +
		"func main() { fmt.Fprintln(os.Stdout, \"stub\", len(linked), linked[len(os.Args)] != nil) }\n"
	file := filepath.Join(dir, "main.go")
	if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
		b.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		b.Fatal(err)
	}
	over, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(root, "cmd/startstub/main.go"): file}})
	if err != nil {
		b.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, over, 0o600); err != nil {
		b.Fatal(err)
	}
	if _, err := golang(b.Context(), t, "build", "-overlay", overlay, "-trimpath", "-ldflags", "-s -w", "-o", exe, "lockerd/cmd/startstub"); err != nil {
		b.Fatal(err)
	}
	return linked
}

// functions are a package's exported ones that can stand as a value.
func functions(b *testing.B, dir string, files []string) (names []string) {
	b.Helper()
	for _, f := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, f), nil, parser.SkipObjectResolution)
		if err != nil {
			b.Fatal(err)
		}
		for _, d := range tree.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Type.TypeParams == nil && fn.Name.IsExported() {
				names = append(names, fn.Name.Name)
			}
		}
	}
	return names
}
