package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"lockerd/cmd/lockerctl/flash/volume"
	"lockerd/daemon/seed"
)

const (
	stepMax = 2 * time.Minute
	card    = 4 << 30 // larger than the image, as cards are
)

// machine is one of qemu's.
type machine struct {
	name  string
	args  []string // of qemu; %s: the card's file
	tty   string   // the serial line that is ours
	board string   // its device tree in the boot partition, "" qemu makes one
	cable bool     // has a network
	max   time.Duration
}

func machines() []machine {
	return []machine{
		{
			name: "virt", tty: "ttyAMA0", cable: true, max: 8 * time.Minute,
			args: []string{
				"-M", "virt", "-cpu", "cortex-a53", "-smp", "2", "-m", "1024", "-serial", "stdio",
				"-nic", "user,restrict=on,model=virtio-net-pci", "-drive", "if=virtio,format=raw,cache=writethrough,file=%s",
			},
		},
		{
			// The board's own device tree, SD controller and serial line, slowly.
			name: "raspi3b", tty: "ttyS1", board: "bcm2837-rpi-3-b.dtb", max: 15 * time.Minute,
			args: []string{
				"-M", "raspi3b", "-serial", "null", "-serial", "stdio", "-nic", "none",
				"-drive", "if=sd,format=raw,cache=writethrough,file=%s",
			},
		},
	}
}

// TestBoot starts an image in qemu as `make image-boot` does: to its first door, through a
// power cut, and again. qemu has no Raspberry Pi's boot firmware: kernel and initial file system
// are taken out of the boot partition, and its command line.
func TestBoot(t *testing.T) {
	image := os.Getenv("LOCKERD_IMAGE")
	if image == "" {
		t.Skip("takes minutes: make image-boot")
	}
	for _, m := range machines() {
		t.Run(m.name, func(t *testing.T) {
			g := newGuest(t, image, m)
			want := g.seed(t)
			for boot := 1; boot <= 2; boot++ {
				begun := time.Now()
				g.start(t)
				state := g.run(t, m.max, "systemctl is-system-running --wait")
				t.Logf("boot %d: %s after %s", boot, strings.TrimSpace(state), time.Since(begun).Round(time.Second))
				g.check(t, boot, want)
				t.Logf("boot %d: all after %s", boot, time.Since(begun).Round(time.Second))
				g.cut()
			}
		})
	}
}

// check looks at a machine that is up, and opens a door.
func (g *guest) check(t *testing.T, boot int, seeded []byte) {
	t.Helper()
	g.says(t, `(?m)^0 loaded units listed`, "systemctl --failed --no-pager --plain")
	g.says(t, `ready bank=demo-001 doors=8 `, "journalctl -u lockerd -o cat --no-pager")
	g.says(t, fmt.Sprintf(`boot %d, up `, boot), "lockerctl status")
	g.says(t, `(?m)^ro,`, "findmnt -no OPTIONS /")
	g.says(t, `(?m)^rw,`, "findmnt -no OPTIONS /var/lib/lockerd")
	g.says(t, `(?m)^[2-3][0-9]{3}M`, "df --output=size -BM /var/lib/lockerd | tail -1 | tr -d ' '") // grown to the card's end
	g.says(t, fmt.Sprintf("(?m)^%x ", sha256.Sum256(seeded)), "setpriv --reuid=lockerd --regid=lockerd --clear-groups sha256sum /boot/firmware/"+seed.Name)
	const sandboxed = "nsenter -m -t $(systemctl show -P MainPID lockerd) setpriv --reuid=lockerd --regid=lockerd --clear-groups sh -c ': >>/boot/firmware/%s && echo may'"
	g.says(t, `(?m)^may$`, fmt.Sprintf(sandboxed, seed.Name)) // lockerd erases it in its place
	g.says(t, `Read-only file system`, fmt.Sprintf(sandboxed, "cmdline.txt"))
	g.says(t, `(?m)^Address=192\.0\.2\.17/24$`, "cat /etc/systemd/network/10-seed.network")
	if g.cable {
		g.says(t, `inet 192\.0\.2\.17/24 `, "ip -color=never -4 -o address show dev eth0")
	}
	g.says(t, `(?m)^door 1-07 +opened `, "lockerctl open 1-07 --reason 'first door'")
	g.says(t, `(?m)^replay +ok `, "lockerctl journal verify")
	if opened := strings.Count(g.run(t, stepMax, "lockerctl events"), "door.opened "); opened != boot {
		t.Errorf("the journal has %d openings after boot %d", opened, boot)
	}
}

// guest is a machine with the image on its card.
type guest struct {
	machine
	card, kernel, initrd, tree, line string

	cmd     *exec.Cmd
	console io.Writer
	mu      sync.Mutex
	told    bytes.Buffer
	more    chan struct{}
}

