package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"

	"lockerd/cmd/lockerctl/flash/flashtest"
	"lockerd/cmd/lockerctl/flash/volume"
	"lockerd/daemon/seed"
)

// cardImage makes an image of a card, compressed if its name says so, with its checksum
// beside it.
func cardImage(ts *testscript.TestScript, _ bool, args []string) {
	b := flashtest.Image(flashtest.Layout{Width: 12, PerCluster: 1, Gaps: true, DataSize: 3 << 20})
	if strings.HasSuffix(args[0], ".gz") {
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		_, err := z.Write(b)
		ts.Check(err)
		ts.Check(z.Close())
		b = out.Bytes()
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".sha256"), fmt.Appendf(nil, "%x  %s\n", sha256.Sum256(b), filepath.Base(args[0])), 0o600))
}

// cardUsed makes a card that was used before: a plain file of so many MiB.
func cardUsed(ts *testscript.TestScript, _ bool, args []string) {
	var n int
	_, err := fmt.Sscan(args[1], &n)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), flashtest.Used(n<<20), 0o600))
}

// cardSeed prints the seed that a board will find on a card.
func cardSeed(ts *testscript.TestScript, neg bool, args []string) {
	b, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	f, err := volume.Find(bytes.NewReader(b), int64(len(b)), seed.Name)
	if neg {
		if err == nil {
			ts.Fatalf("there is a table")
		}
		return
	}
	ts.Check(err)
	file, err := f.Read(bytes.NewReader(b))
	ts.Check(err)
	_, err = fmt.Fprintln(ts.Stdout(), strings.TrimSpace(string(file)))
	ts.Check(err)
}

// rates are what a progress bar shows that is another one each time.
var rates = regexp.MustCompile(`( %)  .*`)

// typing runs a command on a terminal and types a word when it asks. Of a line that was
// drawn over and over it keeps what stood there last.
func typing(ts *testscript.TestScript, neg bool, args []string) {
	cmd := exec.Command(args[1], args[2:]...)
	cmd.Env = []string{"NO_COLOR=1", "TERM=xterm", "PATH=" + ts.Getenv("PATH"), "GORACE=" + ts.Getenv("GORACE")}
	cmd.Dir = ts.Getenv("WORK")
	tty, err := pty.Start(cmd)
	ts.Check(err)
	var shown strings.Builder
	buf, asked := make([]byte, 4096), false
	for {
		n, err := tty.Read(buf)
		shown.Write(buf[:n])
		if err != nil { // EIO: the other end is closed
			break
		}
		if !asked && strings.HasSuffix(shown.String(), ": ") {
			asked = true
			_, err := io.WriteString(tty, args[0]+"\n")
			ts.Check(err)
		}
	}
	ts.Check(tty.Close())
	if err := cmd.Wait(); (err != nil) != neg {
		ts.Fatalf("%v\n%s", err, shown.String())
	}
	for line := range strings.Lines(strings.ReplaceAll(shown.String(), "\r\n", "\n")) {
		line = line[strings.LastIndex(line, "\r")+1:]
		line = rates.ReplaceAllString(strings.TrimPrefix(line, "\x1b[K"), "$1")
		_, err := io.WriteString(ts.Stdout(), line)
		ts.Check(err)
	}
}
