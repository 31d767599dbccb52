package bench

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockerd/scanner/camera/luma"
)

// outcome is what an engine made of one picture.
type outcome struct {
	cpu   time.Duration
	texts []string
}

// reference is a program that reads with zxing-cpp and zbar.
type reference struct {
	cmd *exec.Cmd
	in  *bufio.Writer
	out *bufio.Scanner
	dir string
}

// startReference compiles the program, which wants Debian's libraries.
func startReference(t *testing.T) *reference {
	t.Helper()
	dir := t.TempDir()
	bin := filepath.Join(dir, "reference")
	build := exec.Command("g++", "-std=c++17", "-O2", "-o", bin, "testdata/reference.cc", "-lZXing", "-lzbar")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("zxing-cpp and zbar are not here (apt-get install g++ libzxing-dev libzbar-dev): %v\n%s", err, out)
	}
	r := &reference{cmd: exec.Command(bin), dir: dir}
	in, err := r.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = r.cmd.Wait()
	})
	r.in, r.out = bufio.NewWriter(in), bufio.NewScanner(out)
	r.out.Buffer(nil, 1<<20)
	return r
}

// read lets both engines read a picture.
func (r *reference) read(t *testing.T, m *luma.Image) (zxing, zbar outcome) {
	t.Helper()
	path := filepath.Join(r.dir, "picture.pgm")
	data := append(fmt.Appendf(nil, "P5\n%d %d\n255\n", m.W, m.H), m.Pix...)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.in.WriteString(path + "\n"); err != nil {
		t.Fatal(err)
	}
	if err := r.in.Flush(); err != nil {
		t.Fatal(err)
	}
	if !r.out.Scan() {
		t.Fatalf("the reference program ended: %v", r.out.Err())
	}
	f := strings.Fields(r.out.Text())
	if len(f) != 4 {
		t.Fatalf("the reference program said %q", r.out.Text())
	}
	return parse(t, f[0], f[1]), parse(t, f[2], f[3])
}

func parse(t *testing.T, us, texts string) outcome {
	t.Helper()
	d, err := time.ParseDuration(us + "us")
	if err != nil {
		t.Fatal(err)
	}
	o := outcome{cpu: d}
	if texts == "-" {
		return o
	}
	for h := range strings.SplitSeq(texts, ",") {
		b, err := hex.DecodeString(h)
		if err != nil {
			t.Fatal(err)
		}
		o.texts = append(o.texts, string(b))
	}
	return o
}
