package bench

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.bug.st/serial"
	"golang.org/x/sys/unix"

	"lockerd/cmd/lockerd/cli"
	"lockerd/daemon/access"
	"lockerd/daemon/locker"
	"lockerd/store"
)

const (
	bankName = "lon-042"
	lockers  = 6
	perLock  = 34 // doors a locker: 24 on its first board, 10 on its second
	roleEnv  = "LOCKERD_BENCH_ROLE"
	// coils: a scan every 20 ms would wait for the pulse before it, 300 ms, if
	// one lock at a time could be pulsed. Here the software is measured.
	coils = 16
)

// TestMain lets the test binary be the programs it measures, so that each runs
// in a process of its own.
func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case "":
		os.Exit(m.Run())
	case "lockerd":
		os.Exit(cli.Run(os.Args[1:], os.Stdout, os.Stderr))
	case "reference":
		straightLine(os.Args[1], os.Args[2], os.Args[3], os.Args[4])
	}
	if len(os.Args) > 1 && os.Args[1] == "_check-store" {
		os.Exit(cli.Run(os.Args[1:], os.Stdout, os.Stderr))
	}
}

// door is one door as all contestants know it.
type door struct {
	id          locker.DoorID
	text        string
	board, lock byte
}

func doors() []door {
	var out []door
	for l := range lockers {
		for n := range perLock {
			d := door{id: locker.DoorID{Locker: uint8(l + 1), Door: uint8(n + 1)}, board: byte(2*l + 1), lock: byte(n + 1)}
			if n >= 24 {
				d.board, d.lock = byte(2*l+2), byte(n-23)
			}
			d.text = access.WithCheck(fmt.Sprintf("%024d", 1_000_000+l*100+n))
			out = append(out, d)
		}
	}
	return out
}

