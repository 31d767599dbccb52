package brokertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Options are what differs from a plain mosquitto without authentication.
type Options struct {
	TLS         *Files // of the server; the URL becomes mqtts
	ClientCerts bool   // and clients must show a certificate, whose CN is their name
	ACL         string // content of the ACL file
	Persistent  bool   // keeps retained messages and sessions over a restart
	MaxQueued   int    // messages kept for a slow subscriber; default 1000
	More        string // further lines of the configuration
	Config      string // whole configuration, with PORT and DIR in it; the above are ignored but TLS
}

// Mosquitto is a mosquitto of the system as a process of its own.
type Mosquitto struct {
	tb     testing.TB
	dir    string
	port   int
	scheme string
	cmd    *exec.Cmd
	gone   chan struct{}
}

// FindMosquitto returns where mosquitto is, or skips the test; in CI it fails it.
func FindMosquitto(tb testing.TB) string {
	tb.Helper()
	for _, p := range []string{"mosquitto", "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"} {
		if path, err := exec.LookPath(p); err == nil {
			return path
		}
	}
	if os.Getenv("LOCKERD_CI") == "1" {
		tb.Fatal("mosquitto is not installed: apt-get install mosquitto")
	}
	tb.Skip("mosquitto is not installed: apt-get install mosquitto")
	return ""
}

// StartMosquitto starts one, for as long as the test runs.
func StartMosquitto(tb testing.TB, o Options) *Mosquitto {
	tb.Helper()
	FindMosquitto(tb)
	m := &Mosquitto{tb: tb, dir: tb.TempDir(), port: FreePort(tb), scheme: "mqtt"}
	if o.TLS != nil {
		m.scheme = "mqtts"
	}
	conf := o.Config
	if conf == "" {
		conf = o.text()
	}
	conf = strings.NewReplacer("PORT", fmt.Sprint(m.port), "DIR", m.dir).Replace(conf)
	m.write("mosquitto.conf", conf)
	m.write("acl", o.ACL)
	if o.TLS != nil {
		m.copyFiles(o.TLS)
	}
	tb.Cleanup(m.Kill)
	m.Start()
	return m
}

func (o *Options) text() string {
	lines := []string{
		"user root", // that of who runs the test, in a directory of the test
		"listener PORT 127.0.0.1", "set_tcp_nodelay true", "log_dest file DIR/log", "connection_messages true",
		"persistence_location DIR/", fmt.Sprintf("persistence %v", o.Persistent), "autosave_interval 1", "autosave_on_changes true",
	}
	if o.MaxQueued > 0 {
		lines = append(lines, fmt.Sprintf("max_queued_messages %d", o.MaxQueued))
	}
	if o.TLS != nil {
		lines = append(lines, "cafile DIR/ca.pem", "certfile DIR/server.pem", "keyfile DIR/server.key")
	}
	if o.ClientCerts {
		lines = append(lines, "require_certificate true", "use_identity_as_username true")
	}
	lines = append(lines, fmt.Sprintf("allow_anonymous %v", !o.ClientCerts))
	if o.ACL != "" {
		lines = append(lines, "acl_file DIR/acl")
	}
	return strings.Join(lines, "\n") + "\n" + o.More
}

func (m *Mosquitto) write(name, content string) {
	m.tb.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(content), 0o600); err != nil {
		m.tb.Fatal(err)
	}
}

func (m *Mosquitto) copyFiles(f *Files) {
	m.tb.Helper()
	for to, from := range map[string]string{"ca.pem": f.CA, "server.pem": f.Cert, "server.key": f.Key} {
		b, err := os.ReadFile(from)
		if err != nil {
			m.tb.Fatal(err)
		}
		m.write(to, string(b))
	}
}

// Dir is where its files are.
func (m *Mosquitto) Dir() string { return m.dir }

// PID is its process, 0 while it is down.
func (m *Mosquitto) PID() int {
	if m.cmd == nil {
		return 0
	}
	return m.cmd.Process.Pid
}

// Addr implements Broker.
func (m *Mosquitto) Addr() string { return fmt.Sprintf("127.0.0.1:%d", m.port) }

// URL implements Broker.
func (m *Mosquitto) URL() string { return m.scheme + "://" + m.Addr() }

// Start implements Broker.
func (m *Mosquitto) Start() {
	m.tb.Helper()
	if m.cmd != nil {
		return
	}
	m.cmd = exec.Command(FindMosquitto(m.tb), "-c", filepath.Join(m.dir, "mosquitto.conf")) //nolint:noctx // ended by Kill
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out := &strings.Builder{}
	m.cmd.Stdout, m.cmd.Stderr = out, out
	if err := m.cmd.Start(); err != nil {
		m.tb.Fatalf("cannot start mosquitto: %v", err)
	}
	cmd, gone := m.cmd, make(chan struct{})
	m.gone = gone
	go func() { _ = cmd.Wait(); close(gone) }() // it is always killed
	if !accepting(m.tb, m.Addr(), gone) {
		log, _ := os.ReadFile(filepath.Join(m.dir, "log"))
		m.tb.Fatalf("mosquitto does not accept connections:\n%s%s", out, log)
	}
}

// Kill implements Broker.
func (m *Mosquitto) Kill() { m.end(syscall.SIGKILL) }

// Stop implements Broker.
func (m *Mosquitto) Stop() { m.end(syscall.SIGTERM) }

func (m *Mosquitto) end(sig syscall.Signal) {
	if m.cmd == nil {
		return
	}
	_ = m.cmd.Process.Signal(sig) // it may be gone
	select {
	case <-m.gone:
	case <-time.After(startTimeout):
		_ = m.cmd.Process.Kill() // as a last word
		<-m.gone
	}
	m.cmd = nil
}

var _ Broker = (*Mosquitto)(nil)