func newGuest(t *testing.T, image string, m machine) *guest {
	t.Helper()
	for _, p := range []string{"qemu-system-aarch64", "mcopy"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not here: apt-get install qemu-system-arm mtools", p)
		}
	}
	image, err := filepath.Abs(image)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	g := &guest{machine: m, card: filepath.Join(dir, "card"), kernel: filepath.Join(dir, "kernel"), initrd: filepath.Join(dir, "initrd")}
	tool(t, "cp", "--sparse=always", image, g.card) // the image stays as it is
	if err := os.Truncate(g.card, card); err != nil {
		t.Fatal(err)
	}
	fat := fmt.Sprintf("%s@@%d", image, align)
	config := string(tool(t, "mtype", "-i", fat, "::config.txt"))
	for key, to := range map[string]string{`(?m)^kernel=(.*)$`: g.kernel, `(?m)^initramfs (.*)$`: g.initrd} {
		m := regexp.MustCompile(key).FindStringSubmatch(config)
		if m == nil {
			t.Fatalf("config.txt has no %s:\n%s", key, config)
		}
		tool(t, "mcopy", "-i", fat, "::"+strings.TrimSpace(m[1]), to)
	}
	if m.board != "" {
		g.tree = filepath.Join(dir, "tree")
		tool(t, "mcopy", "-i", fat, "::"+m.board, g.tree)
	}
	// The image has no password for anybody: its owner gets a shell by the command line.
	g.line = regexp.MustCompile(`console=\S+ |cma=\S+ `).ReplaceAllString(strings.TrimSpace(string(tool(t, "mtype", "-i", fat, "::cmdline.txt"))), "") +
		fmt.Sprintf(" console=%[1]s,115200 systemd.mask=serial-getty@%[1]s.service systemd.debug_shell=%[1]s systemd.show_status=no quiet", m.tty)
	t.Cleanup(g.cut)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("console:\n%s", g.all())
		}
	})
	return g
}

func tool(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return out
}

// seed lays a seed on the card, as lockerctl flash does: over the placeholder's bytes.
func (g *guest) seed(t *testing.T) []byte {
	t.Helper()
	b, err := seed.Encode(&seed.Seed{
		Bank: "demo-001", Site: "qemu", Expires: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
		Network: seed.Network{Address: netip.MustParsePrefix("192.0.2.17/24"), DNS: []netip.Addr{netip.MustParseAddr("192.0.2.53")}},
		Enrol:   seed.Enrol{URL: "https://192.0.2.1/enrol", Token: "0123456789abcdef", CA: "sha256:" + strings.Repeat("ab", 32)},
	})
	if err != nil {
		t.Fatal(err)
	}
	disk, err := os.OpenFile(g.card, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close() //nolint:errcheck // only a test's card
	place, err := volume.Find(disk, card, seed.Name)
	if err != nil || place == nil {
		t.Fatalf("no place for a seed in the image: %v", err)
	}
	if old, err := place.Read(disk); err != nil || !bytes.Equal(old, seed.Placeholder()) {
		t.Fatalf("the seed's place holds %d bytes that are not the placeholder, or: %v", len(old), err)
	}
	rest := b
	for _, e := range place.Extents {
		if _, err := disk.WriteAt(rest[:e.Len], e.Off); err != nil {
			t.Fatal(err)
		}
		rest = rest[e.Len:]
	}
	return b
}

// start switches the machine on and waits for its shell.
func (g *guest) start(t *testing.T) {
	t.Helper()
	args := []string{"-display", "none", "-monitor", "none", "-no-reboot", "-kernel", g.kernel, "-initrd", g.initrd, "-append", g.line}
	if g.tree != "" {
		args = append(args, "-dtb", g.tree)
	}
	for _, a := range g.args {
		args = append(args, strings.ReplaceAll(a, "%s", g.card))
	}
	g.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), "qemu-system-aarch64", args...)
	g.cmd.WaitDelay = time.Second
	in, err := g.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	g.console, g.more = in, make(chan struct{}, 1)
	g.told.Reset()
	g.cmd.Stdout, g.cmd.Stderr = g, g
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	g.wait(t, g.max, regexp.MustCompile(`# $`), 0)
	from := len(g.all())
	g.enter(t, "exec sh") // one that edits no lines
	g.wait(t, stepMax, regexp.MustCompile(`exec sh[^#]*# $`), from)
	g.run(t, stepMax, "stty -echo; TERM=dumb; PAGER=cat; PS1=; export TERM PAGER; dmesg -n 1")
}

// cut takes the power away.
func (g *guest) cut() {
	if g.cmd == nil || g.cmd.Process == nil {
		return
	}
	_ = g.cmd.Process.Kill()
	_ = g.cmd.Wait() // killed: says nothing
	g.cmd = nil
}

// Write takes what the console prints.
func (g *guest) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.told.Write(p)
	select {
	case g.more <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (g *guest) all() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.told.String()
}

// wait waits for a pattern behind a place of the console and returns its groups.
func (g *guest) wait(t *testing.T, most time.Duration, want *regexp.Regexp, from int) []string {
	t.Helper()
	limit := time.After(most)
	for {
		if m := want.FindStringSubmatch(g.all()[from:]); m != nil {
			return m
		}
		select {
		case <-g.more:
		case <-limit:
			t.Fatalf("no %s after %s", want, most)
		}
	}
}

// run runs a line in the guest's shell and returns what it prints.
func (g *guest) run(t *testing.T, most time.Duration, line string) string {
	t.Helper()
	from := len(g.all())
	g.enter(t, line+"; echo '<'end=$?'>'")
	m := g.wait(t, most, regexp.MustCompile(`(?s)^(.*)<end=([0-9]+)>`), from)
	return strings.TrimLeft(strings.ReplaceAll(m[1], "\r", ""), "\n")
}

func (g *guest) enter(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(g.console, line+"\n"); err != nil {
		t.Fatalf("the machine is off: %v", err)
	}
}

// says holds what a line prints against a pattern.
func (g *guest) says(t *testing.T, want, line string) {
	t.Helper()
	if got := g.run(t, stepMax, line); !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("%s: want %q, got\n%s", line, want, got)
	}
}