// fillStore makes the data directory of a bank with n codes of a tenant and one
// code of many uses for each door.
func fillStore(tb testing.TB, dir string, n int) {
	tb.Helper()
	s, err := store.Open(context.Background(), dir, store.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	l, err := s.LoadSnapshot("acme")
	if err != nil {
		tb.Fatal(err)
	}
	slice := make([]locker.Code, 0, 2000)
	for i := range n {
		slice = append(slice, randomCode(i))
		if len(slice) == cap(slice) || i == n-1 {
			if err := l.Add(slice); err != nil {
				tb.Fatal(err)
			}
			slice = slice[:0]
		}
	}
	info, err := l.Seal()
	if err != nil {
		tb.Fatal(err)
	}
	info.Epoch, info.Version = 1, 1
	if _, err := l.Finish(info, &locker.Commit{}); err != nil {
		tb.Fatal(err)
	}
	c := &locker.Commit{}
	zero := 0
	for i, d := range doors() {
		c.Codes = append(c.Codes, locker.CodeChange{Set: locker.SetLocal, Put: &locker.Code{
			ID: fmt.Sprintf("l-%d", i), Tag: locker.TagOf(bankName, d.text), Kind: locker.Collect, Door: d.id, Uses: &zero,
		}})
	}
	if _, err := s.Commit(c); err != nil {
		tb.Fatal(err)
	}
	if err := s.Close(); err != nil {
		tb.Fatal(err)
	}
}

func randomCode(i int) locker.Code {
	c := locker.Code{
		ID: fmt.Sprintf("c-%08d", i), Kind: locker.Collect, Ref: "REQ0012345", SKU: "laptop-14",
		NotBefore: 1_700_000_000_000, NotAfter: 1_900_000_000_000,
	}
	_, _ = rand.Read(c.Tag[:]) // never fails (crypto/rand)
	return c
}

// fillSQLite gives the Python script the same codes.
func fillSQLite(tb testing.TB, path string, n int) {
	tb.Helper()
	var in strings.Builder
	for _, d := range doors() {
		tag := locker.TagOf(bankName, d.text)
		fmt.Fprintf(&in, "%x %d %d\n", tag[:], d.board, d.lock)
	}
	cmd := exec.Command("/usr/bin/python3", "testdata/fill.py", path, fmt.Sprint(n))
	cmd.Stdin, cmd.Stderr = strings.NewReader(in.String()), os.Stderr
	if err := cmd.Run(); err != nil {
		tb.Fatal(err)
	}
}

// config writes the bank's configuration: six lockers of 34 doors on one bus.
func config(tb testing.TB, dir, data string, scanner, bus string) string {
	tb.Helper()
	var s strings.Builder
	fmt.Fprintf(&s, "version = 1\nbank = %q\ndata_dir = %q\n[open]\najar_warn = \"1h\"\najar_alarm = \"2h\"\n", bankName, data)
	if bus == "sim" {
		s.WriteString("[[bus]]\nname = \"a\"\ndriver = \"sim\"\n[bus.profile]\nbaud_pacing = \"on\"\n")
	} else {
		fmt.Fprintf(&s, "[[bus]]\nname = \"a\"\ndriver = \"xor8a\"\nport = %q\ncoils = %d\n", bus, coils)
	}
	for l := range lockers {
		fmt.Fprintf(&s, "[[locker]]\nnumber = %d\nbus = \"a\"\nsize = \"M\"\ndoors = %d\nboards = [ { address = %d, channels = 24, first_door = 1 }, { address = %d, channels = 10, first_door = 25 } ]\n",
			l+1, perLock, 2*l+1, 2*l+2)
	}
	if scanner != "" {
		fmt.Fprintf(&s, "[[scanner]]\nname = \"front\"\ndriver = \"serial\"\nport = %q\n", scanner)
	}
	path := filepath.Join(dir, "lockerd.toml")
	if err := os.WriteFile(path, []byte(s.String()), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// process is one contestant.
type process struct {
	cmd   *exec.Cmd
	ready time.Duration // from the start to its ready line
}

// start runs a program until its first line of output and takes the time.
func start(tb testing.TB, role string, argv ...string) *process {
	tb.Helper()
	exe, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	if role != "" {
		argv = append([]string{exe}, argv...)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	p := &process{cmd: cmd, ready: time.Since(began)}
	if err != nil || !strings.HasPrefix(line, "ready") {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		tb.Fatalf("%v does not start: %q %v\n%s", argv, line, err, errs.String())
	}
	return p
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(unix.SIGTERM)
	_ = p.cmd.Wait()
}

// straightLine is the reference: serial read, map lookup, one 256-byte append
// with fdatasync, serial write, in one loop and nothing else.
func straightLine(file, scannerPort, busPort, count string) {
	codes := map[string]door{}
	for _, d := range doors() {
		codes[d.text] = d
	}
	n := 0
	_, _ = fmt.Sscan(count, &n)
	for i := range n {
		codes[fmt.Sprintf("%026d", i)] = door{board: 1, lock: 1}
	}
	must := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	must(err)
	in, err := serial.Open(scannerPort, &serial.Mode{BaudRate: 9600})
	must(err)
	out, err := serial.Open(busPort, &serial.Mode{BaudRate: 9600})
	must(err)
	fmt.Println("ready")
	record, buf, text := make([]byte, 256), make([]byte, 256), []byte(nil)
	for seq := uint64(1); ; {
		n, err := in.Read(buf)
		must(err)
		text = append(text, buf[:n]...)
		end := slices.Index(text, '\r')
		if end < 0 {
			continue
		}
		d, ok := codes[string(text[:end])]
		text = text[:0]
		if !ok {
			continue
		}
		binary.LittleEndian.PutUint64(record, seq)
		seq++
		_, err = f.Write(record)
		must(err)
		must(unix.Fdatasync(int(f.Fd())))
		frame := []byte{0x8A, d.board, d.lock, 0x11, 0x8A ^ d.board ^ d.lock ^ 0x11}
		_, err = out.Write(frame)
		must(err)
	}
}
